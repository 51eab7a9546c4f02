#pragma once

#include "base/ids.h"
#include "base/result.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace radixbench {

// The block size of a Mooncake trace.
constexpr std::uint32_t kTraceBlockTokens = 512;

// One request of a trace. Blocks are renumbered densely in order of first use over the trace; token
// j of block b is b * 512 + j.
struct Request {
  RequestId id = 0;               // position among the emitted rows
  std::uint64_t source_line = 0;  // from 1
  std::int64_t arrival_ns = 0;    // from the trace's start
  std::uint32_t input_tokens = 0;
  std::uint32_t output_tokens = 0;
  std::uint64_t first_block = 0;  // into Trace::blocks
  std::uint32_t block_count = 0;
};

// Empty lines are no rows. rows_read == emitted + the sum of what was dropped; the other counts are
// of emitted rows.
struct TraceCounts {
  std::uint64_t rows_read = 0;
  std::uint64_t emitted = 0;
  std::uint64_t dropped_bad = 0;  // --skip-bad
  std::uint64_t dropped_beyond_limit = 0;
  std::uint64_t rows_unsorted = 0;   // arrival before the row above
  std::uint64_t rows_duplicate = 0;  // same time, lengths and ids as an earlier row
  std::uint64_t rows_extra_fields = 0;
  std::uint64_t blocks_distinct = 0;
  // References that give a block another parent or position than its first use did: an id that
  // stands for a block and all before it can't have two.
  std::uint64_t id_conflicts = 0;
};

// A whole trace in memory: requests in arrival order (stable), ids in one arena.
struct Trace {
  std::string path;
  std::string sha256;  // of the file's bytes
  std::vector<Request> requests;
  std::vector<std::uint32_t> blocks;
  TraceCounts counts;
  std::vector<std::string> warnings;  // quantised clock, unsorted rows, unusual rate, ...

  [[nodiscard]] std::span<const std::uint32_t> blocks_of(const Request& request) const {
    return std::span{blocks}.subspan(request.first_block, request.block_count);
  }
};

// kCorrupt with the reason where 32 bits can't hold the token ids of so many blocks and, counted
// down from the other end, of so many output tokens.
Result<void> check_token_space(std::uint64_t blocks_distinct, std::uint64_t output_tokens);

// Appends the request's input tokens: block ids expanded, cut to input_tokens.
void append_input_tokens(const Trace& trace, const Request& request, std::vector<TokenId>& tokens);

// Output tokens are unique to a request: they count down from 2^32 - 1 over the trace in order of
// id, so every rank knows them without being told. Element i: the first (highest) token of request
// i; its n-th output token is that minus n.
std::vector<TokenId> first_output_tokens(const Trace& trace);

}  // namespace radixbench
