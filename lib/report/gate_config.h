#pragma once

#include "base/result.h"
#include "stats/gate_rules.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// What a place that configures a gate says; what it leaves open is up to a weaker one. Strength:
// command line, file, preset.
struct GateConfig {
  std::optional<std::string> preset;  // strict, default, permissive, none
  std::optional<double> alpha, confidence;
  std::optional<std::size_t> pairs, pairs_max, looks;
  std::optional<bool> is_conclusion_required, may_outnumber_cores, may_miss;
  std::vector<std::string> across;
  std::vector<GateRule> rules;  // after the weaker one's, so that they win
};

// A gate.toml (docs/gate.md). kConfiguration naming file and line for anything that is not known or
// out of range.
Result<GateConfig> parse_gate_config(std::string_view text, const std::string& name);

// `strong` over `weak`.
GateConfig merged(GateConfig weak, const GateConfig& strong);

// With its preset's rules in front. kInvalidArgument for values out of range, or that don't go
// together.
Result<GateOptions> gate_options(const GateConfig& config);

// A file that parse_gate_config() and gate_options() make the same options of.
std::string gate_config_text(const GateOptions& options);

}  // namespace radixbench
