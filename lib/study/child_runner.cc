#include "study/child_runner.h"

#include "base/check.h"
#include "base/clock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kErrorBytesMax = 4096;
// A child that ends wakes us; this bounds only how late a deadline is seen.
constexpr auto kTick = 200ms;
// From SIGKILL to the end of a process that the kernel holds in a device; beyond it, it is left to
// the kernel, which has been told.
constexpr auto kKillWait = 5s;
// Between fork and exec; as env(1) and the shells use them.
constexpr int kExitNotFound = 127;

// A file descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int file = -1) : file_{file} {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : file_{std::exchange(other.file_, -1)} {}
  Descriptor& operator=(Descriptor&&) = delete;

  void reset() {
    if (file_ >= 0) close(file_);
    file_ = -1;
  }
  [[nodiscard]] int get() const { return file_; }

 private:
  int file_;
};

// SIGINT, SIGTERM and SIGCHLD as something to wait for; as they were again afterwards.
class SessionSignals {
 public:
  SessionSignals() {
    sigset_t taken;
    sigemptyset(&taken);
    for (const int signal : {SIGINT, SIGTERM, SIGCHLD}) sigaddset(&taken, signal);
    previous_child_action_ = std::signal(SIGCHLD, SIG_DFL);
    sigprocmask(SIG_BLOCK, &taken, &previous_);
    file_ = signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC);
    RADIXBENCH_CHECK(file_ >= 0);
  }
  ~SessionSignals() {
    close(file_);
    std::signal(SIGCHLD, previous_child_action_);
    sigprocmask(SIG_SETMASK, &previous_, nullptr);
  }
  SessionSignals(const SessionSignals&) = delete;
  SessionSignals& operator=(const SessionSignals&) = delete;

  // The SIGINTs and SIGTERMs that came since.
  std::vector<int> take() const {
    std::vector<int> came;
    signalfd_siginfo info{};
    while (read(file_, &info, sizeof info) == sizeof info) {
      const auto signal = static_cast<int>(info.ssi_signo);
      if (signal != SIGCHLD) came.push_back(signal);
    }
    return came;
  }
  [[nodiscard]] int file() const { return file_; }
  [[nodiscard]] const sigset_t& previous() const { return previous_; }

 private:
  sigset_t previous_{};
  void (*previous_child_action_)(int) = SIG_DFL;
  int file_ = -1;
};

// This process's environment with some variables replaced or added, as exec takes it.
std::vector<std::string> environment_of(const ChildCommand& command) {
  std::vector<std::string> variables;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text{*variable};
    const std::string_view name = text.substr(0, text.find('='));
    const bool is_set = std::any_of(command.environment.begin(),
                                    command.environment.end(),
                                    [&](const auto& pair) { return pair.first == name; });
    if (!is_set) variables.emplace_back(text);
  }
  for (const auto& [name, value] : command.environment) {
    variables.push_back(fmt::format("{}={}", name, value));
  }
  return variables;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// What a child is made of, prepared before the fork: afterwards only async-signal-safe calls are
// allowed.
struct Preparation {
  std::vector<std::string> words, environment;
  std::vector<char*> word_pointers, environment_pointers;
  Descriptor in, out, error_read, error_write;
};

Result<Preparation> prepare(const ChildCommand& command) {
  Preparation made;
  made.words = {command.program};
  made.words.insert(made.words.end(), command.words.begin(), command.words.end());
  made.environment = environment_of(command);
  made.word_pointers = pointers_to(made.words);
  made.environment_pointers = pointers_to(made.environment);
  const std::string out = command.out_path.empty() ? "/dev/null" : command.out_path;
  std::array<int, 2> pipe_ends{};
  const int in_file = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int out_file = open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  const int piped = pipe2(pipe_ends.data(), O_CLOEXEC);
  const int reason = errno;
  Preparation files{.words = std::move(made.words),
                    .environment = std::move(made.environment),
                    .word_pointers = std::move(made.word_pointers),
                    .environment_pointers = std::move(made.environment_pointers),
                    .in = Descriptor{in_file},
                    .out = Descriptor{out_file},
                    .error_read = Descriptor{piped == 0 ? pipe_ends[0] : -1},
                    .error_write = Descriptor{piped == 0 ? pipe_ends[1] : -1}};
  if (in_file < 0 || out_file < 0 || piped != 0) {
    return fail(ErrorCode::kCannotCreate, fmt::format("{}: {}", out, std::strerror(reason)));
  }
  fcntl(files.error_read.get(), F_SETFL, O_NONBLOCK);
  return files;
}

[[noreturn]] void become(const Preparation& prepared, pid_t parent, const sigset_t& signals) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kExitNotFound);  // it died before we could be tied to it
  // What this process ignores is not for its children to ignore.
  std::signal(SIGPIPE, SIG_DFL);
  sigprocmask(SIG_SETMASK, &signals, nullptr);
  dup2(prepared.in.get(), STDIN_FILENO);
  dup2(prepared.out.get(), STDOUT_FILENO);
  dup2(prepared.error_write.get(), STDERR_FILENO);
  execve(prepared.word_pointers[0],
         prepared.word_pointers.data(),
         prepared.environment_pointers.data());
  const char* const reason = std::strerror(errno);
  static_cast<void>(write(STDERR_FILENO, reason, std::strlen(reason)));
  _exit(kExitNotFound);
}

// A child that runs, until it was waited for.
class Child {
 public:
  Child(pid_t id, Descriptor error, std::chrono::nanoseconds timeout)
      : id_{id}, error_{std::move(error)}, begun_ns_{monotonic_ns()} {
    deadline_ = deadline_after(timeout);
  }

  // Only there in case run() is left early: by then all is over.
  ~Child() {
    if (!is_reaped_) end_group_and_reap();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  ChildEnd wait(const SessionSignals& signals, std::optional<int>& interrupted_by) {
    while (!has_ended()) {
      std::array<pollfd, 2> ready{{{.fd = signals.file(), .events = POLLIN, .revents = 0},
                                   {.fd = error_.get(), .events = POLLIN, .revents = 0}}};
      poll(ready.data(), ready.size(), static_cast<int>(kTick.count()));
      read_error();
      for (const int signal : signals.take()) interrupt(signal, interrupted_by);
      if (!kill_at_ && has_passed(deadline_)) {
        end_.has_timed_out = true;
        ask_to_end(SIGTERM);
      }
      if (kill_at_ && has_passed(*kill_at_)) kill(-id_, SIGKILL);
    }
    read_error();
    end_group_and_reap();
    end_.wall_ns = monotonic_ns() - begun_ns_;
    return end_;
  }

 private:
  // The zombie keeps the number of its group from being given to others.
  [[nodiscard]] bool has_ended() const {
    siginfo_t info{};
    const int waited = waitid(P_PID, static_cast<id_t>(id_), &info, WEXITED | WNOHANG | WNOWAIT);
    return waited != 0 ? errno != EINTR : info.si_pid == id_;
  }

  void interrupt(int signal, std::optional<int>& interrupted_by) {
    if (interrupted_by) {
      kill(-id_, SIGKILL);
      return;
    }
    interrupted_by = signal;
    end_.was_interrupted = true;
    ask_to_end(signal);
  }

  void ask_to_end(int signal) {
    kill(-id_, signal);
    kill_at_ = deadline_after(ChildRunner::kGrace);
  }

  void read_error() {
    std::array<char, 4096> bytes{};
    while (true) {
      const ssize_t count = read(error_.get(), bytes.data(), bytes.size());
      if (count <= 0) {
        // Closed by the child: poll() would otherwise return at once from now on.
        if (count == 0) error_.reset();
        return;
      }
      const std::size_t room = kErrorBytesMax - end_.error_text.size();
      end_.error_text.append(bytes.data(), std::min(room, static_cast<std::size_t>(count)));
    }
  }

  // What the child started is ours once it is gone (this process is its reaper).
  void end_group_and_reap() {
    const Deadline leave = deadline_after(kKillWait);
    kill(-id_, SIGKILL);
    while (!has_passed(leave)) {
      int status = 0;
      const pid_t ended = waitpid(-id_, &status, WNOHANG);
      if (ended < 0 && errno != EINTR) break;  // none is left
      if (ended == id_ && WIFEXITED(status)) end_.exit_code = WEXITSTATUS(status);
      if (ended == id_ && WIFSIGNALED(status)) end_.signal = WTERMSIG(status);
      if (ended == 0) poll(nullptr, 0, 1);
    }
    is_reaped_ = true;
  }

  pid_t id_;
  Descriptor error_;
  std::int64_t begun_ns_;
  Deadline deadline_;
  std::optional<Deadline> kill_at_;
  bool is_reaped_ = false;
  ChildEnd end_;
};

class ForkedChildren final : public ChildRunner {
 public:
  ForkedChildren() { prctl(PR_SET_CHILD_SUBREAPER, 1); }
  ~ForkedChildren() override { prctl(PR_SET_CHILD_SUBREAPER, 0); }

  Result<ChildEnd> run(const ChildCommand& command) override {
    if (access(command.program.c_str(), X_OK) != 0) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("{}: {}", command.program, std::strerror(errno)));
    }
    Result<Preparation> prepared = prepare(command);
    if (!prepared) return tl::unexpected(prepared.error());
    std::fflush(nullptr);
    const pid_t parent = getpid();
    const pid_t id = fork();
    if (id < 0) {
      return fail(ErrorCode::kCannotCreate,
                  fmt::format("{}: {}", command.program, std::strerror(errno)));
    }
    if (id == 0) become(*prepared, parent, signals_.previous());
    setpgid(id, id);  // whoever of us comes first
    prepared->error_write.reset();
    Child child{id, std::move(prepared->error_read), command.timeout};
    return child.wait(signals_, interrupted_by_);
  }

  std::optional<int> interrupted_by() override {
    for (const int signal : signals_.take()) {
      if (!interrupted_by_) interrupted_by_ = signal;
    }
    return interrupted_by_;
  }

 private:
  SessionSignals signals_;
  std::optional<int> interrupted_by_;
};

std::string first_line(std::string_view text) {
  std::string_view line = text.substr(0, text.find('\n'));
  constexpr std::string_view kPrefix = "radixbench: ";
  if (line.starts_with(kPrefix)) line.remove_prefix(kPrefix.size());
  return std::string{line};
}

}  // namespace

bool ChildEnd::is_fine() const { return !has_timed_out && !was_interrupted && exit_code == 0; }

std::string ChildEnd::failure() const {
  if (is_fine()) return {};
  std::string how = exit_code ? fmt::format("exit code {}", *exit_code)
                              : fmt::format("killed by signal {}", signal.value_or(0));
  if (was_interrupted) how = "interrupted";
  if (has_timed_out) {
    how = fmt::format("did not end in time and was stopped after {:.1f} s",
                      static_cast<double>(wall_ns) * 1e-9);
  }
  const std::string said = first_line(error_text);
  return said.empty() ? how : how + ": " + said;
}

std::unique_ptr<ChildRunner> ChildRunner::make() { return std::make_unique<ForkedChildren>(); }

}  // namespace radixbench
