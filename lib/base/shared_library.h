#pragma once

#include "base/result.h"

#include <span>
#include <string>
#include <utility>

namespace radixbench {

// A library that is looked for when it is wanted, so that a program starts where there is none. It
// stays loaded to the end of the process: those that we load have threads and handlers of their
// own.
class SharedLibrary {
 public:
  // The first of `paths` that can be loaded: names for the loader's own search, or paths. Failing
  // that, kUnsupported with what the loader said of each.
  static Result<SharedLibrary> open(std::span<const std::string> paths);

  // Where it was found, as the loader has it.
  [[nodiscard]] const std::string& path() const { return path_; }
  // Null where it has no such symbol.
  [[nodiscard]] void* symbol(const char* name) const;

  // Fills `function` from the symbol; false where there is none, and then it is left null.
  template <typename Function>
  bool bind(const char* name, Function*& function) const {
    function = reinterpret_cast<Function*>(symbol(name));
    return function != nullptr;
  }

 private:
  SharedLibrary(void* handle, std::string path) : handle_{handle}, path_{std::move(path)} {}

  void* handle_;
  std::string path_;
};

}  // namespace radixbench
