#pragma once

#include "comm/communicator.h"

#include <memory>

namespace radixbench {

// A group of one: every call succeeds at once and moves nothing, over any transport.
std::unique_ptr<Communicator> make_lone_communicator(GroupSpec group);

}  // namespace radixbench
