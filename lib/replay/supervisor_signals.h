#pragma once

#include <csignal>

#include <chrono>
#include <optional>

namespace radixbench {

// While it lives, SIGINT, SIGTERM, SIGUSR1 and SIGCHLD that come to this process are something to
// wait for: nothing ends by them, and threads that are started meanwhile don't see them. Afterwards
// all is as it was. Belongs to the thread that makes it; a process has one at a time.
class SupervisorSignals {
 public:
  SupervisorSignals();
  ~SupervisorSignals();
  SupervisorSignals(const SupervisorSignals&) = delete;
  SupervisorSignals& operator=(const SupervisorSignals&) = delete;

  struct Came {
    std::optional<int> ending;  // SIGINT or SIGTERM
    bool is_question = false;   // SIGUSR1
  };
  // Waits up to `most` for any of them, or until `other`, a file, can be read.
  [[nodiscard]] Came wait(std::chrono::milliseconds most, int other = -1) const;

  // In a forked rank: what a terminal sends to everyone is not for it.
  void become_rank() const;

 private:
  sigset_t previous_{};
  void (*previous_child_action_)(int) = SIG_DFL;
  int file_ = -1;
};

// Ends this process as `signal` does to one that has made nothing of it.
[[noreturn]] void die_by(int signal);

}  // namespace radixbench
