#include "base/file_text.h"
#include "cli/tool.h"
#include "report/json_launches.h"
#include "support/made_up_launches.h"
#include "support/temp_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

namespace radixbench {
namespace {

using testing::HasSubstr;
using testing::Not;

// What `ab` would have left: pairs whose agreement is `ratio` times as long on B, give or take a
// percent, and whose wire operations are equal.
LaunchSet made_up_ab(double ratio, int pairs = 10) {
  LaunchSet set;
  for (int pair = 0; pair < pairs; ++pair) {
    for (const LaunchSide side : {LaunchSide::kA, LaunchSide::kB}) {
      Launch launch = made_up_launch(side, pair);
      const double wobble = 1 + 0.01 * ((pair * 7 + (side == LaunchSide::kB ? 3 : 0)) % 5 - 2) / 2;
      const double scale = side == LaunchSide::kB ? ratio : 1;
      launch.cells = {exact_cell("wire_ops", 4096),
                      noisy_cell("agreement_per_step_max", "p50", 100'000 * wobble * scale)};
      set.launches.push_back(std::move(launch));
    }
  }
  return set;
}

class GateCommandTest : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.path().string() + "/" + name; }

  std::string write(const std::string& name, const LaunchSet& set) const {
    std::filesystem::create_directories(path(name));
    EXPECT_TRUE(write_launches(path(name) + "/" + kLaunchesFile, set));
    return path(name);
  }

  // One side of it, as launches that nobody paired.
  std::string write_side(const std::string& name, LaunchSet set, LaunchSide side) const {
    std::erase_if(set.launches, [side](const Launch& launch) { return launch.side != side; });
    for (Launch& launch : set.launches) launch.pair = -1;
    return write(name, set);
  }

  std::string text_of(const std::string& name) const { return read_file_text(path(name)).value(); }

 private:
  TempDirectory folder_;
};

ToolRun gate(std::vector<std::string> words) {
  words.insert(words.begin(), "gate");
  return run_tool(words);
}

TEST_F(GateCommandTest, NoSlowerIsZeroAndSlowerIsOne) {
  const ToolRun same = gate({write("same", made_up_ab(1))});
  EXPECT_EQ(same.exit_code, 0) << same.err;
  const ToolRun slower = gate({write("slower", made_up_ab(1.2))});
  EXPECT_EQ(slower.exit_code, 1) << slower.err;
  EXPECT_THAT(slower.out, HasSubstr("REGRESSED"));
  const ToolRun faster = gate({write("faster", made_up_ab(0.8)), "-v"});
  EXPECT_EQ(faster.exit_code, 0) << faster.err;
  EXPECT_THAT(faster.out, HasSubstr("IMPROVED"));
}

TEST_F(GateCommandTest, EachThingThatIsWrongWithACellIsOne) {
  struct Case {
    const char* verdict;
    void (*spoil)(Launch& launch);
  };
  const Case cases[] = {
      {"MISSING", [](Launch& launch) { launch.cells.resize(1); }},
      {"ERROR", [](Launch& launch) { launch.failure = "a rank died"; }},
      {"NONDETERMINISTIC",
       [](Launch& launch) { launch.cells[0].value += launch.pair == 4 ? 1 : 0; }},
      {"REGRESSED", [](Launch& launch) { launch.cells[0].value += 1; }},
  };
  for (const Case& spoiled : cases) {
    LaunchSet set = made_up_ab(1);
    for (Launch& launch : set.launches) {
      if (launch.side == LaunchSide::kB) spoiled.spoil(launch);
    }
    const ToolRun run = gate({write(spoiled.verdict, set)});
    EXPECT_EQ(run.exit_code, 1) << spoiled.verdict << run.err;
    EXPECT_THAT(run.out, HasSubstr(spoiled.verdict));
  }
}

TEST_F(GateCommandTest, WhatIsNewPassesAndIsShown) {
  LaunchSet set = made_up_ab(1);
  for (Launch& launch : set.launches) {
    if (launch.side == LaunchSide::kA) launch.cells.resize(1);
  }
  const ToolRun run = gate({write("new", set), "-v"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("NEW"));
}

TEST_F(GateCommandTest, AnotherMachineIsNothingComparableAndSaysWhatDiffers) {
  LaunchSet set = made_up_ab(1);
  for (Launch& launch : set.launches) {
    if (launch.side == LaunchSide::kB) launch.fingerprint[0].second = "Imagined 4000";
  }
  const std::string folder = write("machines", set);
  const ToolRun run = gate({folder});
  EXPECT_EQ(run.exit_code, 5) << run.err;
  EXPECT_THAT(run.out, HasSubstr("INCOMPARABLE"));
  EXPECT_THAT(run.out, HasSubstr("cpu_model: Imagined 3000 and Imagined 4000"));
  EXPECT_EQ(gate({folder, "--across", "cpu_model"}).exit_code, 0);
}

TEST_F(GateCommandTest, NoConclusionIsOnlyAnErrorWhereOneIsRequired) {
  LaunchSet set = made_up_ab(1);
  for (Launch& launch : set.launches) launch.ranks = 64;
  const std::string folder = write("crowded", set);
  EXPECT_EQ(gate({folder}).exit_code, 0);
  const ToolRun run = gate({folder, "--require-conclusive"});
  EXPECT_EQ(run.exit_code, 75) << run.err;
  EXPECT_THAT(run.out, HasSubstr("64 ranks on 4 cores"));
  EXPECT_EQ(gate({folder, "--require-conclusive", "--may-outnumber-cores"}).exit_code, 0);
}

TEST_F(GateCommandTest, TooFewPairsAreUsage) {
  const ToolRun run = gate({write("few", made_up_ab(1.2, 4))});
  EXPECT_EQ(run.exit_code, 64);
  EXPECT_THAT(run.err, HasSubstr("has 4 pairs; to gate 1 noisy cells at alpha 0.05 takes 5"));
  EXPECT_EQ(run.out, "");
}

TEST_F(GateCommandTest, LooksThatAbTookCountWithoutBeingNamed) {
  LaunchSet set = made_up_ab(1.2, 5);
  set.about = {{"pairs", "5"}, {"max_pairs", "15"}, {"looks", "3"}};
  const ToolRun run = gate({write("looks", set)});
  EXPECT_EQ(run.exit_code, 64);
  EXPECT_THAT(run.err, HasSubstr("in 3 looks takes 6"));
}

TEST_F(GateCommandTest, RulesOfTheCommandLineWinAndAreRefusedWithTheirPlace) {
  const std::string folder = write("slower", made_up_ab(1.2));
  EXPECT_EQ(gate({folder, "--fail-if", "agreement_per_step_max:50%"}).exit_code, 0);
  EXPECT_EQ(gate({folder, "--warn-if", "agreement_per_step_max:5%"}).exit_code, 0);
  const ToolRun bad = gate({folder, "--fail-if", "agreement_per_step_max:5"});
  EXPECT_EQ(bad.exit_code, 64);
  EXPECT_THAT(bad.err, HasSubstr("--fail-if: 'agreement_per_step_max:5', at 25"));
  const ToolRun unmatched = gate({folder, "--fail-if", "agreement:5%"});
  EXPECT_EQ(unmatched.exit_code, 64);
  EXPECT_THAT(unmatched.err, HasSubstr("matches no cell"));
  EXPECT_EQ(gate({folder, "--preset", "lax"}).exit_code, 64);
  EXPECT_EQ(gate({folder, "--alpha", "0.7"}).exit_code, 64);
}

TEST_F(GateCommandTest, SetsThatWereNotPairedAreJudgedAsSuch) {
  const std::string before = write_side("before", made_up_ab(1), LaunchSide::kA);
  const std::string after = write_side("after", made_up_ab(1.2), LaunchSide::kB);
  const ToolRun slower = gate({before, after});
  EXPECT_EQ(slower.exit_code, 1) << slower.err;
  EXPECT_THAT(slower.out, HasSubstr("unpaired"));
  EXPECT_EQ(gate({before, before}).exit_code, 0);
  EXPECT_EQ(gate({before}).exit_code, 64);
  EXPECT_EQ(gate({before, after, after}).exit_code, 64);
  EXPECT_EQ(gate({}).exit_code, 64);
}

TEST_F(GateCommandTest, InputThatIsNotThereOrIsNoneSaysSo) {
  EXPECT_EQ(gate({path("nowhere")}).exit_code, 66);
  std::filesystem::create_directories(path("broken"));
  ASSERT_TRUE(replace_file_text(path("broken") + "/launches.json", "{"));
  const ToolRun broken = gate({path("broken")});
  EXPECT_EQ(broken.exit_code, 65);
  EXPECT_THAT(broken.err, HasSubstr("broken/launches.json: byte "));
}

TEST_F(GateCommandTest, AConfigurationThatIsNotKnownNamesFileAndLine) {
  const std::string folder = write("same", made_up_ab(1));
  const std::pair<const char*, const char*> cases[] = {
      {"alpha = 0.05\n", "gate.toml:1: version is missing"},
      {"version = 2\n", "gate.toml:1: version is 2"},
      {"version = 1\n\ncolour = 3\n", "gate.toml:3: unknown key 'colour'"},
      {"version = 1\nalpha = 0.7\n", "gate.toml:2: alpha is no number above 0 and below 0.5"},
      {"version = 1\npairs = 0\n", "gate.toml:2: pairs is no whole number"},
      {"version = 1\n[[rule]]\nstat = \"p50\"\n", "gate.toml:2: a rule without metric"},
      {"version = 1\n[[rule]]\nmetric = \"x\"\nmax_regress = \"5\"\n",
       "gate.toml:4: max_regress '5'"},
      {"version = 1\n[[rule]]\nmetric = \"x\"\nlimit = \"5%\"\n",
       "gate.toml:4: unknown key 'limit' in a rule"},
      {"version = 1\n[[rule]]\nmetric = \"x\"\nwhere = { tpp = 4 }\n", "gate.toml:4: where 'tpp'"},
      {"version = 1\n[[rule]]\nmetric = \"x\"\nclass = \"loud\"\n", "gate.toml:4: class is 'loud'"},
      {"version = 1\n[[rule]\n", "gate.toml:2: "},
  };
  for (const auto& [text, message] : cases) {
    ASSERT_TRUE(replace_file_text(path("gate.toml"), text));
    const ToolRun run = gate({folder, "--config", path("gate.toml")});
    EXPECT_EQ(run.exit_code, 78) << text;
    EXPECT_THAT(run.err, HasSubstr(message)) << text;
  }
  EXPECT_EQ(gate({folder, "--config", path("none.toml")}).exit_code, 66);
}

TEST_F(GateCommandTest, WhatIsDumpedReloadsToTheSame) {
  ASSERT_TRUE(replace_file_text(path("gate.toml"), R"(version = 1
preset = "strict"
alpha = 0.01
pairs = 12
max_pairs = 36
across = ["kernel"]
[[rule]]
metric = "agreement_per_step*"
stat = ["p50", "floor"]
where = { tp = [4, 8], cp = 2, policy = "time*" }
max_regress = "7.5%"
abs_floor = "2us"
action = "warn"
optional = true
[[rule]]
metric = "wire_ops.*"
class = "exact"
max_regress = "0.01%"
alpha = 0.02
optional = true
)"));
  const std::vector<std::string> words{"--fail-if",
                                       "drain_per_step_max{layout=*tp?8*}:+3%,optional"};
  std::vector<std::string> first{"--config", path("gate.toml"), "--dump-gate-config"};
  first.insert(first.end(), words.begin(), words.end());
  const ToolRun dumped = gate(first);
  ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
  for (const char* part : {"alpha = 0.01\n",
                           "pairs = 12\n",
                           "max_pairs = 36\n",
                           "looks = 3\n",
                           "across = [\"kernel\"]",
                           "where = { tp = [\"4\", \"8\"], cp = [\"2\"], policy = [\"time*\"] }",
                           "max_regress = \"7.5%\"",
                           "abs_floor = \"2000ns\"",
                           "max_regress = \"+3%\"",
                           "max_regress = \"2%\""}) {
    EXPECT_THAT(dumped.out, HasSubstr(part));
  }
  ASSERT_TRUE(replace_file_text(path("again.toml"), dumped.out));
  const ToolRun again = gate({"--config", path("again.toml"), "--dump-gate-config"});
  EXPECT_EQ(again.out, dumped.out) << again.err;
}

TEST_F(GateCommandTest, EveryFormatSaysTheSameAndNoneHasEscapes) {
  const std::string folder = write("slower", made_up_ab(1.2));
  const ToolRun run = gate({folder,
                            "--markdown",
                            path("gate.md"),
                            "--json",
                            path("gate.json"),
                            "--junit",
                            path("gate.xml")});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(text_of("gate.md"), testing::StartsWith("<!-- radixbench:gate:"));
  EXPECT_THAT(text_of("gate.xml"), HasSubstr("<failure"));
  const auto json = nlohmann::json::parse(text_of("gate.json"));
  EXPECT_EQ(json.at("schema"), "radixbench.gate");
  EXPECT_EQ(json.at("summary").at("exit_code"), 1);
  for (const std::string& text : {run.out, text_of("gate.md"), text_of("gate.xml")}) {
    EXPECT_THAT(text, HasSubstr("REGRESSED"));
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  }
  EXPECT_EQ(gate({folder, "--format", "json"}).out, text_of("gate.json"));
  const ToolRun quiet = gate({folder, "--format", "junit", "-o", path("other.xml")});
  EXPECT_EQ(quiet.out, "");
  EXPECT_EQ(text_of("other.xml"), text_of("gate.xml"));
  EXPECT_EQ(gate({folder, "--format", "yaml"}).exit_code, 64);
  EXPECT_EQ(gate({folder, "--json", path("no/such/folder.json")}).exit_code, 73);
}

TEST_F(GateCommandTest, RunsOfTheToolAreLaunches) {
  const auto replay = [&](const std::string& name, const std::string& agreement) {
    const ToolRun run = run_tool({"replay",
                                  RADIXBENCH_SOURCE_DIR "/traces/sample_400.jsonl",
                                  "--layout",
                                  "tp2",
                                  "--limit",
                                  "20",
                                  "--transport",
                                  "threads",
                                  "--agreement",
                                  agreement,
                                  "-o",
                                  path(name)});
    EXPECT_EQ(run.exit_code, 0) << run.err;
  };
  for (const char* name : {"a/1", "a/2", "b/1", "b/2"}) replay(name, "attn_groups");
  const std::vector<std::string> only_counts{"--preset", "none", "--fail-if", "*:exact"};
  const auto with = [&](std::vector<std::string> words) {
    words.insert(words.end(), only_counts.begin(), only_counts.end());
    return gate(words);
  };
  const ToolRun same = with({path("a"), path("b")});
  EXPECT_EQ(same.exit_code, 0) << same.out << same.err;
  EXPECT_THAT(same.out, Not(HasSubstr("NONDETERMINISTIC")));
  replay("c/1", "stage_tp");
  const ToolRun apart = with({path("a"), path("c")});
  EXPECT_EQ(apart.exit_code, 1) << apart.out;
  EXPECT_THAT(apart.err, HasSubstr("--across agreement"));
  EXPECT_THAT(with({path("a"), path("c"), "--across", "agreement", "-v"}).out,
              HasSubstr("attn_groups->stage_tp"));
  std::filesystem::remove(path("b/2/run.h5"));
  const ToolRun cut = with({path("a"), path("b")});
  EXPECT_EQ(cut.exit_code, 1);
  EXPECT_THAT(cut.out, HasSubstr("it left no run.h5"));
}

}  // namespace
}  // namespace radixbench
