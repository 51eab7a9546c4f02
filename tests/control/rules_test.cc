#include "control/rules.h"

#include <gmock/gmock.h>

namespace radixbench {
namespace {

std::vector<bool> repairs_of(const Rules& rules) {
  return {rules.syncs_results_always,
          rules.agrees_load_acks,
          rules.always_enters_checks,
          rules.contributes_neutral,
          rules.examines_agreed_set};
}

TEST(RulesTest, FixedHasEveryRepairAndJHasNone) {
  EXPECT_THAT(repairs_of(make_rules("fixed").value()), testing::Each(true));
  EXPECT_THAT(repairs_of(make_rules("j").value()), testing::Each(false));
  EXPECT_THAT(repairs_of(Rules{}), testing::Each(true));
}

TEST(RulesTest, OtherNamesAreRefusedWithTheKnownOnes) {
  const Result<Rules> rules = make_rules("k");
  ASSERT_FALSE(rules);
  EXPECT_EQ(rules.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(rules.error().message, testing::HasSubstr("j, fixed"));
}

TEST(RulesTest, EachRepairIsSwitchedOffAlone) {
  EXPECT_THAT(repair_names(),
              testing::ElementsAre("result_sync", "load_acks", "entry", "neutral", "examined_set"));
  for (std::size_t repair = 0; repair < repair_names().size(); ++repair) {
    Rules rules;
    ASSERT_TRUE(switch_off(rules, repair_names()[repair]));
    std::vector<bool> expected(repair_names().size(), true);
    expected[repair] = false;
    EXPECT_EQ(repairs_of(rules), expected) << repair_names()[repair];
    EXPECT_EQ(describe(rules), "fixed without " + repair_names()[repair]);
  }
}

TEST(RulesTest, ARepairThatDoesNotExistChangesNothingAndIsNamed) {
  Rules rules;
  const Result<void> done = switch_off(rules, "loadacks");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(done.error().message, testing::HasSubstr("'loadacks'"));
  EXPECT_THAT(repairs_of(rules), testing::Each(true));
}

TEST(RulesTest, DescribesWhatIsOffInTheOrderOfTheRepairs) {
  EXPECT_EQ(describe(make_rules("j").value()), "j");
  Rules rules;
  EXPECT_EQ(describe(rules), "fixed");
  ASSERT_TRUE(switch_off(rules, "neutral"));
  ASSERT_TRUE(switch_off(rules, "load_acks"));
  EXPECT_EQ(describe(rules), "fixed without load_acks, neutral");
}

TEST(RulesTest, PoliciesReadAsTheyAreWritten) {
  for (const PrefetchPolicy policy :
       {PrefetchPolicy::kBestEffort, PrefetchPolicy::kWaitComplete, PrefetchPolicy::kTimeout}) {
    EXPECT_EQ(parse_prefetch_policy(to_string(policy)).value(), policy);
  }
  EXPECT_FALSE(parse_prefetch_policy("never"));
}

}  // namespace
}  // namespace radixbench
