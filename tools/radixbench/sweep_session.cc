#include "sweep_session.h"

#include "own_program.h"
#include "replay_words.h"

#include "base/file_text.h"
#include "record/hdf5_master.h"
#include "report/json_sweep.h"
#include "report/sweep_table.h"
#include "study/shell_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace radixbench {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTool = "radixbench " RADIXBENCH_VERSION;

std::string state_file(const SweepPlan& plan) { return plan.folder + "/" + kSweepFile; }

std::string run_folder(std::size_t number) { return fmt::format("cells/{:05}", number); }

auto sorted(std::vector<std::pair<std::string, std::string>> values) {
  std::sort(values.begin(), values.end());
  return values;
}

Result<void> check_same(const SweepState& fresh, const SweepState& found) {
  const auto refuse = [](std::string what) {
    return fail(ErrorCode::kConfiguration,
                fmt::format("--resume: {}; choose another -o for another sweep", what));
  };
  if (fresh.program_sha256 != found.program_sha256) {
    return refuse(fmt::format("the cells were run by another build ({})", found.tool));
  }
  if (fresh.options != found.options) {
    return refuse(fmt::format("the options were '{}' and are '{}'",
                              join_shell_words(found.options),
                              join_shell_words(fresh.options)));
  }
  if (fresh.cells.size() != found.cells.size()) {
    return refuse(
        fmt::format("there were {} cells and are {}", found.cells.size(), fresh.cells.size()));
  }
  for (std::size_t number = 0; number < fresh.cells.size(); ++number) {
    const bool was_skipped = found.cells[number].progress == CellProgress::kSkipped;
    const bool is_skipped = fresh.cells[number].progress == CellProgress::kSkipped;
    if (sorted(fresh.cells[number].values) != sorted(found.cells[number].values) ||
        was_skipped != is_skipped) {
      return refuse(fmt::format("cell {} is another", number));
    }
  }
  return {};
}

// What the run in `folder` left; nothing where it left no master.
void take_figures(const std::string& folder, SweptCell& cell) {
  const Result<MasterData> run = read_hdf5_master(folder);
  if (run) {
    cell.figures = figures_of_run(*run);
  } else if (cell.progress == CellProgress::kDone) {
    cell.progress = CellProgress::kFailed;
    cell.exit_code = 0;
    cell.reason = run.error().message;
  }
}

class Session {
 public:
  Session(const SweepPlan& plan, SweepState& state, ChildRunner& runner)
      : plan_{plan}, state_{state}, runner_{runner} {}

  // False where this process was told to stop.
  Result<bool> run_cell(std::size_t number) {
    SweptCell& cell = state_.cells[number];
    const std::string folder = plan_.folder + "/" + run_folder(number);
    std::error_code error;
    fs::remove_all(folder, error);
    fs::create_directories(folder, error);
    if (error) {
      return fail(ErrorCode::kCannotCreate, fmt::format("{}: {}", folder, error.message()));
    }
    Result<ChildEnd> end = runner_.run(command_of(number, folder));
    if (!end) return tl::unexpected(end.error());
    if (end->was_interrupted) {
      fs::remove_all(folder, error);
      return false;
    }
    cell.seconds = static_cast<double>(end->wall_ns) * 1e-9;
    cell.progress = end->is_fine() ? CellProgress::kDone : CellProgress::kFailed;
    cell.exit_code = end->has_timed_out ? 124 : end->exit_code.value_or(-1);
    cell.reason = end->failure();
    take_figures(folder, cell);
    if (plan_.keeps_runs || cell.progress == CellProgress::kFailed)
      cell.run = run_folder(number);
    else
      fs::remove_all(folder, error);
    return true;
  }

  Result<void> save() const { return replace_file_text(state_file(plan_), sweep_json(state_)); }

 private:
  [[nodiscard]] ChildCommand command_of(std::size_t number, const std::string& folder) const {
    ChildCommand command;
    command.program = own_program();
    command.words = {"replay"};
    for (std::string& word : words_of_cell(plan_, plan_.cells[number])) {
      command.words.push_back(std::move(word));
    }
    command.words.push_back("--output=" + folder);
    command.out_path = folder + "/table.txt";
    command.timeout = plan_.timeout;
    return command;
  }

  const SweepPlan& plan_;
  SweepState& state_;
  ChildRunner& runner_;
};

}  // namespace

std::vector<std::string> words_of_cell(const SweepPlan& plan, const SweepCell& cell) {
  std::vector<std::string> words;
  for (const auto& [name, value] : cell.options) {
    for (std::string& word : words_of(name, value)) words.push_back(std::move(word));
  }
  return overridden(plan.options, words);
}

Result<SweepState> new_state(const SweepPlan& plan) {
  const Result<std::string> sha256 = sha256_of_file(own_program());
  if (!sha256) return tl::unexpected(sha256.error());
  SweepState state{.tool = kTool, .program_sha256 = *sha256, .options = plan.options, .cells = {}};
  for (const SweepCell& cell : plan.cells) {
    SweptCell swept;
    swept.values = cell.values;
    swept.reason = cell.skip_reason;
    if (!cell.skip_reason.empty()) swept.progress = CellProgress::kSkipped;
    state.cells.push_back(std::move(swept));
  }
  return state;
}

Result<SweepState> resumed_state(const SweepPlan& plan) {
  const Result<std::string> text = read_file_text(state_file(plan));
  if (!text) return tl::unexpected(text.error());
  Result<SweepState> found = parse_sweep(*text, state_file(plan));
  if (!found) return found;
  Result<SweepState> fresh = new_state(plan);
  if (!fresh) return fresh;
  if (Result<void> same = check_same(*fresh, *found); !same) return tl::unexpected(same.error());
  // JSON objects have no order; the axes do.
  for (std::size_t number = 0; number < found->cells.size(); ++number) {
    found->cells[number].values = fresh->cells[number].values;
  }
  return found;
}

Result<void> make_folder(const SweepPlan& plan) {
  std::error_code error;
  if (fs::exists(state_file(plan), error)) {
    return fail(ErrorCode::kCannotCreate,
                fmt::format("{} holds a sweep already; --resume goes on with it", plan.folder));
  }
  fs::create_directories(plan.folder, error);
  if (error) {
    return fail(ErrorCode::kCannotCreate, fmt::format("{}: {}", plan.folder, error.message()));
  }
  return {};
}

Result<void> run_cells(const SweepPlan& plan,
                       SweepState& state,
                       ChildRunner& runner,
                       const std::function<void(std::size_t number)>& ended) {
  Session session{plan, state, runner};
  if (Result<void> saved = session.save(); !saved) return saved;
  for (std::size_t number = 0; number < state.cells.size(); ++number) {
    if (state.cells[number].progress != CellProgress::kPending) continue;
    if (runner.interrupted_by()) return {};
    const Result<bool> is_over = session.run_cell(number);
    if (!is_over) return tl::unexpected(is_over.error());
    if (!*is_over) return {};
    if (Result<void> saved = session.save(); !saved) return saved;
    ended(number);
  }
  return {};
}

}  // namespace radixbench
