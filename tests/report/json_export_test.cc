#include "report/json_export.h"

#include "report/launches_csv.h"
#include "support/made_up_launches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>

namespace radixbench {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

LaunchSet three_launches() {
  LaunchSet set;
  for (int i = 0; i < 3; ++i) {
    Launch launch = made_up_launch(i == 2 ? LaunchSide::kB : LaunchSide::kA, i);
    launch.run_id = "20261125T220000Z-4f2a91c0";
    launch.cells = {noisy_cell("agreement_per_step", "p50", 1000 + i), exact_cell("wire_ops", 40)};
    set.launches.push_back(launch);
  }
  return set;
}

TEST(JsonExportTest, ALaunchIsARepetitionOfTheBenchmarksOfItsTimes) {
  const json document = json::parse(gbench_json(three_launches(), "0.1.0"));
  EXPECT_EQ(document["context"]["date"], "2026-11-25T22:00:00+00:00");
  EXPECT_EQ(document["context"]["num_cpus"], 4);
  const json& rows = document["benchmarks"];
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[2]["name"],
            "sample_400.jsonl/sglang:tp=2/attn_groups/shm/timeout::agreement_per_step@p50");
  EXPECT_EQ(rows[2]["real_time"], 1002);
  EXPECT_EQ(rows[2]["repetition_index"], 2);
  EXPECT_EQ(rows[2]["wire_ops@total"], 40);
}

TEST(JsonExportTest, MediansComeWithTheSmallestAndTheLargest) {
  const json measures = json::parse(
      bmf_json(three_launches()))["sample_400.jsonl/sglang:tp=2/attn_groups/shm/timeout"];
  EXPECT_EQ(measures["agreement_per_step@p50"],
            json({{"value", 1001}, {"lower_value", 1000}, {"upper_value", 1002}}));
  const json entries = json::parse(gab_json(three_launches()));
  EXPECT_EQ(entries[0]["value"], 1001);
  EXPECT_EQ(entries[0]["range"], "± 1");
}

TEST(JsonExportTest, WhatIsBetterLargerIsNotSaidToBeBetterSmaller) {
  LaunchSet set = three_launches();
  for (Launch& launch : set.launches) launch.cells[1].direction = 1;
  EXPECT_THAT(gab_json(set), Not(HasSubstr("wire_ops")));
}

TEST(JsonExportTest, FailedLaunchesHaveNoValuesAnywhere) {
  LaunchSet set = three_launches();
  set.launches[1].failure = "rank 1 hung, \"badly\"";
  EXPECT_EQ(json::parse(gbench_json(set, ""))["benchmarks"].size(), 2U);
  const std::string csv = launches_csv(set);
  EXPECT_THAT(csv, HasSubstr("A,1,2,4,\"rank 1 hung, \"\"badly\"\"\","));
  EXPECT_EQ(json::parse(bmf_json(set)).begin().value()["agreement_per_step@p50"]["value"], 1001);
}

TEST(JsonExportTest, NoFormHasWhatJsonHasNot) {
  LaunchSet set = three_launches();
  set.launches[0].cells[0].value = std::nan("");
  set.launches[1].cells[0].value = INFINITY;
  for (const std::string& text : {gbench_json(set, ""), launches_jsonl(set)}) {
    EXPECT_THAT(text, Not(HasSubstr("nan")));
    EXPECT_THAT(text, Not(HasSubstr("inf")));
    EXPECT_THAT(text, HasSubstr("null"));
  }
}

TEST(LaunchesCsvTest, RowsHaveAsManyColumnsAsTheHeading) {
  LaunchSet set = three_launches();
  set.launches[2].failure = "gone";
  const std::string csv = launches_csv(set);
  const auto columns = [](const std::string& line) { return std::ranges::count(line, ','); };
  std::istringstream lines{csv};
  std::string heading;
  std::getline(lines, heading);
  std::size_t rows = 0;
  for (std::string line; std::getline(lines, line); ++rows) {
    EXPECT_EQ(columns(line), columns(heading)) << line;
  }
  EXPECT_EQ(rows, 5U);
}

}  // namespace
}  // namespace radixbench
