#include "comm/mpi_job.h"

#include "base/clock.h"
#include "base/file_text.h"
#include "comm/shm_waiter.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>

namespace radixbench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// mpirun takes half a second on an idle machine.
constexpr auto kStartWait = 60s;
constexpr auto kLook = 5ms;
// From the order to end until a process that does not obey is killed.
constexpr auto kObeyWait = 3s;
constexpr auto kKeeperWait = 10s;

// Open MPI keeps 4 MiB a rank for messages between processes of one host, and small change.
constexpr std::uint64_t kRoomPerRank = std::uint64_t{6} << 20U;

// Leaves its environment under its rank's name, whole or not at all, and stays.
constexpr const char* kPlaceholder =
    R"(env -0 > "$0/new.$OMPI_COMM_WORLD_RANK" && mv "$0/new.$OMPI_COMM_WORLD_RANK" )"
    R"("$0/env.$OMPI_COMM_WORLD_RANK" && exec sleep 2147483647)";
constexpr std::string_view kLog = "mpirun.log";
constexpr std::string_view kEnded = "mpirun.ended";

bool has_room(const std::string& directory, Rank world_size) {
  struct statvfs room {};
  if (access(directory.c_str(), W_OK) != 0 || statvfs(directory.c_str(), &room) != 0) return false;
  return room.f_bavail * room.f_frsize > kRoomPerRank * (world_size + 1);
}

Result<std::string> make_directory(Rank world_size) {
  const char* temp = std::getenv("TMPDIR");
  const std::string base = temp != nullptr && *temp != '\0'   ? temp
                           : has_room("/dev/shm", world_size) ? "/dev/shm"
                                                              : "/tmp";
  std::string path = base + "/radixbench-mpi.XXXXXX";
  if (mkdtemp(path.data()) == nullptr) {
    return fail(ErrorCode::kCannotCreate,
                fmt::format("a folder for MPI's files, {}: {}", path, std::strerror(errno)));
  }
  return path;
}

std::vector<std::string> command(const std::string& mpirun,
                                 const std::string& directory,
                                 Rank world_size) {
  const std::string count = std::to_string(world_size);
  std::vector<std::string> words = {mpirun, "-n", count, "--host", "localhost:" + count};
  const auto add = [&](std::initializer_list<std::string> more) {
    words.insert(words.end(), more);
  };
  if (geteuid() == 0) add({"--allow-run-as-root"});
  // Ranks are not bound: mpirun would bind its placeholders, and more ranks than cores are welcome.
  add({"--oversubscribe", "--bind-to", "none"});
  // This host alone, whatever a scheduler has granted, and without ssh.
  add({"--mca", "plm", "isolated", "--mca", "oob_tcp_if_include", "lo"});
  add({"--mca", "pml", "ob1", "--mca", "btl", "self,vader"});
  // Sibling processes may not be allowed to read each other's memory, and messages are small.
  add({"--mca", "btl_vader_single_copy_mechanism", "none"});
  const bool has_cores = WaitPolicy::for_ranks(world_size).spins > 0;
  add({"--mca", "mpi_yield_when_idle", has_cores ? "0" : "1"});
  // A signal ends a rank as it ends any process: without a handler of MPI's that writes to stderr.
  add({"--mca", "opal_signal", ""});
  add({"--mca", "orte_tmpdir_base", directory, "--mca", "btl_vader_backing_directory", directory});
  add({"sh", "-c", kPlaceholder, directory});
  return words;
}

// Everything below runs in the keeper, which has no thread but its own.

[[noreturn]] void become_mpirun(const std::vector<std::string>& words,
                                const std::string& directory) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(signal, SIG_DFL);
  prctl(PR_SET_PDEATHSIG, SIGTERM);  // mpirun then cleans up by itself
  // Of the run of a rank that somebody else's mpirun started.
  for (char** entry = environ; entry != nullptr && *entry != nullptr;) {
    const std::string_view text{*entry};
    const bool is_foreign = text.starts_with("PMIX_") || text.starts_with("OMPI_COMM_WORLD_") ||
                            text.starts_with("OMPI_MCA_orte_") || text.starts_with("OMPI_MCA_ess_");
    if (is_foreign) {
      unsetenv(std::string{text.substr(0, text.find('='))}.c_str());
      entry = environ;
    } else {
      ++entry;
    }
  }
  const std::string log = fmt::format("{}/{}", directory, kLog);
  const int file = open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  dup2(file, STDOUT_FILENO);
  dup2(file, STDERR_FILENO);
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execv(arguments.front(), arguments.data());
  dprintf(STDERR_FILENO, "%s: %s\n", words.front().c_str(), std::strerror(errno));
  _exit(127);
}

// The processes that this one is the parent of; those whose own parent died become its children.
std::vector<pid_t> children() {
  std::ifstream file{fmt::format("/proc/self/task/{}/children", getpid())};
  std::vector<pid_t> ids;
  for (pid_t id = 0; file >> id;) ids.push_back(id);
  return ids;
}

bool reap_until(Deadline deadline) {
  while (true) {
    const pid_t ended = waitpid(-1, nullptr, WNOHANG);
    if (ended < 0 && errno == ECHILD) return true;
    if (ended > 0) continue;
    if (has_passed(deadline)) return false;
    std::this_thread::sleep_for(kLook);
  }
}

void end_everything(pid_t mpirun) {
  if (mpirun > 0) kill(mpirun, SIGTERM);
  if (reap_until(deadline_after(kObeyWait))) return;
  const Deadline despair = deadline_after(kObeyWait);
  do {
    for (const pid_t child : children()) kill(child, SIGKILL);
  } while (!reap_until(deadline_after(100ms)) && !has_passed(despair));
}

[[noreturn]] void keep(const std::vector<std::string>& words,
                       const std::string& directory,
                       int lifeline) {
  setsid();
  prctl(PR_SET_NAME, "radixbench mpi");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::signal(SIGCHLD, SIG_DFL);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(signal, SIG_IGN);
  const int nothing = open("/dev/null", O_RDWR);
  for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(nothing, file);
  dup2(lifeline, 3);
  close_range(4, ~0U, 0);
  fcntl(3, F_SETFD, FD_CLOEXEC);
  pid_t mpirun = fork();
  if (mpirun == 0) become_mpirun(words, directory);
  // Readable when the last who held the other end is gone.
  pollfd held{.fd = 3, .events = POLLIN, .revents = 0};
  while (poll(&held, 1, static_cast<int>(kLook.count()) * 10) == 0 || errno == EINTR) {
    int status = 0;
    if (held.revents != 0) break;
    if (mpirun <= 0 || waitpid(mpirun, &status, WNOHANG) != mpirun) continue;
    std::ofstream{fmt::format("{}/{}", directory, kEnded)} << status;
    mpirun = 0;
  }
  end_everything(mpirun);
  std::error_code ignored;
  fs::remove_all(directory, ignored);
  _exit(0);
}

// What mpirun says of its trouble, without its frames and blank lines.
std::string trouble_in(const std::string& log) {
  std::istringstream lines{read_file_text(log).value_or("")};
  std::string text;
  for (std::string line; std::getline(lines, line) && text.size() < 400;) {
    if (line.empty() || line.starts_with("---")) continue;
    text += (text.empty() ? "" : " ") + line;
  }
  return text.empty() ? "it said nothing" : text;
}

class KeptJob final : public MpiJob {
 public:
  KeptJob(std::string directory, pid_t keeper, int lifeline)
      : directory_{std::move(directory)}, keeper_{keeper}, lifeline_{lifeline} {}

  ~KeptJob() override {
    close(lifeline_);
    const Deadline deadline = deadline_after(kKeeperWait);
    while (waitpid(keeper_, nullptr, WNOHANG) == 0 && !has_passed(deadline)) {
      std::this_thread::sleep_for(kLook);
    }
  }

  Result<void> await_placeholders(Rank world_size) const {
    const Deadline deadline = deadline_after(kStartWait);
    Rank come = 0;
    while (true) {
      std::error_code ignored;
      while (come < world_size && fs::exists(file_of(come), ignored)) ++come;
      if (come == world_size) return {};
      const bool has_ended = fs::exists(fmt::format("{}/{}", directory_, kEnded), ignored);
      if (has_ended || has_passed(deadline)) break;
      std::this_thread::sleep_for(kLook);
    }
    return fail(ErrorCode::kUnsupported,
                fmt::format("mpirun started {} of {} processes: {}",
                            come,
                            world_size,
                            trouble_in(fmt::format("{}/{}", directory_, kLog))));
  }

  [[nodiscard]] Result<Variables> environment(Rank rank) const override {
    Result<std::string> text = read_file_text(file_of(rank));
    if (!text) return tl::unexpected(text.error());
    Variables variables;
    std::istringstream entries{*text};
    for (std::string entry; std::getline(entries, entry, '\0');) {
      const std::size_t equals = entry.find('=');
      if (equals == std::string::npos || !is_of_mpi(entry)) continue;
      variables.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
    }
    return variables;
  }

 private:
  [[nodiscard]] std::string file_of(Rank rank) const {
    return fmt::format("{}/env.{}", directory_, rank);
  }

  std::string directory_;
  pid_t keeper_;
  int lifeline_;
};

}  // namespace

bool MpiJob::is_of_mpi(std::string_view name) {
  return name.starts_with("OMPI_") || name.starts_with("PMIX_") || name.starts_with("PMI_") ||
         name.starts_with("ORTE_");
}

std::string MpiJob::find_mpirun() {
  const char* path = std::getenv("PATH");
  std::istringstream folders{path == nullptr ? "" : path};
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string candidate = folder + "/mpirun";
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

Result<std::unique_ptr<MpiJob>> MpiJob::start(Rank world_size) {
  const std::string mpirun = find_mpirun();
  if (mpirun.empty()) {
    return fail(ErrorCode::kUnsupported,
                "MPI needs mpirun, and there is none on the PATH (Debian: openmpi-bin)");
  }
  Result<std::string> directory = make_directory(world_size);
  if (!directory) return tl::unexpected(directory.error());
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(ErrorCode::kCannotCreate, fmt::format("a pipe: {}", std::strerror(errno)));
  }
  std::fflush(nullptr);
  const pid_t keeper = fork();
  if (keeper == 0) {
    close(ends[1]);
    keep(command(mpirun, *directory, world_size), *directory, ends[0]);
  }
  close(ends[0]);
  if (keeper < 0) {
    close(ends[1]);
    fs::remove_all(*directory);
    return fail(ErrorCode::kCannotCreate,
                fmt::format("a process for mpirun: {}", std::strerror(errno)));
  }
  auto job = std::make_unique<KeptJob>(*directory, keeper, ends[1]);
  if (auto come = job->await_placeholders(world_size); !come) return tl::unexpected(come.error());
  return std::unique_ptr<MpiJob>{std::move(job)};
}

}  // namespace radixbench
