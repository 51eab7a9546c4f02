#include "comm/rank_harness.h"

#include "base/check.h"
#include "base/clock.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <thread>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// Far beyond every deadline in the suite, on a machine that is busy and sanitized.
constexpr auto kRunBound = 60s;
constexpr auto kNoteBound = 20s;

template <typename T>
T* map_shared(std::size_t count) {
  void* memory =
      mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  RADIXBENCH_CHECK(memory != MAP_FAILED);
  return new (memory) T[count];
}

}  // namespace

struct RankHarness::FailureText {
  std::array<char, 4096> text;
};

void SharedBoard::await_note(std::size_t note, std::int64_t value) {
  const Deadline deadline = deadline_after(kNoteBound);
  while (notes[note].load() < value) {
    if (has_passed(deadline)) {
      ADD_FAILURE() << "note " << note << " is " << notes[note].load() << ", not " << value;
      return;
    }
    std::this_thread::sleep_for(1ms);
  }
}

RankHarness::RankHarness(RankKind kind, std::unique_ptr<World> world, Rank world_size)
    : kind_{kind},
      world_{std::move(world)},
      world_size_{world_size},
      wrap_{[](auto fabric) { return fabric; }},
      board_{map_shared<SharedBoard>(1)},
      failure_texts_{map_shared<FailureText>(world_size)} {}

RankHarness::~RankHarness() {
  munmap(board_, sizeof(SharedBoard));
  munmap(failure_texts_, world_size_ * sizeof(FailureText));
}

void RankHarness::wrap_fabrics(
    std::function<std::unique_ptr<Fabric>(std::unique_ptr<Fabric>)> wrap) {
  wrap_ = std::move(wrap);
}

void RankHarness::run(const Body& body, const std::function<void()>& supervise) {
  if (kind_ == RankKind::kThreads) {
    run_threads(body, supervise);
  } else {
    run_processes(body, supervise);
  }
}

void RankHarness::run_rank(const Body& body, Rank rank) {
  const std::unique_ptr<Fabric> fabric = wrap_(world_->attach(rank, name_test_site));
  body(*fabric, *board_);
}

void RankHarness::run_threads(const Body& body, const std::function<void()>& supervise) {
  std::atomic<Rank> running{world_size_};
  std::vector<std::jthread> threads;
  for (Rank rank = 0; rank < world_size_; ++rank) {
    threads.emplace_back([&, rank] {
      run_rank(body, rank);
      --running;
    });
  }
  if (supervise) supervise();
  const Deadline deadline = deadline_after(kRunBound);
  while (running.load() > 0 && !has_passed(deadline)) std::this_thread::sleep_for(1ms);
  // A thread can't be killed alone; rather than hang, the suite ends here.
  RADIXBENCH_CHECK(running.load() == 0);
}

void RankHarness::run_processes(const Body& body, const std::function<void()>& supervise) {
  children_.assign(world_size_, 0);
  ended_by_.assign(world_size_, 0);
  std::fflush(nullptr);  // or each child would write out what was buffered here
  for (Rank rank = 0; rank < world_size_; ++rank) {
    failure_texts_[rank].text[0] = '\0';
    const pid_t child = fork();
    RADIXBENCH_CHECK(child >= 0);
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      _exit(run_in_child(body, rank));
    }
    children_[rank] = child;
  }
  world_->ranks_forked();
  if (supervise) supervise();
  const Deadline deadline = deadline_after(kRunBound);
  for (Rank rank = 0; rank < world_size_; ++rank) {
    while (children_[rank] != 0 && !has_passed(deadline)) {
      reap(rank);
      std::this_thread::sleep_for(200us);
    }
    if (children_[rank] == 0) continue;
    ADD_FAILURE() << "rank " << rank << " did not end in time";
    kill_rank(rank);
  }
}

int RankHarness::run_in_child(const Body& body, Rank rank) {
  testing::TestPartResultArray results;
  {
    const testing::ScopedFakeTestPartResultReporter reporter{
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &results};
    run_rank(body, rank);
  }
  std::string text;
  for (int i = 0; i < results.size(); ++i) {
    const testing::TestPartResult& result = results.GetTestPartResult(i);
    if (!result.failed()) continue;
    text += std::string{result.file_name() == nullptr ? "?" : result.file_name()} + ":" +
            std::to_string(result.line_number()) + ": " + result.message() + "\n";
  }
  auto& shared = failure_texts_[rank].text;
  std::strncpy(shared.data(), text.c_str(), shared.size() - 1);
  return text.empty() ? 0 : 1;
}

void RankHarness::reap(Rank rank) {
  int status = 0;
  const pid_t ended = waitpid(children_[rank], &status, WNOHANG);
  if (ended == 0) return;
  children_[rank] = 0;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  if (WIFSIGNALED(status)) ended_by_[rank] = WTERMSIG(status);
  if (WIFSIGNALED(status) && WTERMSIG(status) == allowed_signal_) return;
  ADD_FAILURE() << "rank " << rank << " ended with status " << status << "\n"
                << failure_texts_[rank].text.data();
}

void RankHarness::kill_rank(Rank rank) {
  kill(children_[rank], SIGKILL);
  waitpid(children_[rank], nullptr, 0);
  children_[rank] = 0;
}

void RankHarness::signal_rank(Rank rank, int signal) { kill(children_[rank], signal); }

std::string_view name_test_site(std::uint16_t site) {
  return site == 4 ? "can_terminate_prefetch" : "elsewhere";
}

}  // namespace radixbench
