#include "stats/gate_noisy.h"

#include "base/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace radixbench {
namespace {

// Fewer pairs than this give no interval worth its name: one of 4 holds theta 7 times in 8.
constexpr std::size_t kSelfCheckPairsMin = 4;

double looks_of(const NoisyInput& input, const GateOptions& options) {
  return input.is_paired ? static_cast<double>(options.looks) : 1;
}

// `input` cut to its first `size` pairs.
NoisyInput first_of(const NoisyInput& input, std::size_t size) {
  NoisyInput cut = input;
  if (!input.is_paired || size >= input.a.size()) return cut;
  cut.a.resize(size);
  cut.b.resize(size);
  return cut;
}

GateEstimate one_sided(const std::vector<double>& a,
                       const std::vector<double>& b,
                       const NoisyInput& input,
                       double confidence) {
  if (!input.is_paired) return estimate_unpaired({a, b}, input.delta, confidence);
  std::vector<double> y;
  y.reserve(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) y.push_back(b[i] - a[i]);
  return estimate_paired(y, input.delta, confidence);
}

GateEstimate estimate_of(const NoisyInput& input, double confidence) {
  const Direction direction =
      input.direction > 0 ? Direction::kHigherIsBetter : Direction::kLowerIsBetter;
  const Result<std::vector<double>> a = log_costs(input.a, direction);
  const Result<std::vector<double>> b = log_costs(input.b, direction);
  RADIXBENCH_CHECK(a && b);
  GateEstimate estimate = one_sided(*a, *b, input, confidence);
  if (input.direction != 0) return estimate;
  // Of a metric of no direction both ways are for the worse, and fine is what is neither.
  const GateEstimate other = one_sided(*b, *a, input, confidence);
  estimate.p_reg = std::min(1.0, 2 * std::min(estimate.p_reg, estimate.p_imp));
  estimate.p_imp = 1;
  estimate.p_pass = std::max(estimate.p_pass, other.p_pass);
  estimate.p_attainable *= 2;
  return estimate;
}

Detection detection_of(const NoisyInput& input, double alpha) {
  const GateEstimate estimate = estimate_of(input, 1 - 2 * alpha);
  const double below = estimate.theta - estimate.lo;
  return {.alpha = alpha,
          .reach = input.direction == 0 ? std::max(below, estimate.hi - estimate.theta) : below};
}

NoisyCell cell_of(const NoisyInput& input, const GateOptions& options) {
  return {estimate_of(input, options.confidence),
          is_above_floor(input.a, input.b, input.abs_floor),
          input.alpha / looks_of(input, options)};
}

bool is_worse(GateVerdict verdict) { return verdict == GateVerdict::kRegressed; }

std::string samples_word(const NoisyInput& input) {
  return input.is_paired ? "pairs" : "launches a side";
}

std::string undecided_reason(const NoisyInput& input, const NoisyOutcome& outcome) {
  if (outcome.p_adjusted <= input.alpha && !is_above_floor(input.a, input.b, input.abs_floor)) {
    return fmt::format("below abs floor: medians differ by less than {:.6g}", input.abs_floor);
  }
  std::string reason = outcome.mde80 && std::isfinite(*outcome.mde80)
                           ? "MDE " + share_text(*outcome.mde80)
                           : "no interval from so few " + samples_word(input);
  if (outcome.samples_needed) {
    reason += fmt::format("; about {} {} would show {}",
                          *outcome.samples_needed,
                          samples_word(input),
                          share_text(std::expm1(2 * input.delta)));
  }
  return reason;
}

void explain(const NoisyInput& input, NoisyOutcome& outcome) {
  const std::string tolerance = share_text(std::expm1(input.delta));
  switch (outcome.verdict) {
    case GateVerdict::kRegressed: outcome.reason = "worse by more than " + tolerance; break;
    case GateVerdict::kImproved: outcome.reason = "better by more than " + tolerance; break;
    case GateVerdict::kPass: outcome.reason = "no worse than " + tolerance; break;
    default: outcome.reason = undecided_reason(input, outcome); break;
  }
  if (!input.is_paired) outcome.reason += "; unpaired";
}

// Notes what one look says; the last look's numbers are shown.
void note(const JudgedCell& judged,
          const NoisyCell& cell,
          std::size_t size,
          bool is_last,
          NoisyOutcome& outcome) {
  if (outcome.verdict == GateVerdict::kInconclusive ||
      (is_worse(judged.verdict) && !is_worse(outcome.verdict))) {
    outcome.verdict = judged.verdict;
    outcome.shown_after = size;
  }
  if (!is_last) return;
  outcome.estimate = cell.estimate;
  outcome.p_adjusted = judged.p_reg_adjusted;
}

}  // namespace

std::string share_text(double share) { return fmt::format("{:.3g} %", share * 100); }

std::size_t NoisyInput::samples() const { return std::min(a.size(), b.size()); }

std::optional<std::size_t> samples_lacking(const NoisyInput& input,
                                           std::size_t cells,
                                           const GateOptions& options) {
  const double alpha = input.alpha / looks_of(input, options);
  const std::size_t sides = input.direction == 0 ? 2 : 1;
  const std::size_t least =
      input.is_paired ? pairs_min(cells * sides, alpha) : launches_min(cells * sides, alpha);
  return input.samples() < least ? std::optional{least} : std::nullopt;
}

Result<std::vector<NoisyOutcome>> judge_noisy(std::span<const NoisyInput> inputs,
                                              const GateOptions& options) {
  std::vector<NoisyOutcome> outcomes(inputs.size());
  if (inputs.empty()) return outcomes;
  std::size_t most = 0;
  for (const NoisyInput& input : inputs) most = std::max(most, input.samples());
  const bool is_paired = inputs.front().is_paired;
  const std::vector<std::size_t> sizes =
      is_paired ? look_sizes(options, most) : std::vector<std::size_t>{most};
  for (const std::size_t size : sizes) {
    std::vector<NoisyCell> cells;
    for (const NoisyInput& input : inputs) cells.push_back(cell_of(first_of(input, size), options));
    const Result<std::vector<JudgedCell>> judged = judge(cells, options.alpha);
    const bool is_last = size == most;
    // A look that could find nothing is none.
    if (!judged && !is_last) continue;
    if (!judged) return tl::unexpected(judged.error());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      note((*judged)[i], cells[i], size, is_last, outcomes[i]);
    }
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    NoisyOutcome& outcome = outcomes[i];
    const double ways = inputs[i].direction == 0 ? 2 : 1;
    const double alpha =
        inputs[i].alpha / looks_of(inputs[i], options) / ways / static_cast<double>(inputs.size());
    const Detection detection = detection_of(inputs[i], alpha);
    outcome.mde80 = slowdown_detectable(outcome.estimate, detection);
    outcome.samples_needed =
        samples_needed(outcome.estimate, detection, std::expm1(2 * inputs[i].delta));
    explain(inputs[i], outcome);
    if (outcome.shown_after != most && outcome.verdict != GateVerdict::kInconclusive && is_paired) {
      outcome.reason += fmt::format(", shown by the first {} pairs", outcome.shown_after);
    }
  }
  return outcomes;
}

std::string unquiet(std::span<const NoisyInput> inputs,
                    std::span<const std::string> names,
                    const GateOptions& options,
                    std::vector<NoisyOutcome>& outcomes) {
  std::string reason;
  const auto note_reason = [&](std::size_t i, const std::string& what) {
    if (reason.empty()) reason = fmt::format("{}: {}", names[i], what);
  };
  std::vector<double> p_reg;
  outcomes.assign(inputs.size(), {});
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const NoisyInput& input = inputs[i];
    if (input.samples() < kSelfCheckPairsMin) {
      note_reason(i,
                  fmt::format("A' has {} pairs; it takes {}", input.samples(), kSelfCheckPairsMin));
      p_reg.push_back(1);
      continue;
    }
    // A self-check has half as many pairs; where they give no interval of the level asked for, the
    // widest that they give stands for it.
    const double widest = 1 - std::exp2(1 - static_cast<double>(input.samples()));
    outcomes[i].estimate = estimate_of(input, std::min(options.confidence, widest));
    p_reg.push_back(outcomes[i].estimate.p_reg);
  }
  const std::vector<double> adjusted = holm(p_reg);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    NoisyOutcome& outcome = outcomes[i];
    if (outcome.estimate.samples == 0) continue;
    outcome.p_adjusted = adjusted[i];
    const bool is_above = is_above_floor(inputs[i].a, inputs[i].b, inputs[i].abs_floor);
    outcome.verdict =
        verdict_of({outcome.estimate, is_above, std::nullopt}, outcome.p_adjusted, inputs[i].alpha);
    explain(inputs[i], outcome);
    const double half_width = (outcome.estimate.hi - outcome.estimate.lo) / 2;
    if (outcome.verdict == GateVerdict::kRegressed || outcome.verdict == GateVerdict::kImproved) {
      note_reason(i, fmt::format("A' against A is {}", to_string(outcome.verdict)));
    } else if (half_width > inputs[i].delta) {
      note_reason(i,
                  fmt::format("A' against A is known to {}, the tolerance is {}",
                              share_text(std::expm1(half_width)),
                              share_text(std::expm1(inputs[i].delta))));
    }
  }
  return reason;
}

}  // namespace radixbench
