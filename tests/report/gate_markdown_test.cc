#include "report/gate_markdown.h"

#include "report/made_up_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace radixbench {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::size_t occurrences(const std::string& text, const std::string& word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    ++count;
  }
  return count;
}

std::vector<std::string> rows_of(const std::string& text) {
  std::vector<std::string> rows;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("| sharegpt")) rows.push_back(line);
  }
  return rows;
}

TEST(GateMarkdownTest, FirstLineIsTheMarkerThatABotLooksFor) {
  const std::string text = gate_markdown(report_of_all_verdicts(), {.id = "linux/gcc"});
  EXPECT_THAT(text, StartsWith("<!-- radixbench:gate:linux/gcc -->\n"));
}

TEST(GateMarkdownTest, IdCannotEndTheCommentThatHidesIt) {
  const std::string text = gate_markdown(report_of_all_verdicts(), {.id = "a-->\n@b <c>"});
  EXPECT_THAT(text, StartsWith("<!-- radixbench:gate:a-bc -->\n"));
}

TEST(GateMarkdownTest, WorstTwentyAreOpenAndTheRestIsFolded) {
  const std::string text = gate_markdown(report_of_many_cells(30), {});
  const std::size_t fold = text.find("<details>");
  ASSERT_NE(fold, std::string::npos);
  EXPECT_EQ(rows_of(text.substr(0, fold)).size(), 20U);
  EXPECT_EQ(rows_of(text.substr(fold)).size(), 10U);
  EXPECT_THAT(text, HasSubstr("<summary>10 more cells</summary>"));
  EXPECT_THAT(text, Not(HasSubstr("did not fit")));
}

TEST(GateMarkdownTest, WhatAllNamesBeginWithStandsAboveTheTable) {
  const std::string text = gate_markdown(report_of_all_verdicts(), {});
  EXPECT_THAT(text, HasSubstr("\nsharegpt-1k/sglang:tp=8,cp=2/attn\\_groups/shm/timeout\n"));
  EXPECT_THAT(text, HasSubstr("\n| wire\\_ops&#64;total | 4,096 | 4,608 | +512 | exact |"));
}

TEST(GateMarkdownTest, FiveThousandCellsStayUnderTheCapAndSayWhatIsLeftOut) {
  const std::string comment = gate_markdown(report_of_many_cells(5000), {});
  EXPECT_LE(comment.size(), kCommentBytesMax);
  EXPECT_GE(comment.size(), kCommentBytesMax * 9 / 10);
  std::smatch left;
  ASSERT_TRUE(std::regex_search(comment, left, std::regex{"([0-9]+) more cells did not fit"}));
  EXPECT_EQ(rows_of(comment).size() + std::stoul(left[1]), 5000U);
  EXPECT_EQ(occurrences(comment, "<details>"), occurrences(comment, "</details>"));
  const std::string summary =
      gate_markdown(report_of_many_cells(9000), {.bytes_max = kStepSummaryBytesMax});
  EXPECT_LE(summary.size(), kStepSummaryBytesMax);
  EXPECT_GT(summary.size(), kCommentBytesMax);
}

TEST(GateMarkdownTest, TextFromOutsideStaysInItsCellAndMentionsNobody) {
  GateReport report = report_of_all_verdicts();
  report.cells[0].key.scenario = "sharegpt|`x`<img src=1>@octocat\n| row |";
  report.cells[0].reason = "see @octocat/team <!-- `";
  report.label_a = "@octocat";
  report.warnings = {"[a](javascript:b) @octocat"};
  const std::string text = gate_markdown(report, {});
  EXPECT_THAT(text, Not(HasSubstr("<img")));
  EXPECT_THAT(text, Not(HasSubstr("@")));
  EXPECT_THAT(text, Not(HasSubstr("`")));
  EXPECT_THAT(text, Not(HasSubstr("[a](")));
  // An entity alone would be decoded before GitHub looks for names.
  EXPECT_FALSE(std::regex_search(text, std::regex{"(^|[^A-Za-z0-9_])&#64;[A-Za-z]"}));
  for (const std::string& row : rows_of(text)) EXPECT_EQ(occurrences(row, "|"), 9U) << row;
}

TEST(GateMarkdownTest, EndlessWarningsAndReasonsDoNotBreakTheCap) {
  GateReport report = report_of_many_cells(100);
  for (GateCell& cell : report.cells) cell.reason = std::string(100'000, '@');
  report.label_b = std::string(100'000, '|');
  report.warnings.assign(1000, std::string(100'000, '<'));
  const std::string text = gate_markdown(report, {.bytes_max = 16'000});
  EXPECT_LE(text.size(), 16'000U);
  EXPECT_THAT(text, HasSubstr("FAILED"));
}

TEST(GateMarkdownTest, NothingComparedIsSaidInWords) {
  const std::string text = gate_markdown(made_up_report({}), {});
  EXPECT_THAT(text, HasSubstr("NOTHING COMPARABLE"));
  EXPECT_THAT(text, Not(HasSubstr("| cell")));
}

TEST(GateAnnotationsTest, FailingCellsOnlyAndTenAtMost) {
  const std::string few = gate_annotations(report_of_all_verdicts());
  EXPECT_EQ(occurrences(few, "::error title="), 5U);
  EXPECT_THAT(few, HasSubstr("::error title=REGRESSED wire_ops::"));
  EXPECT_THAT(few, HasSubstr("+512 (4,096 to 4,608)"));
  const std::string many = gate_annotations(report_of_many_cells(1000));  // 20 fail
  EXPECT_EQ(occurrences(many, "::error title="), 10U);
  EXPECT_THAT(many, HasSubstr("11 more cells fail"));
}

TEST(GateAnnotationsTest, EachIsOneLineWhateverItsReasonSays) {
  GateReport report = report_of_all_verdicts();
  report.cells.resize(1);
  report.cells[0].reason = "100%\n::error title=forged::x\r";
  report.cells[0].key.metric = "a,b:c";
  const std::string text = gate_annotations(report);
  EXPECT_EQ(std::ranges::count(text, '\n'), 1);
  EXPECT_THAT(text, HasSubstr("title=ERROR a%2Cb%3Ac::"));
  EXPECT_THAT(text, HasSubstr("100%25%0A::error title=forged::x%0D"));
}

TEST(GateAnnotationsTest, NothingWhereNothingFails) {
  GateReport report = report_of_all_verdicts();
  for (GateCell& cell : report.cells) cell.action = GateAction::kWarn;
  EXPECT_EQ(gate_annotations(report), "");
}

}  // namespace
}  // namespace radixbench
