#pragma once

#include "record/hdf5_master.h"
#include "record/record_fixture.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace radixbench {

// Rank files of a run under `folder`; rank r has `rows[r]` consensus samples.
inline std::vector<RankData> write_rank_files(const std::string& folder,
                                              const std::vector<std::uint64_t>& rows) {
  std::filesystem::create_directory(folder + "/ranks");
  std::vector<RankData> ranks;
  for (Rank rank = 0; rank < rows.size(); ++rank) {
    const std::string path = folder + "/ranks/rank0000" + std::to_string(rank) + ".h5";
    RecorderOptions options;
    options.sites = {{2, "writing_check"}, {5, "check_prefetch_progress"}};
    auto recorder = open_hdf5_recorder(path, identity_of(rank), options).value();
    recorder->group({0, "attention_tp", {0, 1}, rank});
    for (std::uint64_t number = 0; number < rows[rank]; ++number) {
      recorder->sample(Producer::kScheduler, Phase::kConsensus, sample_number(number));
    }
    StepRow step;
    step.digest = 0xABCD;
    recorder->step(step);
    RequestRow request;
    request.request_id = 40 + rank;
    request.input = request.device = 512;
    recorder->request(request);
    EXPECT_TRUE(recorder->close(RankStatus::kComplete, {{"wire_ops.drain", 7U + rank, "1"}}));
    ranks.push_back(read_hdf5_rank(path).value());
  }
  return ranks;
}

// What the join would have made of them: each row's wait is its number.
inline MasterContent made_up_content(const std::vector<RankData>& ranks) {
  MasterContent content;
  content.identity = identity_of(0);
  content.variables = {"made_up",
                       "sglang:tp=8,cp=2",
                       4,
                       2,
                       1,
                       1,
                       "fixed",
                       "attn_groups",
                       "shm",
                       "timeout",
                       "virtual",
                       64};
  content.cells = {{"agreement_per_step",
                    "p50",
                    "ns",
                    MetricClass::kNoisy,
                    -1,
                    10,
                    5,
                    1,
                    5,
                    9,
                    9.5,
                    10,
                    5,
                    2,
                    0},
                   {"wire_ops", "total", "1", MetricClass::kExact, -1, 1, 4'096}};
  for (Rank rank = 0; rank < ranks.size(); ++rank) {
    MasterRank entry;
    entry.file = "ranks/rank0000" + std::to_string(rank) + ".h5";
    entry.rank = rank;
    entry.data = &ranks[rank];
    for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
      JoinedSamples& joined = entry.joined[phase];
      const std::size_t rows = ranks[rank].samples[phase].size();
      for (std::size_t row = 0; row < rows; ++row) {
        joined.wait_ns.push_back(static_cast<std::int64_t>(row));
        joined.last_rank.push_back(static_cast<std::int32_t>(rank));
      }
      joined.wire_ns.assign(rows, 3);
      joined.skew_ns.assign(rows, -1);
    }
    content.ranks.push_back(std::move(entry));
  }
  return content;
}

}  // namespace radixbench
