#include "base/cores.h"

#include <fmt/format.h>
#include <sched.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace radixbench {

Result<void> pin_to_core(std::uint32_t turn) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    turn %= static_cast<std::uint32_t>(CPU_COUNT(&allowed));
    std::size_t core = 0;
    while (!CPU_ISSET(core, &allowed) || turn-- > 0) ++core;
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET(core, &own);
    if (sched_setaffinity(0, sizeof own, &own) == 0) return {};
  }
  return fail(ErrorCode::kUnsupported, fmt::format("pinning to a core: {}", std::strerror(errno)));
}

}  // namespace radixbench
