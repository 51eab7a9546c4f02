#include "replay/index_replay.h"

#include "base/check.h"
#include "index/page_hash.h"
#include "index/radix_tree.h"

#include <limits>
#include <numeric>
#include <vector>

namespace radixbench {
namespace {

class IndexReplay {
 public:
  explicit IndexReplay(const IndexReplayOptions& options)
      : tree_{{.page_tokens = options.page_tokens,
               .stamps_split_remainder = options.stamps_split_remainder}},
        hasher_{0, options.page_tokens},
        pages_max_{options.device_tokens.value_or(std::numeric_limits<std::uint64_t>::max()) /
                   options.page_tokens} {}

  void add(const std::vector<TokenId>& tokens) {
    const std::size_t page_count = tokens.size() / page_tokens();
    if (tree_.stores_hashes()) {
      hashes_.resize(page_count);
      hasher_.hash(tokens, hashes_);
    }
    const Key key{0, tokens, hashes_, {}};
    const Match found = tree_.match(key);
    const std::uint64_t hit = found.device_pages;
    totals_.query_tokens += page_count * page_tokens();
    totals_.hit_tokens += hit * page_tokens();
    const NodeId locked = tree_.lock(found.device_node);
    make_room(page_count - hit);
    insert(key, page_count, hit);
    tree_.unlock(locked);
  }

  IndexReplayTotals totals() const {
    IndexReplayTotals totals = totals_;
    totals.node_count = tree_.counts().node_count;
    return totals;
  }

 private:
  [[nodiscard]] std::uint32_t page_tokens() const { return tree_.options().page_tokens; }

  void make_room(std::uint64_t pages_wanted) {
    const std::uint64_t held = tree_.counts().device_pages;
    if (held + pages_wanted <= pages_max_) return;
    freed_.device_pages.clear();
    tree_.evict_device(held + pages_wanted - pages_max_, freed_);
    totals_.evicted_tokens += freed_.device_pages.size() * page_tokens();
  }

  // Page ids only have to be there: no pool stands behind this tree.
  void insert(const Key& key, std::size_t page_count, std::uint64_t hit) {
    pages_.resize(page_count);
    std::iota(pages_.begin(), pages_.end(), 0U);
    const Insertion done =
        tree_.insert(key, pages_, {.private_from_page = static_cast<std::uint32_t>(hit)});
    RADIXBENCH_CHECK(done.existing_pages == hit);
    totals_.inserted_tokens += (page_count - hit) * page_tokens();
  }

  RadixTree tree_;
  PageHasher hasher_;
  std::uint64_t pages_max_;
  std::vector<PageHash> hashes_;
  std::vector<PageId> pages_;
  Eviction freed_;
  IndexReplayTotals totals_;
};

}  // namespace

IndexReplayTotals replay_index(const Trace& trace, const IndexReplayOptions& options) {
  IndexReplay replay{options};
  std::vector<TokenId> tokens;
  for (const Request& request : trace.requests) {
    tokens.clear();
    append_input_tokens(trace, request, tokens);
    replay.add(tokens);
  }
  return replay.totals();
}

}  // namespace radixbench
