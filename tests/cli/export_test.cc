// Values in other tools' forms, read by those tools where they are here.

#include "cli/tool.h"

#include "support/temp_directory.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace radixbench {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;

// Two runs of one sort, made once.
class ExportTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempDirectory;
    for (const char* name : {"one", "two"}) {
      const ToolRun run = run_tool({"replay",
                                    RADIXBENCH_SOURCE_DIR "/traces/sample_400.jsonl",
                                    "--layout",
                                    "tp2",
                                    "--transport",
                                    "threads",
                                    "--limit",
                                    "10",
                                    "-o",
                                    path(name)});
      ASSERT_EQ(run.exit_code, 0) << run.err;
    }
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static std::string path(const std::string& name) { return (folder_->path() / name).string(); }
  static std::string exported(const std::string& format) {
    const ToolRun run = run_tool({"export", format, path("one"), path("two")});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_THAT(run.err, IsEmpty());
    return run.out;
  }

 private:
  static TempDirectory* folder_;
};
TempDirectory* ExportTest::folder_ = nullptr;

TEST_F(ExportTest, GoogleBenchmarksCompareReadsTwoExports) {
  for (const char* name : {"one", "two"}) {
    // Two runs a side: compare.py tests nothing with fewer repetitions.
    const ToolRun run = run_tool({"export", "gbench", path(name), path("one"), path("two")});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    std::ofstream{path(std::string{name} + ".json")} << run.out;
  }
  const std::string out = path("compared");
  const int status = std::system(
      fmt::format("/usr/bin/python3 /usr/share/benchmark/compare.py --no-color benchmarks {} {} "
                  "> {} 2>&1",
                  path("one.json"),
                  path("two.json"),
                  out)
          .c_str());
  std::ifstream file{out};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  EXPECT_EQ(status, 0) << text;
  EXPECT_THAT(text, HasSubstr("attn_groups/threads/timeout::agreement_per_step@p50"));
  EXPECT_THAT(text, HasSubstr("agreement_per_step@p50_pvalue"));
}

TEST_F(ExportTest, GoogleBenchmarksFormHasTimesAsBenchmarksAndCountsAsCounters) {
  const json document = json::parse(exported("gbench"));
  EXPECT_EQ(document["context"]["json_schema_version"], 1);
  const json& rows = document["benchmarks"];
  ASSERT_FALSE(rows.empty());
  for (const json& row : rows) {
    EXPECT_EQ(row["time_unit"], "ns");
    EXPECT_EQ(row["repetitions"], 2);
    EXPECT_GT(row["wire_ops@total"].get<std::int64_t>(), 0);
  }
}

TEST_F(ExportTest, CsvHasARowAValue) {
  std::istringstream lines{exported("csv")};
  std::string heading;
  std::getline(lines, heading);
  const auto columns = std::ranges::count(heading, ',');
  std::size_t rows = 0;
  std::size_t wire = 0;
  for (std::string line; std::getline(lines, line); ++rows) {
    EXPECT_EQ(std::ranges::count(line, ','), columns) << line;
    wire += line.find(",wire_ops,total,") != std::string::npos ? 1U : 0U;
  }
  EXPECT_GT(rows, 20U);
  EXPECT_EQ(wire, 2U);
}

TEST_F(ExportTest, OtherFormsAreJsonOfTheirShape) {
  const json bmf = json::parse(exported("bmf"));
  ASSERT_EQ(bmf.size(), 1U);
  const json& measure = bmf.begin().value()["agreement_per_step@p50"];
  EXPECT_LE(measure["lower_value"], measure["value"]);
  EXPECT_LE(measure["value"], measure["upper_value"]);
  for (const json& entry : json::parse(exported("gab"))) {
    EXPECT_TRUE(entry["name"].is_string() && entry["unit"].is_string());
    EXPECT_TRUE(entry["value"].is_number());
  }
  std::istringstream lines{exported("jsonl")};
  std::size_t rows = 0;
  for (std::string line; std::getline(lines, line); ++rows) {
    EXPECT_TRUE(json::parse(line)["value"].is_number());
  }
  EXPECT_GT(rows, 20U);
}

TEST_F(ExportTest, WhatIsNoExportEndsInItsCode) {
  EXPECT_EQ(run_tool({"export", "xml", path("one")}).exit_code, 64);
  EXPECT_EQ(run_tool({"export", "csv", path("not there")}).exit_code, 66);
  EXPECT_EQ(run_tool({"export", "csv", path("one"), "--side", "C"}).exit_code, 64);
  EXPECT_EQ(run_tool({"export", "csv", RADIXBENCH_SOURCE_DIR "/README.md"}).exit_code, 65);
}

}  // namespace
}  // namespace radixbench
