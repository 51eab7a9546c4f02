#pragma once

#include "record/hdf5_reader.h"
#include "record/hdf5_recorder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace radixbench {

// A folder that goes with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "radixbench_XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

// Row n of a made-up run: every field tells n, so that a row in the wrong place shows.
inline SampleRow sample_number(std::uint64_t number) {
  SampleRow row;
  row.t_enter_wall_ns = static_cast<std::int64_t>(1'000'000 + 1'000 * number);
  row.t_exit_wall_ns = row.t_enter_wall_ns + static_cast<std::int64_t>(number % 977);
  row.step = number / 7;
  row.request_id = number * 3;
  row.op_seq = number;
  row.values = {static_cast<std::int64_t>(number), -static_cast<std::int64_t>(number), 5};
  row.group_id = static_cast<std::uint16_t>(number % 3);
  row.site = static_cast<std::uint16_t>(number % 9);
  row.flags = static_cast<std::uint16_t>(number % 2);
  return row;
}

// The number of the first row that is not what sample_number makes, or the count of rows.
inline std::uint64_t first_wrong_sample(const SampleColumns& samples) {
  for (std::uint64_t number = 0; number < samples.size(); ++number) {
    const SampleRow row = sample_number(number);
    const bool is_right =
        samples.t_enter_ns[number] == row.t_enter_wall_ns &&
        samples.t_exit_ns[number] == row.t_exit_wall_ns && samples.step[number] == row.step &&
        samples.request_id[number] == row.request_id && samples.op_seq[number] == row.op_seq &&
        samples.values[0][number] == row.values[0] && samples.values[1][number] == row.values[1] &&
        samples.values[2][number] == row.values[2] && samples.group_id[number] == row.group_id &&
        samples.site[number] == row.site && samples.flags[number] == row.flags;
    if (!is_right) return number;
  }
  return samples.size();
}

inline RankIdentity identity_of(Rank rank) {
  return {"20261123T170512Z-4f2a91c0",
          rank,
          8,
          rank,
          "virtual",
          {{"layout", "sglang:tp=8,cp=2"}, {"agreement", "attn_groups"}, {"empty", ""}},
          {{"seed", "1"}, {"trace_path", "a/b.jsonl"}}};
}

}  // namespace radixbench
