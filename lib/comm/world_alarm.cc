#include "comm/world_alarm.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <new>

namespace radixbench {

Result<std::unique_ptr<WorldAlarm>> WorldAlarm::map(Rank world_size) {
  const std::size_t count = kHeadWords + world_size;
  void* memory = mmap(
      nullptr, count * sizeof(Word), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return fail(ErrorCode::kCannotCreate,
                fmt::format("memory that {} ranks share: {}", world_size, std::strerror(errno)));
  }
  return std::unique_ptr<WorldAlarm>{new WorldAlarm{new (memory) Word[count], world_size}};
}

WorldAlarm::~WorldAlarm() { munmap(words_, (kHeadWords + world_size_) * sizeof(Word)); }

}  // namespace radixbench
