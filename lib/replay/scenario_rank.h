#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "comm/world.h"
#include "replay/scenario_program.h"
#include "watch/ring_memory.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>

namespace radixbench {

// How one run of a scenario goes, the same for all its ranks.
struct ScenarioPace {
  std::uint64_t seed = 1;
  double time_scale = 1.0;
  std::chrono::nanoseconds call_deadline{};
};

// What the ranks of a run know of each other besides what they say in calls: whether anybody still
// does something. In memory that all of them share.
class ScenarioBoard {
 public:
  static constexpr Rank kRanksMax = 256;

  explicit ScenarioBoard(Rank world_size) : world_size_{world_size} {}

  void add_busy(Rank rank) { ++busy_[rank]; }
  void remove_busy(Rank rank) { --busy_[rank]; }
  // It does nothing more, whatever its threads were at.
  void kill(Rank rank) { is_killed_[rank] = true; }
  [[nodiscard]] bool is_killed(Rank rank) const { return is_killed_[rank]; }
  void give_up() { is_given_up_ = true; }
  [[nodiscard]] bool is_given_up() const { return is_given_up_; }
  // Nobody has anything left to do, or the run was given up.
  [[nodiscard]] bool is_over() const;

  void note_trouble() { has_trouble_ = true; }
  [[nodiscard]] bool has_trouble() const { return has_trouble_; }

 private:
  const Rank world_size_;
  std::atomic<bool> is_given_up_ = false;
  std::atomic<bool> has_trouble_ = false;
  std::array<std::atomic<std::uint32_t>, kRanksMax> busy_{};
  std::array<std::atomic<bool>, kRanksMax> is_killed_{};
};

// What makes one rank run.
struct ScenarioSeat {
  Rank rank = 0;
  Fabric& fabric;
  RingMemory& ring;
  ScenarioBoard& board;
  // SIGKILL or what stands for it; may come back.
  std::function<void()> kill;
  // A call or creation failed, which ended its thread. From any thread of the rank.
  std::function<void(const Error&)> failed;
};

// Runs a rank's threads until all ranks have nothing left to do: who is done before stays, so that
// it can be seen waiting or idle. The board counts the rank's first thread as busy already.
void run_scenario_rank(const ScenarioProgram& program,
                       const ScenarioPace& pace,
                       const ScenarioSeat& seat);

}  // namespace radixbench
