#include "cli/tool.h"

#include "support/temp_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

namespace radixbench {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kTrace = RADIXBENCH_SOURCE_DIR "/traces/sample_400.jsonl";

// Small replays: what they measure is of no interest here.
std::vector<std::string> ab_words(const std::vector<std::string>& words) {
  std::vector<std::string> all = {"ab",
                                  kTrace,
                                  "--layout=tp2",
                                  "--limit=6",
                                  "--device-tokens=60k",
                                  "--host-tokens=120k",
                                  "--transport=threads",
                                  "--warmup=0"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

ToolRun ab(const std::vector<std::string>& words) { return run_tool(ab_words(words)); }

json launches_in(const std::string& folder) {
  std::ifstream file{folder + "/launches.json"};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  return json::parse(text, nullptr, false);
}

std::string sides_of(const json& set) {
  std::string text;
  for (const json& launch : set["launches"]) text += std::string{launch["side"]} + " ";
  return text;
}

// A program that runs `script` and then, unless that ended it, becomes the tool.
std::string wrapper(const TempDirectory& folder, const std::string& script) {
  const std::filesystem::path path = folder.path() / "wrapper";
  std::ofstream{path} << "#!/bin/sh\n" << script << "\nexec " << RADIXBENCH_TOOL << " \"$@\"\n";
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return path.string();
}

TEST(AbCommandTest, LaunchesAlternateAndEachIsAReplicate) {
  const TempDirectory folder;
  const std::string path = (folder.path() / "ab").string();
  const ToolRun run = ab({"--pairs=2", "--self-check", "-o", path});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const json set = launches_in(path);
  EXPECT_THAT(
      (std::set<std::string>{"A B B A A A' ", "A B B A A' A ", "B A A B A A' ", "B A A B A' A "}),
      testing::Contains(sides_of(set)));
  std::set<std::string> ids;
  for (const json& launch : set["launches"]) {
    EXPECT_EQ(launch["failure"], "");
    EXPECT_FALSE(launch["values"].empty());
    ids.insert(launch["run_id"]);
  }
  EXPECT_EQ(ids.size(), 6U);
  EXPECT_THAT(run.out, HasSubstr("radixbench gate " + path)) << "what to run next";
  EXPECT_FALSE(std::filesystem::exists(path + "/runs")) << "rank files are dropped";
}

TEST(AbCommandTest, ProtocolsAreComparedAcrossWhatTheyDifferIn) {
  const TempDirectory folder;
  const std::string path = (folder.path() / "ab").string();
  std::vector<std::string> words = ab_words({"--pairs=2",
                                             "--a=--agreement hardcoded_tp --layout tp1cp2",
                                             "--b",
                                             "--agreement attn_groups --layout 'tp1cp2'",
                                             "--keep-runs=all",
                                             "-o",
                                             path});
  const ToolRun run = run_tool(words);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const json set = launches_in(path);
  EXPECT_EQ(set["across"], json::array({"agreement"}));
  EXPECT_TRUE(std::filesystem::exists(path + "/runs/00000-A/run.h5"));
  EXPECT_TRUE(std::filesystem::exists(path + "/runs/00001-B/run.h5"));
}

TEST(AbCommandTest, AFailedLaunchIsAnErrorWithItsReason) {
  const TempDirectory folder;
  const std::string path = (folder.path() / "ab").string();
  const ToolRun killed = ab(
      {"--pairs=1", "--b=--transport=shm --inject kill:rank=1,at=step,n=3", "--gate", "-o", path});
  EXPECT_EQ(killed.exit_code, 1) << killed.err << killed.out;
  EXPECT_THAT(killed.out, HasSubstr("ERROR"));
  const json launches = launches_in(path);
  for (const json& launch : launches["launches"]) {
    const std::string failure = launch["failure"];
    if (launch["side"] == "B") {
      EXPECT_THAT(failure, AllOf(HasSubstr("exit code 124"), HasSubstr("rank 1")));
    } else {
      EXPECT_EQ(failure, "");
    }
  }
  EXPECT_TRUE(std::filesystem::exists(path + "/runs/00000-B")) << "kept for whoever looks into it";
}

TEST(AbCommandTest, ALaunchThatHangsIsStopped) {
  const TempDirectory folder;
  const std::string path = (folder.path() / "ab").string();
  const ToolRun run = ab(
      {"--pairs=1", "--timeout=100ms", "--b-binary=" + wrapper(folder, "sleep 1000"), "-o", path});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const json launches = launches_in(path);
  for (const json& launch : launches["launches"]) {
    if (launch["side"] == "B") {
      EXPECT_THAT(std::string{launch["failure"]}, HasSubstr("did not end in time"));
    }
  }
}

// The second pair's launch of B interrupts the tool, the first time it is made.
TEST(AbCommandTest, AnInterruptedComparisonGoesOnWhereItWas) {
  const TempDirectory folder;
  const std::string path = (folder.path() / "ab").string();
  const std::string once = (folder.path() / "once").string();
  const std::string script = "case \"$*\" in *00001-B*) if [ ! -e " + once + " ]; then touch " +
                             once + "; kill -INT $PPID; sleep 1000; fi;; esac";
  std::vector<std::string> words =
      ab_words({"--pairs=2", "--b-binary=" + wrapper(folder, script), "-o", path});
  const ToolRun run = run_tool(words);
  EXPECT_EQ(run.exit_code, 130) << run.err;
  EXPECT_THAT(run.err, HasSubstr("--resume goes on"));
  const json before = launches_in(path);
  ASSERT_EQ(before["launches"].size(), 2U) << "half a pair is none";

  EXPECT_EQ(run_tool(words).exit_code, 73) << "nothing is overwritten unasked";
  words.emplace_back("--resume");
  const ToolRun resumed = run_tool(words);
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  const json after = launches_in(path);
  ASSERT_EQ(after["launches"].size(), 4U);
  EXPECT_EQ(after["launches"][0]["run_id"], before["launches"][0]["run_id"]);

  std::replace(words.begin(), words.end(), std::string{"--limit=6"}, std::string{"--limit=7"});
  const ToolRun other = run_tool(words);
  EXPECT_EQ(other.exit_code, 78);
  EXPECT_THAT(other.err, HasSubstr("choose another -o"));
}

TEST(AbCommandTest, WhatCannotBeLaunchedIsSaidAtOnce) {
  const TempDirectory folder;
  const auto exit_code = [&](const std::vector<std::string>& words) {
    std::vector<std::string> all = words;
    all.insert(all.end(), {"--pairs=1", "-o", (folder.path() / "never").string()});
    const ToolRun run = ab(all);
    EXPECT_EQ(run.out, "");
    return run.exit_code;
  };
  EXPECT_EQ(exit_code({"--b=--agreement nonsense"}), 64);
  EXPECT_EQ(exit_code({"--b=--agreement 'attn_groups"}), 64);
  EXPECT_EQ(exit_code({"--b=--layout sglang:tp=8,cp=3"}), 78);
  EXPECT_EQ(exit_code({"--b-binary=/nowhere/radixbench"}), 66);
  EXPECT_EQ(exit_code({"--max-pairs=x"}), 64);
  EXPECT_EQ(exit_code({"--looks=2"}), 64);
  EXPECT_EQ(exit_code({"--max-pairs=3", "--looks=1"}), 64);
  EXPECT_EQ(exit_code({"--keep-runs=some"}), 64);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "never/launches.json"));
}

}  // namespace
}  // namespace radixbench
