#pragma once

#include "base/result.h"
#include "stats/gate_launches.h"

#include <string>
#include <string_view>

namespace radixbench {

// docs/formats/launches.md: what `ab` leaves behind and what baselines are made of.
constexpr const char* kLaunchesFile = "launches.json";

std::string launches_json(const LaunchSet& set);

// Reads what launches_json() wrote; `name` is for messages. kCorrupt, naming the field, for
// anything that isn't just that: unknown or missing fields, wrong types, values out of range, a
// schema of another major version.
Result<LaunchSet> parse_launches(std::string_view text, const std::string& name);

// `path` is a file, or a folder with a launches.json. kNotFound where there is none.
Result<LaunchSet> read_launches(const std::string& path);

// In place of what is there: at once, by renaming, so that no reader finds half of it.
// kCannotCreate, kIo.
Result<void> write_launches(const std::string& path, const LaunchSet& set);

}  // namespace radixbench
