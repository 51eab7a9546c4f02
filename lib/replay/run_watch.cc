#include "replay/run_watch.h"

#include <algorithm>
#include <utility>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// A look costs time on cores that the ranks want: no more than this share of them.
constexpr int kLookShare = 20;
constexpr auto kLookWaitMin = 20ms;
// From the first failure to the look: those who fail with it have said so by then.
constexpr auto kTroubleWait = 300ms;

}  // namespace

RunWatch::RunWatch(const ReplayPlan& plan,
                   const RunRings& rings,
                   std::function<void(const Verdict&)> found)
    : plan_{plan},
      rings_{rings},
      found_{std::move(found)},
      options_{.contracts = builtin_contracts(), .layout = &plan.layout},
      next_look_{deadline_after(kLookWaitMin)} {}

void RunWatch::tick() {
  if (was_interrupted_) return;
  if (trouble_look_ && has_passed(*trouble_look_)) {
    trouble_look_.reset();
    keep(diagnose_rings(false));
  }
  if (!plan_.options.is_watching || first_ || !has_passed(next_look_)) return;
  const std::int64_t begun_ns = monotonic_ns();
  keep(diagnose_rings(true));
  const std::chrono::nanoseconds cost{monotonic_ns() - begun_ns};
  next_look_ = deadline_after(std::max<std::chrono::nanoseconds>(kLookWaitMin, cost * kLookShare));
}

void RunWatch::ended(const RankReport& report) {
  const bool is_trouble =
      report.signal || report.error || report.exit_code.value_or(0) != 0 || !report.unseen.empty();
  if (is_trouble && !first_ && !trouble_look_) trouble_look_ = deadline_after(kTroubleWait);
}

void RunWatch::interrupted() { was_interrupted_ = true; }

Diagnosis RunWatch::look_now() const { return diagnose_rings(true); }

Diagnosis RunWatch::finish(std::span<const Recording> recordings, bool was_interrupted) {
  Diagnosis last = diagnose_recordings(recordings, was_interrupted);
  const std::optional<Diagnosis> first = first_;
  keep(last);
  if (!first || !names_fault(*first)) return last;
  // What was seen first is the cause, also where the rings have lost it; the end knows more of it
  // only where it still sees the same.
  std::vector<Verdict> verdicts;
  for (const Verdict& known : first->verdicts) {
    const auto same = std::ranges::find(last.verdicts, known.verdict, &Verdict::verdict);
    const bool says_more = same != last.verdicts.end() && same->hang && !known.hang;
    if (!says_more) verdicts.push_back(known);
  }
  for (Verdict& verdict : last.verdicts) {
    const bool is_new = std::ranges::none_of(
        verdicts, [&](const Verdict& known) { return known.verdict == verdict.verdict; });
    if (is_new && verdict.verdict != VerdictClass::kNone) verdicts.push_back(std::move(verdict));
  }
  last.verdicts = std::move(verdicts);
  return last;
}

Diagnosis RunWatch::diagnose_rings(bool is_live) const {
  return diagnose_recordings(rings_.recordings(), is_live);
}

Diagnosis RunWatch::diagnose_recordings(std::span<const Recording> recordings, bool is_live) const {
  DiagnoseOptions options = options_;
  options.is_live = is_live;
  return diagnose(recordings, options);
}

void RunWatch::keep(Diagnosis diagnosis) {
  if (first_ || !names_fault(diagnosis)) return;
  first_ = std::move(diagnosis);
  if (found_) found_(first_->verdicts.front());
}

}  // namespace radixbench
