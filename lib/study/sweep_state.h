#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {

enum class CellProgress : std::uint8_t {
  kPending,  // not run yet, or interrupted
  kDone,
  kFailed,  // its run ended with another exit code than 0
  kSkipped,
};

constexpr std::string_view to_string(CellProgress progress) {
  switch (progress) {
    case CellProgress::kPending: return "pending";
    case CellProgress::kDone: return "done";
    case CellProgress::kFailed: return "failed";
    case CellProgress::kSkipped: return "skipped";
  }
  return "pending";
}

// A cell of a sweep as far as it has come.
struct SweptCell {
  std::vector<std::pair<std::string, std::string>> values;  // axis and value
  CellProgress progress = CellProgress::kPending;
  std::string reason;                                   // of those skipped or failed
  std::int32_t exit_code = 0;                           // of those failed; -1: it has none
  double seconds = 0;                                   // of those run: wall time
  std::string run;                                      // folder of the run, within the sweep's
  std::vector<std::pair<std::string, double>> figures;  // name and value; what isn't known lacks
};

// What a sweep keeps on disk, so that it can go on where it was interrupted.
struct SweepState {
  std::string tool;                  // name and version
  std::string program_sha256;        // of the executable that runs the cells
  std::vector<std::string> options;  // what every cell has: words of a `replay`
  std::vector<SweptCell> cells;

  [[nodiscard]] std::size_t count(CellProgress progress) const {
    std::size_t count = 0;
    for (const SweptCell& cell : cells) count += cell.progress == progress ? 1U : 0U;
    return count;
  }
};

}  // namespace radixbench
