#include "base/check.h"
#include "trace/request.h"

#include <fmt/format.h>

#include <algorithm>

namespace radixbench {
namespace {

constexpr std::uint64_t kTokenIds = std::uint64_t{1} << 32U;

}  // namespace

Result<void> check_token_space(std::uint64_t blocks_distinct, std::uint64_t output_tokens) {
  if (blocks_distinct <= kTokenIds / kTraceBlockTokens &&
      output_tokens <= kTokenIds - blocks_distinct * kTraceBlockTokens) {
    return {};
  }
  return fail(ErrorCode::kCorrupt,
              fmt::format("{} distinct blocks of {} tokens and {} output tokens need more token "
                          "ids than the {} that 32 bits hold; use --limit",
                          blocks_distinct,
                          kTraceBlockTokens,
                          output_tokens,
                          kTokenIds));
}

void append_input_tokens(const Trace& trace, const Request& request, std::vector<TokenId>& tokens) {
  std::uint32_t left = request.input_tokens;
  tokens.reserve(tokens.size() + left);
  for (const std::uint32_t block : trace.blocks_of(request)) {
    const std::uint32_t count = std::min(left, kTraceBlockTokens);
    const TokenId first = block * kTraceBlockTokens;
    for (std::uint32_t j = 0; j < count; ++j) tokens.push_back(first + j);
    left -= count;
  }
  RADIXBENCH_CHECK(left == 0);
}

std::vector<TokenId> first_output_tokens(const Trace& trace) {
  std::vector<TokenId> firsts;
  firsts.reserve(trace.requests.size());
  std::uint64_t next = kTokenIds - 1;
  for (const Request& request : trace.requests) {
    firsts.push_back(static_cast<TokenId>(next));
    next -= request.output_tokens;  // check_token_space() saw to it that this stays above the input
  }
  return firsts;
}

}  // namespace radixbench
