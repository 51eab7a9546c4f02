#include "report/json_launches.h"
#include "stats/gate_report.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

// tests/study/record_series made them: launches of one binary, as they came.
constexpr std::array kSeries = {"tp2_shm", "cp2_threads", "tp2_storage"};
constexpr std::size_t kWindows = 200;
constexpr std::size_t kWindowPairs = 10;
// Each of its cells is slowed alone, which takes a judgement each.
constexpr std::size_t kSlowedEvery = 4;

std::string inflated(const std::string& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  EXPECT_NE(file, nullptr) << path;
  std::string text;
  std::array<char, 65536> bytes{};
  for (int count = gzread(file, bytes.data(), bytes.size()); count > 0;
       count = gzread(file, bytes.data(), bytes.size())) {
    text.append(bytes.data(), static_cast<std::size_t>(count));
  }
  gzclose(file);
  return text;
}

LaunchSet series_of(const std::string& name) {
  const std::string path = RADIXBENCH_SOURCE_DIR "/tests/data/series/" + name + ".json.gz";
  Result<LaunchSet> set = parse_launches(inflated(path), path);
  EXPECT_TRUE(set) << (set ? "" : set.error().message);
  return set ? *set : LaunchSet{};
}

// Twenty launches in a row as a comparison of A and B would have made them, AB BA AB ...
LaunchSet window_of(const LaunchSet& series, std::size_t begin) {
  LaunchSet window;
  for (std::size_t i = 0; i < 2 * kWindowPairs; ++i) {
    Launch launch = series.launches[begin + i];
    const std::size_t pair = i / 2;
    launch.pair = static_cast<std::int32_t>(pair);
    launch.side = (i % 2 == 0) == (pair % 2 == 0) ? LaunchSide::kA : LaunchSide::kB;
    window.launches.push_back(std::move(launch));
  }
  return window;
}

GateReport judged(const LaunchSet& window) {
  GateOptions options;
  options.rules = preset_rules(GatePreset::kDefault);
  const Result<GateReport> report = judge_launches(window, options);
  EXPECT_TRUE(report) << (report ? "" : report.error().message);
  return report ? *report : GateReport{};
}

bool is_noisy_and_gated(const GateCell& cell) {
  return cell.metric_class == MetricClass::kNoisy && cell.action == GateAction::kFail;
}

// The windows of all series, evenly spread over each; or one of so many.
void for_each_window(const std::function<void(const LaunchSet&)>& look, std::size_t every = 1) {
  for (std::size_t number = 0; number < kSeries.size(); ++number) {
    const LaunchSet series = series_of(kSeries.at(number));
    ASSERT_GE(series.launches.size(), 400U) << kSeries.at(number);
    const std::size_t windows =
        kWindows * (number + 1) / kSeries.size() - kWindows * number / kSeries.size();
    const std::size_t last = series.launches.size() - 2 * kWindowPairs;
    for (std::size_t i = 0; i < windows; i += every)
      look(window_of(series, last * i / (windows - 1)));
  }
}

TEST(FalseVerdictsTest, OneBinaryAgainstItselfIsHardlyEverJudgedOtherwise) {
  std::size_t windows = 0;
  std::size_t false_windows = 0;
  std::array<std::size_t, 9> verdicts{};
  for_each_window([&](const LaunchSet& window) {
    ++windows;
    bool is_false = false;
    for (const GateCell& cell : judged(window).cells) {
      if (cell.action != GateAction::kFail) continue;
      is_false = is_false || cell.verdict == GateVerdict::kRegressed ||
                 cell.verdict == GateVerdict::kImproved;
      if (is_noisy_and_gated(cell)) ++verdicts.at(static_cast<std::size_t>(cell.verdict));
      if (cell.metric_class == MetricClass::kExact) {
        EXPECT_EQ(cell.verdict, GateVerdict::kPass) << cell_name(cell.key);
      }
    }
    if (is_false) ++false_windows;
  });
  EXPECT_EQ(windows, kWindows);
  EXPECT_LE(false_windows, 2U);
  RecordProperty("false_windows", static_cast<int>(false_windows));
  std::string counts;
  for (std::size_t verdict = 0; verdict < verdicts.size(); ++verdict) {
    if (verdicts.at(verdict) == 0) continue;
    counts +=
        fmt::format(" {} {}", to_string(static_cast<GateVerdict>(verdict)), verdicts[verdict]);
  }
  std::printf("%zu windows, %zu with a false verdict; noisy cells:%s\n",
              windows,
              false_windows,
              counts.c_str());
}

// B's values of each noisy cell times what the gate had said it could find in that very window.
TEST(FalseVerdictsTest, ASlowdownOfWhatIsPrintedAsDetectableIsFound) {
  std::size_t slowed = 0;
  std::size_t found = 0;
  std::size_t passed = 0;
  for_each_window(
      [&](const LaunchSet& window) {
        for (const GateCell& cell : judged(window).cells) {
          if (!is_noisy_and_gated(cell) || !std::isfinite(cell.mde80.value_or(NAN))) continue;
          LaunchSet slow = window;
          for (Launch& launch : slow.launches) {
            if (launch.side != LaunchSide::kB) continue;
            for (LaunchCell& of_launch : launch.cells) {
              if (of_launch.key == cell.key) of_launch.value *= 1 + *cell.mde80;
            }
          }
          const GateReport report = judged(slow);
          const auto again =
              std::find_if(report.cells.begin(), report.cells.end(), [&](const GateCell& other) {
                return other.key == cell.key;
              });
          ASSERT_NE(again, report.cells.end());
          ++slowed;
          if (again->verdict == GateVerdict::kRegressed) ++found;
          if (again->verdict == GateVerdict::kPass) ++passed;
        }
      },
      kSlowedEvery);
  std::printf("%zu cells slowed by their MDE80: %zu REGRESSED, %zu PASS\n", slowed, found, passed);
  EXPECT_GE(slowed, 40U);
  EXPECT_GE(static_cast<double>(found), 0.8 * static_cast<double>(slowed));
  EXPECT_EQ(passed, 0U);
}

TEST(FalseVerdictsTest, OneMoreCollectiveIsFoundInEveryWindow) {
  for_each_window([&](LaunchSet window) {
    for (Launch& launch : window.launches) {
      if (launch.side != LaunchSide::kB) continue;
      for (LaunchCell& cell : launch.cells) {
        if (cell.key.metric == "wire_ops") cell.value += 1;
      }
    }
    for (const GateCell& cell : judged(window).cells) {
      if (cell.key.metric != "wire_ops") continue;
      EXPECT_EQ(cell.verdict, GateVerdict::kRegressed);
    }
  });
}

}  // namespace
}  // namespace radixbench
