#pragma once

#include "base/ids.h"
#include "base/sha256.h"
#include "engine/options.h"
#include "engine/reports.h"
#include "index/page_hash.h"
#include "index/radix_tree.h"
#include "trace/request.h"

#include <cstdint>
#include <vector>

namespace radixbench {

// One request on one rank, from its arrival until its pages are the tree's or free again.
struct LiveRequest {
  RequestId id = 0;
  std::uint32_t input = 0;
  std::uint32_t output = 0;
  // Input, then the output whose KV is kept (all but the last token), then what the pages of both
  // are known by: for the tree, for storage, for their bytes.
  std::vector<TokenId> tokens;
  std::vector<PageHash> hashes;
  std::vector<Sha256Digest> storage_hashes;
  std::vector<std::uint64_t> payload_seeds;

  std::vector<PageId> pages;       // device pages of [0, kv_tokens), the last one maybe partial
  std::uint32_t tree_pages = 0;    // of them, leading ones that belong to the tree
  std::uint32_t filled_pages = 0;  // leading ones whose bytes are there
  NodeId locked_from = kRootNode;
  std::uint32_t kv_tokens = 0;  // positions whose KV is on the device
  std::uint32_t generated = 0;
  bool is_answered = false;  // its prefetch no longer holds it up
  bool is_stalled = false;   // no room for its next position

  PrefetchReport prefetch;  // valid where has_prefetch
  bool has_prefetch = false;
  RequestReport report;

  // The first `token_count` tokens, cut to whole pages.
  [[nodiscard]] Key key(std::uint32_t token_count, std::uint32_t page_tokens) const;
};

// What requests are made from; one a rank.
struct RequestMaker {
  const Trace& trace;
  const std::vector<TokenId>& first_outputs;
  const PageHasher* hasher;  // null where the tree stores tokens
  bool has_storage;
  OutputBlocks output_blocks;
  std::uint32_t page_tokens;
  std::uint64_t rank_salt;  // of payloads

  [[nodiscard]] LiveRequest make(const Request& request) const;
};

}  // namespace radixbench
