#include "cmd_ab.h"
#include "cmd_baseline.h"
#include "cmd_compare.h"
#include "cmd_completion.h"
#include "cmd_diagnose.h"
#include "cmd_env.h"
#include "cmd_export.h"
#include "cmd_gate.h"
#include "cmd_h5.h"
#include "cmd_help.h"
#include "cmd_layout.h"
#include "cmd_replay.h"
#include "cmd_report.h"
#include "cmd_sweep.h"
#include "cmd_trace.h"
#include "command_line.h"
#include "exit_codes.h"

#include <fmt/core.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <system_error>
#include <vector>

namespace {

constexpr radixbench::AddCommands kVerbs[] = {
    radixbench::add_replay_commands,
    radixbench::add_sweep_commands,
    radixbench::add_ab_commands,
    radixbench::add_compare_commands,
    radixbench::add_gate_commands,
    radixbench::add_baseline_commands,
    radixbench::add_diagnose_commands,
    radixbench::add_h5_commands,
    radixbench::add_layout_commands,
    radixbench::add_trace_commands,
    radixbench::add_report_commands,
    radixbench::add_export_commands,
    radixbench::add_env_commands,
    radixbench::add_completion_commands,
    radixbench::add_help_commands,
};

}  // namespace

int main(int argc, char** argv) try {
  // A reader that has seen enough is an error of writing like any other, not a death by signal.
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  const int code =
      radixbench::run_command_line(kVerbs, std::vector<std::string>(argv + 1, argv + argc));
  if (std::fflush(stdout) == 0) return code;
  fmt::print(stderr, "radixbench: can't write the result\n");
  return radixbench::kExitIo;
} catch (const std::system_error& error) {
  fmt::print(stderr, "radixbench: can't write: {}\n", error.what());
  return radixbench::kExitIo;
} catch (const std::exception& error) {
  fmt::print(stderr, "radixbench: {}\n", error.what());
  return radixbench::kExitBug;
}
