#include "comm/group_hash.h"

#include "base/random.h"

namespace radixbench {

std::uint64_t hash_spec(const GroupSpec& group) {
  std::uint64_t hash = mix64(group.ordinal + 1);
  for (const char letter : group.name) hash = mix64(hash ^ static_cast<unsigned char>(letter));
  for (const Rank rank : group.members) hash = mix64(hash ^ (std::uint64_t{rank} << 8U));
  return hash | 1U;
}

}  // namespace radixbench
