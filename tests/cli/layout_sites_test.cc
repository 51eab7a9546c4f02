#include "cli/tool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>

namespace radixbench {
namespace {

using Json = nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Json site_of(const Json& json, const std::string& name) {
  for (const Json& site : json["sites"]) {
    if (site["site"] == name) return site;
  }
  return {};
}

Json use_of(const Json& site, const std::string& group) {
  for (const Json& use : site["uses"]) {
    if (use["group"] == group) return use;
  }
  return {};
}

TEST(LayoutSitesCommandTest, WrongInputsAreUsageOrConfiguration) {
  EXPECT_EQ(run_tool({"layout", "sites"}).exit_code, 64);
  EXPECT_EQ(run_tool({"layout", "sites", "tp4x"}).exit_code, 64);
  EXPECT_EQ(run_tool({"layout", "sites", "tp4", "--format", "yaml"}).exit_code, 64);
  const ToolRun broken = run_tool({"layout", "sites", "sglang:tp=8,cp=2,dp=3"});
  EXPECT_EQ(broken.exit_code, 78);
  EXPECT_THAT(broken.err, HasSubstr("tp_size must be divisible by dp_size*attn_cp_size"));
  EXPECT_THAT(broken.out, IsEmpty());
}

TEST(LayoutSitesCommandTest, AnUnknownGroupIsUsageAndTheChoicesAreNamed) {
  const ToolRun run = run_tool({"layout", "sites", "tp4", "--use", "attn_tp"});
  EXPECT_EQ(run.exit_code, 64);
  EXPECT_THAT(run.out, IsEmpty());
  EXPECT_THAT(run.err,
              AllOf(HasSubstr("'attn_tp'"),
                    HasSubstr("tp, tp_cache_group, attention_tp, attn_cp, world, pp")));
}

TEST(LayoutSitesCommandTest, TextNamesTheGroupsToUseAndWhoWaitsForWhom) {
  const ToolRun run = run_tool({"layout", "sites", "tp2cp2dp2"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.err, IsEmpty());
  EXPECT_THAT(run.out, HasSubstr("sglang:tp=8,cp=2,dp=2"));
  EXPECT_THAT(run.out, HasSubstr("attn_cp then attention_tp"));
  EXPECT_THAT(run.out,
              HasSubstr("ranks [0,1,2,3] wait in the site's call on [0,1,2,3,4,5,6,7] for ranks "
                        "[4,5,6,7]"));
  EXPECT_THAT(run.out, HasSubstr("never hangs at the call and breaks agreement"));
}

TEST(LayoutSitesCommandTest, UseShowsThatGroupAlone) {
  const ToolRun run = run_tool({"layout", "sites", "tp2cp2dp2", "--use", "tp_cache_group"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.out, HasSubstr("wrong_group/too_small"));
  EXPECT_THAT(run.out, Not(HasSubstr("wrong_group/too_large")));
  EXPECT_THAT(run.out, HasSubstr("check_prefetch_progress: parts insert different prefixes"));
}

TEST(LayoutSitesCommandTest, OneReplicaMakesTheHardCodedGroupHarmless) {
  const ToolRun run =
      run_tool({"layout", "sites", "tp4cp2", "--use=tp_cache_group", "--format=json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Json json = Json::parse(run.out);
  EXPECT_EQ(json["layout"], "sglang:tp=8,cp=2");
  ASSERT_EQ(json["sites"].size(), 9U);
  EXPECT_EQ(use_of(site_of(json, "writing_check"), "tp_cache_group")["class"], "none");
  EXPECT_EQ(site_of(json, "writing_check")["uses"].size(), 1U);
}

TEST(LayoutSitesCommandTest, JsonHoldsTheModelsValuesAndBlockedRanks) {
  const ToolRun run = run_tool({"layout", "sites", "tp4dp2", "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Json site = site_of(Json::parse(run.out), "can_terminate_prefetch");
  EXPECT_EQ(site["use"], Json::array({"attention_tp"}));
  EXPECT_EQ(site["members"], "per_key");
  const Json use = use_of(site, "tp");
  EXPECT_EQ(use["class"], "wrong_group/too_large");
  EXPECT_EQ(use["equal_counts"]["verdict"], "crosstalk");
  EXPECT_EQ(use["unequal_counts"]["verdict"], "hang");
  EXPECT_EQ(use["unequal_counts"]["blocked"]["0"]["waiting_for"], Json::array({4, 5, 6, 7}));
}

TEST(LayoutSitesCommandTest, AReplicaOfOneRankHasNobodyToAsk) {
  const ToolRun run = run_tool({"layout", "sites", "dp8"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.out, HasSubstr("nobody to ask"));
}

}  // namespace
}  // namespace radixbench
