#pragma once

#include "engine/admission.h"
#include "engine/live_request.h"
#include "engine/request_cache.h"
#include "support/cache_world.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace radixbench {

// A trace of given prompts: each has blocks of its own, 512 tokens a block, unless told to share.
class HandTrace {
 public:
  struct Row {
    std::uint32_t input = 0;
    std::uint32_t output = 1;
    std::int64_t arrival_ns = 0;
    std::uint32_t first_block = kOwnBlocks;  // from there on, to have a prefix in common
  };
  static constexpr std::uint32_t kOwnBlocks = 0xFFFFFFFFU;

  explicit HandTrace(const std::vector<Row>& rows) {
    std::uint32_t next_block = 1'000;
    for (const Row& row : rows) {
      Request request;
      request.id = trace.requests.size();
      request.arrival_ns = row.arrival_ns;
      request.input_tokens = row.input;
      request.output_tokens = row.output;
      request.first_block = trace.blocks.size();
      request.block_count = (row.input + kTraceBlockTokens - 1) / kTraceBlockTokens;
      for (std::uint32_t i = 0; i < request.block_count; ++i) {
        const bool is_own = row.first_block == kOwnBlocks;
        trace.blocks.push_back(is_own ? next_block++ : row.first_block + i);
      }
      trace.requests.push_back(request);
    }
    first_outputs = first_output_tokens(trace);
  }

  Trace trace;
  std::vector<TokenId> first_outputs;
};

// What the scheduler of one rank drives, over a rank of a cache world.
class EngineRank {
 public:
  EngineRank(CacheRank& rank, const HandTrace& trace, EngineOptions options, Rules rules)
      : options_{std::move(options)},
        rules_{std::move(rules)},
        rank_{rank},
        hasher_{1, options_.page_tokens},
        maker_{.trace = trace.trace,
               .first_outputs = trace.first_outputs,
               .hasher = &hasher_,
               .has_storage = true,
               .output_blocks = options_.output_blocks,
               .page_tokens = options_.page_tokens,
               .rank_salt = 3},
        slots{make_memory_pool(options_.running_max, 0)},
        requests{*rank.cache, options_.page_tokens, options_.output_blocks},
        admission{options_, rules_, *rank.cache, requests, *slots} {}

  std::unique_ptr<LiveRequest> make(RequestId request) const {
    return std::make_unique<LiveRequest>(maker_.make(maker_.trace.requests.at(request)));
  }
  // Into the waiting queue, with a prefetch where there is something to fetch.
  void arrive(RequestId request) {
    std::unique_ptr<LiveRequest> live = make(request);
    rank_.cache->prefetch()->start(request, live->key(live->input, options_.page_tokens));
    admission.enqueue(std::move(live));
  }
  std::vector<PrefillChunk> next_batch() {
    Result<std::vector<PrefillChunk>> batch = admission.next_batch();
    EXPECT_TRUE(batch) << batch.error().message;
    return batch ? std::move(*batch) : std::vector<PrefillChunk>{};
  }
  // Computes a chunk; what is left of the prompt goes on, a whole prompt is answered.
  std::unique_ptr<LiveRequest> compute(PrefillChunk& chunk) {
    requests.computed(*chunk.request, chunk.token_count);
    const bool is_whole = chunk.request->kv_tokens == chunk.request->input;
    requests.keep_unfinished(*chunk.request, !is_whole);
    if (is_whole) return std::move(chunk.request);
    admission.go_on(std::move(chunk.request));
    return nullptr;
  }
  void finish(std::unique_ptr<LiveRequest> request) {
    requests.keep_finished(*request);
    admission.leave(*request);
  }

 private:
  EngineOptions options_;
  Rules rules_;
  CacheRank& rank_;
  PageHasher hasher_;
  RequestMaker maker_;

 public:
  std::unique_ptr<PagePool> slots;
  RequestCache requests;
  Admission admission;
};

}  // namespace radixbench
