#include "engine/live_request.h"

#include "engine/engine_rank.h"

#include <gmock/gmock.h>

namespace radixbench {
namespace {

RequestMaker maker_of(const HandTrace& trace, const PageHasher* hasher, OutputBlocks outputs) {
  return {.trace = trace.trace,
          .first_outputs = trace.first_outputs,
          .hasher = hasher,
          .has_storage = true,
          .output_blocks = outputs,
          .page_tokens = 64,
          .rank_salt = 3};
}

TEST(LiveRequestTest, TokensAreThePromptAndTheOutputWhoseKvIsKept) {
  const HandTrace trace{{{.input = 100, .output = 30}, {.input = 10, .output = 4}}};
  const LiveRequest one =
      maker_of(trace, nullptr, OutputBlocks::kUnique).make(trace.trace.requests[1]);
  // The last token of a reply is never fed back; outputs count down behind the first request's.
  ASSERT_EQ(one.tokens.size(), 13U);
  EXPECT_EQ(one.tokens[10], 0xFFFFFFFFU - 30);
  EXPECT_EQ(one.tokens[12], 0xFFFFFFFFU - 32);
  EXPECT_TRUE(one.hashes.empty());
  const LiveRequest none =
      maker_of(trace, nullptr, OutputBlocks::kNone).make(trace.trace.requests[1]);
  EXPECT_EQ(none.tokens.size(), 10U);
}

TEST(LiveRequestTest, AKeyIsCutToWholePagesWithEverythingThatBelongsToThem) {
  const HandTrace trace{{{.input = 300, .output = 1}}};
  const PageHasher hasher{1, 64};
  const LiveRequest live =
      maker_of(trace, &hasher, OutputBlocks::kUnique).make(trace.trace.requests[0]);
  const Key key = live.key(299, 64);
  EXPECT_EQ(key.tokens.size(), 256U);
  EXPECT_EQ(key.hashes.size(), 4U);
  EXPECT_EQ(key.storage_hashes.size(), 4U);
  EXPECT_EQ(live.key(63, 64).tokens.size(), 0U);
  EXPECT_EQ(live.key(64, 64).storage_hashes.size(), 1U);
}

TEST(LiveRequestTest, EqualPrefixesHaveEqualBytesAndOtherRanksOthers) {
  const HandTrace trace{{{.input = 600, .first_block = 0}, {.input = 900, .first_block = 0}}};
  const PageHasher hasher{1, 64};
  RequestMaker maker = maker_of(trace, &hasher, OutputBlocks::kNone);
  const auto one = maker.make(trace.trace.requests[0]).payload_seeds;
  const auto longer = maker.make(trace.trace.requests[1]).payload_seeds;
  EXPECT_EQ(one.size(), 9U);
  EXPECT_TRUE(std::equal(one.begin(), one.end(), longer.begin()));
  maker.rank_salt = 4;
  EXPECT_NE(maker.make(trace.trace.requests[0]).payload_seeds, one);
}

}  // namespace
}  // namespace radixbench
