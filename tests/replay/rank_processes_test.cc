#include "replay/rank_processes.h"

#include "base/clock.h"
#include "comm/shm_fabric.h"
#include "layout/sites.h"

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <numeric>
#include <thread>

namespace radixbench {
namespace {

using namespace std::chrono_literals;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto kPatience = 20s;  // the deadline of calls that end by something else
constexpr auto kGrace = 2s;

std::string_view name_site(std::uint16_t site) { return to_string(static_cast<Site>(site)); }

// A rank that makes barriers on everyone's group for as long as `go_on` says.
int make_barriers(World& world,
                  Rank rank,
                  Rank count,
                  RankStatusSink& status,
                  const std::function<bool(std::uint64_t)>& go_on) {
  const auto report = [&](const Error& error) {
    status.failed(error);
    return 1;
  };
  status.reached(RankPhase::kOpeningGroups);
  GroupSpec spec{.name = "tp", .members = std::vector<Rank>(count), .ordinal = 0};
  std::iota(spec.members.begin(), spec.members.end(), Rank{0});
  const auto fabric = world.attach(rank, name_site);
  const auto group = fabric->open(spec, deadline_after(kPatience));
  if (!group) return report(group.error());
  status.reached(RankPhase::kRunning);
  for (std::uint64_t step = 0; go_on(step); ++step) {
    CallRecord record;
    record.group = &spec;
    record.call = {.site = static_cast<std::uint16_t>(Site::kCanTerminatePrefetch),
                   .key = 0,
                   .deadline = deadline_after(kPatience)};
    record.sequence = step;
    status.entered(record);
    if (const auto met = (*group)->barrier(record.call); !met) return report(met.error());
    status.stepped(step, 0, step);
  }
  status.reached(RankPhase::kClosing);
  status.reached(RankPhase::kDone);
  return 0;
}

class RankProcessesTest : public testing::Test {
 protected:
  static constexpr Rank kCount = 3;

  // What the test left, once: every child that it had is gone and reaped.
  void TearDown() override {
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
  }

  RanksEnd run(const RankProcesses::Body& body, const RankProcesses::Callbacks& callbacks = {}) {
    start(body);
    return ranks_->wait(kGrace, callbacks);
  }
  void start(const RankProcesses::Body& body) {
    ranks_.reset();
    auto started = RankProcesses::start(kCount, *world_, body);
    ASSERT_TRUE(started);
    ranks_ = *std::move(started);
  }
  RankProcesses::Body forever() {
    return [this](Rank rank, RankStatusSink& status) {
      return make_barriers(*world_, rank, kCount, status, [](auto) { return true; });
    };
  }
  // Runs `act` once, when all ranks have made some steps.
  RankProcesses::Callbacks when_running(std::function<void()> act) {
    return {.ticked =
                [this, act = std::move(act), has_acted = false]() mutable {
                  for (Rank rank = 0; rank < kCount; ++rank) {
                    if (ranks_->progress(rank).step < 10) return;
                  }
                  if (!std::exchange(has_acted, true)) act();
                },
            .ended = {}};
  }

  std::unique_ptr<World> world_ = *ShmWorld::create(kCount);
  std::unique_ptr<RankProcesses> ranks_;
};

TEST_F(RankProcessesTest, QuestionFromOutsideIsAnsweredAndTheRunGoesOn) {
  start(forever());
  int asked_count = 0;
  RankProcesses::Callbacks callbacks = when_running([] { kill(getpid(), SIGUSR1); });
  callbacks.asked = [&] {
    ++asked_count;
    kill(getpid(), SIGTERM);
  };
  const RanksEnd end = ranks_->wait(2s, callbacks);
  EXPECT_EQ(asked_count, 1);
  EXPECT_EQ(end.interrupted_by, SIGTERM);
}

TEST_F(RankProcessesTest, RanksThatEndByThemselvesAreReportedDone) {
  std::vector<Rank> ended;
  const RanksEnd end = run(
      [&](Rank rank, RankStatusSink& status) {
        status.violated("no pages leaked, said rank " + std::to_string(rank));
        return make_barriers(
            *world_, rank, kCount, status, [](std::uint64_t step) { return step < 100; });
      },
      {.ticked = {}, .ended = [&](const RankReport& report) { ended.push_back(report.rank); }});
  EXPECT_FALSE(end.interrupted_by);
  EXPECT_THAT(ended, testing::UnorderedElementsAre(0, 1, 2));
  for (const RankReport& report : end.reports) {
    EXPECT_EQ(report.exit_code, 0);
    EXPECT_FALSE(report.signal);
    EXPECT_FALSE(report.error);
    EXPECT_EQ(report.phase, RankPhase::kDone);
    EXPECT_THAT(report.violations,
                ElementsAre("no pages leaked, said rank " + std::to_string(report.rank)));
    EXPECT_THAT(report.last_calls, ElementsAre("can_terminate_prefetch #99 on tp{0,1,2}"));
    EXPECT_EQ(ranks_->progress(report.rank).requests_ended, 99U);
  }
}

TEST_F(RankProcessesTest, KillInsideACallIsNoticedAndNamedByTheOthers) {
  std::int64_t killed_ns = 0;
  const RanksEnd end = run(forever(), when_running([&] {
                             killed_ns = monotonic_ns();
                             kill(ranks_->process_id(2), SIGKILL);
                           }));
  EXPECT_EQ(end.reports[2].signal, SIGKILL);
  EXPECT_FALSE(end.reports[2].was_given_up);
  EXPECT_EQ(end.reports[2].phase, RankPhase::kRunning);
  EXPECT_THAT(end.reports[2].last_calls, ElementsAre(HasSubstr("can_terminate_prefetch #")));
  for (const Rank survivor : {Rank{0}, Rank{1}}) {
    const RankReport& report = end.reports[survivor];
    EXPECT_EQ(report.exit_code, 1);
    ASSERT_TRUE(report.error);
    EXPECT_EQ(report.error->code, ErrorCode::kPeerLost);
    EXPECT_THAT(report.error->message, HasSubstr("on tp{0,1,2}: rank 2 died (present "));
    EXPECT_LT(report.failed_ns - killed_ns, std::int64_t{1'000'000'000});
    RecordProperty("noticed_us_by_" + std::to_string(survivor),
                   std::to_string((report.failed_ns - killed_ns) / 1000));
  }
}

TEST_F(RankProcessesTest, KillBeforeAnyGroupExistsEndsTheOthersOpening) {
  const RanksEnd end = run([this](Rank rank, RankStatusSink& status) {
    if (rank == 1) raise(SIGKILL);
    return make_barriers(*world_, rank, kCount, status, [](auto) { return true; });
  });
  EXPECT_EQ(end.reports[1].signal, SIGKILL);
  EXPECT_EQ(end.reports[1].phase, RankPhase::kStarting);
  ASSERT_TRUE(end.reports[0].error);
  EXPECT_EQ(end.reports[0].phase, RankPhase::kOpeningGroups);
  EXPECT_THAT(end.reports[0].error->message, HasSubstr("opening tp{0,1,2}: rank 1 died"));
}

TEST_F(RankProcessesTest, KillDuringShutdownLeavesTheOthersDone) {
  const RanksEnd end = run([this](Rank rank, RankStatusSink& status) {
    const int code =
        make_barriers(*world_, rank, kCount, status, [](std::uint64_t step) { return step < 20; });
    status.reached(RankPhase::kClosing);
    if (rank == 0) raise(SIGKILL);
    status.reached(RankPhase::kDone);
    return code;
  });
  EXPECT_EQ(end.reports[0].signal, SIGKILL);
  EXPECT_EQ(end.reports[0].phase, RankPhase::kClosing);
  EXPECT_EQ(end.reports[1].exit_code, 0);
  EXPECT_EQ(end.reports[2].phase, RankPhase::kDone);
}

TEST_F(RankProcessesTest, RankThatNeverEndsIsGivenUpAfterTheGrace) {
  const std::int64_t start_ns = monotonic_ns();
  const RanksEnd end = run([](Rank rank, RankStatusSink& status) {
    if (rank == 1) {
      status.failed({ErrorCode::kIo, "disk full"});
      return 1;
    }
    if (rank == 2) raise(SIGSTOP);
    while (true) std::this_thread::sleep_for(1s);
  });
  const std::chrono::nanoseconds took{monotonic_ns() - start_ns};
  EXPECT_GE(took, kGrace);
  EXPECT_LT(took, kGrace + 5s);
  EXPECT_EQ(end.reports[1].error->message, "disk full");
  for (const Rank hung : {Rank{0}, Rank{2}}) {
    EXPECT_TRUE(end.reports[hung].was_given_up);
    EXPECT_FALSE(end.reports[hung].signal);
    EXPECT_FALSE(end.reports[hung].exit_code);
  }
}

// Nobody is left who could miss them.
TEST_F(RankProcessesTest, RanksThatAreAllStoppedAreGivenUp) {
  RankProcesses::Callbacks callbacks;
  callbacks.stop_max = 100ms;
  const RanksEnd end = run(
      [](Rank, RankStatusSink&) {
        raise(SIGSTOP);
        return 0;
      },
      callbacks);
  for (const RankReport& report : end.reports) {
    EXPECT_TRUE(report.was_stopped);
    EXPECT_TRUE(report.was_given_up);
    EXPECT_FALSE(report.signal);
  }
}

TEST_F(RankProcessesTest, RankThatIsToldToGoOnIsNotGivenUp) {
  auto ranks = RankProcesses::start(1, *world_, [](Rank, RankStatusSink&) {
    raise(SIGSTOP);
    return 0;
  });
  ASSERT_TRUE(ranks) << ranks.error().message;
  RankProcesses::Callbacks callbacks;
  callbacks.stop_max = kPatience;
  callbacks.ticked = [&] {
    if (const int process = (*ranks)->process_id(0); process != 0) kill(process, SIGCONT);
  };
  const RanksEnd end = (*ranks)->wait(kGrace, callbacks);
  EXPECT_EQ(end.reports[0].exit_code, 0);
  EXPECT_FALSE(end.reports[0].was_stopped);
}

TEST_F(RankProcessesTest, FailedCheckIsASignalOfTheRanksOwn) {
  const RanksEnd end = run([](Rank rank, RankStatusSink&) {
    if (rank == 1) raise(SIGABRT);
    return 0;
  });
  EXPECT_EQ(end.reports[1].signal, SIGABRT);
  EXPECT_EQ(end.reports[0].exit_code, 0);
}

TEST_F(RankProcessesTest, SignalToTheSupervisorInterruptsTheRanks) {
  for (const int signal : {SIGINT, SIGTERM}) {
    world_ = *ShmWorld::create(kCount);
    const RanksEnd end = run(forever(), when_running([&] { kill(getpid(), signal); }));
    EXPECT_EQ(end.interrupted_by, signal);
    for (const RankReport& report : end.reports) {
      ASSERT_TRUE(report.error);
      EXPECT_THAT(report.error->code, ErrorCode::kInterrupted);
      EXPECT_EQ(report.exit_code, 1);
    }
  }
}

TEST_F(RankProcessesTest, SecondSignalEndsRanksThatDoNotListen) {
  int ticks = 0;
  const std::int64_t start_ns = monotonic_ns();
  const RanksEnd end = run(
      [](Rank, RankStatusSink&) -> int {
        while (true) std::this_thread::sleep_for(1s);
      },
      {.ticked =
           [&] {
             ++ticks;
             if (ticks == 2 || ticks == 5) kill(getpid(), SIGTERM);
           },
       .ended = {}});
  EXPECT_LT(monotonic_ns() - start_ns, std::chrono::nanoseconds{kGrace}.count());
  EXPECT_EQ(end.interrupted_by, SIGTERM);
  for (const RankReport& report : end.reports) EXPECT_TRUE(report.was_given_up);
}

TEST_F(RankProcessesTest, SignalToARankIsNoneOfItsBusiness) {
  const RanksEnd end = run([this](Rank rank, RankStatusSink& status) {
    raise(SIGINT);
    raise(SIGTERM);
    return make_barriers(
        *world_, rank, kCount, status, [](std::uint64_t step) { return step < 10; });
  });
  for (const RankReport& report : end.reports) EXPECT_EQ(report.exit_code, 0);
}

TEST_F(RankProcessesTest, RanksHaveNamesOfTheirOwn) {
  std::string name;
  run(forever(), when_running([&] {
        std::ifstream{"/proc/" + std::to_string(ranks_->process_id(2)) + "/comm"} >> name >> name;
        kill(ranks_->process_id(2), SIGKILL);
      }));
  EXPECT_EQ(name, "r2");
}

TEST_F(RankProcessesTest, NothingIsLeftWhereNobodyWaited) {
  start(forever());
  const int id = ranks_->process_id(0);
  ranks_.reset();
  EXPECT_EQ(kill(id, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

// The supervisor is a child of the test, and its ranks become the test's children when it dies.
TEST_F(RankProcessesTest, RanksDieWithTheirSupervisor) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  auto* running = static_cast<std::atomic<Rank>*>(
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const pid_t supervisor = fork();
  ASSERT_GE(supervisor, 0);
  if (supervisor == 0) {
    run([&](Rank rank, RankStatusSink& status) {
      ++*running;
      return make_barriers(*world_, rank, kCount, status, [](auto) { return true; });
    });
    _exit(1);
  }
  const Deadline patience = deadline_after(kPatience);
  while (*running < kCount && !has_passed(patience)) std::this_thread::sleep_for(1ms);
  kill(supervisor, SIGKILL);
  std::vector<int> signals;
  int status = 0;
  while (wait(&status) > 0) signals.push_back(WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  EXPECT_EQ(signals.size(), kCount + 1);
  EXPECT_THAT(signals, Each(SIGKILL));
  munmap(running, 4096);
  prctl(PR_SET_CHILD_SUBREAPER, 0);
}

}  // namespace
}  // namespace radixbench
