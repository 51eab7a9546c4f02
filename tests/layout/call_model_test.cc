#include "layout/call_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace radixbench {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

Json read_vectors() {
  std::ifstream file{RADIXBENCH_SOURCE_DIR "/tests/data/vectors/parallel-groups.json"};
  return Json::parse(file);
}

Layout layout_of(const Json& entry) {
  const Result<Layout> layout = make_layout(std::string{entry["spec"]});
  EXPECT_TRUE(layout) << entry["spec"];
  return layout.value();
}

CallPattern pattern_of(const std::string& text) {
  if (text == "lockstep") return {};
  CallPattern pattern;
  EXPECT_EQ(std::sscanf(text.c_str(), "req %u:%u", &pattern.first, &pattern.others), 2) << text;
  return pattern;
}

std::string sentence_of(CallVerdict verdict) {
  switch (verdict) {
    case CallVerdict::kRight: return "ok";
    case CallVerdict::kStageOnly:
      return "STAGE-ONLY (right inside a pipeline stage, stages disagree)";
    case CallVerdict::kDivergence: return "WRONG (divergence: peers keep different values)";
    case CallVerdict::kCrosstalk: return "WRONG (crosstalk: minimum of unrelated replicas)";
    case CallVerdict::kCrosstalkAndDivergence: return "WRONG (crosstalk and divergence)";
    case CallVerdict::kHang: return "HANG";
  }
  return "?";
}

Json json_of(const std::vector<std::optional<std::int64_t>>& values) {
  Json json = Json::array();
  for (const auto& value : values) json.push_back(value ? Json(*value) : Json());
  return json;
}

Json json_of(const std::map<Rank, ModelBlock>& blocked) {
  Json json = Json::object();
  for (const auto& [rank, block] : blocked) {
    json[std::to_string(rank)] = {
        {"in", to_string(block.call)}, {"group", block.group}, {"waiting_for", block.waiting_for}};
  }
  return json;
}

TEST(CallModelVectorsTest, EveryFaultVerdictIsReproducedFieldByField) {
  const Json vectors = read_vectors();
  ASSERT_EQ(vectors["faults"].size(), 252U);
  for (const Json& fault : vectors["faults"]) {
    SCOPED_TRACE(fault["spec"].dump() + " " + fault["policy"].dump() + fault["pattern"].dump());
    const Layout layout = layout_of(fault);
    const std::optional<CallPolicy> policy = parse_call_policy(std::string{fault["policy"]});
    ASSERT_TRUE(policy);
    const std::vector<std::int64_t> local = fault["local"];
    EXPECT_EQ(model_values(layout.world_size()), local);
    const CallOutcome outcome =
        ask(layout, {.policy = *policy, .pattern = pattern_of(fault["pattern"])}, local);
    Json got = {{"policy", to_string(*policy)},
                {"pattern", fault["pattern"]},
                {"verdict", sentence_of(outcome.verdict)},
                {"blocked", json_of(outcome.blocked)},
                {"too_small", outcome.too_small},
                {"too_large", outcome.too_large},
                {"local", local},
                {"values", json_of(outcome.values)},
                {"expected", json_of(outcome.expected)},
                {"layout", fault["layout"]},
                {"spec", fault["spec"]}};
    EXPECT_EQ(Json::diff(fault, got), Json::array());
  }
}

// stage_only is cp_then_tp, stage_then_pp is cp_tp_pp, seen across stages.
TEST(CallModelVectorsTest, EveryPipelineVerdictIsReproduced) {
  const std::map<std::string, CallPolicy> policies = {
      {"stage_only", CallPolicy::kCpThenTp},
      {"stage_then_pp", CallPolicy::kCpTpPp},
      {"stage0_then_forward", CallPolicy::kStage0Forward}};
  const Json vectors = read_vectors();
  ASSERT_EQ(vectors["pp"].size(), 6U);
  for (const Json& expected : vectors["pp"]) {
    SCOPED_TRACE(expected.dump());
    const Layout layout = layout_of(expected);
    const CallOutcome outcome =
        ask(layout, {.policy = policies.at(expected["policy"])}, model_values(layout.world_size()));
    EXPECT_THAT(outcome.blocked, IsEmpty());
    EXPECT_EQ(json_of(outcome.values), expected["values"]);
    EXPECT_EQ(outcome.values == outcome.expected, bool{expected["is_global_min"]});
    bool is_agreed = true;
    for (const RankList& replica : layout.groups("cache_replica")) {
      for (const Rank rank : replica) {
        is_agreed &= outcome.values[rank] == outcome.values[replica.front()];
      }
    }
    EXPECT_EQ(is_agreed, bool{expected["agree_across_stages"]});
  }
}

TEST(CallModelVectorsTest, EveryAxisOrderVerdictIsReproduced) {
  const std::map<std::string, AxisMix> mixes = {
      {"by_cp", AxisMix::kOddCp}, {"by_tp", AxisMix::kOddTp}, {"checker", AxisMix::kCheckerboard}};
  const Json vectors = read_vectors();
  ASSERT_EQ(vectors["axis_order"].size(), 27U);
  for (const Json& expected : vectors["axis_order"]) {
    SCOPED_TRACE(expected.dump());
    const Layout layout = layout_of(expected);
    const CallOutcome outcome =
        ask(layout,
            {.mix = mixes.at(expected["mix"]), .required = "cache_stage_replica"},
            model_values(layout.world_size()));
    RankList blocked;
    for (const auto& [rank, block] : outcome.blocked) blocked.push_back(rank);
    EXPECT_EQ(Json(blocked), expected["blocked"]);
    EXPECT_THAT(outcome.too_small, IsEmpty());
    EXPECT_EQ(Json(outcome.too_large), expected["wrong"]);
    EXPECT_EQ(outcome.verdict == CallVerdict::kHang, expected["verdict"] == "HANG");
    if (expected["wrong"].empty()) continue;
    EXPECT_EQ(outcome.verdict, CallVerdict::kDivergence);
  }
}

// With these values nobody sees it, and yet ranks 2 and 3 miss a peer each.
TEST(CallModelTest, ValuesThatAreRightByLuckDoNotHideAPeerThatWasNotAsked) {
  const Layout layout = make_layout("sglang:tp=8,cp=2,dp=2").value();
  const CallOutcome outcome =
      ask(layout, {.mix = AxisMix::kOddCp, .required = "cache_stage_replica"}, model_values(8));
  EXPECT_EQ(outcome.values, outcome.expected);
  EXPECT_EQ(outcome.verdict, CallVerdict::kDivergence);
  EXPECT_THAT(outcome.lacking, ElementsAre(2, 3, 6, 7));
}

TEST(CallModelTest, MinAndMaxPairAndTheLowestRanksOperatorWins) {
  CallProgram program;
  program.groups = {{0, 1, 2}};
  program.local = {5, 9, 3};
  program.steps = {{{ModelCall::kMax, 0}}, {{ModelCall::kMin, 0}}, {{ModelCall::kMin, 0}}};
  for (const ModelRank& rank : run_calls(program)) {
    EXPECT_FALSE(rank.blocked);
    EXPECT_EQ(rank.value, 9);
    EXPECT_EQ(rank.contributors.count(), 3U);
  }
}

TEST(CallModelTest, CallsOfOtherKindsNeverPair) {
  CallProgram program;
  program.groups = {{0, 1}};
  program.local = {5, 9};
  program.steps = {{{ModelCall::kMin, 0}}, {{ModelCall::kBroadcast, 0}}};
  const std::vector<ModelRank> ranks = run_calls(program);
  ASSERT_TRUE(ranks[0].blocked && ranks[1].blocked);
  EXPECT_THAT(ranks[0].blocked->waiting_for, ElementsAre(1));
  EXPECT_THAT(ranks[1].blocked->waiting_for, ElementsAre(0));
}

TEST(CallModelTest, EqualRanksInAnotherCommunicatorDoNotMeet) {
  CallProgram program;
  program.groups = {{0, 1}, {0, 1}};
  program.local = {5, 9};
  program.steps = {{{ModelCall::kMin, 0}}, {{ModelCall::kMin, 1}}};
  const std::vector<ModelRank> ranks = run_calls(program);
  ASSERT_TRUE(ranks[0].blocked && ranks[1].blocked);
  EXPECT_THAT(ranks[0].blocked->waiting_for, ElementsAre(1));
}

// A thread with groups of its own: nothing collides, the lone replica just waits.
TEST(CallModelTest, WithoutABroadcastTheIdleReplicaIsNotBlocked) {
  const Layout layout = make_layout("sglang:tp=8,dp=2").value();
  const CallOutcome outcome =
      ask(layout,
          {.policy = CallPolicy::kTpGroup, .pattern = {1, 0}, .is_followed_by_broadcast = false},
          model_values(8));
  EXPECT_EQ(outcome.verdict, CallVerdict::kHang);
  ASSERT_EQ(outcome.blocked.size(), 4U);
  EXPECT_THAT(outcome.blocked.at(3).waiting_for, ElementsAre(4, 5, 6, 7));
}

TEST(CallModelTest, AMaximumIsExpectedOfMax) {
  const Layout layout = make_layout("sglang:tp=8,cp=2,dp=2").value();
  const CallOutcome outcome = ask(layout, {.op = ModelCall::kMax}, model_values(8));
  EXPECT_EQ(outcome.verdict, CallVerdict::kRight);
  EXPECT_EQ(outcome.values[0], 4928);
  EXPECT_EQ(outcome.values[7], 5120);
}

TEST(CallModelTest, TheLargestWorldIsAnsweredToo) {
  const Layout layout = make_layout("sglang:tp=256,cp=4,dp=4,pp=4").value();
  const std::vector<std::int64_t> local = model_values(1024);
  EXPECT_EQ(ask(layout, {}, local).verdict, CallVerdict::kStageOnly);
  EXPECT_EQ(ask(layout, {.policy = CallPolicy::kCpTpPp}, local).verdict, CallVerdict::kRight);
  EXPECT_EQ(ask(layout, {.policy = CallPolicy::kTpCacheGroup}, local).verdict,
            CallVerdict::kDivergence);
  EXPECT_EQ(ask(layout, {.policy = CallPolicy::kWorld, .pattern = {2, 1}}, local).blocked.size(),
            1024U);
}

TEST(CallModelDeathTest, ACallOnAGroupOfOthersIsABug) {
  CallProgram program;
  program.groups = {{1}};
  program.local = {5, 9};
  program.steps = {{{ModelCall::kMin, 0}}, {}};
  EXPECT_DEATH(run_calls(program), "members");
}

}  // namespace
}  // namespace radixbench
