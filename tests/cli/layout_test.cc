#include "cli/tool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>

namespace radixbench {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(LayoutCommandTest, TextInNoGrammarIsUsage) {
  for (const std::string spec : {"", "tp4x", "vllm:tp=4", "sglang:cp=2"}) {
    SCOPED_TRACE(spec);
    const ToolRun run = run_tool({"layout", "show", spec});
    EXPECT_EQ(run.exit_code, 64);
    EXPECT_THAT(run.out, IsEmpty());
  }
}

TEST(LayoutCommandTest, EveryBrokenRuleIsListed) {
  const ToolRun run = run_tool({"layout", "show", "sglang:tp=8,cp=2,dp=3"});
  EXPECT_EQ(run.exit_code, 78);
  EXPECT_THAT(run.out, IsEmpty());
  EXPECT_THAT(run.err, HasSubstr("tp_size must be divisible by dp_size*attn_cp_size"));
  EXPECT_THAT(run.err, HasSubstr("DP attention: tp_size must be divisible by dp_size"));
  EXPECT_THAT(run.err, HasSubstr("attn_tp*attn_dp*attn_cp != tp_size"));
}

TEST(LayoutCommandTest, ARejectedLayoutIsJsonWithItsErrors) {
  const ToolRun run = run_tool({"layout", "show", "sglang:tp=8,ep=3", "--format", "json"});
  EXPECT_EQ(run.exit_code, 78);
  const nlohmann::json json = nlohmann::json::parse(run.out);
  EXPECT_EQ(json["valid"], false);
  EXPECT_EQ(json["errors"], nlohmann::json::array({"moe_tp*moe_ep*moe_dp != tp_size"}));
}

TEST(LayoutCommandTest, TheTableHasTheEngineFormAndSaysWhenCpPeersAreMissing) {
  const ToolRun run = run_tool({"layout", "show", "tp2cp2dp2"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.err, IsEmpty());
  EXPECT_THAT(run.out, HasSubstr("sglang:tp=8,cp=2,dp=2"));
  EXPECT_THAT(run.out, HasSubstr("[0,2] [1,3] [4,6] [5,7]"));
  EXPECT_THAT(run.out, HasSubstr("It lacks the CP peers"));
  EXPECT_THAT(run_tool({"layout", "show", "tp4cp2"}).out, HasSubstr("its CP peers too"));
  EXPECT_THAT(run_tool({"layout", "show", "cp4dp2"}).out, HasSubstr("single rank"));
}

TEST(LayoutCommandTest, BothGrammarsGiveTheSameJson) {
  const ToolRun product = run_tool({"layout", "show", "tp4cp2", "--format=json"});
  const ToolRun engine = run_tool({"layout", "show", "sglang:cp=2,tp=8", "--format=json"});
  EXPECT_EQ(product.exit_code, 0);
  nlohmann::json left = nlohmann::json::parse(product.out);
  nlohmann::json right = nlohmann::json::parse(engine.out);
  EXPECT_EQ(left["name"], "sglang:tp=8,cp=2");
  left.erase("why");
  right.erase("why");
  EXPECT_EQ(left, right);
}

}  // namespace
}  // namespace radixbench
