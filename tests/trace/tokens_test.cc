#include "trace/request.h"

#include "trace/trace_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace radixbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(TokensTest, InputTokensAreBlockTimes512PlusPositionCutAtTheLength) {
  const Result<Trace> trace = read_mooncake(kHandTrace, {});
  ASSERT_TRUE(trace);
  std::vector<TokenId> tokens = {99};
  append_input_tokens(*trace, trace->requests[1], tokens);  // blocks 0, 3, 4; 1536 tokens
  ASSERT_EQ(tokens.size(), 1U + 1536U);
  EXPECT_EQ(tokens[0], 99U);
  EXPECT_EQ(tokens[1], 0U);
  EXPECT_EQ(tokens[1 + 511], 511U);
  EXPECT_EQ(tokens[1 + 512], 3U * 512U);
  EXPECT_EQ(tokens.back(), 4U * 512U + 511U);
}

TEST(TokensTest, APartialTailGivesOnlyItsOwnTokens) {
  const Result<Trace> trace = read_mooncake(kHandTrace, {});
  ASSERT_TRUE(trace);
  std::vector<TokenId> tokens;
  append_input_tokens(*trace, trace->requests[0], tokens);  // blocks 0, 1, 2; 1100 tokens
  ASSERT_EQ(tokens.size(), 1100U);
  EXPECT_EQ(tokens.back(), 2U * 512U + 75U);
}

TEST(TokensTest, OutputTokensCountDownFromTheTopAndNeverMeet) {
  const Result<Trace> trace = read_mooncake(kHandTrace, {});
  ASSERT_TRUE(trace);
  EXPECT_THAT(
      first_output_tokens(*trace),
      ElementsAre(4294967295U, 4294967285U, 4294967275U, 4294967265U, 4294967255U, 4294967245U));
}

TEST(TokensTest, SpaceIsEnoughUpToTheLastIdAndNotBeyond) {
  EXPECT_TRUE(check_token_space(0, 0));
  EXPECT_TRUE(check_token_space(8'388'608, 0));
  EXPECT_TRUE(check_token_space(8'388'607, 512));
  EXPECT_FALSE(check_token_space(8'388'607, 513));
  EXPECT_FALSE(check_token_space(8'388'608, 1));
  EXPECT_FALSE(check_token_space(8'388'609, 0));
  EXPECT_FALSE(check_token_space(~std::uint64_t{0}, ~std::uint64_t{0}));
  const Result<void> refused = check_token_space(8'388'609, 7);
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(refused.error().message, HasSubstr("8388609 distinct blocks"));
}

}  // namespace
}  // namespace radixbench
