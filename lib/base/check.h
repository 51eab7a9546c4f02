#pragma once

#include <string_view>

namespace radixbench {

// What check_failed() runs, once, before it aborts: the one hook a process may set, to save what it
// has. It must not block, allocate or fail a check of its own. nullptr takes it away.
using CheckHook = void (*)();
void set_check_hook(CheckHook hook);

namespace detail {
[[noreturn]] void check_failed(std::string_view condition, std::string_view file, int line);
}  // namespace detail

}  // namespace radixbench

// A bug in this program, in every build type: says what and where, then aborts.
#define RADIXBENCH_CHECK(condition)   \
  ((condition) ? static_cast<void>(0) \
               : ::radixbench::detail::check_failed(#condition, __FILE__, __LINE__))
