#pragma once

#include "base/result.h"
#include "study/sweep_state.h"

#include <string>
#include <string_view>

namespace radixbench {

// docs/formats/sweep.md: what a sweep keeps in its folder, and what --format json prints.
constexpr const char* kSweepFile = "sweep.json";

std::string sweep_json(const SweepState& sweep);

// Reads what sweep_json() wrote; `name` is for messages. kCorrupt, naming the field, for anything
// that isn't just that.
Result<SweepState> parse_sweep(std::string_view text, const std::string& name);

}  // namespace radixbench
