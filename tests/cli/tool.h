#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {

// How a run of the tool ended: what it printed, and its exit code, or 256 and the signal that ended
// it.
struct ToolRun {
  int exit_code = 0;
  std::string out;
  std::string err;
};

// Runs the built radixbench with these words, in a folder of its own, and waits for its end.
ToolRun run_tool(const std::vector<std::string>& words);

// The same, with SIGKILL to it after `wait` unless it has ended by then.
ToolRun run_tool_killed_after(std::chrono::milliseconds wait,
                              const std::vector<std::string>& words);

// The same for a line of /bin/sh, in which $TOOL is the built radixbench.
ToolRun run_shell(const std::string& line);

// The same with stdout going to a path, which may be a device; `out` is then empty.
ToolRun run_tool_into(const std::string& out_path, const std::vector<std::string>& words);

// The tool under way, its stderr to be read line by line. Killed if it is dropped before wait().
class StartedTool {
 public:
  explicit StartedTool(const std::vector<std::string>& words);
  ~StartedTool();
  StartedTool(const StartedTool&) = delete;
  StartedTool& operator=(const StartedTool&) = delete;

  // Blocks until a line of stderr has `text`, and answers it; empty if stderr ends before.
  std::string line_with(std::string_view text);
  void send(int signal) const;
  // Until the tool has taken a signal that it was sent and waits for itself.
  void await_taken(int signal) const;
  // `out` is empty: it goes nowhere.
  ToolRun wait();

 private:
  int process_id_ = 0;
  int error_file_ = -1;
  std::string error_, unread_;
};

// The words that replay the shipped sample on tiers too small for it, and after them `more`.
std::vector<std::string> sample_replay(const std::vector<std::string>& more);

// How often a text has a part.
std::size_t count_of(const std::string& text, const std::string& part);

// What `env` says of it.
bool is_transport_usable(std::string_view name);
// What else a run may be given.
struct ToolSurroundings {
  std::string input = {};  // on its stdin
  // Names and values that it finds besides what the test has; an empty value: it finds none.
  std::vector<std::pair<std::string, std::string>> environment = {};
  // stdout and stderr are one terminal; what goes there is `out`, its line ends are \r\n.
  bool is_on_terminal = false;
};
ToolRun run_tool_in(const ToolSurroundings& surroundings, const std::vector<std::string>& words);

}  // namespace radixbench
