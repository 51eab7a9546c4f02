#pragma once

#include "base/ids.h"
#include "base/sha256.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace radixbench {

// What the index knows a page by: 128 bits of a keyed hash of its tokens (content only; the path
// through the tree is what chains pages). Never leaves the process tree: storage uses SHA-256.
struct PageHash {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const PageHash&, const PageHash&) = default;
};

// The keyed hash. Equal seeds give equal hashes on every machine, whatever its instruction set.
class PageHasher {
 public:
  PageHasher(std::uint64_t seed, std::uint32_t page_tokens);
  ~PageHasher();
  PageHasher(const PageHasher&) = delete;
  PageHasher& operator=(const PageHasher&) = delete;

  [[nodiscard]] std::uint32_t page_tokens() const;
  // Whole pages only: out.size() == tokens.size() / page_tokens.
  void hash(std::span<const TokenId> tokens, std::span<PageHash> out) const;

 private:
  struct Key;
  std::unique_ptr<Key> key_;
};

// SGLang's page hash, the key of a page in storage (cache-behaviour 1.2): SHA-256 over the digest
// of the page before (nothing for the first), then each token as 32 bits little-endian. The
// namespace does not enter it.
Sha256Digest storage_page_hash(const Sha256Digest* prior, std::span<const TokenId> page);
// One for each whole page of `tokens`, chained from `prior` (null at the start of a sequence).
std::vector<Sha256Digest> storage_page_hashes(const Sha256Digest* prior,
                                              std::span<const TokenId> tokens,
                                              std::uint32_t page_tokens);
// A page's name in cache events: the digest's first eight bytes, big-endian, as a signed number.
std::int64_t event_hash(const Sha256Digest& digest);

}  // namespace radixbench
