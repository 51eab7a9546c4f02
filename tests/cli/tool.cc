#include "cli/tool.h"

#include "support/temp_directory.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <thread>

namespace radixbench {
namespace {

constexpr int kExitNotStarted = 127;

// What a shell or a CI has set must not change what the tests see.
class Surroundings : public testing::Environment {
 public:
  void SetUp() override {
    for (const char* name : {"CI", "NO_COLOR", "CLICOLOR_FORCE", "FORCE_COLOR"}) ::unsetenv(name);
  }
};
[[maybe_unused]] const testing::Environment* const kSurroundings =
    testing::AddGlobalTestEnvironment(new Surroundings);

// In the child: everything from here on is async-signal-safe.
[[noreturn]] void become_tool(const char* folder, const char* out, const char* err, char** words) {
  const int to_out = ::open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const int to_err = ::open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (::chdir(folder) == 0 && ::dup2(to_out, STDOUT_FILENO) >= 0 &&
      ::dup2(to_err, STDERR_FILENO) >= 0) {
    ::execv(words[0], words);
  }
  ::_exit(kExitNotStarted);
}

std::string contents(const std::string& path) {
  if (!std::filesystem::is_regular_file(path)) return {};  // a device may have no end
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

ToolRun run_in(const TempDirectory& folder,
               const std::string& out_path,
               const std::vector<std::string>& words,
               std::optional<std::chrono::milliseconds> kill_after = {}) {
  std::vector<std::string> line = words;
  if (line.empty() || line.front() != "/bin/sh") line.insert(line.begin(), RADIXBENCH_TOOL);
  std::vector<char*> pointers;
  for (std::string& word : line) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const std::string folder_path = folder.path().string();
  const std::string err_path = folder_path + "/stderr";
  const pid_t child = ::fork();
  if (child == 0) {
    become_tool(folder_path.c_str(), out_path.c_str(), err_path.c_str(), pointers.data());
  }
  EXPECT_GT(child, 0);
  if (kill_after) {
    std::this_thread::sleep_for(*kill_after);
    ::kill(child, SIGKILL);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
  EXPECT_NE(code, kExitNotStarted) << "can't start " << RADIXBENCH_TOOL;
  return {code, contents(out_path), contents(err_path)};
}

// Name and value in this process while it lives; a child started then has them.
class WithEnvironment {
 public:
  explicit WithEnvironment(const std::vector<std::pair<std::string, std::string>>& values) {
    for (const auto& [name, value] : values) {
      const char* before = ::getenv(name.c_str());
      before_.emplace_back(name, before == nullptr ? "" : before);
      set(name, value);
    }
  }
  ~WithEnvironment() {
    for (const auto& [name, value] : before_) set(name, value);
  }
  WithEnvironment(const WithEnvironment&) = delete;
  WithEnvironment& operator=(const WithEnvironment&) = delete;

 private:
  static void set(const std::string& name, const std::string& value) {
    if (value.empty()) {
      ::unsetenv(name.c_str());
    } else {
      ::setenv(name.c_str(), value.c_str(), 1);
    }
  }
  std::vector<std::pair<std::string, std::string>> before_;
};

// All that comes out of a terminal's other side until nobody has it open any more.
std::string read_terminal(int side) {
  std::string text;
  char block[4096];
  for (ssize_t bytes = 0; (bytes = ::read(side, block, sizeof block)) > 0;) {
    text.append(block, static_cast<std::size_t>(bytes));
  }
  ::close(side);
  return text;
}

ToolRun run_on_terminal(const std::vector<std::string>& words) {
  const TempDirectory folder;
  std::vector<std::string> line = {RADIXBENCH_TOOL};
  line.insert(line.end(), words.begin(), words.end());
  std::vector<char*> pointers;
  for (std::string& word : line) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const std::string folder_path = folder.path().string();
  int side = -1;
  const pid_t child = ::forkpty(&side, nullptr, nullptr, nullptr);
  if (child == 0) {
    if (::chdir(folder_path.c_str()) == 0) ::execv(RADIXBENCH_TOOL, pointers.data());
    ::_exit(kExitNotStarted);
  }
  EXPECT_GT(child, 0);
  std::string out = read_terminal(side);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status), std::move(out), ""};
}

}  // namespace

ToolRun run_tool_in(const ToolSurroundings& surroundings, const std::vector<std::string>& words) {
  const WithEnvironment environment{surroundings.environment};
  if (surroundings.is_on_terminal) return run_on_terminal(words);
  const TempDirectory folder;
  const std::string input = folder.path().string() + "/stdin";
  std::ofstream{input, std::ios::binary} << surroundings.input;
  const int kept = ::dup(STDIN_FILENO);
  const int file = ::open(input.c_str(), O_RDONLY);
  ::dup2(file, STDIN_FILENO);
  ToolRun run = run_in(folder, folder.path().string() + "/stdout", words);
  if (kept >= 0) {
    ::dup2(kept, STDIN_FILENO);
    ::close(kept);
  }
  ::close(file);
  return run;
}

ToolRun run_tool(const std::vector<std::string>& words) {
  const TempDirectory folder;
  return run_in(folder, folder.path().string() + "/stdout", words);
}

ToolRun run_shell(const std::string& line) {
  ::setenv("TOOL", RADIXBENCH_TOOL, 1);
  return run_tool({"/bin/sh", "-c", line});
}

ToolRun run_tool_killed_after(std::chrono::milliseconds wait,
                              const std::vector<std::string>& words) {
  const TempDirectory folder;
  return run_in(folder, folder.path().string() + "/stdout", words, wait);
}

ToolRun run_tool_into(const std::string& out_path, const std::vector<std::string>& words) {
  const TempDirectory folder;
  return run_in(folder, out_path, words);
}

StartedTool::StartedTool(const std::vector<std::string>& words) {
  std::vector<std::string> line = {RADIXBENCH_TOOL};
  line.insert(line.end(), words.begin(), words.end());
  std::vector<char*> pointers;
  for (std::string& word : line) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  process_id_ = ::fork();
  if (process_id_ == 0) {
    const int nowhere = ::open("/dev/null", O_WRONLY);
    if (::dup2(nowhere, STDOUT_FILENO) >= 0 && ::dup2(ends[1], STDERR_FILENO) >= 0) {
      ::execv(RADIXBENCH_TOOL, pointers.data());
    }
    ::_exit(kExitNotStarted);
  }
  ::close(ends[1]);
  error_file_ = ends[0];
}

StartedTool::~StartedTool() {
  if (process_id_ > 0) {
    send(SIGKILL);
    wait();
  }
  ::close(error_file_);
}

std::string StartedTool::line_with(std::string_view text) {
  while (true) {
    for (std::size_t end = unread_.find('\n'); end != std::string::npos; end = unread_.find('\n')) {
      const std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      if (line.find(text) != std::string::npos) return line;
    }
    std::array<char, 4096> bytes{};
    const ssize_t count = ::read(error_file_, bytes.data(), bytes.size());
    if (count <= 0) return {};
    unread_.append(bytes.data(), static_cast<std::size_t>(count));
    error_.append(bytes.data(), static_cast<std::size_t>(count));
  }
}

void StartedTool::send(int signal) const { ::kill(process_id_, signal); }

void StartedTool::await_taken(int signal) const {
  bool is_pending = true;
  while (is_pending) {
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
    std::ifstream status{"/proc/" + std::to_string(process_id_) + "/status"};
    is_pending = false;
    for (std::string line; std::getline(status, line);) {
      if (!line.starts_with("ShdPnd:")) continue;
      is_pending = (std::stoull(line.substr(7), nullptr, 16) >> (signal - 1) & 1U) != 0;
    }
  }
}

ToolRun StartedTool::wait() {
  line_with(std::string(1, '\0'));  // no line has it: to the end of stderr
  int status = 0;
  EXPECT_EQ(::waitpid(process_id_, &status, 0), process_id_);
  process_id_ = 0;
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status), {}, error_};
}

std::vector<std::string> sample_replay(const std::vector<std::string>& more) {
  std::vector<std::string> words{"replay",
                                 RADIXBENCH_SOURCE_DIR "/traces/sample_400.jsonl",
                                 "--device-tokens",
                                 "60k",
                                 "--host-tokens",
                                 "120k"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

bool is_transport_usable(std::string_view name) {
  const auto environment = nlohmann::json::parse(run_tool({"env", "--json"}).out);
  for (const auto& provider : environment.at("providers")) {
    if (provider.at("name") == name) return provider.at("usable").get<bool>();
  }
  return false;
}

}  // namespace radixbench
