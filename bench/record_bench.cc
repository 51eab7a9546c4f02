#include "base/random.h"
#include "record/hdf5_recorder.h"

#include <benchmark/benchmark.h>

#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

namespace radixbench {
namespace {

// Rows as a replay makes them: ten operations a step, times with jitter, two groups in turn.
std::vector<SampleRow> made_up_rows(std::size_t count) {
  Random random{1, "record_bench"};
  std::vector<SampleRow> rows(count);
  std::int64_t now_ns = 1'000'000'000'000;
  for (std::size_t index = 0; index < count; ++index) {
    SampleRow& row = rows[index];
    now_ns += static_cast<std::int64_t>(2'000 + random.below(30'000));
    row.t_enter_wall_ns = now_ns;
    now_ns += static_cast<std::int64_t>(8'000 + random.below(60'000));
    row.t_exit_wall_ns = now_ns;
    row.step = index / 10;
    row.request_id = index % 10 < 5 ? 0 : index / 40;
    row.op_seq = index / 2;
    row.values = {static_cast<std::int64_t>(64 * random.below(64)), 0, 0};
    row.group_id = static_cast<std::uint16_t>(index % 2);
    row.site = static_cast<std::uint16_t>(2 + index % 10 / 2);
  }
  return rows;
}

// CPU of the process: what the producer spends and what the writer does, a row.
void BM_RecorderSample(benchmark::State& state) {
  constexpr std::size_t kRows = 2'000'000;
  const std::vector<SampleRow> rows = made_up_rows(kRows);
  RecorderOptions options;
  options.is_compressed = state.range(0) != 0;
  const auto folder = std::filesystem::temp_directory_path() /
                      ("radixbench_record_bench_" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const std::string path = (folder / "rank.h5").string();
  double bytes = 0;
  for (auto _ : state) {
    auto recorder = open_hdf5_recorder(path, RankIdentity{}, options);
    for (std::size_t index = 0; index < kRows; ++index) {
      (*recorder)->sample(Producer::kScheduler, Phase::kConsensus, rows[index]);
      if (index % 10 == 9 && !(*recorder)->between_steps()) state.SkipWithError("write failed");
    }
    if (!(*recorder)->close(RankStatus::kComplete, {})) state.SkipWithError("close failed");
    bytes = static_cast<double>(std::filesystem::file_size(path));
    std::filesystem::remove(path);
  }
  std::filesystem::remove_all(folder);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kRows));
  state.counters["bytes_per_row"] = bytes / static_cast<double>(kRows);
  state.counters["cpu_s_per_row"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(kRows),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_RecorderSample)
    ->ArgName("compressed")
    ->Arg(1)
    ->Arg(0)
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace radixbench
