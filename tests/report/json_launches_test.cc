#include "report/json_launches.h"

#include "support/made_up_launches.h"
#include "support/temp_directory.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <functional>

namespace radixbench {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

LaunchSet made_up_set() {
  LaunchSet set;
  set.label = "runs/ab";
  set.across = {"agreement"};
  set.about = {{"command_a", "radixbench replay \"x\""}, {"seed", "7"}};
  for (std::int32_t pair = 0; pair < 3; ++pair) {
    for (const LaunchSide side : {LaunchSide::kA, LaunchSide::kB, LaunchSide::kSelfCheck}) {
      Launch launch = made_up_launch(side, pair);
      launch.cells = {exact_cell("wire_ops", 9007199254740992.0),
                      noisy_cell("agreement_per_step_max", "p50", 1.0 / 3 + pair)};
      set.launches.push_back(launch);
    }
  }
  set.launches.back().failure = "a rank died";
  return set;
}

void expect_equal(const LaunchCell& a, const LaunchCell& b) {
  EXPECT_EQ(a.key, b.key);
  EXPECT_EQ(a.unit, b.unit);
  EXPECT_EQ(a.metric_class, b.metric_class);
  EXPECT_EQ(a.direction, b.direction);
  EXPECT_EQ(a.value, b.value);
  EXPECT_EQ(a.samples, b.samples);
  EXPECT_EQ(a.bench_version, b.bench_version);
}

void expect_equal(const LaunchSet& a, const LaunchSet& b) {
  EXPECT_EQ(a.label, b.label);
  EXPECT_EQ(a.across, b.across);
  EXPECT_EQ(a.about, b.about);
  ASSERT_EQ(a.launches.size(), b.launches.size());
  for (std::size_t i = 0; i < a.launches.size(); ++i) {
    const Launch& launch = a.launches[i];
    const Launch& other = b.launches[i];
    EXPECT_EQ(launch.run_id, other.run_id);
    EXPECT_EQ(launch.side, other.side);
    EXPECT_EQ(launch.pair, other.pair);
    EXPECT_EQ(launch.ranks, other.ranks);
    EXPECT_EQ(launch.cores, other.cores);
    EXPECT_EQ(launch.clock_overhead_ns, other.clock_overhead_ns);
    EXPECT_EQ(launch.failure, other.failure);
    EXPECT_EQ(launch.fingerprint, other.fingerprint);
    ASSERT_EQ(launch.cells.size(), other.cells.size());
    for (std::size_t cell = 0; cell < launch.cells.size(); ++cell) {
      expect_equal(launch.cells[cell], other.cells[cell]);
    }
  }
}

TEST(JsonLaunchesTest, WhatIsWrittenIsReadBackToTheLastBit) {
  const TempDirectory folder;
  const std::string path = folder.path().string() + "/" + kLaunchesFile;
  ASSERT_TRUE(write_launches(path, made_up_set()));
  const Result<LaunchSet> of_file = read_launches(path);
  ASSERT_TRUE(of_file) << of_file.error().message;
  expect_equal(*of_file, made_up_set());
  const Result<LaunchSet> of_folder = read_launches(folder.path().string());
  ASSERT_TRUE(of_folder) << of_folder.error().message;
  expect_equal(*of_folder, made_up_set());
}

TEST(JsonLaunchesTest, WritingLeavesNothingElseBehindAndReplaces) {
  const TempDirectory folder;
  const std::string path = folder.path().string() + "/" + kLaunchesFile;
  ASSERT_TRUE(write_launches(path, made_up_set()));
  ASSERT_TRUE(write_launches(path, LaunchSet{"other", {}, {}, {}}));
  EXPECT_EQ(read_launches(path)->label, "other");
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator{folder.path()}) {
    ++files;
  }
  EXPECT_EQ(files, 1U);
  const Result<void> nowhere = write_launches(path + "/below/a/file", made_up_set());
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, ErrorCode::kCannotCreate);
}

TEST(JsonLaunchesTest, AFileThatIsNotThereIsNoInput) {
  const Result<LaunchSet> none = read_launches("/nowhere/launches.json");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
}

struct Spoiled {
  std::function<void(Json&)> how;
  const char* message;
};

TEST(JsonLaunchesTest, EveryWayToBeWrongNamesFileAndField) {
  const Spoiled cases[] = {
      {[](Json& json) { json["schema"] = "radixbench.gate"; },
       "x.json: schema is 'radixbench.gate', not 'radixbench.launches'"},
      {[](Json& json) { json["schema_version"] = "2.0.0"; },
       "x.json: schema_version is 2.0.0; this program reads 1.x"},
      {[](Json& json) { json.erase("across"); }, "x.json: it lacks the field 'across'"},
      {[](Json& json) { json["extra"] = 1; }, "x.json: it has the unknown field 'extra'"},
      {[](Json& json) { json["launches"][1]["pair"] = -2; },
       "x.json: launches[1].pair is no whole number from -1 to 2147483647"},
      {[](Json& json) { json["launches"][1]["pair"] = 1e300; }, "x.json: launches[1].pair is no"},
      {[](Json& json) { json["launches"][2]["side"] = "C"; },
       "x.json: launches[2].side is 'C', not A, B or A'"},
      {[](Json& json) { json["launches"][0]["ranks"] = 0; }, "x.json: launches[0].ranks is no"},
      {[](Json& json) { json["launches"][0]["fingerprint"].erase("gpu"); },
       "x.json: launches[0].fingerprint lacks the field 'gpu'"},
      {[](Json& json) { json["launches"][0]["values"][0] = 3; },
       "x.json: launches[0].values[0] is not [cell, value, samples]"},
      {[](Json& json) { json["launches"][0]["values"][0][0] = 17; },
       "x.json: launches[0].values[0][0] names cell 17, which there is not"},
      {[](Json& json) { json["launches"][0]["values"][1][0] = 0; },
       "x.json: launches[0].values[1][0] is 0 again"},
      {[](Json& json) { json["launches"][0]["values"][0][1] = 0.5; },
       "x.json: launches[0].values[0][1] is of an exact metric and no whole number"},
      {[](Json& json) { json["launches"][0]["values"][1][1] = nullptr; },
       "x.json: launches[0].values[1][1] is no number"},
      {[](Json& json) { json["cells"][0]["class"] = "loud"; },
       "x.json: cells[0].class is 'loud', not exact or noisy"},
      {[](Json& json) { json["cells"][0]["direction"] = 2; },
       "x.json: cells[0].direction is none of -1, 0, 1"},
      {[](Json& json) { json["launches"] = 3; }, "x.json: launches is no list"},
      {[](Json& json) { json = Json::array(); }, "x.json: it is no object"},
  };
  for (const Spoiled& spoiled : cases) {
    Json json = Json::parse(launches_json(made_up_set()));
    spoiled.how(json);
    const Result<LaunchSet> read = parse_launches(json.dump(), "x.json");
    ASSERT_FALSE(read) << spoiled.message;
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(read.error().message, HasSubstr(spoiled.message));
  }
}

TEST(JsonLaunchesTest, TextThatIsNoJsonOrSaysAThingTwiceIsRefused) {
  const std::string text = launches_json(made_up_set());
  const Result<LaunchSet> cut = parse_launches(text.substr(0, text.size() / 2), "x.json");
  ASSERT_FALSE(cut);
  EXPECT_THAT(cut.error().message, HasSubstr("x.json: byte "));
  const Result<LaunchSet> twice = parse_launches("{\"label\": \"a\"," + text.substr(1), "x.json");
  ASSERT_FALSE(twice);
  EXPECT_THAT(twice.error().message, HasSubstr("x.json: label is there twice"));
  const Result<LaunchSet> deep = parse_launches(std::string(1'000'000, '['), "x.json");
  ASSERT_FALSE(deep);
}

}  // namespace
}  // namespace radixbench
