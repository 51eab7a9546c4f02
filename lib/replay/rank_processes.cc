#include "replay/rank_processes.h"

#include "base/check.h"
#include "base/clock.h"
#include "replay/supervisor_signals.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <new>
#include <numeric>
#include <utility>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// From SIGKILL to the end of a process that the kernel holds in a device; beyond it, it is left to
// the kernel, which has been told.
constexpr auto kKillWait = 5s;

// One page of status a rank, in shared memory without a name.
class StatusPages {
 public:
  static Result<StatusPages> map(Rank count) {
    void* memory = mmap(nullptr,
                        count * sizeof(RankStatusPage),
                        PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS,
                        -1,
                        0);
    if (memory == MAP_FAILED) {
      return fail(ErrorCode::kCannotCreate,
                  fmt::format("status pages of {} ranks: {}", count, std::strerror(errno)));
    }
    return StatusPages{new (memory) RankStatusPage[count], count};
  }
  StatusPages(StatusPages&& other) noexcept
      : pages_{std::exchange(other.pages_, nullptr)}, count_{other.count_} {}
  StatusPages& operator=(StatusPages&&) = delete;
  ~StatusPages() {
    if (pages_ != nullptr) munmap(pages_, count_ * sizeof(RankStatusPage));
  }

  [[nodiscard]] RankStatusPage& operator[](Rank rank) const { return pages_[rank]; }

 private:
  StatusPages(RankStatusPage* pages, Rank count) : pages_{pages}, count_{count} {}

  RankStatusPage* pages_;
  Rank count_;
};

// In debug builds: a fork copies the calling thread alone, and whatever lock another one holds
// stays locked in the child. Sanitizers have threads of their own, which know.
void check_single_threaded() {
#if !defined(NDEBUG) && !defined(__SANITIZE_THREAD__)
  const std::filesystem::directory_iterator threads{"/proc/self/task"};
  RADIXBENCH_CHECK(std::distance(begin(threads), end(threads)) == 1);
#endif
}

class ForkedRanks final : public RankProcesses {
 public:
  ForkedRanks(StatusPages pages, Rank count, World& world)
      : world_{world},
        pages_{std::move(pages)},
        process_ids_(count, 0),
        reports_(count),
        has_come_(count, false),
        stopped_ns_(count, 0) {
    for (Rank rank = 0; rank < count; ++rank) reports_[rank].rank = rank;
  }
  ~ForkedRanks() override {
    kill_all();
    await_killed();
  }

  Result<void> fork_all(std::span<const Rank> here, const Body& body) {
    const pid_t supervisor = getpid();
    std::fflush(nullptr);  // or each rank would write out what was buffered here
    for (const Rank rank : here) {
      const pid_t child = fork();
      if (child < 0) {
        return fail(ErrorCode::kCannotCreate,
                    fmt::format("a process for rank {}: {}", rank, std::strerror(errno)));
      }
      if (child == 0) _exit(run_rank(rank, supervisor, body));
      process_ids_[rank] = child;
    }
    world_.ranks_forked();
    return {};
  }

  RanksEnd wait(std::chrono::nanoseconds grace, const Callbacks& callbacks) override {
    others_ = callbacks.others;
    std::optional<int> interrupted_by;
    while (has_running() || (others_ != nullptr && others_->is_waited_for())) {
      const SupervisorSignals::Came came = signals_.wait(kTick);
      std::optional<int> signal = came.ending;
      reap_ended(callbacks);
      if (others_ != nullptr) hear_others(callbacks, grace, signal, interrupted_by);
      if (came.is_question && callbacks.asked) callbacks.asked();
      if (signal && interrupted_by) kill_everyone();
      if (signal && !interrupted_by) {
        interrupted_by = signal;
        if (callbacks.interrupted) callbacks.interrupted();
        interrupt(*signal);
        begin_end(grace);
      }
      note_stopped(callbacks.stop_max);
      if (has_trouble()) begin_end(grace);
      if (callbacks.ticked) callbacks.ticked();
      if (!hasten_end()) break;
    }
    for (RankReport& report : reports_) name_unseen(report);
    return {.reports = reports_, .interrupted_by = interrupted_by};
  }

  [[nodiscard]] RankStatusPage::Progress progress(Rank rank) const override {
    return pages_[rank].progress();
  }
  [[nodiscard]] int process_id(Rank rank) const override { return process_ids_[rank]; }

 private:
  // When the ranks that still run are interrupted, killed, and despaired of.
  struct End {
    Deadline interrupt;
    Deadline kill;
    Deadline leave;
  };

  [[nodiscard]] int run_rank(Rank rank, pid_t supervisor, const Body& body) const {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != supervisor) return 1;  // it died before it could be tied to us
    prctl(PR_SET_NAME, fmt::format("radixbench r{}", rank).c_str());
    signals_.become_rank();
    PageStatusSink status{pages_[rank]};
    return body(rank, status);
  }

  [[nodiscard]] bool has_running() const {
    return std::ranges::any_of(process_ids_, [](pid_t id) { return id != 0; });
  }

  // A signal that came to another host's supervisor counts as if it had come to this one, once.
  void hear_others(const Callbacks& callbacks,
                   std::chrono::nanoseconds grace,
                   std::optional<int>& signal,
                   const std::optional<int>& interrupted_by) {
    const HostNews news = others_->take_news();
    for (const Rank rank : news.dead) world_.mark_dead(rank);
    for (const RankReport& report : news.ended) {
      reports_[report.rank] = report;
      has_come_[report.rank] = true;
      world_.mark_dead(report.rank);
      if (callbacks.ended) callbacks.ended(report);
    }
    if (!signal && !interrupted_by) signal = news.signal;
    if (news.is_interrupted) {
      interrupt_here();
      begin_end(grace);
    }
    if (news.must_kill) kill_all();
  }

  // The wait for a rank elsewhere was given up.
  void name_unseen(RankReport& report) const {
    if (others_ == nullptr || !others_->is_waited_for() || has_come_[report.rank]) return;
    report.unseen = "its host did not tell of its end in time";
  }

  // Those that wait in a call, and those that make none.
  void interrupt_here() {
    world_.interrupt();
    for (Rank rank = 0; rank < process_ids_.size(); ++rank) pages_[rank].ask_to_end();
  }
  void interrupt(int signal) {
    interrupt_here();
    if (others_ != nullptr) others_->tell_interrupt(signal);
  }
  void kill_everyone() {
    kill_all();
    if (others_ != nullptr) others_->tell_kill();
  }

  [[nodiscard]] bool has_trouble() const {
    for (Rank rank = 0; rank < reports_.size(); ++rank) {
      const RankReport& report = reports_[rank];
      if (report.signal || report.exit_code.value_or(0) != 0) return true;
      if (!report.unseen.empty()) return true;
      if (report.was_stopped || pages_[rank].has_failed()) return true;
    }
    return false;
  }

  void note_stopped(std::chrono::nanoseconds most) {
    const std::int64_t now_ns = monotonic_ns();
    for (Rank rank = 0; rank < process_ids_.size(); ++rank) {
      if (process_ids_[rank] == 0 || stopped_ns_[rank] == 0) continue;
      if (now_ns - stopped_ns_[rank] >= most.count()) reports_[rank].was_stopped = true;
    }
  }

  void begin_end(std::chrono::nanoseconds grace) {
    if (end_) return;
    end_ = End{.interrupt = deadline_after(grace / 2),
               .kill = deadline_after(grace),
               .leave = deadline_after(grace + kKillWait)};
  }

  // False when there is nothing more to wait for.
  bool hasten_end() {
    if (!end_) return true;
    if (has_passed(end_->interrupt)) interrupt(0);
    if (has_passed(end_->kill)) kill_everyone();
    return !has_passed(end_->leave);
  }

  void reap_ended(const Callbacks& callbacks) {
    for (Rank rank = 0; rank < process_ids_.size(); ++rank) {
      if (process_ids_[rank] == 0 || !reap(rank)) continue;
      world_.mark_dead(rank);
      pages_[rank].read(reports_[rank]);
      has_come_[rank] = true;
      if (others_ != nullptr) others_->tell_ended(reports_[rank]);
      if (callbacks.ended) callbacks.ended(reports_[rank]);
    }
  }

  // True if the rank has ended.
  bool reap(Rank rank) {
    int status = 0;
    const pid_t ended = waitpid(process_ids_[rank], &status, WNOHANG | WUNTRACED | WCONTINUED);
    if (ended == 0 || (ended < 0 && errno == EINTR)) return false;
    if (ended > 0 && (WIFSTOPPED(status) || WIFCONTINUED(status))) {
      stopped_ns_[rank] = WIFSTOPPED(status) ? monotonic_ns() : 0;
      return false;
    }
    process_ids_[rank] = 0;
    RankReport& report = reports_[rank];
    if (ended < 0) return true;  // somebody else took its status
    if (WIFEXITED(status)) report.exit_code = WEXITSTATUS(status);
    const bool was_ours = report.was_given_up && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (WIFSIGNALED(status) && !was_ours) report.signal = WTERMSIG(status);
    report.was_given_up = was_ours;
    return true;
  }

  void kill_all() {
    for (Rank rank = 0; rank < process_ids_.size(); ++rank) {
      // One that has ended meanwhile is a zombie still, so the id is nobody else's.
      if (process_ids_[rank] == 0) continue;
      reports_[rank].was_given_up = true;
      kill(process_ids_[rank], SIGKILL);
    }
  }

  void await_killed() {
    const Deadline leave = deadline_after(kKillWait);
    while (has_running() && !has_passed(leave)) {
      for (Rank rank = 0; rank < process_ids_.size(); ++rank) {
        if (process_ids_[rank] != 0) reap(rank);
      }
      if (has_running()) static_cast<void>(signals_.wait(kTick));
    }
  }

  World& world_;
  SupervisorSignals signals_;
  StatusPages pages_;
  std::vector<pid_t> process_ids_;  // 0 once reaped
  std::vector<RankReport> reports_;
  std::vector<bool> has_come_;            // of the reports
  std::vector<std::int64_t> stopped_ns_;  // since when; 0 while it runs
  OtherHosts* others_ = nullptr;
  std::optional<End> end_;
};

}  // namespace

Result<std::unique_ptr<RankProcesses>> RankProcesses::start(Rank count,
                                                            World& world,
                                                            const Body& body) {
  std::vector<Rank> here(count);
  std::iota(here.begin(), here.end(), Rank{0});
  return start(count, here, world, body);
}

Result<std::unique_ptr<RankProcesses>> RankProcesses::start(Rank count,
                                                            std::span<const Rank> here,
                                                            World& world,
                                                            const Body& body) {
  check_single_threaded();
  Result<StatusPages> pages = StatusPages::map(count);
  if (!pages) return tl::unexpected(pages.error());
  auto ranks = std::make_unique<ForkedRanks>(*std::move(pages), count, world);
  if (auto forked = ranks->fork_all(here, body); !forked) return tl::unexpected(forked.error());
  return std::unique_ptr<RankProcesses>{std::move(ranks)};
}

}  // namespace radixbench
