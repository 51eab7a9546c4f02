#pragma once

#include "record/hdf5_reader.h"
#include "replay/plan.h"
#include "replay/rank_report.h"
#include "support/temp_directory.h"
#include "watch/recording.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// Under a sanitizer a run takes ten times as long: what is asked of many layouts elsewhere is asked
// of a few there.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr bool kIsSanitized = true;
#else
constexpr bool kIsSanitized = false;
#endif

// A trace that comes back to a few prompts over and over, so that a cache that holds half of them
// is asked for pages on every tier. Prompts share their first block. Its own bytes for each seed.
struct ChurnTrace {
  std::uint64_t seed = 1;
  std::uint32_t requests = 36;
  std::uint32_t prompts = 7;  // odd: round robin over two replicas then visits all on both
  std::uint32_t blocks_min = 3;
  std::uint32_t output_tokens = 3;
  std::uint32_t gap_ms = 30;
};
void write_trace(const std::filesystem::path& path, const ChurnTrace& trace);

// What a replay left behind, rank by rank.
struct ReplayRun {
  Layout layout;
  std::vector<RankReport> reports;
  std::vector<RankData> ranks;
  std::vector<Recording> recordings;

  // Of rank 0 unless told otherwise; a counter that does not exist fails the test.
  [[nodiscard]] std::uint64_t counter(std::string_view name, Rank rank = 0) const;
  [[nodiscard]] bool has_ended_well() const;
  // The errors of all ranks, for a message.
  [[nodiscard]] std::string errors() const;
  // A rank that missed a deadline, or was told that a peer did.
  [[nodiscard]] bool has_deadline_error() const;
};

struct FirstDifference {
  std::uint64_t step = 0;
  Rank first = 0;  // of the replica
  Rank other = 0;
};
// The first step in which two ranks of one replica differ, of those that both have.
std::optional<FirstDifference> first_divergence(const ReplayRun& run);

// Replays of a churn trace, small enough to run dozens of.
class ReplayTest : public testing::Test {
 protected:
  [[nodiscard]] ReplayOptions options(const std::string& layout);
  static void skew(ReplayOptions& options, std::string_view text);
  // Each run writes into a folder of its own. `adjust` may change what the plan worked out.
  ReplayRun run(ReplayOptions options, const std::function<void(ReplayPlan&)>& adjust = {});
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }

 private:
  TempDirectory directory_;
  int run_count_ = 0;
};

// Nothing that must hold at the end of a run is broken, on any rank, and no digest differs.
void expect_clean(const ReplayRun& run);

}  // namespace radixbench
