#include "report/gate_text.h"

#include "report/made_up_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace radixbench {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

std::string line_with(const std::string& text, const std::string& word) {
  const std::size_t at = text.find(word);
  if (at == std::string::npos) return "";
  const std::size_t begin = text.rfind('\n', at) + 1;
  return text.substr(begin, text.find('\n', at) - begin);
}

TEST(GateTextTest, RegressionShowsBothSidesChangeIntervalAndTolerance) {
  const std::string text = gate_text(report_of_all_verdicts(), {});
  const std::string line = line_with(text, "agreement_per_step@p50");
  EXPECT_THAT(line, HasSubstr("212 us"));
  EXPECT_THAT(line, HasSubstr("243 us"));
  EXPECT_THAT(line, HasSubstr("+14.6%  [+11.1 +18.1]   0.003  REGRESSED  > 5%"));
}

TEST(GateTextTest, ExactChangeIsADifferenceWithoutStatistics) {
  const std::string line = line_with(gate_text(report_of_all_verdicts(), {}), "wire_ops@total");
  EXPECT_THAT(line, ContainsRegex("4,096 +4,608 +\\+512 +exact +- +REGRESSED$"));
}

TEST(GateTextTest, OpenCellSaysWhatWouldHaveBeenSeenAndHowManyPairsItTakes) {
  const std::string line = line_with(gate_text(report_of_all_verdicts(), {}), "wait@p50");
  EXPECT_THAT(line, HasSubstr("INCONCLUSIVE  MDE 7.4%, ~16 pairs"));
}

TEST(GateTextTest, IntervalWithoutEndsIsNoNumber) {
  const std::string text = gate_text(report_of_all_verdicts(), {});
  EXPECT_THAT(line_with(text, "confirm_delay@p50"), HasSubstr("[unbounded]"));
  EXPECT_THAT(text, Not(ContainsRegex("[^a-z]inf[^a-z]|nan")));
}

TEST(GateTextTest, MoreIsBetterTurnsTheIntervalRound) {
  GateCell cell = made_up_time(GateVerdict::kRegressed, 0.25, 0.05);
  cell.unit = "1";
  cell.direction = 1;
  cell.a.assign(10, 1000);
  cell.b.assign(10, 800);
  const std::string text = gate_text(made_up_report({cell}), {});
  EXPECT_THAT(text, HasSubstr("-20.0%  [-23.1 -16.7]"));
}

TEST(GateTextTest, PassIsCountedUnlessEverythingIsAskedFor) {
  const GateReport report = report_of_all_verdicts();
  const std::string folded = gate_text(report, {});
  EXPECT_EQ(line_with(folded, "skew@p50  "), line_with(folded, "skew@p50"));
  EXPECT_THAT(folded, HasSubstr("1 PASS not shown; -v shows all"));
  const std::string whole = gate_text(report, {.is_verbose = true});
  EXPECT_THAT(line_with(whole, " PASS"), HasSubstr("skew@p50"));
  EXPECT_THAT(whole, Not(HasSubstr("not shown")));
}

TEST(GateTextTest, FooterHasMeansCountsSensitivityAndTheNextCommand) {
  const std::string text = gate_text(report_of_all_verdicts(), {});
  EXPECT_THAT(text,
              HasSubstr("geometric mean of B over A\n  agreement_per_step@p50  +14.6%  of 1\n"));
  EXPECT_THAT(text,
              HasSubstr("FAILED: 1 ERROR, 1 MISSING, 1 NONDETERMINISTIC, 2 REGRESSED, 2 "
                        "INCONCLUSIVE, 1 INCOMPARABLE, 1 NEW, 1 IMPROVED, 1 PASS\n"));
  EXPECT_THAT(text, HasSubstr("(MDE80): 7.4%"));
  EXPECT_THAT(text, HasSubstr("\nnext: "));
}

TEST(GateTextTest, GeometricMeanIsOverCellsOfOneMetric) {
  GateCell up = made_up_time(GateVerdict::kPass, 1);
  GateCell down = made_up_time(GateVerdict::kPass, -0.25);
  down.key.layout = "sglang:tp=2";
  const std::string text = gate_text(made_up_report({up, down}), {});
  EXPECT_THAT(text, HasSubstr("agreement_per_step@p50  +22.5%  of 2"));
}

TEST(GateTextTest, MetricsThatDidNotMoveAreOnlyCounted) {
  const std::string text = gate_text(made_up_report({made_up_count(GateVerdict::kPass, 4, 4)}), {});
  EXPECT_THAT(text, HasSubstr("1 metrics did not move"));
  EXPECT_THAT(text, Not(HasSubstr("wire_ops@total")));
}

TEST(GateTextTest, ATestbedThatWasNotQuietIsNamedOnce) {
  GateCell cell = made_up_time(GateVerdict::kInconclusive, 0.2);
  cell.reason = "noisy_testbed: wait@p50: A' against A is known to 210 %";
  GateReport report = made_up_report({cell, cell});
  report.self_check = SelfCheck{false, "wait@p50: A' against A is known to 210 %", {}};
  const std::string text = gate_text(report, {});
  EXPECT_THAT(text, HasSubstr("noisy_testbed\n"));
  EXPECT_EQ(text.find("known to 210 %"), text.rfind("known to 210 %"));
  EXPECT_THAT(text, HasSubstr("next: times need a quieter machine"));
}

TEST(GateTextTest, InconclusiveGateNamesTheCommandThatSettlesIt) {
  GateReport report = made_up_report({made_up_time(GateVerdict::kInconclusive, 0.02)});
  EXPECT_THAT(gate_text(report, {}), HasSubstr("next: for a conclusion: radixbench ab --pairs 16"));
}

TEST(GateTextTest, ColourAddsEscapesAndChangesNoWord) {
  const GateReport report = report_of_all_verdicts();
  const std::string plain = gate_text(report, {});
  std::string coloured = gate_text(report, {.is_coloured = true});
  EXPECT_EQ(plain.find('\x1b'), std::string::npos);
  EXPECT_NE(coloured.find('\x1b'), std::string::npos);
  for (std::size_t at = coloured.find('\x1b'); at != std::string::npos;
       at = coloured.find('\x1b')) {
    coloured.erase(at, coloured.find('m', at) + 1 - at);
  }
  EXPECT_EQ(coloured, plain);
}

TEST(GateTextTest, WhatOnlyWarnsSaysSo) {
  GateCell cell = made_up_time(GateVerdict::kRegressed, 0.2);
  cell.action = GateAction::kWarn;
  const std::string text = gate_text(made_up_report({cell}), {});
  EXPECT_THAT(text, HasSubstr("REGRESSED (warn)"));
  EXPECT_THAT(text, HasSubstr("PASSED: 1 REGRESSED"));
}

}  // namespace
}  // namespace radixbench
