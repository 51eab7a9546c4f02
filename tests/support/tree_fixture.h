#pragma once

#include "base/check.h"
#include "index/page_hash.h"
#include "index/radix_tree.h"

#include <cstdint>
#include <deque>
#include <span>
#include <utility>
#include <vector>

namespace radixbench {

using Tokens = std::vector<TokenId>;

// `pages` pages of consecutive tokens from `first` (cache-behaviour 9.1: seq).
inline Tokens sequence(TokenId first, std::size_t pages, std::uint32_t page_tokens) {
  Tokens tokens(pages * page_tokens);
  for (std::size_t at = 0; at < tokens.size(); ++at) tokens[at] = first + static_cast<TokenId>(at);
  return tokens;
}

inline Tokens operator+(Tokens left, const Tokens& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

// A key with what it points to.
class OwnedKey {
 public:
  OwnedKey(const TreeOptions& options, const PageHasher& hasher, Tokens tokens, std::uint32_t space)
      : tokens_{std::move(tokens)}, name_space_{space} {
    const std::size_t pages = tokens_.size() / options.page_tokens;
    if (options.page_tokens >= kHashedPageTokensMin) {
      hashes_.resize(pages);
      hasher.hash(tokens_, hashes_);
    }
    if (options.has_storage) {
      storage_ = storage_page_hashes(nullptr, tokens_, options.page_tokens);
    }
  }
  [[nodiscard]] Key key() const { return {name_space_, tokens_, hashes_, storage_}; }

 private:
  Tokens tokens_;
  std::vector<PageHash> hashes_;
  std::vector<Sha256Digest> storage_;
  std::uint32_t name_space_;
};

// A tree with pools for both tiers, spoken to in tokens. Pages are taken first in, first out.
class CachedTree {
 public:
  CachedTree(const TreeOptions& options, std::size_t device_pages, std::size_t host_pages)
      : tree_{options}, hasher_{options.hash_seed, options.page_tokens} {
    for (PageId page = 0; page < device_pages; ++page) device_free.push_back(page);
    for (PageId page = 0; page < host_pages; ++page) host_free.push_back(page);
  }

  [[nodiscard]] RadixTree& tree() { return tree_; }
  [[nodiscard]] OwnedKey key(const Tokens& tokens, std::uint32_t name_space = 0) const {
    return {tree_.options(), hasher_, tokens, name_space};
  }

  Match match(const Tokens& tokens, std::uint32_t name_space = 0) {
    return tree_.match(key(tokens, name_space).key());
  }
  // Lengths in tokens, both tiers.
  std::size_t matched_tokens(const Tokens& tokens, std::uint32_t name_space = 0) {
    const Match found = match(tokens, name_space);
    return (found.device_pages + std::size_t{found.host_pages}) * page_tokens();
  }
  // With fresh pages from `from_page` on; those before are the ones the tree holds. What the tree
  // does not take goes back to the pool.
  Insertion insert(const Tokens& tokens,
                   const InsertOptions& options = {},
                   std::uint32_t space = 0) {
    std::vector<PageId> pages;
    const Match held = tree_.peek(key(tokens, space).key());
    std::uint32_t kept = options.private_from_page;
    RADIXBENCH_CHECK(kept <= held.device_pages);
    for (std::size_t at = 0; at < tokens.size() / page_tokens(); ++at) {
      pages.push_back(at < kept ? 0 : take(device_free));
    }
    Insertion done = tree_.insert(key(tokens, space).key(), pages, options);
    give_back(done.duplicate_pages, device_free);
    return done;
  }
  // Answers device pages freed.
  std::size_t evict_device(std::size_t pages) {
    const Eviction freed = tree_.evict_device(pages);
    give_back(freed.device_pages, device_free);
    give_back(freed.host_pages, host_free);
    return freed.device_pages.size();
  }
  std::size_t evict_host(std::size_t pages) {
    const Eviction freed = tree_.evict_host(pages);
    give_back(freed.host_pages, host_free);
    return freed.host_pages.size();
  }
  // Parent first, each acknowledged at once.
  void back_up_path(NodeId node) {
    if (node == kRootNode || tree_.view(node).is_on_host) return;
    back_up_path(tree_.view(node).parent);
    std::vector<PageId> pages;
    for (std::uint32_t at = 0; at < tree_.view(node).page_count; ++at) {
      pages.push_back(take(host_free));
    }
    tree_.begin_backup(node, pages, ++acks_);
    tree_.finish_backup(acks_);
  }

  std::deque<PageId> device_free;
  std::deque<PageId> host_free;

 private:
  [[nodiscard]] std::uint32_t page_tokens() const { return tree_.options().page_tokens; }
  static PageId take(std::deque<PageId>& pool) {
    RADIXBENCH_CHECK(!pool.empty());
    const PageId page = pool.front();
    pool.pop_front();
    return page;
  }
  static void give_back(std::span<const PageId> pages, std::deque<PageId>& pool) {
    pool.insert(pool.end(), pages.begin(), pages.end());
  }

  RadixTree tree_;
  PageHasher hasher_;
  std::uint64_t acks_ = 0;
};

}  // namespace radixbench
