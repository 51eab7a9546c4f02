#pragma once

#include "base/ids.h"
#include "index/radix_tree.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace radixbench {

// What the bytes of a request's whole pages are made from: one seed a page, chained, so that a page
// that stands under the wrong prefix differs too. `rank_salt` tells the shards of a page apart.
std::vector<std::uint64_t> payload_seeds(const Key& key,
                                         std::uint32_t page_tokens,
                                         std::uint64_t rank_salt);

void fill_payload(std::span<std::byte> page, std::uint64_t seed);
[[nodiscard]] bool has_payload(std::span<const std::byte> page, std::uint64_t seed);

}  // namespace radixbench
