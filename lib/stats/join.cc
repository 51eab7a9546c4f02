#include "stats/join.h"

#include <algorithm>
#include <limits>
#include <map>
#include <unordered_map>
#include <utility>

namespace radixbench {
namespace {

// What is known of one operation of a group, from the rows that there are.
struct Operation {
  std::int64_t first_enter_ns = std::numeric_limits<std::int64_t>::max();
  std::int64_t last_enter_ns = std::numeric_limits<std::int64_t>::min();
  std::int64_t first_exit_ns = std::numeric_limits<std::int64_t>::max();
  Rank last_rank = 0;
  std::uint32_t rows = 0;
  bool has_failed = false;
};

struct Group {
  std::size_t size = 0;
  std::vector<Operation> operations;  // by op_seq
};

constexpr std::uint16_t kFailed = 1;

class Join {
 public:
  explicit Join(std::span<const RankView> ranks) : ranks_{ranks} {
    std::uint64_t rows = 0;
    for (const auto& rank : ranks) {
      for (const auto& phase : rank.phases) rows += phase.size();
    }
    // A group's calls are numbered without holes; a number far beyond all rows is no number of a
    // call, and must not become an allocation of its size.
    constexpr std::uint64_t kDroppedFactor = 16;
    constexpr std::uint64_t kDroppedMore = 1'000'000;
    operations_max_ = rows * kDroppedFactor + kDroppedMore;
    name_groups();
    for (std::size_t index = 0; index < ranks.size(); ++index) {
      for (const auto& phase : ranks[index].phases) note(index, phase);
    }
  }

  [[nodiscard]] JoinedColumns columns(std::size_t index, const SampleView& phase) const {
    JoinedColumns joined;
    joined.wait_ns.assign(phase.size(), kNotJoined);
    joined.wire_ns.assign(phase.size(), kNotJoined);
    joined.skew_ns.assign(phase.size(), kNotJoined);
    joined.last_rank.assign(phase.size(), static_cast<std::int32_t>(kNotJoined));
    for (std::size_t row = 0; row < phase.size(); ++row) {
      const Operation* operation = find(index, phase, row);
      if (operation == nullptr) continue;
      joined.wait_ns[row] = operation->last_enter_ns - phase.t_enter_ns[row];
      joined.wire_ns[row] = phase.t_exit_ns[row] - operation->last_enter_ns;
      joined.skew_ns[row] = operation->last_enter_ns - operation->first_enter_ns;
      joined.last_rank[row] = static_cast<std::int32_t>(operation->last_rank);
    }
    return joined;
  }

 private:
  void name_groups() {
    std::map<std::pair<std::string, std::vector<Rank>>, std::size_t> known;
    group_of_.resize(ranks_.size());
    for (std::size_t index = 0; index < ranks_.size(); ++index) {
      for (const auto& group : ranks_[index].groups) {
        const auto [place, is_new] =
            known.emplace(std::pair{group.name, group.members}, groups_.size());
        if (is_new) groups_.push_back({group.members.size(), {}});
        group_of_[index][group.group_id] = place->second;
      }
    }
  }

  void note(std::size_t index, const SampleView& phase) {
    for (std::size_t row = 0; row < phase.size(); ++row) {
      const auto group = group_of_[index].find(phase.group_id[row]);
      if (group == group_of_[index].end() || phase.op_seq[row] >= operations_max_) continue;
      auto& operations = groups_[group->second].operations;
      if (operations.size() <= phase.op_seq[row]) operations.resize(phase.op_seq[row] + 1);
      Operation& operation = operations[phase.op_seq[row]];
      const std::int64_t enter_ns = phase.t_enter_ns[row];
      if (enter_ns > operation.last_enter_ns) {
        operation.last_enter_ns = enter_ns;
        operation.last_rank = ranks_[index].rank;
      }
      operation.first_enter_ns = std::min(operation.first_enter_ns, enter_ns);
      operation.first_exit_ns = std::min(operation.first_exit_ns, phase.t_exit_ns[row]);
      operation.has_failed |= (phase.flags[row] & kFailed) != 0;
      ++operation.rows;
    }
  }

  // nullptr where the operation can't be judged.
  [[nodiscard]] const Operation* find(std::size_t index,
                                      const SampleView& phase,
                                      std::size_t row) const {
    const auto place = group_of_[index].find(phase.group_id[row]);
    if (place == group_of_[index].end() || phase.op_seq[row] >= operations_max_) return nullptr;
    const Group& group = groups_[place->second];
    const Operation& operation = group.operations[phase.op_seq[row]];
    const bool is_whole = operation.rows == group.size && !operation.has_failed;
    return is_whole && operation.first_exit_ns >= operation.last_enter_ns ? &operation : nullptr;
  }

  std::span<const RankView> ranks_;
  std::uint64_t operations_max_ = 0;
  std::vector<Group> groups_;
  std::vector<std::unordered_map<std::uint16_t, std::size_t>> group_of_;  // by rank, group_id
};

}  // namespace

std::vector<std::vector<JoinedColumns>> join_samples(std::span<const RankView> ranks) {
  const Join join{ranks};
  std::vector<std::vector<JoinedColumns>> joined(ranks.size());
  for (std::size_t index = 0; index < ranks.size(); ++index) {
    for (const auto& phase : ranks[index].phases) {
      joined[index].push_back(join.columns(index, phase));
    }
  }
  return joined;
}

}  // namespace radixbench
