#include "sweep_estimate.h"

#include "own_program.h"
#include "replay_words.h"

#include "study/shell_words.h"
#include "trace/mooncake_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <system_error>
#include <tuple>
#include <utility>

namespace radixbench {
namespace {

namespace fs = std::filesystem;

// Requests of the two probes: what both have in common is what a start costs.
constexpr std::uint64_t kProbeFew = 8;
constexpr std::uint64_t kProbeMany = 40;

// What a cell has to do.
struct CellWork {
  double requests = 0;
  double ranks = 0;
  double arrivals_s = 0;  // 0 on the virtual clock, which waits for nobody

  [[nodiscard]] double size() const { return requests * ranks; }
};

// seconds = start + per_size * size.
struct CostModel {
  double start_s = 0;
  double per_size_s = 0;
};

class Estimate {
 public:
  Estimate(const SweepPlan& plan, const SweepState& state, ChildRunner& runner)
      : plan_{plan}, state_{state}, runner_{runner} {}

  Result<SweepEstimate> make() {
    for (const SweepCell& cell : plan_.cells) {
      Result<CellWork> work = cell.skip_reason.empty() ? work_of(cell) : CellWork{};
      if (!work) return tl::unexpected(work.error());
      work_.push_back(*work);
    }
    Result<CostModel> model = find_model();
    if (!model) return tl::unexpected(model.error());
    for (const CellWork& work : work_) {
      std::optional<double> seconds;
      if (work.ranks > 0) {
        seconds = std::max(model->start_s + model->per_size_s * work.size(), work.arrivals_s);
      }
      result_.seconds.push_back(seconds);
    }
    return std::move(result_);
  }

 private:
  Result<CellWork> work_of(const SweepCell& cell) {
    const Result<ReplayOptions> options = check_words(words_of_cell(plan_, cell));
    if (!options) return tl::unexpected(options.error());
    const auto key =
        std::make_tuple(options->trace_path, options->trace.limit, options->trace.skips_bad);
    if (!traces_.contains(key)) {
      const Result<Trace> trace = read_mooncake(options->trace_path, options->trace);
      if (!trace) return tl::unexpected(trace.error());
      const std::int64_t last_ns = trace->requests.empty() ? 0 : trace->requests.back().arrival_ns;
      traces_[key] = {static_cast<double>(trace->requests.size()),
                      static_cast<double>(last_ns) * 1e-9};
    }
    const auto& [requests, seconds] = traces_[key];
    const bool is_wall = options->engine.clock == ClockMode::kWall;
    return CellWork{.requests = requests,
                    .ranks = static_cast<double>(cell.ranks),
                    .arrivals_s = is_wall ? seconds / options->engine.speedup : 0};
  }

  Result<CostModel> find_model() {
    double seconds = 0;
    double size = 0;
    std::size_t count = 0;
    for (std::size_t number = 0; number < state_.cells.size(); ++number) {
      if (state_.cells[number].progress != CellProgress::kDone) continue;
      seconds += state_.cells[number].seconds;
      size += work_[number].size();
      ++count;
    }
    if (count > 0 && size > 0) {
      result_.source = fmt::format("from {} cells that are done, by requests times ranks", count);
      return CostModel{.start_s = 0, .per_size_s = seconds / size};
    }
    return probe();
  }

  Result<CostModel> probe() {
    const auto first = std::find_if(plan_.cells.begin(), plan_.cells.end(), [](const auto& cell) {
      return cell.skip_reason.empty();
    });
    if (first == plan_.cells.end()) {
      result_.source = "no cell is to run";
      return CostModel{};
    }
    const CellWork& work = work_[first->number];
    const double few = std::min(work.requests, static_cast<double>(kProbeFew));
    const double many = std::min(work.requests, static_cast<double>(kProbeMany));
    const Result<double> few_s = probe_run(*first, static_cast<std::uint64_t>(few));
    if (!few_s) return tl::unexpected(few_s.error());
    const Result<double> many_s = probe_run(*first, static_cast<std::uint64_t>(many));
    if (!many_s) return tl::unexpected(many_s.error());
    const double slope = many > few ? (*many_s - *few_s) / (many - few) : *many_s / many;
    // Noise may make the longer probe the faster one; then its whole time is the requests'.
    const double per_request = slope > 0 ? slope : *many_s / many;
    result_.source = fmt::format(
        "from two short runs of cell {} ({} and {} requests: {:.2f} s and {:.2f} s), scaled by "
        "requests times ranks",
        first->number,
        few,
        many,
        *few_s,
        *many_s);
    return CostModel{.start_s = std::max(0.0, *few_s - few * per_request),
                     .per_size_s = per_request / work.ranks};
  }

  Result<double> probe_run(const SweepCell& cell, std::uint64_t requests) {
    std::string folder = (fs::temp_directory_path() / "radixbench-probe-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) {
      return fail(ErrorCode::kCannotCreate, fmt::format("no folder for a probe at {}", folder));
    }
    ChildCommand command;
    command.program = own_program();
    command.words = overridden(words_of_cell(plan_, cell),
                               {"--limit=" + std::to_string(requests), "--output=" + folder});
    command.words.insert(command.words.begin(), "replay");
    command.timeout = plan_.timeout;
    Result<ChildEnd> end = runner_.run(command);
    std::error_code ignored;
    fs::remove_all(folder, ignored);
    if (!end) return tl::unexpected(end.error());
    if (end->was_interrupted) return fail(ErrorCode::kInterrupted, "interrupted in a probe");
    // One that failed took its time too, and says about how long cells take.
    return static_cast<double>(end->wall_ns) * 1e-9;
  }

  const SweepPlan& plan_;
  const SweepState& state_;
  ChildRunner& runner_;
  std::vector<CellWork> work_;
  std::map<std::tuple<std::string, std::uint64_t, bool>, std::pair<double, double>> traces_;
  SweepEstimate result_;
};

}  // namespace

Result<SweepEstimate> estimate_sweep(const SweepPlan& plan,
                                     const SweepState& state,
                                     ChildRunner& runner) {
  return Estimate{plan, state, runner}.make();
}

}  // namespace radixbench
