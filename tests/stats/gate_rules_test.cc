#include "stats/gate_rules.h"

#include "support/made_up_launches.h"

#include <gmock/gmock.h>

#include <string>

namespace radixbench {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

GateRule rule_from(const std::string& text) {
  Result<GateRule> rule = parse_gate_rule(text, GateAction::kFail);
  EXPECT_TRUE(rule) << text << ": " << rule.error().message;
  return rule ? *rule : GateRule{};
}

TEST(GateRulesTest, EveryPartOfARuleIsRead) {
  const GateRule rule = rule_from(
      "agreement_per_step*@p50|floor{tp=4|8,policy=time*}:7.5%,abs=2us,alpha=0.01,warn,optional");
  EXPECT_EQ(rule.metric, "agreement_per_step*");
  EXPECT_THAT(rule.stats, ElementsAre("p50", "floor"));
  EXPECT_THAT(rule.where,
              ElementsAre(Pair("tp", ElementsAre("4", "8")), Pair("policy", ElementsAre("time*"))));
  EXPECT_EQ(rule.tolerance, 0.075);
  EXPECT_FALSE(rule.is_exact);
  ASSERT_TRUE(rule.abs_floor);
  EXPECT_EQ(rule.abs_floor->value, 2000);
  EXPECT_EQ(rule.abs_floor->unit, "ns");
  EXPECT_EQ(rule.alpha, 0.01);
  EXPECT_EQ(rule.action, GateAction::kWarn);
  EXPECT_TRUE(rule.is_optional);
}

TEST(GateRulesTest, LimitsAreSharesAmountsOrExact) {
  EXPECT_EQ(rule_from("wait:+5%").direction, -1);
  EXPECT_EQ(rule_from("tokens:-5%").direction, 1);
  EXPECT_EQ(rule_from("tokens:-5%").tolerance, 0.05);
  EXPECT_EQ(rule_from("wait:0%").tolerance, 0.0);
  EXPECT_TRUE(rule_from("wire_ops:exact").is_exact);
  EXPECT_EQ(rule_from("wire_ops:exact").tolerance, 0.0);
  EXPECT_EQ(rule_from("wait:default").tolerance, std::nullopt);
  const std::pair<const char*, double> amounts[] = {{"3ns", 3},
                                                    {"3us", 3e3},
                                                    {"3µs", 3e3},
                                                    {"1.5ms", 1.5e6},
                                                    {"2s", 2e9},
                                                    {"7bytes", 7},
                                                    {"2KB", 2000},
                                                    {"2KiB", 2048},
                                                    {"1MiB", 1048576},
                                                    {"4count", 4}};
  for (const auto& [text, value] : amounts) {
    const GateRule rule = rule_from(std::string{"wait:"} + text);
    ASSERT_TRUE(rule.tolerance_absolute) << text;
    EXPECT_EQ(rule.tolerance_absolute->value, value) << text;
  }
}

TEST(GateRulesTest, ErrorsNameThePlace) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "at 1: the end where a metric is due"},
      {"wait", "at 5: the end where ':' is due"},
      {"wait:", "at 6: the end where a number"},
      {"wait:5", "at 7: the end where a unit is due"},
      {"wait:5%x", "at 8: 'x' where ',' is due"},
      {"wait:5parsecs", "at 7: 'parsecs' where a unit is due"},
      {"wait:+5us", "at 8: 'us' where '%' is due"},
      {"wait:nan%", "at 6: 'nan%' where a number"},
      {"wait:-1e400%", "at 7: '1e400%' where a number"},
      {"wait@p51:5%", "at 6: 'p51:5%' is none of p50, floor"},
      {"wait{colour=red}:5%", "at 6: 'colour=red}:5%' begins with none of scenario, layout"},
      {"wait{tp}:5%", "at 8: '}:5%' where '=' is due"},
      {"wait{tp=}:5%", "at 9: '}:5%' where a value is due"},
      {"wait{tp=4:5%", "at 13: the end where '}' is due"},
      {"wait:5%,loud", "at 9: 'loud' is none of abs=, alpha="},
      {"wait:5%,alpha=0.7", "at 15: '0.7' is not above 0 and below 0.5"},
      {"wait:5%,abs=2", "at 14: the end where a unit is due"},
      {"wait:exactly", "at 6: 'exactly' where a number"},
  };
  for (const auto& [text, message] : cases) {
    const Result<GateRule> rule = parse_gate_rule(text, GateAction::kFail);
    ASSERT_FALSE(rule) << text;
    EXPECT_EQ(rule.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(rule.error().message, HasSubstr(message)) << text;
    EXPECT_THAT(rule.error().message, HasSubstr("'" + std::string{text} + "'"));
  }
}

TEST(GateRulesTest, TextOfARuleReadsAsTheSameRule) {
  for (const char* text : {"wait:5%",
                           "wait:7%",
                           "wait@p50|p99{layout=sglang:*,tp=4|8}:+0.3%,abs=2000ns,alpha=0.01,warn",
                           "w?it*:2048bytes,track,optional",
                           "wire_ops*:exact",
                           "wire_ops*:0.01%,exact",
                           "wait:default",
                           "tokens:-33.3%"}) {
    const GateRule rule = rule_from(text);
    EXPECT_EQ(to_string(rule), text);
  }
}

TEST(GateRulesTest, GlobsReachOnlyTheirOwnKindAndFullNamesAnyKind) {
  const LaunchCell exact = exact_cell("wire_ops", 7);
  const LaunchCell noisy = noisy_cell("wait", "p50", 7);
  EXPECT_FALSE(is_matched(rule_from("*:5%"), exact));
  EXPECT_TRUE(is_matched(rule_from("*:5%"), noisy));
  EXPECT_TRUE(is_matched(rule_from("*:exact"), exact));
  EXPECT_FALSE(is_matched(rule_from("*:exact"), noisy));
  EXPECT_TRUE(is_matched(rule_from("wire_ops:5%"), exact));
  EXPECT_TRUE(is_matched(rule_from("wait:exact"), noisy));
  EXPECT_TRUE(is_matched(rule_from("w*t:2us"), noisy));
  EXPECT_FALSE(is_matched(rule_from("w*t:2bytes"), noisy));
  EXPECT_FALSE(is_matched(rule_from("w*t:5%,abs=2bytes"), noisy));
}

TEST(GateRulesTest, TailsAreOnlyReachedByName) {
  EXPECT_TRUE(is_matched(rule_from("wait:5%"), noisy_cell("wait", "floor", 7)));
  EXPECT_FALSE(is_matched(rule_from("wait:5%"), noisy_cell("wait", "p99", 7)));
  EXPECT_TRUE(is_matched(rule_from("wait@p99:5%"), noisy_cell("wait", "p99", 7)));
}

TEST(GateRulesTest, ConditionsHoldTogetherAndTheirAlternativesApart) {
  const LaunchCell cell = noisy_cell("wait", "p50", 7);  // tp 2, policy timeout
  EXPECT_TRUE(is_matched(rule_from("wait{tp=2}:5%"), cell));
  EXPECT_TRUE(is_matched(rule_from("wait{tp=4|2,policy=time*}:5%"), cell));
  EXPECT_FALSE(is_matched(rule_from("wait{tp=4|2,policy=best*}:5%"), cell));
  EXPECT_FALSE(is_matched(rule_from("wait{tp=4}:5%"), cell));
  EXPECT_TRUE(is_matched(rule_from("wait{layout=sglang:tp?2}:5%"), cell));
  EXPECT_FALSE(is_matched(rule_from("wait{layout=sglang}:5%"), cell));
}

TEST(GateRulesTest, TheLastRuleThatMatchesWins) {
  const std::vector<GateRule> rules{
      rule_from("*:5%"), rule_from("wait:7%"), rule_from("w*:9%"), rule_from("x*:1%")};
  EXPECT_EQ(rule_of(rules, noisy_cell("wait", "p50", 7)), &rules[2]);
  EXPECT_EQ(rule_of(rules, noisy_cell("drain", "p50", 7)), &rules[0]);
  EXPECT_EQ(rule_of(rules, exact_cell("drain", 7)), nullptr);
}

TEST(GateRulesTest, PresetsGateCountsExactlyAndFewTimes) {
  const std::vector<GateRule> rules = preset_rules(GatePreset::kStrict);
  EXPECT_TRUE(rule_of(rules, exact_cell("wire_ops", 7))->is_exact);
  EXPECT_EQ(rule_of(rules, noisy_cell("wait", "p50", 7))->action, GateAction::kTrack);
  const GateRule* agreement = rule_of(rules, noisy_cell("agreement_per_step_max", "floor", 7));
  EXPECT_EQ(agreement->action, GateAction::kFail);
  EXPECT_EQ(agreement->tolerance, 0.02);
  // Computed by the virtual clock, and so not to change at all.
  EXPECT_TRUE(rule_of(rules, exact_cell("confirm_delay", 7))->is_exact);
}

TEST(GateRulesTest, LooksLieEvenlyUpToWhatThereIs) {
  GateOptions options;
  options.pairs_max = 30;
  options.looks = 3;
  EXPECT_THAT(look_sizes(options, 10), ElementsAre(10));
  EXPECT_THAT(look_sizes(options, 20), ElementsAre(10, 20));
  EXPECT_THAT(look_sizes(options, 30), ElementsAre(10, 20, 30));
  EXPECT_THAT(look_sizes(options, 40), ElementsAre(10, 20, 40));
  EXPECT_THAT(look_sizes(options, 7), ElementsAre(7));
  options.looks = 1;
  EXPECT_THAT(look_sizes(options, 30), ElementsAre(30));
}

}  // namespace
}  // namespace radixbench
