#pragma once

#include "base/result.h"
#include "comm/world.h"
#include "replay/other_hosts.h"
#include "replay/rank_report.h"
#include "replay/rank_status_page.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace radixbench {

// How a world of processes ended.
struct RanksEnd {
  std::vector<RankReport> reports;    // by rank
  std::optional<int> interrupted_by;  // SIGINT or SIGTERM came to the supervisor
};

// The ranks of a run as forked processes, and the supervisor that knows when each ends. It knows
// nothing of what they do: their body is handed in, and what they say comes through their pages.
//
// While it lives, SIGINT, SIGTERM and SIGUSR1 are the supervisor's, taken by wait(); the ranks
// ignore them (a terminal sends them to everyone), so that the supervisor decides how a run is
// given up. Ranks are killed with the supervisor, however it ends. A process has one of these at a
// time.
class RankProcesses {
 public:
  // On a rank's main thread. What it returns is the process's exit code; other than 0 is a failure.
  using Body = std::function<int(Rank rank, RankStatusSink& status)>;

  // Called by wait() on the supervisor's thread. Each may be empty.
  struct Callbacks {
    std::function<void()> ticked{};                  // every kTick or sooner
    std::function<void(const RankReport&)> ended{};  // as each rank is seen to end
    std::function<void()> asked{};                   // SIGUSR1 came to the supervisor
    std::function<void()> interrupted{};  // by the first signal that ends, before it acts
    OtherHosts* others = nullptr;         // where ranks of the run are elsewhere
    // A rank that was stopped (SIGSTOP and its like) for so long counts as one that failed: where
    // all are, nobody is left to miss it.
    std::chrono::nanoseconds stop_max = std::chrono::nanoseconds::max();
  };
  static constexpr std::chrono::milliseconds kTick{20};

  // Forks. To be called before the process has a second thread, and from the thread that lives as
  // long as the ranks are to: they are killed when it ends. `world` must outlive the ranks.
  // kCannotCreate where the system has no room for them; then none is left.
  static Result<std::unique_ptr<RankProcesses>> start(Rank count, World& world, const Body& body);
  // The same for those of `count` ranks that are on this host; the reports of the others are what
  // Callbacks::others brings.
  static Result<std::unique_ptr<RankProcesses>> start(Rank count,
                                                      std::span<const Rank> here,
                                                      World& world,
                                                      const Body& body);

  // Kills what is left.
  virtual ~RankProcesses() = default;
  RankProcesses(const RankProcesses&) = delete;
  RankProcesses& operator=(const RankProcesses&) = delete;

  // Until all ranks have ended, once, those of other hosts included where this one leads. A rank
  // that ends, in whatever way, is marked dead in the world as soon as its end is seen (within
  // kTick). From the first that failed or was killed, or from the first signal, the others have
  // `grace` to say what they saw and end by themselves: the first half of it undisturbed (a signal
  // leaves no such half), then with their world interrupted. Who is left then is killed, as
  // everyone is by a second signal.
  virtual RanksEnd wait(std::chrono::nanoseconds grace, const Callbacks& callbacks) = 0;

  [[nodiscard]] virtual RankStatusPage::Progress progress(Rank rank) const = 0;
  // 0 once it has ended.
  [[nodiscard]] virtual int process_id(Rank rank) const = 0;

 protected:
  RankProcesses() = default;
};

}  // namespace radixbench
