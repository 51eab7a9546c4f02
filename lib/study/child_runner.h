#pragma once

#include "base/result.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {

struct ChildCommand {
  std::string program;             // a path
  std::vector<std::string> words;  // without the program
  // Set on top of this process's. No progress: the first thing that a child says is why it failed.
  std::vector<std::pair<std::string, std::string>> environment = {{"RADIXBENCH_PROGRESS", "off"}};
  std::string out_path;  // of its stdout; empty: nowhere
  std::chrono::nanoseconds timeout{0};
};

// How a child ended: by itself, by a signal of somebody else, or by ours.
struct ChildEnd {
  std::optional<int> exit_code, signal;
  bool has_timed_out = false;
  bool was_interrupted = false;  // this process was told to stop meanwhile
  std::string error_text;        // the beginning of its stderr
  std::int64_t wall_ns = 0;

  [[nodiscard]] bool is_fine() const;
  // Why it is no good, in one line: how it ended, and the first line that it said; empty if fine.
  [[nodiscard]] std::string failure() const;
};

// Programs started one at a time, each in a process group of its own, stdin empty. While it lives,
// SIGINT and SIGTERM are this object's: the child is sent the first of them and has kGrace to end,
// a second one kills it. Children are killed when this process ends, however it ends; of what they
// started in their group, nothing is left once run() returns.
class ChildRunner {
 public:
  static constexpr std::chrono::seconds kGrace{10};

  static std::unique_ptr<ChildRunner> make();
  virtual ~ChildRunner() = default;
  ChildRunner(const ChildRunner&) = delete;
  ChildRunner& operator=(const ChildRunner&) = delete;

  // To the child's end, which past `timeout` is brought about: SIGTERM, and SIGKILL after kGrace.
  // kCannotCreate where it can't be started, kNotFound where there is no such program. To be called
  // from the thread that made this, which must live as long as the child.
  virtual Result<ChildEnd> run(const ChildCommand& command) = 0;

  // The first SIGINT or SIGTERM that came, during run() or between; nothing if none did.
  virtual std::optional<int> interrupted_by() = 0;

 protected:
  ChildRunner() = default;
};

}  // namespace radixbench
