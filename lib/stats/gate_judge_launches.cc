#include "base/check.h"
#include "stats/gate_cells.h"
#include "stats/gate_exact.h"
#include "stats/gate_history.h"
#include "stats/gate_noisy.h"
#include "stats/gate_report.h"
#include "stats/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>
#include <utility>

namespace radixbench {
namespace {

// A noisy cell that values of both sides can be judged of.
struct NoisyCandidate {
  std::size_t cell = 0;  // position in the report
  NoisyInput input;
  NoisyInput self_check;  // A against A'
};

// How bad a verdict is to read; the worst comes first.
int severity(GateVerdict verdict) {
  switch (verdict) {
    case GateVerdict::kError: return 0;
    case GateVerdict::kNondeterministic: return 1;
    case GateVerdict::kMissing: return 2;
    case GateVerdict::kRegressed: return 3;
    case GateVerdict::kIncomparable: return 4;
    case GateVerdict::kInconclusive: return 5;
    case GateVerdict::kImproved: return 6;
    case GateVerdict::kNew: return 7;
    case GateVerdict::kPass: return 8;
  }
  return 9;
}

// Values of launches of equal pair numbers.
void pair_up(const SideSamples& a, const SideSamples& b, NoisyInput& input) {
  for (const SideSamples::Sample& old : a.samples) {
    const auto found = std::find_if(b.samples.begin(), b.samples.end(), [&](const auto& sample) {
      return sample.launch->pair == old.launch->pair;
    });
    if (found == b.samples.end()) continue;
    input.a.push_back(old.value);
    input.b.push_back(found->value);
  }
}

class Gate {
 public:
  Gate(GatheredSamples samples, const GateOptions& options, std::span<const LaunchSet> history)
      : samples_{std::move(samples)}, history_{history} {
    report_.options = options;
    report_.is_paired = samples_.is_paired;
    report_.warnings = samples_.warnings;
  }

  Result<GateReport> judge_all() {
    if (Result<void> checked = check_rules(); !checked) return tl::unexpected(checked.error());
    for (const auto& [key, samples] : samples_.cells) {
      if (Result<void> added = add(key, samples); !added) return tl::unexpected(added.error());
    }
    if (samples_.failed != nullptr) add_lone_failure();
    for (const GateAction action : {GateAction::kFail, GateAction::kWarn, GateAction::kTrack}) {
      if (Result<void> judged = judge_family(action); !judged) {
        return tl::unexpected(judged.error());
      }
    }
    std::stable_sort(report_.cells.begin(), report_.cells.end(), is_before);
    return std::move(report_);
  }

 private:
  static const LaunchCell& known_cell(const CellSamples& samples) {
    return samples.b.cell   ? *samples.b.cell
           : samples.a.cell ? *samples.a.cell
                            : *samples.self_check.cell;
  }

  // The cell as rules see it: under the key that both sides have.
  static LaunchCell shown_cell(const CellKey& key, const CellSamples& samples) {
    LaunchCell cell = known_cell(samples);
    cell.key = key;
    return cell;
  }

  // Rules see either side's own key too: agreement=fused means B's.
  static bool is_for(const GateRule& rule, const CellKey& key, const CellSamples& samples) {
    return is_matched(rule, shown_cell(key, samples)) ||
           (samples.b.cell && is_matched(rule, *samples.b.cell)) ||
           (samples.a.cell && is_matched(rule, *samples.a.cell));
  }

  const GateRule* rule_for(const CellKey& key, const CellSamples& samples) const {
    const std::vector<GateRule>& rules = report_.options.rules;
    const auto last = std::find_if(rules.rbegin(), rules.rend(), [&](const GateRule& rule) {
      return is_for(rule, key, samples);
    });
    return last == rules.rend() ? nullptr : &*last;
  }

  Result<void> check_rules() {
    if (samples_.cells.empty()) return {};
    for (const GateRule& rule : report_.options.rules) {
      if (rule.is_optional) continue;
      const bool is_used =
          std::any_of(samples_.cells.begin(), samples_.cells.end(), [&](const auto& entry) {
            return is_for(rule, entry.first, entry.second);
          });
      if (!is_used) return fail(ErrorCode::kInvalidArgument, unmatched(rule));
    }
    return {};
  }

  std::string unmatched(const GateRule& rule) const {
    std::set<std::string> known;
    for (const auto& [key, samples] : samples_.cells) {
      known.insert(
          fmt::format("{}@{} ({})",
                      key.metric,
                      key.stat,
                      known_cell(samples).metric_class == MetricClass::kExact ? "exact" : "noisy"));
    }
    std::string names;
    for (const std::string& name : known) names += "\n  " + name;
    return fmt::format("rule '{}' matches no cell; there are{}", rule.source, names);
  }

  Result<void> add(const CellKey& key, const CellSamples& samples) {
    const GateRule* rule = rule_for(key, samples);
    if (rule == nullptr) return {};
    if (!samples.a.cell && !samples.b.cell) return {};  // only A' has it: the testbed's affair
    GateCell cell;
    const LaunchCell& known = known_cell(samples);
    cell.key = key;
    cell.unit = known.unit;
    cell.metric_class = rule->is_exact ? MetricClass::kExact : known.metric_class;
    cell.direction = rule->direction != 0 ? rule->direction : known.direction;
    cell.action = rule->action;
    cell.rule = rule->source;
    cell.a = samples.a.values();
    cell.b = samples.b.values();
    if (Result<void> limited = set_limits(*rule, samples, cell); !limited) return limited;
    if (judge_before_values(samples, cell)) {
      report_.cells.push_back(std::move(cell));
      return {};
    }
    if (cell.metric_class == MetricClass::kExact) {
      judge_exact(samples, cell);
    } else {
      add_candidate(*rule, samples, cell);
    }
    report_.cells.push_back(std::move(cell));
    return {};
  }

  // The rule's limits in the cell's terms.
  Result<void> set_limits(const GateRule& rule, const CellSamples& samples, GateCell& cell) {
    for (const auto* amount : {&rule.tolerance_absolute, &rule.abs_floor}) {
      if (!*amount || (*amount)->unit == cell.unit) continue;
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("rule '{}' has an amount in {}; {} is in {}",
                              rule.source,
                              (*amount)->unit,
                              cell_name(cell.key),
                              cell.unit));
    }
    const bool is_exact = cell.metric_class == MetricClass::kExact;
    cell.tolerance = rule.tolerance.value_or(default_tolerance(cell.metric_class));
    if (rule.tolerance_absolute) {
      const double median = cell.median_a();
      cell.tolerance = median > 0 ? rule.tolerance_absolute->value / median : 0;
      if (is_exact && !(median > 0)) cell.abs_floor = rule.tolerance_absolute->value;
    }
    if (rule.abs_floor) {
      cell.abs_floor = rule.abs_floor->value;
    } else if (!is_exact) {
      std::int64_t overhead_ns = 0;
      for (const SideSamples* side : {&samples.a, &samples.b}) {
        for (const auto& sample : side->samples) {
          overhead_ns = std::max(overhead_ns, sample.launch->clock_overhead_ns);
        }
      }
      cell.abs_floor = default_abs_floor(cell.unit, overhead_ns);
    }
    return {};
  }

  // What needs no look at values. Whether that is all there is to say.
  bool judge_before_values(const CellSamples& samples, GateCell& cell) const {
    const auto decide = [&](GateVerdict verdict, std::string reason) {
      cell.verdict = verdict;
      cell.reason = std::move(reason);
      return true;
    };
    for (const SideSamples* side : {&samples.b, &samples.a}) {
      if (side->failed == nullptr) continue;
      return decide(GateVerdict::kError, failure_text(*side->failed));
    }
    if (samples.a.samples.empty()) return decide(GateVerdict::kNew, "A has no such cell");
    if (samples.b.samples.empty()) return decide(GateVerdict::kMissing, "B has no such cell");
    const std::string difference = difference_between(samples);
    if (!difference.empty()) return decide(GateVerdict::kIncomparable, difference);
    if (samples.b.lacking > 0 && samples.a.lacking == 0) {
      return decide(GateVerdict::kMissing,
                    fmt::format("{} of B's launches have no such cell", samples.b.lacking));
    }
    if (cell.metric_class == MetricClass::kExact && samples.a.lacking + samples.b.lacking > 0) {
      return decide(GateVerdict::kNondeterministic, "some launches of a side have no such cell");
    }
    return false;
  }

  static std::string failure_text(const Launch& launch) {
    std::string where = launch.pair < 0 ? "" : fmt::format(" of pair {}", launch.pair);
    return fmt::format(
        "launch {}{} of {}: {}", launch.run_id, where, to_string(launch.side), launch.failure);
  }

  std::string difference_between(const CellSamples& samples) const {
    const auto within = [](const char* side, const std::string& mixture) {
      return fmt::format("launches of {} differ: {}", side, mixture);
    };
    if (!samples.a.mixture.empty()) return within("A", samples.a.mixture);
    if (!samples.b.mixture.empty()) return within("B", samples.b.mixture);
    const LaunchCell& a = *samples.a.cell;
    const LaunchCell& b = *samples.b.cell;
    if (a.bench_version != b.bench_version) {
      return fmt::format("bench_version: A {}, B {}", a.bench_version, b.bench_version);
    }
    if (a.unit != b.unit) return fmt::format("unit: A {}, B {}", a.unit, b.unit);
    if (a.metric_class != b.metric_class) return "class: exact on one side only";
    const std::string environment = difference_of(samples.a.samples.front().launch->fingerprint,
                                                  samples.b.samples.front().launch->fingerprint,
                                                  samples_.across);
    return environment.empty() ? "" : "A and B differ: " + environment;
  }

  void add_candidate(const GateRule& rule, const CellSamples& samples, GateCell& cell) {
    for (const SideSamples* side : {&samples.a, &samples.b, &samples.self_check}) {
      for (const auto& sample : side->samples) {
        const Launch& launch = *sample.launch;
        if (!(sample.value > 0)) {
          cell.reason =
              fmt::format("launch {} of {} measured {}: only values above zero have a ratio",
                          launch.run_id,
                          to_string(launch.side),
                          sample.value);
          return;
        }
        if (launch.ranks > launch.cores && !report_.options.may_outnumber_cores) {
          cell.reason = fmt::format(
              "{} ranks on {} cores: times tell of the scheduler of the "
              "system (--may-outnumber-cores judges them)",
              launch.ranks,
              launch.cores);
          return;
        }
      }
    }
    NoisyCandidate candidate;
    candidate.cell = report_.cells.size();
    NoisyInput& input = candidate.input;
    input.is_paired = report_.is_paired;
    input.direction = cell.direction;
    input.delta = std::log1p(cell.tolerance);
    input.abs_floor = cell.abs_floor;
    input.alpha = rule.alpha.value_or(report_.options.alpha);
    if (!report_.is_paired) widen(samples, cell, input);
    candidate.self_check = input;
    if (report_.is_paired) {
      pair_up(samples.a, samples.b, input);
      pair_up(samples.a, samples.self_check, candidate.self_check);
      cell.a = input.a;
      cell.b = input.b;
    } else {
      input.a = cell.a;
      input.b = cell.b;
    }
    candidates_.push_back(std::move(candidate));
  }

  void widen(const CellSamples& samples, GateCell& cell, NoisyInput& input) const {
    const std::optional<double> movement = movement_of(samples.a.cell->key, history_);
    if (!movement || *movement <= input.delta) return;
    input.delta = *movement;
    cell.tolerance = std::expm1(input.delta);
    cell.reason = fmt::format("; baselines moved as much, so the tolerance is {}",
                              share_text(cell.tolerance));
  }

  // Cells that fail are adjusted for one another, and so are those that warn; one that is tracked
  // stands for itself, or asking to see more would make it harder to find anything.
  Result<void> judge_family(GateAction action) {
    std::vector<NoisyCandidate*> family;
    for (NoisyCandidate& candidate : candidates_) {
      if (report_.cells[candidate.cell].action != action) continue;
      if (action != GateAction::kTrack) {
        family.push_back(&candidate);
      } else if (samples_lacking(candidate.input, 1, report_.options)) {
        report_.cells[candidate.cell].reason = "too few launches";
      } else if (Result<void> judged = judge_together({&candidate}); !judged) {
        return judged;
      }
    }
    if (Result<void> enough = check_samples(family); !enough) return enough;
    if (Result<void> judged = judge_together(family); !judged) return judged;
    if (action != GateAction::kTrack && has_self_check()) check_self(family);
    return {};
  }

  bool has_self_check() const {
    return std::any_of(samples_.cells.begin(), samples_.cells.end(), [](const auto& entry) {
      return entry.second.self_check.cell || entry.second.self_check.failed != nullptr;
    });
  }

  // A test that cannot find anything is no gate.
  Result<void> check_samples(const std::vector<NoisyCandidate*>& family) const {
    for (const NoisyCandidate* candidate : family) {
      const NoisyInput& input = candidate->input;
      const auto needed = samples_lacking(input, family.size(), report_.options);
      if (!needed) continue;
      const char* what = input.is_paired ? "pairs" : "launches a side";
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("{} has {} {}; to gate {} noisy cells at alpha {}{} takes {}: launch more, "
                      "or gate fewer cells",
                      cell_name(report_.cells[candidate->cell].key),
                      input.samples(),
                      what,
                      family.size(),
                      input.alpha,
                      input.is_paired && report_.options.looks > 1
                          ? fmt::format(" in {} looks", report_.options.looks)
                          : "",
                      *needed));
    }
    return {};
  }

  Result<void> judge_together(const std::vector<NoisyCandidate*>& family) {
    std::vector<NoisyInput> inputs;
    inputs.reserve(family.size());
    for (const NoisyCandidate* candidate : family) inputs.push_back(candidate->input);
    const Result<std::vector<NoisyOutcome>> outcomes = judge_noisy(inputs, report_.options);
    if (!outcomes) return tl::unexpected(outcomes.error());
    for (std::size_t i = 0; i < family.size(); ++i) {
      GateCell& cell = report_.cells[family[i]->cell];
      take((*outcomes)[i], cell);
      if (!inputs[i].is_paired) continue;
      report_.looks_taken =
          std::max(report_.looks_taken, look_sizes(report_.options, inputs[i].samples()).size());
    }
    return {};
  }

  static void take(const NoisyOutcome& outcome, GateCell& cell) {
    cell.verdict = outcome.verdict;
    cell.reason = outcome.reason + cell.reason;
    cell.estimate = outcome.estimate;
    cell.p_adjusted = outcome.p_adjusted;
    cell.mde80 = outcome.mde80;
    cell.samples_needed = outcome.samples_needed;
  }

  // A testbed that tells A from A, or could not, tells nothing of B.
  void check_self(const std::vector<NoisyCandidate*>& family) {
    if (family.empty()) return;
    std::vector<NoisyInput> inputs;
    std::vector<std::string> names;
    for (const NoisyCandidate* candidate : family) {
      inputs.push_back(candidate->self_check);
      names.push_back(cell_name(report_.cells[candidate->cell].key));
    }
    std::vector<NoisyOutcome> outcomes;
    std::string reason = unquiet(inputs, names, report_.options, outcomes);
    for (const auto& [key, samples] : samples_.cells) {
      if (reason.empty() && samples.self_check.failed != nullptr) {
        reason = failure_text(*samples.self_check.failed);
      }
    }
    if (!report_.self_check) report_.self_check.emplace();
    SelfCheck& check = *report_.self_check;
    for (std::size_t i = 0; i < family.size(); ++i) {
      GateCell cell = report_.cells[family[i]->cell];
      cell.a = inputs[i].a;
      cell.b = inputs[i].b;
      cell.reason.clear();
      take(outcomes[i], cell);
      check.cells.push_back(std::move(cell));
    }
    if (reason.empty()) return;
    check.is_quiet = false;
    if (check.reason.empty()) check.reason = reason;
    for (const NoisyCandidate* candidate : family) {
      GateCell& cell = report_.cells[candidate->cell];
      cell.verdict = GateVerdict::kInconclusive;
      cell.reason = "noisy_testbed: " + reason;
    }
  }

  void add_lone_failure() {
    GateCell cell;
    cell.key.metric = "launch";
    cell.key.stat = "total";
    cell.metric_class = MetricClass::kExact;
    cell.unit = "1";
    cell.verdict = GateVerdict::kError;
    cell.reason = failure_text(*samples_.failed);
    report_.cells.push_back(std::move(cell));
  }

  static bool is_before(const GateCell& x, const GateCell& y) {
    const auto rank = [](const GateCell& cell) {
      const double worse = cell.estimate ? cell.estimate->theta : 0;
      return std::make_tuple(cell.action, severity(cell.verdict), -worse);
    };
    const auto of_x = rank(x);
    const auto of_y = rank(y);
    return of_x != of_y ? of_x < of_y : x.key < y.key;
  }

  GatheredSamples samples_;
  std::span<const LaunchSet> history_;
  GateReport report_;
  std::vector<NoisyCandidate> candidates_;
};

std::vector<std::string> all_across(const LaunchSet& a,
                                    const LaunchSet& b,
                                    const GateOptions& options) {
  std::vector<std::string> across = options.across;
  for (const LaunchSet* set : {&a, &b}) {
    for (const std::string& field : set->across) {
      if (std::find(across.begin(), across.end(), field) == across.end()) across.push_back(field);
    }
  }
  return across;
}

Fingerprint fingerprint_in(const LaunchSet& set) {
  return set.launches.empty() ? Fingerprint{} : set.launches.front().fingerprint;
}

}  // namespace

Result<GateReport> judge_launches(const LaunchSet& a,
                                  const LaunchSet& b,
                                  const GateOptions& options,
                                  std::span<const LaunchSet> history) {
  std::vector<const Launch*> launches;
  for (const LaunchSet* set : {&a, &b}) {
    for (const Launch& launch : set->launches) {
      RADIXBENCH_CHECK((launch.side == LaunchSide::kB) == (set == &b));
      launches.push_back(&launch);
    }
  }
  Result<GatheredSamples> samples = gather(launches, all_across(a, b, options));
  if (!samples) return tl::unexpected(samples.error());
  Result<GateReport> report = Gate{std::move(*samples), options, history}.judge_all();
  if (!report) return report;
  report->label_a = a.label;
  report->label_b = b.label;
  report->fingerprint_a = fingerprint_in(a);
  report->fingerprint_b = fingerprint_in(b);
  return report;
}

Result<GateReport> judge_launches(const LaunchSet& all, const GateOptions& options) {
  LaunchSet a{"A of " + all.label, {}, all.across, all.about};
  LaunchSet b{"B of " + all.label, {}, all.across, all.about};
  for (const Launch& launch : all.launches) {
    (launch.side == LaunchSide::kB ? b : a).launches.push_back(launch);
  }
  return judge_launches(a, b, options);
}

}  // namespace radixbench
