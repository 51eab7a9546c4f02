#pragma once

#include "base/ids.h"
#include "control/background.h"
#include "control/rules.h"

#include <chrono>
#include <cstdint>

namespace radixbench {

// The model's compute time: stated, never measured, and never inside a measured interval.
struct CostModel {
  std::int64_t prefill_base_ns = 5'000'000;
  std::int64_t prefill_token_ns = 8'000;
  std::int64_t decode_base_ns = 10'000'000;
  std::int64_t decode_sequence_ns = 20'000;
  std::int64_t idle_ns = 1'000'000;  // an iteration with nothing to run but something in flight
};

enum class Dispatch : std::uint8_t { kRoundRobin, kShortestQueue };
enum class OutputBlocks : std::uint8_t { kNone, kUnique };

struct EngineOptions {
  ClockMode clock = ClockMode::kVirtual;
  std::uint32_t page_tokens = 64;
  std::uint32_t running_max = 256;    // requests that run at a time on a replica
  std::uint32_t chunk_tokens = 8192;  // prefill tokens of a step
  CostModel cost;
  Dispatch dispatch = Dispatch::kRoundRobin;
  OutputBlocks output_blocks = OutputBlocks::kUnique;
  bool has_neighbours = true;
  double speedup = 1;     // divides arrival times
  double abort_rate = 0;  // share of the requests that start a prefetch
  std::uint64_t seed = 0;
  std::chrono::nanoseconds call_deadline{std::chrono::seconds{30}};
  // In the run's clock, after the last request ended and while nothing in flight changes: how long
  // acks are waited for.
  std::int64_t quiet_max_ns = 20'000'000'000;
};

}  // namespace radixbench
