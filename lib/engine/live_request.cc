#include "engine/live_request.h"

#include "control/page_payload.h"

#include <span>

namespace radixbench {

Key LiveRequest::key(std::uint32_t token_count, std::uint32_t page_tokens) const {
  const std::size_t page_count = token_count / page_tokens;
  return {
      .name_space = 0,
      .tokens = std::span{tokens}.first(page_count * page_tokens),
      .hashes = std::span{hashes}.first(hashes.empty() ? 0 : page_count),
      .storage_hashes = std::span{storage_hashes}.first(storage_hashes.empty() ? 0 : page_count)};
}

LiveRequest RequestMaker::make(const Request& request) const {
  LiveRequest live;
  live.id = request.id;
  live.input = request.input_tokens;
  live.output = request.output_tokens;
  live.report.request = request.id;
  live.report.input = request.input_tokens;
  live.report.output = request.output_tokens;
  append_input_tokens(trace, request, live.tokens);
  if (output_blocks == OutputBlocks::kUnique) {
    const TokenId first = first_outputs[request.id];
    for (std::uint32_t i = 0; i + 1 < request.output_tokens; ++i) live.tokens.push_back(first - i);
  }
  const std::size_t page_count = live.tokens.size() / page_tokens;
  const auto whole = std::span{live.tokens}.first(page_count * page_tokens);
  if (hasher != nullptr) {
    live.hashes.resize(page_count);
    hasher->hash(whole, live.hashes);
  }
  if (has_storage) live.storage_hashes = storage_page_hashes(nullptr, whole, page_tokens);
  live.payload_seeds = radixbench::payload_seeds(
      live.key(static_cast<std::uint32_t>(whole.size()), page_tokens), page_tokens, rank_salt);
  return live;
}

}  // namespace radixbench
