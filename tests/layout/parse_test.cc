#include "layout/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace radixbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string spec_of(std::string_view text) {
  const Result<Layout> layout = make_layout(text);
  return layout ? layout->spec() : layout.error().message;
}

TEST(ParseLayoutTest, TextInNoGrammarIsInvalidAndSaysWhatIsWrong) {
  const struct {
    std::string_view text, says;
  } cases[] = {
      {"", "empty"},
      {"8", "an axis was expected"},
      {"tp", "'tp' has no size"},
      {"tp4cp", "'cp' has no size"},
      {"tp4xp2", "'xp' is no axis"},
      {"tp4tp2", "'tp' is given twice"},
      {"tp-4", "'tp' has no size"},
      {"tp4 cp2", "an axis was expected"},
      {"TP4", "an axis was expected"},
      {"tp=8", "'tp' has no size"},
      {"sglang:", "'' is not key=value"},
      {"sglang:tp", "'tp' is not key=value"},
      {"sglang:tp=", "'tp=' is no size"},
      {"sglang:tp=x", "'tp=x' is no size"},
      {"sglang:tp=8,", "'' is not key=value"},
      {"sglang:tp=8,tp=8", "'tp' is given twice"},
      {"sglang:cp=2", "tp is missing"},
      {"sglang:tp=8,width=2", "'width' is no key"},
      {"sglang:tp=8,dp_attention=2", "'dp_attention=2' is no truth value"},
      {"sglang:tp=+8", "'tp=+8' is no size"},
      {"vllm:tp=8", "'vllm' is no known engine"},
  };
  for (const auto& [text, says] : cases) {
    SCOPED_TRACE(text);
    const Result<ParsedLayout> parsed = parse_layout(text);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(parsed.error().message, HasSubstr(says));
  }
}

TEST(ParseLayoutTest, EveryBrokenRuleIsListedAtOnce) {
  const Result<ParsedLayout> parsed = parse_layout("sglang:tp=8,cp=3,dp=3,ep=3,dcp=3");
  ASSERT_TRUE(parsed);
  EXPECT_THAT(parsed->errors,
              ElementsAre("tp_size must be divisible by attn_cp_size",
                          "tp_size must be divisible by dp_size*attn_cp_size",
                          "DP attention: tp_size must be divisible by dp_size",
                          "tp_size must be divisible by dcp_size",
                          "attn_tp*attn_dp*attn_cp != tp_size",
                          "moe_tp*moe_ep*moe_dp != tp_size"));
  const Result<Layout> layout = make_layout("sglang:tp=8,cp=3,dp=3,ep=3,dcp=3");
  ASSERT_FALSE(layout);
  EXPECT_EQ(layout.error().code, ErrorCode::kConfiguration);
  for (const std::string& error : parsed->errors) {
    EXPECT_THAT(layout.error().message, HasSubstr(error));
  }
}

TEST(ParseLayoutTest, MoeRulesAreChecked) {
  const struct {
    std::string_view text, says;
  } cases[] = {
      {"sglang:tp=8,moe_dp=3,cp=1", "tp_size must be divisible by moe_dp_size"},
      {"sglang:tp=8,cp=4,moe_dp=4,ep=4", "ep_size*moe_dp_size must not exceed tp_size"},
      {"sglang:tp=8,cp=2,moe_dp=2,pp=2", "moe_dp_size > 1 needs pp_size == 1"},
      {"sglang:tp=8,cp=2,moe_dp=2,ep=2", "ep_size*moe_dp_size must equal tp_size"},
      {"sglang:tp=8,moe_dp=2,ep=4", "moe_dp_size must be 1 or equal to attn_cp_size"},
  };
  for (const auto& [text, says] : cases) {
    SCOPED_TRACE(text);
    const Result<ParsedLayout> parsed = parse_layout(text);
    ASSERT_TRUE(parsed);
    EXPECT_THAT(parsed->errors, testing::Contains(HasSubstr(says)));
  }
}

TEST(ParseLayoutTest, ZeroAndAbsurdSizesBreakARuleInsteadOfOverflowing) {
  for (const std::string_view text : {"tp0",
                                      "tp4cp0",
                                      "tp99999999999999999999",
                                      "tp65536cp65536dp65536",
                                      "tp1024pp2",
                                      "sglang:tp=4294967295,cp=4294967295,pp=4294967295",
                                      "sglang:tp=8,dp=2,replicas=0",
                                      "sglang:tp=8,dp=0,replicas=2"}) {
    SCOPED_TRACE(text);
    const Result<ParsedLayout> parsed = parse_layout(text);
    ASSERT_TRUE(parsed);
    EXPECT_FALSE(parsed->errors.empty());
  }
}

TEST(ParseLayoutTest, ProductFormMultipliesIntoTheStagesWidth) {
  EXPECT_EQ(spec_of("tp4cp2"), "sglang:tp=8,cp=2");
  EXPECT_EQ(spec_of("cp2tp4"), "sglang:tp=8,cp=2");
  EXPECT_EQ(spec_of("tp2cp2dp2"), "sglang:tp=8,cp=2,dp=2");
  EXPECT_EQ(spec_of("pp2dp2cp2tp2"), "sglang:tp=8,cp=2,dp=2,pp=2");
  EXPECT_EQ(spec_of("cp8"), "sglang:tp=8,cp=8");
  EXPECT_EQ(spec_of("dp4"), "sglang:tp=4,dp=4");
  EXPECT_EQ(spec_of("tp8"), "sglang:tp=8");
  EXPECT_EQ(spec_of("tp1"), "sglang:tp=1");
}

TEST(ParseLayoutTest, DpMeansAttentionReplicasUnlessTurnedOff) {
  EXPECT_TRUE(parse_layout("sglang:tp=8,dp=2")->sizes.dp_attention);
  EXPECT_FALSE(parse_layout("sglang:tp=8,dp=2,dp_attention=false")->sizes.dp_attention);
  EXPECT_EQ(spec_of("sglang:tp=8,dp=2,dp_attention=false"), "sglang:tp=8,replicas=2");
  EXPECT_EQ(spec_of("sglang:tp=8,replicas=2"), "sglang:tp=8,replicas=2");
  EXPECT_EQ(make_layout("sglang:tp=8,replicas=2")->attn_dp_size(), 1U);
  EXPECT_EQ(make_layout("sglang:tp=8,replicas=2")->world_count(), 2U);
  EXPECT_EQ(make_layout("sglang:tp=8,dp=2")->world_count(), 1U);
}

TEST(ParseLayoutTest, OneReplicaSwitchesDpAttentionOff) {
  const Result<ParsedLayout> parsed = parse_layout("sglang:tp=8,dp=1,dp_attention=true");
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed->sizes.dp_attention);
  EXPECT_THAT(parsed->errors, IsEmpty());
  EXPECT_THAT(parsed->warnings, ElementsAre("dp_size=1 switches DP attention off"));
}

TEST(ParseLayoutTest, BothKindsOfReplicasAtOnceAreRejected) {
  EXPECT_THAT(parse_layout("sglang:tp=8,dp=2,replicas=2")->errors,
              testing::Contains(HasSubstr("attn_dp_size > 1")));
  EXPECT_THAT(parse_layout("sglang:tp=8,replicas=2,dp_attention=true")->errors,
              testing::Contains(HasSubstr("separate worlds")));
}

TEST(ParseLayoutTest, SpecOfAnyLayoutParsesToTheSameSpec) {
  for (const std::string_view text : {"tp4cp2",
                                      "tp2cp2dp2pp2",
                                      "sglang:tp=8,cp=2,moe_dp=2,ep=4",
                                      "sglang:tp=8,dp=4,dcp=4",
                                      "sglang:tp=4,replicas=2"}) {
    EXPECT_EQ(spec_of(spec_of(text)), spec_of(text));
  }
}

}  // namespace
}  // namespace radixbench
