#pragma once

#include "comm/communicator.h"

#include <cstdint>

namespace radixbench {

// Equal for groups that are spelt alike, in name, ordinal, members and their order; never 0.
std::uint64_t hash_spec(const GroupSpec& group);

}  // namespace radixbench
