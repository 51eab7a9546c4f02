#include "study/axis.h"

#include "base/random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace radixbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> values_of(const std::string& text) {
  const Result<Axis> axis = parse_axis(text);
  EXPECT_TRUE(axis) << (axis ? "" : axis.error().message);
  return axis ? axis->values : std::vector<std::string>{};
}

std::string error_of(const std::string& text) {
  const Result<Axis> axis = parse_axis(text);
  EXPECT_FALSE(axis) << text;
  if (axis) return {};
  EXPECT_EQ(axis.error().code, ErrorCode::kInvalidArgument);
  return axis.error().message;
}

TEST(AxisTest, BracketsAreOptional) {
  EXPECT_THAT(values_of("layout=tp8,tp4cp2"), ElementsAre("tp8", "tp4cp2"));
  EXPECT_THAT(values_of("layout=[tp8,tp4cp2]"), ElementsAre("tp8", "tp4cp2"));
  EXPECT_THAT(values_of("layout=[ tp8 , tp4cp2 ]"), ElementsAre("tp8", "tp4cp2"));
  EXPECT_THAT(values_of("seed=7"), ElementsAre("7"));
}

TEST(AxisTest, SemicolonsSeparateValuesThatContainCommas) {
  EXPECT_THAT(values_of("layout=[tp8;sglang:tp=8,cp=2,dp=2]"),
              ElementsAre("tp8", "sglang:tp=8,cp=2,dp=2"));
  EXPECT_THAT(values_of("layout=sglang:tp=8,cp=2;tp8"), ElementsAre("sglang:tp=8,cp=2", "tp8"));
  EXPECT_THAT(values_of("skew=[storage:cp=1,+40ms;]"), ElementsAre("storage:cp=1,+40ms"));
}

TEST(AxisTest, RangesIncludeTheirStop) {
  EXPECT_THAT(values_of("cp=[1:4:1]"), ElementsAre("1", "2", "3", "4"));
  EXPECT_THAT(values_of("cp=[1:4]"), ElementsAre("1", "2", "3", "4"));
  EXPECT_THAT(values_of("cp=[1:6:2]"), ElementsAre("1", "3", "5"));
  EXPECT_THAT(values_of("abort=[0:0.3:0.1]"), ElementsAre("0", "0.1", "0.2", "0.3"));
  EXPECT_THAT(values_of("abort=[0.5:0.5]"), ElementsAre("0.5"));
}

TEST(AxisTest, ColonsOfOtherValuesAreNoRange) {
  EXPECT_THAT(values_of("storage=[dir:/tmp/pages]"), ElementsAre("dir:/tmp/pages"));
  EXPECT_THAT(values_of("layout=[sglang:tp=8]"), ElementsAre("sglang:tp=8"));
  EXPECT_THAT(values_of("x=1:2"), ElementsAre("1:2"));
}

TEST(AxisTest, PowersOfTwoTakeRangesAndLists) {
  EXPECT_THAT(values_of("page-size[pow2]=[3:5]"), ElementsAre("8", "16", "32"));
  EXPECT_THAT(values_of("page-size[pow2]=[0:8:4]"), ElementsAre("1", "16", "256"));
  EXPECT_THAT(values_of("page-size[pow2]=0,62"), ElementsAre("1", "4611686018427387904"));
  EXPECT_THAT(error_of("page-size[pow2]=63"), HasSubstr("'63' is no exponent"));
  EXPECT_THAT(error_of("page-size[pow2]=[0:1:0.5]"), HasSubstr("'0.5' is no exponent"));
}

TEST(AxisTest, UnderscoresOfNamesAreHyphens) {
  EXPECT_EQ(parse_axis("page_size=1,2")->name, "page-size");
}

TEST(AxisTest, ErrorsNameTheAxisAndTheFault) {
  EXPECT_THAT(error_of("layout"), HasSubstr("--axis 'layout': it is not name=values"));
  EXPECT_THAT(error_of("=1"), HasSubstr("its name"));
  EXPECT_THAT(error_of("a b=1"), HasSubstr("its name"));
  EXPECT_THAT(error_of("x="), HasSubstr("a value is empty"));
  EXPECT_THAT(error_of("x=[]"), HasSubstr("a value is empty"));
  EXPECT_THAT(error_of("x=1,,2"), HasSubstr("a value is empty"));
  EXPECT_THAT(error_of("x=;"), HasSubstr("a value is empty"));
  EXPECT_THAT(error_of("x=1,2,1"), HasSubstr("'1' is given twice"));
  EXPECT_THAT(error_of("x=[1,2"), HasSubstr("a bracket has no partner"));
  EXPECT_THAT(error_of("x=1,2]"), HasSubstr("a bracket has no partner"));
  EXPECT_THAT(error_of("x=["), HasSubstr("a bracket has no partner"));
  EXPECT_THAT(error_of("x=[4:1]"), HasSubstr("it ends before it starts"));
  EXPECT_THAT(error_of("x=[1:4:0]"), HasSubstr("its step is not above 0"));
  EXPECT_THAT(error_of("x=[1:4:-1]"), HasSubstr("its step is not above 0"));
  EXPECT_THAT(error_of("x=[0:1e300]"), HasSubstr("more than 10000 values"));
}

TEST(AxisTest, AnyTextIsReadOrRefused) {
  constexpr std::uint64_t kSeed = 20261123;
  SCOPED_TRACE(kSeed);
  const std::string letters = "ab=[];,:.0129e-+pow2 _";
  Random random{kSeed, "axis"};
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (std::uint64_t left = random.below(24); left > 0; --left) {
      text += letters[random.below(letters.size())];
    }
    const Result<Axis> axis = parse_axis(text);
    if (!axis) continue;
    EXPECT_FALSE(axis->values.empty()) << text;
    EXPECT_EQ(std::count(axis->values.begin(), axis->values.end(), ""), 0) << text;
  }
}

}  // namespace
}  // namespace radixbench
