#pragma once

#include "stats/gate_launches.h"

#include <string>

namespace radixbench {

inline CellKey made_up_key(std::string metric, std::string stat) {
  return {.scenario = "sample_400.jsonl",
          .layout = "sglang:tp=2",
          .tp = 2,
          .cp = 1,
          .dp = 1,
          .pp = 1,
          .rules = "fixed",
          .agreement = "attn_groups",
          .transport = "shm",
          .policy = "timeout",
          .clock = "virtual",
          .page_size = 64,
          .metric = std::move(metric),
          .stat = std::move(stat)};
}

inline LaunchCell exact_cell(const std::string& metric, double value) {
  return {made_up_key(metric, "total"), "1", MetricClass::kExact, -1, value, 1, 1};
}
inline LaunchCell noisy_cell(const std::string& metric, const std::string& stat, double value) {
  return {made_up_key(metric, stat), "ns", MetricClass::kNoisy, -1, value, 200, 1};
}

inline Fingerprint made_up_fingerprint() {
  Fingerprint fingerprint;
  for (const std::string_view field : fingerprint_fields()) {
    fingerprint.emplace_back(field, field == "cpu_model" ? "Imagined 3000" : "");
  }
  return fingerprint;
}

// Two ranks on four cores, without cells.
inline Launch made_up_launch(LaunchSide side, std::int32_t pair) {
  Launch launch;
  launch.run_id = std::string{to_string(side)} + std::to_string(pair);
  launch.side = side;
  launch.pair = pair;
  launch.ranks = 2;
  launch.cores = 4;
  launch.clock_overhead_ns = 20;
  launch.fingerprint = made_up_fingerprint();
  return launch;
}

}  // namespace radixbench
