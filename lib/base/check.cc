#include "base/check.h"

#include <fmt/core.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace radixbench {
namespace {

// The one piece of process-wide state: a failed check has no caller to be handed anything by.
std::atomic<CheckHook> check_hook{nullptr};

}  // namespace

void set_check_hook(CheckHook hook) { check_hook.store(hook); }

namespace detail {

void check_failed(std::string_view condition, std::string_view file, int line) {
  fmt::print(stderr, "{}:{}: bug: expected {}\n", file, line, condition);
  if (const CheckHook hook = check_hook.exchange(nullptr)) hook();
  std::abort();
}

}  // namespace detail
}  // namespace radixbench
