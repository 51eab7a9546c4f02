#include "replay/run_rings.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <csignal>
#include <filesystem>
#include <system_error>
#include <utility>

namespace radixbench {
namespace {

// 2.5 MB a rank; beyond this many ranks on one host they share what 64 would have.
constexpr std::uint32_t kRecordsMax = 16'384;
constexpr std::uint32_t kRecordsOfAllMax = 64 * kRecordsMax;
constexpr std::uint32_t kRecordsMin = 1'024;

RingOptions ring_options(const ReplayPlan& plan, Rank rank) {
  const Rank world_size = plan.layout.world_size();
  return {.rank = rank,
          .world_size = world_size,
          .run_id = plan.run_id,
          .record_count =
              std::bit_floor(std::clamp(kRecordsOfAllMax / world_size, kRecordsMin, kRecordsMax))};
}

}  // namespace

std::string ring_file(const ReplayPlan& plan, Rank rank) {
  return fmt::format("{}/rings/rank{:05}.ring", plan.options.output_directory, rank);
}

RunRings::RunRings(std::vector<RingMemory> rings,
                   std::vector<std::string> files,
                   std::string trouble)
    : rings_{std::move(rings)}, files_{std::move(files)}, trouble_{std::move(trouble)} {}

Result<RunRings> RunRings::create(const ReplayPlan& plan) {
  std::error_code ignored;  // the first file says what is wrong with its folder
  std::filesystem::create_directories(plan.options.output_directory + "/rings", ignored);
  std::vector<RingMemory> rings;
  std::vector<std::string> files;
  std::string trouble;
  for (Rank rank = 0; rank < plan.layout.world_size(); ++rank) {
    const RingOptions options = ring_options(plan, rank);
    files.push_back(ring_file(plan, rank));
    if (trouble.empty()) {
      Result<RingMemory> in_file = RingMemory::create_file(files.back(), options);
      if (in_file) {
        rings.push_back(*std::move(in_file));
        continue;
      }
      trouble = in_file.error().message;
    }
    Result<RingMemory> in_memory = RingMemory::create_anonymous(options);
    if (!in_memory) return tl::unexpected(in_memory.error());
    rings.push_back(*std::move(in_memory));
  }
  for (const RingMemory& ring : rings) ring.set_fate(RankFate::kRunning);
  return RunRings{std::move(rings), std::move(files), std::move(trouble)};
}

std::vector<Recording> RunRings::recordings() const {
  std::vector<Recording> recordings;
  recordings.reserve(rings_.size());
  for (std::size_t rank = 0; rank < rings_.size(); ++rank) {
    Result<Recording> recording = rings_[rank].read();
    if (!recording) continue;
    recording->source = files_[rank];
    recordings.push_back(*std::move(recording));
  }
  return recordings;
}

void RunRings::ended(const RankReport& report) const {
  if (report.was_given_up) return;
  const RingMemory& ring = rings_[report.rank];
  if (report.signal) return ring.set_fate(RankFate::kKilled, *report.signal);
  ring.set_fate(RankFate::kEnded);
}

std::vector<std::string> RunRings::finish() {
  if (trouble_.empty()) return {};
  std::size_t unsaved = 0;
  for (std::size_t rank = 0; rank < rings_.size(); ++rank) {
    if (rings_[rank].path().empty() && !rings_[rank].save(files_[rank])) ++unsaved;
  }
  std::string note = fmt::format("rings were kept in memory ({})", trouble_);
  if (unsaved > 0) note += fmt::format("; {} of them could not be saved afterwards", unsaved);
  return {std::move(note)};
}

}  // namespace radixbench
