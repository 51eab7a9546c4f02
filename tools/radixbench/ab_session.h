#pragma once

#include "base/result.h"
#include "stats/gate_launches.h"
#include "study/child_runner.h"
#include "study/launch_schedule.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {

// A side of a comparison: which program, with which words.
struct AbSide {
  std::string program;             // that is started
  std::string name;                // how people call it
  std::string sha256;              // of the program's file
  std::vector<std::string> words;  // of its `replay`, but where files go
};

enum class KeptRuns : std::uint8_t { kNone, kLast, kAll };  // those that failed are always kept

struct AbPlan {
  std::string folder;
  AbSide a, b;
  std::uint64_t seed = 1;
  std::size_t pairs = 10, pairs_max = 10, looks = 1;
  std::vector<std::size_t> look_sizes;  // pairs after which is_decided is asked, but the last
  bool has_self_check = false;
  std::size_t padding_max = 0;          // bytes of environment
  std::size_t warmups = 1;              // launches a side that count for nothing
  std::chrono::nanoseconds timeout{0};  // of a launch
  KeptRuns keeps = KeptRuns::kNone;
};

// What is told to whoever watches; each may be empty.
struct AbCallbacks {
  // A pair is over: its place among all that are scheduled, and its launches.
  std::function<void(std::size_t done, std::size_t scheduled, const Launch&, const Launch&)>
      paired{};
  // Whether launches so far decide all that is to be decided; asked at each look.
  std::function<bool(const LaunchSet&)> is_decided{};
};

// Launches that nobody made yet.
LaunchSet new_launches(const AbPlan& plan);

// Those that the folder holds. kNotFound where there are none, kConfiguration where they are of
// other programs, options or another plan, naming what differs.
Result<LaunchSet> resumed_launches(const AbPlan& plan);

// Makes the folder. kCannotCreate where it holds launches already.
Result<void> make_ab_folder(const AbPlan& plan);

// Makes the launches that are missing, in the order of the schedule, and writes the file after each
// pair: at once, by renaming. Ends early when is_decided says so, or when this process is told to
// stop (runner.interrupted_by()); half a pair is then forgotten. A launch that fails is kept with
// its reason, but the first of a side that could not even start (a usage or configuration error,
// no input, ...) is this call's error.
Result<void> make_launches(const AbPlan& plan,
                           LaunchSet& set,
                           ChildRunner& runner,
                           const AbCallbacks& callbacks);

}  // namespace radixbench
