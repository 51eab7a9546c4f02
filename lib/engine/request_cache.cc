#include "engine/request_cache.h"

#include "base/check.h"
#include "control/page_payload.h"

#include <algorithm>
#include <span>

namespace radixbench {
namespace {

// Tokens that two stretches [begin, end) share.
std::uint32_t overlap(std::uint32_t begin_a,
                      std::uint32_t end_a,
                      std::uint32_t begin_b,
                      std::uint32_t end_b) {
  const std::uint32_t begin = std::max(begin_a, begin_b);
  const std::uint32_t end = std::min(end_a, end_b);
  return end > begin ? end - begin : 0;
}

}  // namespace

RequestCache::RequestCache(CacheController& cache,
                           std::uint32_t page_tokens,
                           OutputBlocks output_blocks)
    : cache_{cache}, page_tokens_{page_tokens}, output_blocks_{output_blocks} {}

void RequestCache::admit(LiveRequest& request, std::uint64_t quota_pages) {
  const Key key = request.key(request.input - 1, page_tokens_);
  const Match match = cache_.tree().match(key);
  NodeId node = match.device_node;
  bool is_loaded = false;
  if (match.host_pages > 0) {
    const auto seeds =
        std::span{request.payload_seeds}.subspan(match.device_pages, match.host_pages);
    is_loaded = cache_.load_back().load(match, quota_pages, seeds);
    if (is_loaded) node = match.best_node;
  }
  request.locked_from = cache_.tree().lock(node);
  request.pages.clear();
  cache_.tree().gather_device(node, request.pages);
  request.tree_pages = match.device_pages + (is_loaded ? match.host_pages : 0);
  RADIXBENCH_CHECK(request.pages.size() == request.tree_pages);
  request.filled_pages = request.tree_pages;
  request.kv_tokens = request.tree_pages * page_tokens_;
  report_tiers(request, match, is_loaded);
}

void RequestCache::report_tiers(LiveRequest& request, const Match& match, bool is_loaded) {
  RequestReport& report = request.report;
  const std::uint32_t device_end = match.device_pages * page_tokens_;
  const std::uint32_t host_end = device_end + match.host_pages * page_tokens_;
  report.device = device_end;
  const std::uint32_t loaded = is_loaded ? host_end - device_end : 0;
  if (request.has_prefetch && is_loaded) {
    const PrefetchReport& prefetch = request.prefetch;
    report.storage = overlap(
        device_end, host_end, prefetch.inserted_from, prefetch.inserted_from + prefetch.inserted);
  }
  report.host = loaded - report.storage;
  report.load_back_refused = (host_end - device_end) - loaded;
  report.computed = report.input - report.device - report.host - report.storage;
  report.below_page = report.input % page_tokens_;
  // A prompt of whole pages that is held to its end is matched one page short.
  if (report.below_page == 0 && host_end + page_tokens_ == report.input) {
    const Match whole = cache_.tree().peek(request.key(request.input, page_tokens_));
    if ((whole.device_pages + whole.host_pages) * page_tokens_ == report.input) {
      report.last_token = page_tokens_;
    }
  }
  const std::uint32_t explained = report.below_page + report.last_token + report.load_back_refused;
  report.prefetch_cut =
      request.has_prefetch
          ? std::min(request.prefetch.cut, report.computed - std::min(report.computed, explained))
          : 0;
}

void RequestCache::retreat(LiveRequest& request) {
  cache_.device().give_back(std::span{request.pages}.subspan(request.tree_pages));
  cache_.tree().unlock(request.locked_from);
  request.pages.clear();
  request.tree_pages = request.filled_pages = request.kv_tokens = 0;
}

bool RequestCache::grow(LiveRequest& request, std::uint32_t token_count) {
  const std::size_t needed =
      (std::size_t{request.kv_tokens} + token_count + page_tokens_ - 1) / page_tokens_;
  if (needed <= request.pages.size()) return true;
  return cache_.device().take(needed - request.pages.size(), request.pages);
}

void RequestCache::computed(LiveRequest& request, std::uint32_t token_count) {
  request.kv_tokens += token_count;
  RADIXBENCH_CHECK(std::size_t{request.kv_tokens} <= request.pages.size() * page_tokens_);
}

void RequestCache::keep_unfinished(LiveRequest& request, bool is_chunked) {
  const std::uint32_t page_count = request.kv_tokens / page_tokens_;
  if (page_count == 0) return;
  insert(request, page_count * page_tokens_, is_chunked);
  const Match match = cache_.tree().match(request.key(page_count * page_tokens_, page_tokens_));
  RADIXBENCH_CHECK(match.device_pages == page_count);
  const NodeId locked_from = cache_.tree().lock(match.device_node);
  cache_.tree().unlock(request.locked_from);
  request.locked_from = locked_from;
  std::vector<PageId> pages;
  cache_.tree().gather_device(match.device_node, pages);
  std::ranges::copy(pages, request.pages.begin());
  request.tree_pages = page_count;
}

void RequestCache::keep_finished(LiveRequest& request) {
  const std::uint32_t kept_tokens = output_blocks_ == OutputBlocks::kUnique
                                        ? request.kv_tokens
                                        : std::min(request.kv_tokens, request.input);
  const std::uint32_t page_count = std::max(kept_tokens / page_tokens_, request.tree_pages);
  if (page_count > 0) insert(request, page_count * page_tokens_, false);
  cache_.device().give_back(std::span{request.pages}.subspan(page_count));
  cache_.tree().unlock(request.locked_from);
  request.pages.clear();
}

void RequestCache::insert(LiveRequest& request, std::uint32_t token_count, bool is_chunked) {
  const std::uint32_t page_count = token_count / page_tokens_;
  fill(request, page_count);
  const Insertion inserted =
      cache_.tree().insert(request.key(token_count, page_tokens_),
                           std::span{request.pages}.first(page_count),
                           {.private_from_page = request.tree_pages, .is_chunked = is_chunked});
  cache_.device().give_back(inserted.duplicate_pages);
  cache_.write_through().back_up(inserted.backups);
}

void RequestCache::fill(LiveRequest& request, std::uint32_t page_count) {
  for (std::uint32_t page = request.filled_pages; page < page_count; ++page) {
    cache_.fill(request.pages[page], request.payload_seeds[page]);
  }
  request.filled_pages = std::max(request.filled_pages, page_count);
}

}  // namespace radixbench
