#include "replay/thread_ranks.h"

#include "base/clock.h"
#include "comm/rendezvous_socket.h"
#include "comm/thread_fabric.h"
#include "layout/sites.h"
#include "replay/recorded_rank.h"
#include "replay/supervisor_signals.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// What a rank that saw the failure too needs to say so.
constexpr auto kReportWait = 1s;
constexpr auto kTick = 100ms;

struct StepNote {
  std::uint64_t step = 0;
  std::int64_t now_ns = 0;
  std::uint64_t requests_ended = 0;
};

class ReportingStatus final : public RankStatusSink {
 public:
  ReportingStatus(RankReport& report,
                  SharedNote<StepNote>& progress,
                  const std::atomic<bool>& is_asked_to_end)
      : report_{report}, progress_{progress}, is_asked_to_end_{is_asked_to_end} {}
  void reached(RankPhase phase) override { report_.phase = phase; }
  void entered(const CallRecord&) override {}
  void stepped(std::uint64_t step, std::int64_t now_ns, std::uint64_t requests_ended) override {
    progress_.write({.step = step, .now_ns = now_ns, .requests_ended = requests_ended});
  }
  void violated(const std::string& what) override { report_.violations.push_back(what); }
  void failed(const Error& error) override { report_.error = error; }
  void ended_by_library(const std::string& words) override { report_.words_of_library = words; }
  [[nodiscard]] bool is_asked_to_end() const override { return is_asked_to_end_.load(); }

 private:
  RankReport& report_;
  SharedNote<StepNote>& progress_;
  const std::atomic<bool>& is_asked_to_end_;
};

// What the ranks' threads and the one that waits for them tell each other.
struct Stage {
  explicit Stage(Rank world_size) : world{make_thread_world(world_size)} {}

  void interrupt() {
    is_asked_to_end.store(true);
    world->interrupt();
  }

  std::unique_ptr<World> world;
  std::atomic<bool> is_asked_to_end = false;
  std::atomic<std::size_t> ended_count = 0;
  std::atomic<bool> has_failure = false;
  WakeUp ended;
};

void run_one(const ReplayPlan& plan,
             const RunRings& rings,
             Stage& stage,
             SharedNote<StepNote>& progress,
             RankReport& report) {
  ReportingStatus status{report, progress, stage.is_asked_to_end};
  const std::unique_ptr<Fabric> fabric = stage.world->attach(report.rank, name_of_site);
  const Result<void> ended = run_recorded_rank(plan, *fabric, status, rings.ring(report.rank));
  if (!ended && !report.error) report.error = ended.error();
  rings.ended(report);
  if (!ended) stage.has_failure.store(true);
  ++stage.ended_count;
  stage.ended.wake();
}

RankStatusPage::Progress progress_in(const SharedNote<StepNote>& note) {
  const StepNote step = note.read().value_or(StepNote{});
  return {.phase = RankPhase::kRunning,
          .step = step.step,
          .now_ns = step.now_ns,
          .requests_ended = step.requests_ended};
}

// Until all ranks have ended; answers the signal that interrupted them.
std::optional<int> wait_for_ranks(Stage& stage,
                                  const std::vector<SharedNote<StepNote>>& progress,
                                  const SupervisorSignals& signals,
                                  const ThreadRanksCallbacks& callbacks) {
  std::optional<int> interrupted_by;
  std::optional<Deadline> report_end;
  while (stage.ended_count.load() < progress.size()) {
    const SupervisorSignals::Came came = signals.wait(kTick, stage.ended.descriptor());
    stage.ended.drain();
    if (came.is_question && callbacks.asked) callbacks.asked();
    if (came.ending && interrupted_by) die_by(*came.ending);
    if (came.ending) {
      interrupted_by = came.ending;
      if (callbacks.interrupted) callbacks.interrupted();
      stage.interrupt();
    }
    if (stage.has_failure.load() && !report_end) report_end = deadline_after(kReportWait);
    if (report_end && has_passed(*report_end)) stage.interrupt();
    if (callbacks.ticked) callbacks.ticked([&](Rank rank) { return progress_in(progress[rank]); });
  }
  return interrupted_by;
}

}  // namespace

RanksEnd run_thread_ranks(const ReplayPlan& plan,
                          const RunRings& rings,
                          const ThreadRanksCallbacks& callbacks) {
  const Rank world_size = plan.layout.world_size();
  const SupervisorSignals signals;  // before the threads, which so leave them to this one
  Stage stage{world_size};
  RanksEnd end;
  end.reports.resize(world_size);
  std::vector<SharedNote<StepNote>> progress(world_size);
  std::vector<std::jthread> threads;
  threads.reserve(world_size);
  for (Rank rank = 0; rank < world_size; ++rank) {
    end.reports[rank].rank = rank;
    threads.emplace_back(
        [&plan, &rings, &stage, &report = end.reports[rank], &own = progress[rank]] {
          run_one(plan, rings, stage, own, report);
        });
  }
  end.interrupted_by = wait_for_ranks(stage, progress, signals, callbacks);
  threads.clear();
  return end;
}

}  // namespace radixbench
