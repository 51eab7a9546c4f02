#include "report/sweep_table.h"

#include "report/json_sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace radixbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

SummaryCell cell(std::string metric, double value, std::uint64_t n = 1) {
  SummaryCell made;
  made.metric = std::move(metric);
  made.stat = "p50";
  made.n = n;
  made.value = value;
  return made;
}

SweptCell swept(const std::string& layout, const std::string& skew, CellProgress progress) {
  SweptCell made;
  made.values = {{"layout", layout}, {"skew", skew}};
  made.progress = progress;
  return made;
}

// One cell of each end.
SweepState made_up() {
  SweptCell done = swept("tp2", "a,b", CellProgress::kDone);
  done.seconds = 1.5;
  done.run = "cells/00000";
  done.figures = {{"agreement_per_step_p50_ns", 12'300},
                  {"tokens_host", 1'234'567},
                  {"wire_ops_per_step", 3.5}};
  SweptCell failed = swept("tp4", "x|y", CellProgress::kFailed);
  failed.exit_code = 4;
  failed.reason = "exit code 4: ranks \"disagree\"";
  SweptCell skipped = swept("tp8", "z", CellProgress::kSkipped);
  skipped.reason = "--skip-if tp>4";
  SweepState sweep;
  sweep.tool = "radixbench 1";
  sweep.program_sha256 = "ab";
  sweep.options = {"t.jsonl"};
  sweep.cells = {done, failed, skipped};
  return sweep;
}

TEST(SweepTableTest, FiguresComeFromTheRunAndWhatItLacksIsLeftOut) {
  MasterData run;
  run.cells = {cell("agreement_per_step", 900),
               cell("confirm_delay", 0, 0),
               cell("wire_ops", 30),
               cell("prefetch_inserted", 10),
               cell("prefetch_used", 4),
               cell("unheard_of", 1)};
  run.counters = {{0, {"steps.idle", 2, "1"}},
                  {0, {"steps.decode", 3, "1"}},
                  {1, {"steps.decode", 5, "1"}},
                  {1, {"other", 99, "1"}}};
  EXPECT_THAT(figures_of_run(run),
              UnorderedElementsAre(Pair("agreement_per_step_p50_ns", 900),
                                   Pair("wire_ops_per_step", 3),
                                   Pair("prefetch_used", 4),
                                   Pair("prefetch_unused", 6)));
}

TEST(SweepTableTest, PeopleSeeUnitsAndReasons) {
  const std::string text = sweep_table(made_up());
  EXPECT_THAT(text, HasSubstr("0     tp2     a,b     12.3 us      3.50"));
  EXPECT_THAT(text, HasSubstr("1,234,567"));
  EXPECT_THAT(text, HasSubstr("cell 1 diverged: exit code 4: ranks \"disagree\""));
  EXPECT_THAT(text, HasSubstr("cell 2 skipped: --skip-if tp>4"));
}

TEST(SweepTableTest, CsvQuotesAndLeavesUnknownFiguresEmpty) {
  const std::string text = sweep_csv(made_up());
  EXPECT_THAT(text, HasSubstr("cell,layout,skew,result,agreement_per_step_p50_ns,"));
  EXPECT_THAT(text, HasSubstr("\n0,tp2,\"a,b\",done,12300,3.5,,,,,1234567,"));
  EXPECT_THAT(text, HasSubstr("\"exit code 4: ranks \"\"disagree\"\"\"\n"));
}

TEST(SweepTableTest, MarkdownEscapesWhatWouldEndACell) {
  const std::string text = sweep_markdown(made_up());
  EXPECT_THAT(text, HasSubstr("| 1 | tp4 | x\\|y | diverged |"));
  EXPECT_THAT(text, HasSubstr("|---|---|"));
}

TEST(JsonSweepTest, WhatIsWrittenIsReadAgain) {
  const SweepState sweep = made_up();
  const std::string text = sweep_json(sweep);
  const Result<SweepState> read = parse_sweep(text, "sweep.json");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(sweep_json(*read), text);
  EXPECT_EQ(read->cells[1].exit_code, 4);
  EXPECT_THAT(read->options, ElementsAre("t.jsonl"));
}

TEST(JsonSweepTest, OtherThingsAreRefusedByName) {
  const auto error_of = [](std::string text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    if (at != std::string::npos) text.replace(at, from.size(), to);
    const Result<SweepState> read = parse_sweep(text, "sweep.json");
    EXPECT_FALSE(read) << to;
    return read ? std::string{} : read.error().message;
  };
  const std::string text = sweep_json(made_up());
  EXPECT_THAT(error_of(text, "radixbench.sweep", "radixbench.gate"), HasSubstr("schema"));
  EXPECT_THAT(error_of(text, "1.0.0", "2.0.0"), HasSubstr("schema_version"));
  EXPECT_THAT(error_of(text, "\"done\"", "\"gone\""), HasSubstr("cells[0].progress"));
  EXPECT_THAT(error_of(text, "\"exit_code\": 4", "\"exit_code\": \"4\""),
              HasSubstr("cells[1].exit_code"));
  EXPECT_THAT(error_of(text, "\"tool\"", "\"tools\""), HasSubstr("tools"));
  EXPECT_THAT(error_of(text, "12300.0", "null"), HasSubstr("cells[0].figures"));
  EXPECT_THAT(error_of(text, "]", ""), HasSubstr("byte"));
}

}  // namespace
}  // namespace radixbench
