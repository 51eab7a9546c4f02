#include "base/random.h"
#include "record/hdf5_reader.h"
#include "record/hdf5_recorder.h"

#include <benchmark/benchmark.h>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
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

// Rows a file: 2 million, or RADIXBENCH_RECORD_ROWS.
std::size_t row_count_asked() {
  const char* asked = std::getenv("RADIXBENCH_RECORD_ROWS");
  return asked == nullptr ? 2'000'000 : std::strtoull(asked, nullptr, 10);
}

class RecordFolder {
 public:
  RecordFolder()
      : path_{std::filesystem::temp_directory_path() /
              ("radixbench_record_bench_" + std::to_string(::getpid()))} {
    std::filesystem::create_directory(path_);
  }
  ~RecordFolder() { std::filesystem::remove_all(path_); }
  RecordFolder(const RecordFolder&) = delete;
  RecordFolder& operator=(const RecordFolder&) = delete;
  [[nodiscard]] std::string file() const { return (path_ / "rank.h5").string(); }

 private:
  std::filesystem::path path_;
};

bool write_rows(const std::string& path,
                const std::vector<SampleRow>& rows,
                std::size_t count,
                const RecorderOptions& options) {
  auto recorder = open_hdf5_recorder(path, RankIdentity{}, options);
  if (!recorder) return false;
  for (std::size_t index = 0; index < count; ++index) {
    (*recorder)->sample(Producer::kScheduler, Phase::kConsensus, rows[index % rows.size()]);
    if (index % 10 == 9 && !(*recorder)->between_steps()) return false;
  }
  return (*recorder)->close(RankStatus::kComplete, {}).has_value();
}

// CPU of the process: what the producer spends and what the writer does, a row.
void BM_RecorderSample(benchmark::State& state) {
  constexpr std::size_t kRowsMade = 2'000'000;
  const std::size_t count = row_count_asked();
  const std::vector<SampleRow> rows = made_up_rows(std::min(kRowsMade, count));
  RecorderOptions options;
  options.compression = static_cast<Compression>(state.range(0));
  const RecordFolder folder;
  double bytes = 0;
  for (auto _ : state) {
    if (!write_rows(folder.file(), rows, count, options)) state.SkipWithError("write failed");
    bytes = static_cast<double>(std::filesystem::file_size(folder.file()));
    std::filesystem::remove(folder.file());
  }
  const auto done = static_cast<double>(state.iterations()) * static_cast<double>(count);
  state.SetItemsProcessed(static_cast<std::int64_t>(done));
  state.counters["bytes_per_row"] = bytes / static_cast<double>(count);
  state.counters["cpu_s_per_row"] =
      benchmark::Counter(done, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_RecorderSample)
    ->ArgName("compression")
    ->Arg(static_cast<int>(Compression::kQuick))
    ->Arg(static_cast<int>(Compression::kFull))
    ->Arg(static_cast<int>(Compression::kNone))
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);

void BM_RecorderRead(benchmark::State& state) {
  const std::size_t count = row_count_asked();
  const RecordFolder folder;
  if (!write_rows(folder.file(), made_up_rows(100'000), count, {})) {
    state.SkipWithError("write failed");
  }
  for (auto _ : state) {
    const auto data = read_hdf5_rank(folder.file());
    if (!data || data->samples[0].size() != count) state.SkipWithError("rows are missing");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}
BENCHMARK(BM_RecorderRead)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace radixbench
