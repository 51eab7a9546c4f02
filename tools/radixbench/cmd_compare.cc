#include "cmd_compare.h"

#include "exit_codes.h"

#include "report/run_comparison.h"

#include <fmt/core.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

int compare(const std::vector<std::string>& paths) {
  std::vector<ComparedRun> runs;
  for (const std::string& path : paths) {
    Result<MasterData> master = read_hdf5_master(path);
    if (!master) return report_error(master.error());
    runs.push_back({path, std::move(*master)});
  }
  fmt::print("{}", run_comparison(runs));
  return kExitFine;
}

constexpr const char* kExamples =
    R"(RUN is a run's folder (what `replay -o` wrote) or the run.h5 in it. The first run is what the
others are set against. It describes; no exit code carries a verdict.

Examples:
  radixbench compare runs/hardcoded_tp runs/attn_groups
  radixbench compare runs/*/run.h5

Exit codes: 64 fewer than two runs, 65 no master of this program's schema, 66 no such file.)";

}  // namespace

void add_compare_commands(CLI::App& app, std::vector<Command>& commands) {
  CLI::App* compare_app =
      app.add_subcommand("compare", "Runs side by side: options, exact counts, medians");
  const auto paths = std::make_shared<std::vector<std::string>>();
  compare_app->add_option("RUN", *paths, "Runs, two at least")->required()->expected(2, 26);
  compare_app->footer(kExamples);
  commands.push_back({compare_app, [paths] { return compare(*paths); }});
}

}  // namespace radixbench
