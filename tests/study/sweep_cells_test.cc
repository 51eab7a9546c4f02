#include "study/sweep_cells.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace radixbench {
namespace {

using testing::HasSubstr;

SweepDefinition sweep_of(const std::vector<std::string>& axes,
                         const std::vector<std::string>& rules = {}) {
  SweepDefinition sweep;
  for (const std::string& text : axes) sweep.axes.push_back(parse_axis(text).value());
  for (const std::string& text : rules) sweep.skip_rules.push_back(SkipRule::parse(text).value());
  sweep.options = {{"layout", "tp2"}, {"agreement", "attn_groups"}, {"page-size", "64"}};
  sweep.cores = 4;
  return sweep;
}

std::string layouts_of(const SweepDefinition& sweep) {
  std::string text;
  const std::vector<SweepCell> cells = expand_cells(sweep).value();
  for (const SweepCell& cell : cells) {
    for (const auto& [name, value] : cell.options) {
      if (name == "layout") text += (text.empty() ? "" : " ") + value;
    }
    if (!cell.skip_reason.empty()) text += "!";
  }
  return text;
}

TEST(SweepCellsTest, AllCombinationsTheLastAxisFastest) {
  const std::vector<SweepCell> cells =
      expand_cells(sweep_of({"layout=tp1,tp2", "agreement=hardcoded_tp,attn_groups"})).value();
  ASSERT_EQ(cells.size(), 4U);
  EXPECT_EQ(cells[1].number, 1U);
  EXPECT_EQ(cells[1].values[0].second, "tp1");
  EXPECT_EQ(cells[1].values[1].second, "attn_groups");
  EXPECT_EQ(cells[2].values[0].second, "tp2");
  EXPECT_EQ(cells[2].ranks, 2U);
}

TEST(SweepCellsTest, SizesComposeALayout) {
  EXPECT_EQ(layouts_of(sweep_of({"tp=[1,2]", "cp=[1:2]"})), "tp1cp1 tp1cp2 tp2cp1 tp2cp2");
}

TEST(SweepCellsTest, InvalidLayoutsAreSkippedWithTheRuleTheyBreak) {
  const std::vector<SweepCell> cells =
      expand_cells(sweep_of({"layout=[tp2;sglang:tp=8,cp=3]"})).value();
  EXPECT_EQ(cells[0].skip_reason, "");
  EXPECT_THAT(cells[1].skip_reason, HasSubstr("no valid layout: "));
  EXPECT_EQ(cells[1].ranks, 0U);
}

TEST(SweepCellsTest, RulesSeeAxesOptionsAndSizes) {
  EXPECT_EQ(layouts_of(sweep_of({"tp=1,2,4", "cp=1,2"}, {"tp*cp>4"})),
            "tp1cp1 tp1cp2 tp2cp1 tp2cp2 tp4cp1 tp4cp2!");
  EXPECT_EQ(layouts_of(sweep_of({"tp=1,2,4", "cp=1,2"}, {"tp*cp>world"})),
            "tp1cp1 tp1cp2 tp2cp1 tp2cp2 tp4cp1 tp4cp2!");
  EXPECT_EQ(layouts_of(sweep_of({"layout=tp1,tp4cp2"}, {"cp==2 && page_size==64"})), "tp1 tp4cp2!");
  EXPECT_EQ(layouts_of(sweep_of({"layout=tp1,tp4cp2"}, {"agreement!=attn_groups", "ranks>cores"})),
            "tp1 tp4cp2!");
}

TEST(SweepCellsTest, TooManyRanksAreSkippedOnlyWhereABoundIsGiven) {
  SweepDefinition sweep = sweep_of({"layout=tp2,tp8"});
  EXPECT_EQ(layouts_of(sweep), "tp2 tp8");
  sweep.ranks_max = 4;
  EXPECT_THAT(expand_cells(sweep).value()[1].skip_reason,
              HasSubstr("too many ranks: sglang:tp=8 has 8, --world is 4"));
}

TEST(SweepCellsTest, WithoutAxesThereIsOneCell) {
  EXPECT_EQ(expand_cells(sweep_of({})).value().size(), 1U);
}

TEST(SweepCellsTest, AxesThatContradictAreRefused) {
  const auto error_of = [](const SweepDefinition& sweep) {
    const Result<std::vector<SweepCell>> cells = expand_cells(sweep);
    EXPECT_FALSE(cells);
    return cells ? std::string{} : cells.error().message;
  };
  EXPECT_THAT(error_of(sweep_of({"tp=1", "tp=2"})), HasSubstr("--axis tp is given twice"));
  EXPECT_THAT(error_of(sweep_of({"tp=1", "layout=tp2"})), HasSubstr("both set the layout"));
  EXPECT_THAT(error_of(sweep_of({"layout=sglang:tp=8,cp=2"})),
              HasSubstr("separated by semicolons"));
  EXPECT_THAT(error_of(sweep_of({"layout=nonsense"})), HasSubstr("nonsense"));
  EXPECT_THAT(error_of(sweep_of({"tp=1"}, {"nobody>1"})), HasSubstr("nothing is called nobody"));
  EXPECT_THAT(error_of(sweep_of({"seed=[1:1000]", "limit=[1:1000]"})),
              HasSubstr("more than 100000"));
}

}  // namespace
}  // namespace radixbench
