#include "replay/thread_ranks.h"

#include "comm/thread_fabric.h"
#include "layout/sites.h"
#include "replay/recorded_rank.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

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
  ReportingStatus(RankReport& report, SharedNote<StepNote>& progress)
      : report_{report}, progress_{progress} {}
  void reached(RankPhase phase) override { report_.phase = phase; }
  void entered(const CallRecord&) override {}
  void stepped(std::uint64_t step, std::int64_t now_ns, std::uint64_t requests_ended) override {
    progress_.write({.step = step, .now_ns = now_ns, .requests_ended = requests_ended});
  }
  void violated(const std::string& what) override { report_.violations.push_back(what); }
  void failed(const Error& error) override { report_.error = error; }
  void ended_by_library(const std::string& words) override { report_.words_of_library = words; }

 private:
  RankReport& report_;
  SharedNote<StepNote>& progress_;
};

struct Ending {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t ended_count = 0;
  bool has_failure = false;
};

void run_one(const ReplayPlan& plan,
             const RunRings& rings,
             World& world,
             ReportingStatus& status,
             RankReport& report,
             Ending& ending) {
  const std::unique_ptr<Fabric> fabric = world.attach(report.rank, name_of_site);
  const Result<void> ended = run_recorded_rank(plan, *fabric, status, rings.ring(report.rank));
  if (!ended && !report.error) report.error = ended.error();
  rings.ended(report);
  const std::lock_guard lock{ending.mutex};
  ++ending.ended_count;
  ending.has_failure = ending.has_failure || !ended;
  ending.changed.notify_all();
}

RankStatusPage::Progress progress_in(const SharedNote<StepNote>& note) {
  const StepNote step = note.read().value_or(StepNote{});
  return {.phase = RankPhase::kRunning,
          .step = step.step,
          .now_ns = step.now_ns,
          .requests_ended = step.requests_ended};
}

}  // namespace

std::vector<RankReport> run_thread_ranks(const ReplayPlan& plan,
                                         const RunRings& rings,
                                         const std::function<void(const RankProgress&)>& ticked) {
  const Rank world_size = plan.layout.world_size();
  const std::unique_ptr<World> world = make_thread_world(world_size);
  std::vector<RankReport> reports(world_size);
  std::vector<SharedNote<StepNote>> progress(world_size);
  Ending ending;
  std::vector<std::jthread> threads;
  threads.reserve(world_size);
  for (Rank rank = 0; rank < world_size; ++rank) {
    reports[rank].rank = rank;
    threads.emplace_back(
        [&plan, &rings, &world, &ending, &report = reports[rank], &own = progress[rank]] {
          ReportingStatus status{report, own};
          run_one(plan, rings, *world, status, report, ending);
        });
  }
  {
    std::unique_lock lock{ending.mutex};
    const auto all_ended = [&] { return ending.ended_count == world_size; };
    const auto is_over = [&] { return all_ended() || ending.has_failure; };
    while (!ending.changed.wait_for(lock, kTick, is_over)) {
      if (ticked) ticked([&](Rank rank) { return progress_in(progress[rank]); });
    }
    ending.changed.wait_for(lock, kReportWait, all_ended);
    if (!all_ended()) world->interrupt();
  }
  threads.clear();
  return reports;
}

}  // namespace radixbench
