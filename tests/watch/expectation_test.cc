#include "watch/expectation.h"

#include <gmock/gmock.h>

namespace radixbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Verdict skipped() {
  Verdict verdict;
  verdict.verdict = VerdictClass::kSkippedCall;
  verdict.culprit_ranks = {2, 1};
  verdict.sites = {"writing_check"};
  verdict.first_divergence = "guard rid:7";
  verdict.lead_steps = 50;
  return verdict;
}

Expectation expect(VerdictClass verdict, decltype(Expectation::fields) fields = {}) {
  return {.is_warning = false, .verdict = verdict, .fields = std::move(fields)};
}

TEST(ExpectationTest, OnlyFieldsThatAreNamedAreCompared) {
  const Diagnosis found{{skipped()}, {}, {}, {}};
  EXPECT_THAT(compare(std::vector{expect(VerdictClass::kSkippedCall)}, found), IsEmpty());
  EXPECT_THAT(compare(std::vector{expect(VerdictClass::kSkippedCall,
                                         {{"culprits", "1,2"},
                                          {"site", "writing_check"},
                                          {"lead_steps", "50"},
                                          {"key", ""},
                                          {"first_divergence", "~rid:7"}})},
                      found),
              IsEmpty());
}

TEST(ExpectationTest, EachDifferenceIsASentence) {
  const Diagnosis found{{skipped()}, {}, {}, {}};
  const auto expected = std::vector{
      expect(VerdictClass::kExtraCall, {{"culprits", "1"}, {"first_divergence", "~rid:8"}})};
  EXPECT_THAT(compare(expected, found),
              ElementsAre(HasSubstr("class is 'skipped_call', not 'extra_call'"),
                          HasSubstr("culprits is '1,2', not '1'"),
                          HasSubstr("first_divergence")));
}

TEST(ExpectationTest, NothingMayBeMissingOrLeftOver) {
  const Diagnosis none{{Verdict{}}, {}, {}, {}};
  EXPECT_THAT(compare({}, none), IsEmpty());
  EXPECT_THAT(compare({}, Diagnosis{{skipped()}, {}, {}, {}}), testing::SizeIs(1));
  EXPECT_THAT(compare({}, Diagnosis{{Verdict{}}, {skipped()}, {}, {}}), testing::SizeIs(1))
      << "a warning where nothing is wrong";
  const auto two = std::vector{expect(VerdictClass::kSkippedCall), expect(VerdictClass::kRankDied)};
  EXPECT_THAT(compare(two, Diagnosis{{skipped()}, {}, {}, {}}),
              ElementsAre(HasSubstr("rank_died is missing")));
}

}  // namespace
}  // namespace radixbench
