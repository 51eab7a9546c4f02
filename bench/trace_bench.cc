// Reading a trace and the references on it. Rows are made here, so that nothing has to be there.

#include "base/random.h"
#include "trace/lru_reference.h"
#include "trace/mooncake_reader.h"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace radixbench {
namespace {

// Sessions that grow by a few blocks a turn, as conversations do; about 24 blocks a row.
std::string rows_of(std::int64_t count) {
  Random random{1, "trace_bench"};
  std::vector<std::vector<std::uint64_t>> sessions(static_cast<std::size_t>(count / 4) + 1, {0});
  std::uint64_t next_id = 1;
  std::string text;
  for (std::int64_t i = 0; i < count; ++i) {
    std::vector<std::uint64_t>& ids = sessions[random.below(sessions.size())];
    for (std::uint64_t grow = 4 + random.below(12); grow > 0; --grow) ids.push_back(next_id++);
    text += R"({"timestamp": )" + std::to_string(300 * i) + R"(, "input_length": )" +
            std::to_string(ids.size() * kTraceBlockTokens) +
            R"(, "output_length": 300, "hash_ids": [)";
    for (std::size_t k = 0; k < ids.size(); ++k)
      text += (k == 0 ? "" : ", ") + std::to_string(ids[k]);
    text += "]}\n";
  }
  return text;
}

class RowFile {
 public:
  explicit RowFile(std::int64_t count)
      : path_{std::filesystem::temp_directory_path() /
              ("trace_bench." + std::to_string(count) + ".jsonl")} {
    const std::string text = rows_of(count);
    bytes_ = text.size();
    std::ofstream{path_, std::ios::binary} << text;
  }
  ~RowFile() { std::filesystem::remove(path_); }
  RowFile(const RowFile&) = delete;
  RowFile& operator=(const RowFile&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::filesystem::path path_;
  std::size_t bytes_ = 0;
};

void BM_TraceRead(benchmark::State& state) {
  const RowFile file{state.range(0)};
  for ([[maybe_unused]] auto _ : state) {
    const Result<Trace> trace = read_mooncake(file.path(), {});
    benchmark::DoNotOptimize(trace->blocks.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(file.bytes()));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_TraceRead)->Arg(1'000)->Arg(10'000)->Unit(benchmark::kMillisecond);

void BM_TraceReplayLru(benchmark::State& state) {
  const RowFile file{10'000};
  const Result<Trace> trace = read_mooncake(file.path(), {});
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(replay_lru(*trace, static_cast<std::uint64_t>(state.range(0))).hits);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(trace->blocks.size()));
}
BENCHMARK(BM_TraceReplayLru)->Arg(1'000)->Arg(32'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace radixbench
