#include "base/shared_library.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>

#include <utility>

namespace radixbench {
namespace {

std::string path_of(void* handle, const std::string& asked_for) {
  link_map* map = nullptr;
  if (dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0 || map == nullptr) return asked_for;
  return map->l_name == nullptr || *map->l_name == '\0' ? asked_for : map->l_name;
}

}  // namespace

Result<SharedLibrary> SharedLibrary::open(std::span<const std::string> paths) {
  std::string reasons;
  for (const std::string& path : paths) {
    // Nothing is left for later: what is missing shows here and not in the middle of a call.
    void* const handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle != nullptr) return SharedLibrary{handle, path_of(handle, path)};
    const char* const reason = dlerror();
    reasons += fmt::format(
        "{}{}", reasons.empty() ? "" : "; ", reason == nullptr ? path + ": no reason" : reason);
  }
  return fail(ErrorCode::kUnsupported, std::move(reasons));
}

void* SharedLibrary::symbol(const char* name) const { return dlsym(handle_, name); }

}  // namespace radixbench
