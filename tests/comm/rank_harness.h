#pragma once

#include "comm/world.h"

#include <sys/types.h>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace radixbench {

// What the ranks of one run share besides their groups, whether they are threads or processes: a
// test's ranks tell one another where they are. Zero at the start.
struct SharedBoard {
  std::array<std::atomic<std::int64_t>, 64> notes;

  // Waits until a note holds at least `value`, or fails the test after some seconds.
  void await_note(std::size_t note, std::int64_t value);
};

enum class RankKind : std::uint8_t { kThreads, kProcesses };

// Runs one body on every rank of a world, each on a thread or in a forked process of its own, and
// brings what failed in them to the test that asked. Nothing outlives run(): ranks that exceed the
// bound are killed, which fails the test.
class RankHarness {
 public:
  using Body = std::function<void(Fabric& fabric, SharedBoard& board)>;

  RankHarness(RankKind kind, std::unique_ptr<World> world, Rank world_size);
  ~RankHarness();
  RankHarness(const RankHarness&) = delete;
  RankHarness& operator=(const RankHarness&) = delete;

  // What to put between a rank's fabric and its body, e.g. an observer.
  void wrap_fabrics(std::function<std::unique_ptr<Fabric>(std::unique_ptr<Fabric>)> wrap);

  // `supervise` runs beside the ranks, on the test's own thread.
  void run(const Body& body, const std::function<void()>& supervise = {});

  [[nodiscard]] World& world() { return *world_; }
  [[nodiscard]] SharedBoard& board() { return *board_; }
  // For supervise(), of processes: SIGKILL to one rank, and its end awaited. The harness expects
  // it.
  void kill_rank(Rank rank);
  void signal_rank(Rank rank, int signal);
  // Processes may end by this signal; which did, run() leaves in ended_by().
  void allow_end_by(int signal) { allowed_signal_ = signal; }
  [[nodiscard]] const std::vector<int>& ended_by() const { return ended_by_; }

 private:
  struct FailureText;

  void run_threads(const Body& body, const std::function<void()>& supervise);
  void run_processes(const Body& body, const std::function<void()>& supervise);
  [[nodiscard]] int run_in_child(const Body& body, Rank rank);
  void run_rank(const Body& body, Rank rank);
  void reap(Rank rank);

  RankKind kind_;
  std::unique_ptr<World> world_;
  Rank world_size_;
  std::function<std::unique_ptr<Fabric>(std::unique_ptr<Fabric>)> wrap_;
  SharedBoard* board_;
  FailureText* failure_texts_;   // shared, one a rank
  std::vector<pid_t> children_;  // 0 once reaped
  int allowed_signal_ = 0;
  std::vector<int> ended_by_;  // by rank; 0 for none
};

// "site 4" spelt, as layout would.
std::string_view name_test_site(std::uint16_t site);

}  // namespace radixbench
