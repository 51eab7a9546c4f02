#include "replay/thread_ranks.h"

#include "comm/thread_fabric.h"
#include "layout/sites.h"
#include "replay/recorded_rank.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// What a rank that saw the failure too needs to say so.
constexpr auto kReportWait = 1s;

class ReportingStatus final : public RankStatusSink {
 public:
  explicit ReportingStatus(RankReport& report) : report_{report} {}
  void reached(RankPhase phase) override { report_.phase = phase; }
  void entered(const CallRecord&) override {}
  void stepped(std::uint64_t, std::int64_t, std::uint64_t) override {}
  void violated(const std::string& what) override { report_.violations.push_back(what); }
  void failed(const Error& error) override { report_.error = error; }
  void ended_by_library(const std::string& words) override { report_.library_words = words; }

 private:
  RankReport& report_;
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
             RankReport& report,
             Ending& ending) {
  const std::unique_ptr<Fabric> fabric = world.attach(report.rank, name_of_site);
  ReportingStatus status{report};
  const Result<void> ended = run_recorded_rank(plan, *fabric, status, rings.ring(report.rank));
  if (!ended && !report.error) report.error = ended.error();
  rings.ended(report);
  const std::lock_guard lock{ending.mutex};
  ++ending.ended_count;
  ending.has_failure = ending.has_failure || !ended;
  ending.changed.notify_all();
}

}  // namespace

std::vector<RankReport> run_thread_ranks(const ReplayPlan& plan, const RunRings& rings) {
  const Rank world_size = plan.layout.world_size();
  const std::unique_ptr<World> world = make_thread_world(world_size);
  std::vector<RankReport> reports(world_size);
  Ending ending;
  std::vector<std::jthread> threads;
  threads.reserve(world_size);
  for (Rank rank = 0; rank < world_size; ++rank) {
    reports[rank].rank = rank;
    threads.emplace_back([&plan, &rings, &world, &ending, &report = reports[rank]] {
      run_one(plan, rings, *world, report, ending);
    });
  }
  {
    std::unique_lock lock{ending.mutex};
    const auto all_ended = [&] { return ending.ended_count == world_size; };
    ending.changed.wait(lock, [&] { return all_ended() || ending.has_failure; });
    ending.changed.wait_for(lock, kReportWait, all_ended);
    if (!all_ended()) world->interrupt();
  }
  threads.clear();
  return reports;
}

}  // namespace radixbench
