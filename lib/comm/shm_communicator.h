#pragma once

#include "comm/communicator.h"
#include "comm/shm_memory.h"
#include "comm/shm_waiter.h"

#include <memory>

namespace radixbench {

// What a rank brings to each of its groups. The memory must outlive them.
struct ShmAttachment {
  const WorldMemory* memory = nullptr;
  Rank rank = 0;
  WaitPolicy policy;
  SiteNamer namer = nullptr;
};

// Of a group that all its members have opened with equal specs.
std::unique_ptr<Communicator> make_shm_communicator(const ShmAttachment& attachment,
                                                    GroupSpec group);

}  // namespace radixbench
