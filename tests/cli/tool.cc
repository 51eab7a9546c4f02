#include "cli/tool.h"

#include "support/temp_directory.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
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

}  // namespace

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

ToolRun StartedTool::wait() {
  line_with(std::string(1, '\0'));  // no line has it: to the end of stderr
  int status = 0;
  EXPECT_EQ(::waitpid(process_id_, &status, 0), process_id_);
  process_id_ = 0;
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status), {}, error_};
}

bool is_transport_usable(std::string_view name) {
  const auto environment = nlohmann::json::parse(run_tool({"env", "--json"}).out);
  for (const auto& provider : environment.at("providers")) {
    if (provider.at("name") == name) return provider.at("usable").get<bool>();
  }
  return false;
}

}  // namespace radixbench
