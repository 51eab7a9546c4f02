#pragma once

#include "control/cache_controller.h"
#include "engine/live_request.h"
#include "engine/options.h"

#include <cstdint>

namespace radixbench {

// What a scheduler does to the cache on behalf of one request (J 1.13, 2.5).
class RequestCache {
 public:
  RequestCache(CacheController& cache, std::uint32_t page_tokens, OutputBlocks output_blocks);

  // Matches the prompt but its last token, loads back what the host holds (at most `quota_pages`),
  // locks the prefix and fills in the request's tier report.
  void admit(LiveRequest& request, std::uint64_t quota_pages);
  // Undoes admit().
  void retreat(LiveRequest& request);
  // Device pages for `token_count` more positions; false where there is no room, and nothing is
  // taken.
  [[nodiscard]] bool grow(LiveRequest& request, std::uint32_t token_count);
  // Positions [kv_tokens, kv_tokens + token_count) were computed.
  void computed(LiveRequest& request, std::uint32_t token_count);
  // A chunk or the whole prompt is done: the tree takes its whole pages, and the request goes on
  // over the tree's pages. J: cache_unfinished_req.
  void keep_unfinished(LiveRequest& request, bool is_chunked);
  // J: cache_finished_req. The request holds nothing afterwards.
  void keep_finished(LiveRequest& request);

 private:
  void report_tiers(LiveRequest& request, const Match& match, bool is_loaded);
  void insert(LiveRequest& request, std::uint32_t token_count, bool is_chunked);
  void fill(LiveRequest& request, std::uint32_t page_count);

  CacheController& cache_;
  std::uint32_t page_tokens_;
  OutputBlocks output_blocks_;
};

}  // namespace radixbench
