#include "control/page_payload.h"

#include "base/random.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace radixbench {
namespace {

constexpr std::size_t kWordBytes = sizeof(std::uint64_t);

std::uint64_t word_at(std::uint64_t seed, std::size_t index) {
  return mix64(seed + (index + 1) * 0x9E3779B97F4A7C15ULL);
}

std::uint64_t content(const Key& key, std::uint32_t page_tokens, std::size_t page) {
  if (!key.hashes.empty()) return key.hashes[page].low ^ key.hashes[page].high;
  std::uint64_t hash = 0;
  for (const TokenId token : key.tokens.subspan(page * page_tokens, page_tokens)) {
    hash = mix64(hash ^ (token + 1ULL));
  }
  return hash;
}

}  // namespace

std::vector<std::uint64_t> payload_seeds(const Key& key,
                                         std::uint32_t page_tokens,
                                         std::uint64_t rank_salt) {
  std::vector<std::uint64_t> seeds(key.tokens.size() / page_tokens);
  std::uint64_t prior = mix64(rank_salt + key.name_space);
  for (std::size_t page = 0; page < seeds.size(); ++page) {
    prior = mix64(prior ^ content(key, page_tokens, page));
    seeds[page] = prior;
  }
  return seeds;
}

void fill_payload(std::span<std::byte> page, std::uint64_t seed) {
  for (std::size_t offset = 0; offset < page.size(); offset += kWordBytes) {
    const std::uint64_t word = word_at(seed, offset / kWordBytes);
    std::memcpy(page.data() + offset, &word, std::min(kWordBytes, page.size() - offset));
  }
}

bool has_payload(std::span<const std::byte> page, std::uint64_t seed) {
  for (std::size_t offset = 0; offset < page.size(); offset += kWordBytes) {
    const std::uint64_t word = word_at(seed, offset / kWordBytes);
    const std::size_t size = std::min(kWordBytes, page.size() - offset);
    if (std::memcmp(page.data() + offset, &word, size) != 0) return false;
  }
  return true;
}

}  // namespace radixbench
