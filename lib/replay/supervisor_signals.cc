#include "replay/supervisor_signals.h"

#include "base/check.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>

namespace radixbench {

SupervisorSignals::SupervisorSignals() {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGCHLD}) sigaddset(&taken, signal);
  // Who started us may ignore it, and then ends of children could not be seen.
  previous_child_action_ = std::signal(SIGCHLD, SIG_DFL);
  pthread_sigmask(SIG_BLOCK, &taken, &previous_);
  file_ = signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC);
  RADIXBENCH_CHECK(file_ >= 0);
}

SupervisorSignals::~SupervisorSignals() {
  close(file_);
  std::signal(SIGCHLD, previous_child_action_);
  pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
}

SupervisorSignals::Came SupervisorSignals::wait(std::chrono::milliseconds most, int other) const {
  std::array<pollfd, 2> ready{{{.fd = file_, .events = POLLIN, .revents = 0},
                               {.fd = other, .events = POLLIN, .revents = 0}}};
  poll(ready.data(), ready.size(), static_cast<int>(most.count()));
  Came came;
  signalfd_siginfo info{};
  // One that ends is a round of its own: the next one says more.
  while (!came.ending && read(file_, &info, sizeof info) == sizeof info) {
    const auto signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGINT || signal == SIGTERM) came.ending = signal;
    came.is_question = came.is_question || signal == SIGUSR1;
  }
  return came;
}

void SupervisorSignals::become_rank() const {
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGTERM, SIG_IGN);
  std::signal(SIGUSR1, SIG_IGN);
  pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
  close(file_);
}

void die_by(int signal) {
  std::signal(signal, SIG_DFL);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, signal);
  pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  static_cast<void>(raise(signal));
  _exit(128 + signal);  // the first process of a namespace does not die by it
}

}  // namespace radixbench
