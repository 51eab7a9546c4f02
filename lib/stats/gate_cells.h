#pragma once

#include "base/result.h"
#include "stats/gate_launches.h"
#include "stats/gate_rules.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace radixbench {

// Launches turned round: what each cell has on each side.
struct SideSamples {
  struct Sample {
    const Launch* launch = nullptr;
    double value = 0;
  };
  std::optional<LaunchCell> cell;  // as the first launch has it, its own key included
  std::vector<Sample> samples;     // in the order of pairs, else of launches
  std::size_t lacking = 0;         // launches that did well and have the side's other cells
  const Launch* failed = nullptr;  // the first launch that should have given a value and failed
  std::string mixture;             // in words, what differs between launches of this side

  [[nodiscard]] std::vector<double> values() const;
};

struct CellSamples {
  SideSamples a, b, self_check;
};

struct GatheredSamples {
  std::map<CellKey, CellSamples> cells;
  bool is_paired = true;
  std::vector<std::string> across;  // the fields that the sides differ in on purpose
  std::vector<std::string> warnings;
  // Of a launch that failed where no cell is known.
  const Launch* failed = nullptr;
};

// Keys are those of A, with "x->y" where a field in `across` differs; so are those of the launches
// that stand for A'. kInvalidArgument for a field that there is not, or that a side has several
// values of; kCorrupt where pair numbers repeat.
Result<GatheredSamples> gather(std::span<const Launch* const> launches,
                               const std::vector<std::string>& across);

// In words, which fields differ and both values ("kernel: A 6.1, B 6.5"); empty where none does.
std::string difference_of(const Fingerprint& a,
                          const Fingerprint& b,
                          const std::vector<std::string>& across);

}  // namespace radixbench
