// Writes made-up files for the kill test and the Python tests. record_writer PATH ROWS: a rank's;
// with ROWS 0 it goes on until it is killed. record_writer run FOLDER: a run of two ranks, with its
// master.

#include "record/hdf5_recorder.h"
#include "record/made_up_master.h"
#include "record/record_fixture.h"

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace radixbench {
namespace {

void write_step(Recorder& recorder, std::uint64_t number) {
  StepRow step;
  step.step = number;
  step.digest = number * 0x9E37'79B9'7F4A'7C15ULL;
  recorder.step(step);
  RequestRow request;
  request.request_id = number;
  request.input = request.computed = 1 + static_cast<std::uint32_t>(number % 1'000);
  request.last_token = 1;
  recorder.request(request);
  PrefetchRow prefetch;
  prefetch.request_id = number;
  prefetch.requested = prefetch.inserted = prefetch.used = 64;
  recorder.prefetch(prefetch);
}

Result<void> write_file(const std::string& path, std::uint64_t rows) {
  RecorderOptions options;
  options.commit_min = std::chrono::milliseconds{5};
  options.commit_max = std::chrono::milliseconds{20};
  options.sites = {{2, "writing_check"}, {5, "check_prefetch_progress"}};
  auto recorder = open_hdf5_recorder(path, identity_of(0), options);
  if (!recorder) return tl::unexpected(recorder.error());
  (*recorder)->group({0, "attention_tp{0,1}", {0, 1}, 0});
  for (std::uint64_t number = 0; rows == 0 || number < rows; ++number) {
    (*recorder)->sample(Producer::kScheduler, Phase::kConsensus, sample_number(number));
    (*recorder)->sample(Producer::kScheduler, Phase::kDrain, sample_number(number));
    if (number % 50 == 0) {
      write_step(**recorder, number / 50);
      if (auto ready = (*recorder)->between_steps(); !ready) return ready;
    }
  }
  return (*recorder)->close(RankStatus::kComplete, {{"agreements.writing_check", rows, "1"}});
}

Result<void> write_run(const std::string& folder) {
  const std::vector<RankData> ranks = write_rank_files(folder, {10, 20});
  return write_hdf5_master(folder, made_up_content(ranks));
}

}  // namespace
}  // namespace radixbench

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  const bool is_run = std::string_view{argv[1]} == "run";
  const auto written = is_run
                           ? radixbench::write_run(argv[2])
                           : radixbench::write_file(argv[1], std::strtoull(argv[2], nullptr, 10));
  if (!written) std::fprintf(stderr, "%s\n", written.error().message.c_str());
  return written ? 0 : 74;
}
