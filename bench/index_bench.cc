// The index alone, on the workload of performance.md A.1: the conversation trace (named by
// RADIXBENCH_TRACE, or in ../shared), or a made-up one of the same kind where there is none.
// index_vs_reference.sh runs this beside bench/peers/radix_bench.cpp.

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "index/page_hash.h"
#include "index/radix_tree.h"
#include "trace/mooncake_reader.h"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

namespace radixbench {
namespace {

// Conversations that go on: each request is an earlier one prolonged, or a new one below a system
// prompt that all share.
Trace made_up_trace() {
  constexpr std::uint64_t kRequests = 2000;
  Trace trace;
  Random random{1, "trace"};
  std::uint32_t blocks = 1;
  for (std::uint64_t id = 0; id < kRequests; ++id) {
    Request request;
    request.id = id;
    request.first_block = trace.blocks.size();
    if (id > 100 && random.below(2) == 0) {
      const Request& earlier = trace.requests[id - 1 - random.below(100)];
      for (std::uint32_t at = 0; at < earlier.block_count; ++at) {
        trace.blocks.push_back(trace.blocks[earlier.first_block + at]);
      }
    } else {
      trace.blocks.push_back(0);
    }
    for (std::uint64_t fresh = 1 + random.below(30); fresh > 0; --fresh) {
      trace.blocks.push_back(blocks++);
    }
    request.block_count = static_cast<std::uint32_t>(trace.blocks.size() - request.first_block);
    request.input_tokens = request.block_count * kTraceBlockTokens -
                           static_cast<std::uint32_t>(random.below(kTraceBlockTokens));
    trace.requests.push_back(request);
  }
  return trace;
}

const Trace& bench_trace() {
  static const Trace trace = [] {
    const char* named = std::getenv("RADIXBENCH_TRACE");
    const std::filesystem::path path =
        named != nullptr ? named
                         : RADIXBENCH_SOURCE_DIR
            "/../shared/data/traces/mooncake/conversation_trace.jsonl";
    if (named == nullptr && !std::filesystem::exists(path)) return made_up_trace();
    Result<Trace> read = read_mooncake(path, {});
    RADIXBENCH_CHECK(read.has_value());
    return std::move(*read);
  }();
  return trace;
}

// Ids as a fresh pool hands them out, or such that no two neighbours count.
enum Ids : std::int64_t { kContiguous, kFragmented };

std::vector<PageId> page_ids(std::size_t count, std::int64_t ids) {
  std::vector<PageId> pages(count);
  std::iota(pages.begin(), pages.end(), 0U);
  if (ids == kFragmented) {
    for (PageId& page : pages) page = page * 2 + 1;
  }
  return pages;
}

struct Times {
  std::int64_t match_ns = 0;  // hashing included
  std::int64_t hash_ns = 0;
  std::int64_t gather_ns = 0;
  std::int64_t lock_ns = 0;
  std::int64_t evict_ns = 0;
  std::int64_t insert_ns = 0;
  std::uint64_t evict_calls = 0;
  std::uint64_t query_tokens = 0;
  std::uint64_t hit_tokens = 0;

  [[nodiscard]] std::int64_t sum_ns() const {
    return match_ns + gather_ns + lock_ns + evict_ns + insert_ns;
  }
};

struct Workload {
  std::uint32_t page_tokens = 1;
  std::uint64_t tokens_max = 0;  // 0: nothing is evicted
  std::int64_t ids = kContiguous;
  bool has_given_hashes = false;  // of trace blocks, whose numbers stand for what they hold
};

// A.1, step by step, each step timed as the reference times it.
class TimedReplay {
 public:
  explicit TimedReplay(const Workload& load)
      : load_{load},
        tree_{{.page_tokens = load.page_tokens, .reserved_bytes = reserved(load)}},
        hasher_{1, load.page_tokens} {}

  void run() {
    for (const Request& request : bench_trace().requests) {
      tokens_.clear();
      append_input_tokens(bench_trace(), request, tokens_);
      const std::size_t pages = tokens_.size() / load_.page_tokens;
      if (ids_.size() < pages) ids_ = page_ids(pages * 2, load_.ids);
      if (load_.has_given_hashes) give_hashes(bench_trace().blocks_of(request).first(pages));
      if (pages > 0) one(pages);
    }
  }

  [[nodiscard]] const Times& times() const { return times_; }
  [[nodiscard]] const RadixTree& tree() const { return tree_; }

 private:
  // What the tree will hold, so that no page fault is timed; the reference has PREFAULT_MB.
  static std::size_t reserved(const Workload& load) {
    if (load.tokens_max == 0) return load.has_given_hashes ? std::size_t{8} << 20U : 0;
    const std::size_t page_bytes =
        load.page_tokens < kHashedPageTokensMin ? load.page_tokens * sizeof(TokenId) : 16;
    const std::size_t id_bytes = load.ids == kFragmented ? sizeof(PageId) : 0;
    return load.tokens_max / load.page_tokens * (page_bytes + id_bytes) * 5 / 4;
  }

  void give_hashes(std::span<const std::uint32_t> blocks) {
    hashes_.resize(blocks.size());
    for (std::size_t at = 0; at < blocks.size(); ++at) {
      hashes_[at] = {mix64(blocks[at] + 1), mix64(~std::uint64_t{blocks[at]})};
    }
  }

  void one(std::size_t pages) {
    const std::int64_t start = monotonic_ns();
    if (tree_.stores_hashes() && !load_.has_given_hashes) {
      hashes_.resize(pages);
      hasher_.hash(tokens_, hashes_);
    }
    const std::int64_t hashed = monotonic_ns();
    const Key key{0, tokens_, hashes_, {}};
    const Match found = tree_.match(key);
    const std::int64_t matched = monotonic_ns();
    gathered_.clear();
    tree_.gather_device(found.device_node, gathered_);
    benchmark::DoNotOptimize(gathered_.data());
    const std::int64_t gathered = monotonic_ns();
    const NodeId locked_from = tree_.lock(found.device_node);
    const std::int64_t locked = monotonic_ns();
    make_room(pages - found.device_pages);
    const std::int64_t roomy = monotonic_ns();
    const Insertion done =
        tree_.insert(key, std::span{ids_}.first(pages), {.private_from_page = found.device_pages});
    const std::int64_t inserted = monotonic_ns();
    tree_.unlock(locked_from);
    times_.lock_ns += (locked - gathered) + (monotonic_ns() - inserted);
    RADIXBENCH_CHECK(done.existing_pages == found.device_pages);
    times_.hash_ns += hashed - start;
    times_.match_ns += matched - start;
    times_.gather_ns += gathered - matched;
    times_.evict_ns += roomy - locked;
    times_.insert_ns += inserted - roomy;
    times_.query_tokens += pages * load_.page_tokens;
    times_.hit_tokens += std::uint64_t{found.device_pages} * load_.page_tokens;
  }

  void make_room(std::size_t pages) {
    const std::uint64_t pages_max = load_.tokens_max / load_.page_tokens;
    const std::uint64_t held = tree_.counts().device_pages;
    if (load_.tokens_max == 0 || held + pages <= pages_max) return;
    freed_.device_pages.clear();
    tree_.evict_device(held + pages - pages_max, freed_);
    benchmark::DoNotOptimize(freed_.device_pages.data());
    ++times_.evict_calls;
  }

  Workload load_;
  RadixTree tree_;
  PageHasher hasher_;
  std::vector<TokenId> tokens_;
  std::vector<PageHash> hashes_;
  std::vector<PageId> ids_;
  std::vector<PageId> gathered_;
  Eviction freed_;
  Times times_;
};

void replay(benchmark::State& state, const Workload& load) {
  Times best;
  for ([[maybe_unused]] auto _ : state) {
    TimedReplay timed{load};
    timed.run();
    const Times& times = timed.times();
    state.SetIterationTime(static_cast<double>(times.sum_ns()) * 1e-9);
    if (best.query_tokens == 0 || times.sum_ns() < best.sum_ns()) best = times;
  }
  const auto requests = static_cast<double>(bench_trace().requests.size());
  const auto us = [&](std::int64_t ns) { return static_cast<double>(ns) * 1e-3 / requests; };
  state.counters["us_per_request"] = us(best.sum_ns());
  state.counters["us_hash"] = us(best.hash_ns);
  state.counters["us_match"] = us(best.match_ns);
  state.counters["us_gather"] = us(best.gather_ns);
  state.counters["us_lock"] = us(best.lock_ns);
  state.counters["us_evict"] = us(best.evict_ns);
  state.counters["us_insert"] = us(best.insert_ns);
  state.counters["hit_tokens"] = static_cast<double>(best.hit_tokens);
}

void BM_IndexReplay(benchmark::State& state) {
  replay(state,
         {.page_tokens = static_cast<std::uint32_t>(state.range(0)),
          .tokens_max = static_cast<std::uint64_t>(state.range(1)) * 1'000'000,
          .ids = state.range(2)});
}
BENCHMARK(BM_IndexReplay)
    ->ArgNames({"page", "cap_m", "fragmented"})
    ->Args({1, 3, kContiguous})
    ->Args({1, 3, kFragmented})
    ->Args({1, 40, kContiguous})
    ->Args({1, 40, kFragmented})
    ->Args({64, 3, kContiguous})
    ->Args({64, 3, kFragmented})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

void BM_IndexReplayBlockHashes(benchmark::State& state) {
  replay(state,
         {.page_tokens = kTraceBlockTokens, .ids = state.range(0), .has_given_hashes = true});
}
BENCHMARK(BM_IndexReplayBlockHashes)
    ->ArgName("fragmented")
    ->Arg(kContiguous)
    ->Arg(kFragmented)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

// Everything inserted, nothing evicted: what a token costs to keep.
void BM_IndexBytesPerToken(benchmark::State& state) {
  const auto page_tokens = static_cast<std::uint32_t>(state.range(0));
  double bytes = 0;
  for ([[maybe_unused]] auto _ : state) {
    TimedReplay timed{{.page_tokens = page_tokens, .ids = state.range(1)}};
    timed.run();
    const auto tokens = static_cast<double>(timed.tree().counts().device_pages * page_tokens);
    bytes = static_cast<double>(timed.tree().memory_bytes()) / tokens;
  }
  state.counters["bytes_per_token"] = bytes;
}
BENCHMARK(BM_IndexBytesPerToken)
    ->ArgNames({"page", "fragmented"})
    ->ArgsProduct({{1, 16, 64}, {kContiguous, kFragmented}})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

// Prompts of two blocks, of which all share the first: as many leaves as wanted under one node.
class WideTree {
 public:
  explicit WideTree(std::uint32_t page_tokens)
      : tree_{{.page_tokens = page_tokens}},
        hasher_{1, page_tokens},
        tokens_(2 * std::size_t{kTraceBlockTokens}),
        ids_(page_ids(tokens_.size() / page_tokens, kContiguous)) {
    std::iota(tokens_.begin(), tokens_.end(), 0U);
  }

  void add_leaf() {
    ++last_block_;
    std::iota(tokens_.begin() + kTraceBlockTokens, tokens_.end(), last_block_ * kTraceBlockTokens);
    if (tree_.stores_hashes()) {
      hashes_.resize(ids_.size());
      hasher_.hash(tokens_, hashes_);
    }
    const auto shared = static_cast<std::uint32_t>(ids_.size() / 2);
    tree_.insert({0, tokens_, hashes_, {}}, ids_, {.private_from_page = shared});
  }
  [[nodiscard]] std::size_t leaf_pages() const { return ids_.size() / 2; }
  [[nodiscard]] RadixTree& tree() { return tree_; }

 private:
  RadixTree tree_;
  PageHasher hasher_;
  std::vector<TokenId> tokens_;
  std::vector<PageHash> hashes_;
  std::vector<PageId> ids_;
  std::uint32_t last_block_ = 0;
};

// One call that frees one leaf, in a tree that keeps its size.
void BM_IndexEvict(benchmark::State& state) {
  WideTree wide{static_cast<std::uint32_t>(state.range(0))};
  for (std::int64_t leaf = 0; leaf < state.range(1); ++leaf) wide.add_leaf();
  Eviction freed;
  std::int64_t evict_ns = 0;
  for ([[maybe_unused]] auto _ : state) {
    wide.add_leaf();
    freed.device_pages.clear();
    const std::int64_t start = monotonic_ns();
    wide.tree().evict_device(wide.leaf_pages(), freed);
    const std::int64_t ns = monotonic_ns() - start;
    evict_ns += ns;
    state.SetIterationTime(static_cast<double>(ns) * 1e-9);
  }
  state.counters["us_per_call"] =
      static_cast<double>(evict_ns) * 1e-3 / static_cast<double>(state.iterations());
}
BENCHMARK(BM_IndexEvict)
    ->ArgNames({"page", "nodes"})
    ->Args({64, 1000})
    ->Args({64, 10'000})
    ->Args({64, 100'000})
    ->Args({64, 1'000'000})
    ->Args({1, 78'000})
    ->UseManualTime()
    ->Iterations(20'000)
    ->Unit(benchmark::kNanosecond);

// One sequence cut into eight nodes, among 64 others, matched over and over.
void BM_IndexMatchHot(benchmark::State& state) {
  const auto page_tokens = static_cast<std::uint32_t>(state.range(0));
  const auto count = static_cast<std::size_t>(state.range(1));
  RadixTree tree{{.page_tokens = page_tokens}};
  const PageHasher hasher{1, page_tokens};
  const std::vector<PageId> ids = page_ids(count / page_tokens, kContiguous);
  std::vector<PageHash> hashes;
  const auto key_of = [&](std::span<const TokenId> tokens) {
    if (tree.stores_hashes()) {
      hashes.resize(tokens.size() / page_tokens);
      hasher.hash(tokens, hashes);
    }
    return Key{0, tokens, hashes, {}};
  };
  std::vector<TokenId> tokens(count);
  const auto fill = [&](TokenId family) {
    std::iota(tokens.begin(), tokens.end(), family * 1'000'003);
  };
  for (TokenId family = 64; family > 0; --family) {
    fill(family);
    tree.insert(key_of(tokens), ids);
  }
  for (std::size_t cut = 1; cut < 8; ++cut) {
    tree.match(key_of(std::span{tokens}.first(count * cut / 8 / page_tokens * page_tokens)));
  }
  std::uint32_t pages = 0;
  for ([[maybe_unused]] auto _ : state) {
    pages = tree.match(key_of(tokens)).device_pages;
    benchmark::DoNotOptimize(pages);
  }
  RADIXBENCH_CHECK(pages == ids.size());
  state.SetItemsProcessed(state.iterations() * state.range(1));
}
BENCHMARK(BM_IndexMatchHot)
    ->ArgNames({"page", "tokens"})
    ->ArgsProduct({{1, 64}, {64, 1024, 16'384, 131'072}})
    ->Unit(benchmark::kMicrosecond);

void BM_IndexHashPages(benchmark::State& state) {
  const auto page_tokens = static_cast<std::uint32_t>(state.range(0));
  const PageHasher hasher{1, page_tokens};
  std::vector<TokenId> tokens(12'035);
  std::iota(tokens.begin(), tokens.end(), 0U);
  std::vector<PageHash> hashes(tokens.size() / page_tokens);
  for ([[maybe_unused]] auto _ : state) {
    hasher.hash(tokens, hashes);
    benchmark::DoNotOptimize(hashes.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(tokens.size()));
}
BENCHMARK(BM_IndexHashPages)->ArgName("page")->Arg(16)->Arg(64)->Arg(512);

}  // namespace
}  // namespace radixbench
