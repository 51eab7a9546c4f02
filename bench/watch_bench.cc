// What one recorded call costs its thread, the times of its record apart: both halves, as an
// observed communicator tells of them.

#include "watch/radixwatch.h"
#include "watch/ring_recorder.h"

#include <benchmark/benchmark.h>

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace radixbench {
namespace {

const GroupSpec kGroups[] = {{.name = "attn_cp", .members = {0, 2}, .ordinal = 1},
                             {.name = "attention_tp", .members = {0, 1}, .ordinal = 2}};

Result<RingMemory> ring() { return RingMemory::create_anonymous({.rank = 0, .world_size = 4}); }

void BM_RingRecordsCall(benchmark::State& state) {
  const Result<RingMemory> memory = ring();
  RingRecorder recorder{*memory};
  RingThread& thread = recorder.thread("scheduler");
  CallRecord call;
  call.call.site = 4;
  call.result_count = 2;
  call.is_ok = true;
  for (auto _ : state) {
    call.group = &kGroups[call.sequence % 2];
    call.enter_ns = static_cast<std::int64_t>(++call.sequence);
    thread.entered(call);
    thread.left(call);
  }
}
BENCHMARK(BM_RingRecordsCall);

void BM_RingRecordsDecision(benchmark::State& state) {
  const Result<RingMemory> memory = ring();
  RingRecorder recorder{*memory};
  RingThread& thread = recorder.thread("scheduler");
  Decision decision{.guard = Guard::kAdmit, .site = 9, .input_count = 3};
  for (auto _ : state) {
    ++decision.key;
    thread.decided(decision);
  }
}
BENCHMARK(BM_RingRecordsDecision);

// The same call through the C face, as an engine makes it: names looked up, sequence counted.
void BM_RadixwatchCall(benchmark::State& state) {
  const std::string path = std::filesystem::temp_directory_path() /
                           ("radixwatch_bench_" + std::to_string(getpid()) + ".ring");
  radixwatch* watch = radixwatch_open(path.c_str(), 0, 4, "bench", nullptr, 0);
  const std::uint32_t members[] = {0, 2};
  radixwatch_call call{};
  call.site = "can_terminate_prefetch";
  call.group = radixwatch_group(watch, "attn_cp", members, 2, 1, RADIXWATCH_KNOWN, 0);
  const std::int64_t left[] = {1, 0};
  for (auto _ : state) {
    ++call.key;
    radixwatch_exit(watch, radixwatch_enter(watch, &call), 1, left, 2);
  }
  std::filesystem::remove(path);
}
BENCHMARK(BM_RadixwatchCall);

void BM_RingReads(benchmark::State& state) {
  const Result<RingMemory> memory = ring();
  RingRecorder recorder{*memory};
  RingThread& thread = recorder.thread("scheduler");
  for (int i = 0; i < 20'000; ++i) thread.decided({.guard = Guard::kAdmit});
  for (auto _ : state) benchmark::DoNotOptimize(memory->read());
}
BENCHMARK(BM_RingReads)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace radixbench
