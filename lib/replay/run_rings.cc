#include "replay/run_rings.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <csignal>
#include <filesystem>
#include <numeric>
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

RunRings::RunRings(std::map<Rank, RingMemory> rings,
                   std::map<Rank, std::string> files,
                   std::string trouble)
    : rings_{std::move(rings)}, files_{std::move(files)}, trouble_{std::move(trouble)} {}

Result<RunRings> RunRings::create(const ReplayPlan& plan, std::span<const Rank> here) {
  std::vector<Rank> ranks(here.begin(), here.end());
  if (ranks.empty()) {
    ranks.resize(plan.layout.world_size());
    std::iota(ranks.begin(), ranks.end(), Rank{0});
  }
  std::error_code ignored;  // the first file says what is wrong with its folder
  std::filesystem::create_directories(plan.options.output_directory + "/rings", ignored);
  std::map<Rank, RingMemory> rings;
  std::map<Rank, std::string> files;
  std::string trouble;
  for (const Rank rank : ranks) {
    const RingOptions options = ring_options(plan, rank);
    const std::string file = ring_file(plan, rank);
    files.emplace(rank, file);
    if (trouble.empty()) {
      Result<RingMemory> in_file = RingMemory::create_file(file, options);
      if (in_file) {
        rings.emplace(rank, *std::move(in_file));
        continue;
      }
      trouble = in_file.error().message;
    }
    Result<RingMemory> in_memory = RingMemory::create_anonymous(options);
    if (!in_memory) return tl::unexpected(in_memory.error());
    rings.emplace(rank, *std::move(in_memory));
  }
  for (const auto& [rank, ring] : rings) ring.set_fate(RankFate::kRunning);
  return RunRings{std::move(rings), std::move(files), std::move(trouble)};
}

std::string RunRings::copy(Rank rank) const {
  const std::vector<std::uint64_t> words = rings_.at(rank).copy();
  return {reinterpret_cast<const char*>(words.data()), words.size() * sizeof(std::uint64_t)};
}

std::vector<Recording> RunRings::recordings() const {
  std::vector<Recording> recordings;
  recordings.reserve(rings_.size());
  for (const auto& [rank, ring] : rings_) {
    Result<Recording> recording = ring.read();
    if (!recording) continue;
    recording->source = files_.at(rank);
    recordings.push_back(*std::move(recording));
  }
  if (!elsewhere_) return recordings;
  for (Recording& recording : elsewhere_()) recordings.push_back(std::move(recording));
  std::ranges::sort(recordings, {}, &Recording::rank);
  return recordings;
}

void RunRings::ended(const RankReport& report) const {
  const auto ring = rings_.find(report.rank);
  if (report.was_given_up || ring == rings_.end()) return;
  if (report.signal) return ring->second.set_fate(RankFate::kKilled, *report.signal);
  ring->second.set_fate(RankFate::kEnded);
}

std::vector<std::string> RunRings::finish() {
  if (trouble_.empty()) return {};
  std::size_t unsaved = 0;
  for (const auto& [rank, ring] : rings_) {
    if (ring.path().empty() && !ring.save(files_.at(rank))) ++unsaved;
  }
  std::string note = fmt::format("rings were kept in memory ({})", trouble_);
  if (unsaved > 0) note += fmt::format("; {} of them could not be saved afterwards", unsaved);
  return {std::move(note)};
}

}  // namespace radixbench
