#include "report/launches_csv.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <vector>

namespace radixbench {
namespace {

constexpr std::string_view kHeading =
    "run_id,side,pair,ranks,cores,failure,fingerprint,scenario,layout,tp,cp,dp,pp,rules,agreement,"
    "transport,policy,clock,page_size,metric,stat,unit,class,direction,value,samples,"
    "bench_version\n";
constexpr std::size_t kCellColumns = 20;

std::string quoted(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string{text};
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string launch_columns(const Launch& launch) {
  return fmt::format("{},{},{},{},{},{},{}",
                     quoted(launch.run_id),
                     to_string(launch.side),
                     launch.pair < 0 ? std::string{} : std::to_string(launch.pair),
                     launch.ranks,
                     launch.cores,
                     quoted(launch.failure),
                     fingerprint_hash(launch.fingerprint));
}

std::string cell_columns(const LaunchCell& cell) {
  const CellKey& key = cell.key;
  return fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}",
                     quoted(key.scenario),
                     quoted(key.layout),
                     key.tp,
                     key.cp,
                     key.dp,
                     key.pp,
                     quoted(key.rules),
                     quoted(key.agreement),
                     quoted(key.transport),
                     quoted(key.policy),
                     quoted(key.clock),
                     key.page_size,
                     quoted(key.metric),
                     quoted(key.stat),
                     quoted(cell.unit),
                     cell.metric_class == MetricClass::kExact ? "exact" : "noisy",
                     cell.direction,
                     cell.value,
                     cell.samples,
                     cell.bench_version);
}

}  // namespace

std::string launches_csv(const LaunchSet& set) {
  std::string text{kHeading};
  for (const Launch& launch : set.launches) {
    const std::string first = launch_columns(launch);
    if (!launch.failure.empty()) {
      text += first + std::string(kCellColumns, ',') + "\n";
      continue;
    }
    for (const LaunchCell& cell : launch.cells) text += first + "," + cell_columns(cell) + "\n";
  }
  return text;
}

}  // namespace radixbench
