#include "cli/tool.h"
#include "support/temp_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace radixbench {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

const std::string kSample = RADIXBENCH_SOURCE_DIR "/traces/sample_400.jsonl";

TEST(TraceCommandTest, AMissingFileIsNoInput) {
  const ToolRun run = run_tool({"trace", "inspect", "no_such.jsonl"});
  EXPECT_EQ(run.exit_code, 66);
  EXPECT_THAT(run.err, HasSubstr("no_such.jsonl: No such file"));
  EXPECT_THAT(run.out, IsEmpty());
}

TEST(TraceCommandTest, AMalformedRowIsBadDataUnlessSkipped) {
  const TempDirectory folder;
  const std::string path = folder.path() / "bad.jsonl";
  std::ofstream{path} << R"({"timestamp": 0, "input_length": 5, "output_length": 1,)"
                      << "\"hash_ids\": [0]}\n{\"timestamp\": 1}\n";
  const ToolRun strict = run_tool({"trace", "inspect", path});
  EXPECT_EQ(strict.exit_code, 65);
  EXPECT_THAT(strict.out, IsEmpty());
  EXPECT_THAT(strict.err, HasSubstr("bad.jsonl:2:1: field input_length is missing"));
  const ToolRun lenient = run_tool({"trace", "inspect", path, "--skip-bad"});
  EXPECT_EQ(lenient.exit_code, 0);
  EXPECT_THAT(lenient.out, HasSubstr("2 read = 1 emitted + 1 malformed + 0 beyond the limit"));
}

TEST(TraceCommandTest, WrongOptionValuesAreUsageBeforeTheFileIsOpened) {
  const std::vector<std::vector<std::string>> cases = {{"--lru-blocks", "1000,x"},
                                                       {"--lru-blocks", "-1"},
                                                       {"--lru-blocks", "1e3"},
                                                       {"--lru-blocks", "99999999999999999999"},
                                                       {"--tiers", "2000"},
                                                       {"--tiers", "2000/x"},
                                                       {"--tree", "page=0"},
                                                       {"--tree", "page=513"},
                                                       {"--tree", "page"},
                                                       {"--tree", "page=1,page=1"},
                                                       {"--tree", "stamp=2"},
                                                       {"--tree", "pages=1"},
                                                       {"--limit", "0"},
                                                       {"--limit", "-3"},
                                                       {"--format", "yaml"}};
  for (const std::vector<std::string>& options : cases) {
    SCOPED_TRACE(options[0] + " " + options[1]);
    const ToolRun run = run_tool({"trace", "inspect", "no_such.jsonl", options[0], options[1]});
    EXPECT_EQ(run.exit_code, 64);
    EXPECT_THAT(run.err, HasSubstr(options[0]));
  }
}

TEST(TraceCommandTest, TheSampleGivesItsGoldenIntegers) {
  const ToolRun run = run_tool({"trace",
                                "inspect",
                                kSample,
                                "--lru-blocks=16,128,1Ki,inf",
                                "--tiers=32/128,64/256",
                                "--format=json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, IsEmpty());
  const nlohmann::json json = nlohmann::json::parse(run.out);
  EXPECT_EQ(json["lru"][0]["hits"], 484);
  EXPECT_EQ(json["lru"][1]["evicted"], 1768);
  EXPECT_EQ(json["lru"][2]["capacity_blocks"], 1024);
  EXPECT_EQ(json["lru"][3]["capacity_blocks"], nullptr);
  EXPECT_EQ(json["lru"][3]["hits"], 1253);
  EXPECT_EQ(json["tiers"][0]["host"], 221);
  EXPECT_EQ(json["tiers"][1]["storage"], 326);
  EXPECT_EQ(json["known_as"], "radixbench's own sample of 400 requests");
}

TEST(TraceCommandTest, ATreeThatCannotHoldTheLongestPromptIsConfiguration) {
  const ToolRun run = run_tool({"trace", "inspect", kSample, "--tree", "device-tokens=2000"});
  EXPECT_EQ(run.exit_code, 78);
  EXPECT_THAT(run.err, HasSubstr("longest prompt"));
}

// Every row of the totals that SGLang's own tree gives for the conversation trace, in one run.
TEST(TraceCommandTest, TheTreeGivesEveryRowOfTheIndexReplayTotals) {
  const std::string shared = RADIXBENCH_SOURCE_DIR "/../shared/data/";
  std::ifstream file{RADIXBENCH_SOURCE_DIR "/tests/data/vectors/index-replay.json"};
  const std::string trace = shared + "traces/mooncake/conversation_trace.jsonl";
  if (!std::filesystem::exists(trace)) GTEST_SKIP() << "no " << trace;
  const nlohmann::json expected = nlohmann::json::parse(file);
  std::vector<std::string> words = {"trace", "inspect", trace, "--format", "json"};
  for (const nlohmann::json& row : expected["rows"]) {
    const std::string cap = row["cap"].is_null() ? "none" : row["cap"].dump();
    words.push_back("--tree=page=" + row["page"].dump() + ",device-tokens=" + cap);
  }
  const ToolRun run = run_tool(words);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  nlohmann::json got = nlohmann::json::parse(run.out)["tree"];
  for (nlohmann::json& row : got) row.erase("stamp");
  EXPECT_EQ(nlohmann::json::diff(expected["rows"], got), nlohmann::json::array());
}

TEST(TraceCommandTest, TheTableHoldsTheSameIntegersInPlainDigits) {
  const ToolRun run = run_tool({"trace", "inspect", kSample, "--lru-blocks", "128", "--limit=400"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("400 read = 400 emitted"));
  EXPECT_THAT(run.out, testing::ContainsRegex("128 +752 +1768 +128"));
  EXPECT_THAT(run.out, HasSubstr("output blocks: none"));
}

}  // namespace
}  // namespace radixbench
