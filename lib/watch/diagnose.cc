#include "watch/diagnose.h"

#include "watch/call_history.h"
#include "watch/diagnose_histories.h"
#include "watch/finding.h"
#include "watch/timeline.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace radixbench {
namespace {

using Findings = std::vector<Finding>;

void append(Findings& to, Findings more) { std::ranges::move(more, std::back_inserter(to)); }

bool is_wrong_group(VerdictClass verdict) {
  return verdict == VerdictClass::kWrongGroupTooLarge ||
         verdict == VerdictClass::kWrongGroupTooSmall || verdict == VerdictClass::kWrongGroupOther;
}

// Calls that ranks made differently: what an earlier fault among the same ranks brings about.
bool is_about_calls(VerdictClass verdict) {
  switch (verdict) {
    case VerdictClass::kSkippedCall:
    case VerdictClass::kExtraCall:
    case VerdictClass::kCallCount:
    case VerdictClass::kOrderInversion:
    case VerdictClass::kMismatchKind:
    case VerdictClass::kMismatchReduceOp:
    case VerdictClass::kMismatchRoot:
    case VerdictClass::kMismatchShape:
    case VerdictClass::kMismatchDtype:
    case VerdictClass::kGroupNotInitialised:
    case VerdictClass::kStalledUnrecorded: return true;
    default: return false;
  }
}

// Whether what comes later among the same ranks may be its doing.
bool spreads(VerdictClass verdict) {
  return is_about_calls(verdict) || is_wrong_group(verdict) ||
         verdict == VerdictClass::kDecisionDivergence || verdict == VerdictClass::kThreadRace ||
         verdict == VerdictClass::kGroupCreateMembership ||
         verdict == VerdictClass::kGroupCreateOrder || verdict == VerdictClass::kGroupCreateCount;
}

std::string as_consequence(const Verdict& verdict) {
  return fmt::format("{} at {}, ranks {}",
                     to_string(verdict.verdict),
                     verdict.sites.empty() ? "?" : verdict.sites.front(),
                     describe_ranks(verdict.culprit_ranks));
}

// Groups whose calls are somebody's finding already. Where a group is too small every call in it
// completes, so what hangs there hangs for another reason.
std::set<std::uint32_t> explained_groups(const Findings& findings) {
  std::set<std::uint32_t> explained;
  for (const Finding& finding : findings) {
    if (finding.verdict.verdict == VerdictClass::kWrongGroupTooSmall) continue;
    explained.insert(finding.groups.begin(), finding.groups.end());
  }
  return explained;
}

// Among equals in time, what a contract convicts comes before what the ranks only differ in.
int precedence(VerdictClass verdict) {
  if (is_wrong_group(verdict)) return 0;
  if (verdict == VerdictClass::kRankDied || verdict == VerdictClass::kThreadDied) return 1;
  return is_about_calls(verdict) ? 3 : 2;
}

void sort_by_time(Findings& findings) {
  std::ranges::stable_sort(findings, [](const Finding& left, const Finding& right) {
    return std::pair{left.step, precedence(left.verdict.verdict)} <
           std::pair{right.step, precedence(right.verdict.verdict)};
  });
}

bool is_consequence(const Finding& finding, const Finding& cause) {
  if (!spreads(cause.verdict.verdict) || cause.step > finding.step) return false;
  if (!is_about_calls(finding.verdict.verdict)) return false;
  return overlap(cause.ranks, finding.ranks);
}

// Leaves the causes; each says what it brought about first.
Findings keep_causes(Findings findings) {
  Findings causes;
  for (Finding& finding : findings) {
    const auto cause = std::ranges::find_if(
        causes, [&](const Finding& known) { return is_consequence(finding, known); });
    if (cause == causes.end()) {
      causes.push_back(std::move(finding));
      continue;
    }
    Verdict& verdict = cause->verdict;
    verdict.hang = verdict.hang || finding.verdict.hang;
    if (verdict.consequence.empty()) verdict.consequence = as_consequence(finding.verdict);
  }
  return causes;
}

bool is_guard_of(const Finding& decision, const Finding& call) {
  return decision.site == call.site && decision.step == call.step;
}

// A decision that is the guard of the call that broke explains it; any other is the fault itself.
void blame_decision(const Finding& decision, Finding& call) {
  Verdict& verdict = call.verdict;
  if (is_guard_of(decision, call)) {
    verdict.first_divergence = decision.verdict.first_divergence;
    verdict.evidence.push_back("guard " + decision.verdict.first_divergence);
    if (verdict.verdict == VerdictClass::kCallCount) {
      verdict.culprit_ranks = call.lacking;
      verdict.is_ambiguous = false;
      verdict.what_would_help.clear();
    }
    return;
  }
  Verdict cause = decision.verdict;
  cause.hang = verdict.hang;
  cause.consequence = as_consequence(verdict);
  cause.lead_steps = call.step - decision.step;
  // What broke later shows whose decision it followed from.
  if (cause.is_ambiguous && !verdict.is_ambiguous) {
    for (const std::vector<Rank>& side : decision.sides) {
      if (side != verdict.culprit_ranks) continue;
      cause.culprit_ranks = side;
      cause.is_ambiguous = false;
    }
  }
  cause.evidence.insert(cause.evidence.end(), verdict.evidence.begin(), verdict.evidence.end());
  verdict = std::move(cause);
  call.step = decision.step;
  call.site = decision.site;
}

// Decisions in the order in which they were made; each belongs to the first finding that follows
// from it, or stands for itself.
void add_decisions(const Findings& decisions, Findings& findings) {
  std::vector<Rank> judged;
  for (const Finding& decision : decisions) {
    const bool is_late = std::ranges::any_of(findings, [&](const Finding& known) {
      return is_wrong_group(known.verdict.verdict) && known.step <= decision.step &&
             overlap(known.ranks, decision.ranks);
    });
    if (is_late || overlap(judged, decision.ranks)) continue;
    add_ranks(judged, decision.ranks);
    const auto call = std::ranges::find_if(findings, [&](const Finding& finding) {
      return is_about_calls(finding.verdict.verdict) && decision.step <= finding.step &&
             overlap(decision.ranks, finding.ranks);
    });
    if (call != findings.end()) {
      blame_decision(decision, *call);
      continue;
    }
    const bool is_told = std::ranges::any_of(findings, [&](const Finding& known) {
      return spreads(known.verdict.verdict) && known.step <= decision.step &&
             overlap(known.ranks, decision.ranks);
    });
    if (is_told) continue;
    findings.push_back(decision);
    findings.back().verdict.confidence = Confidence::kLikely;
    findings.back().verdict.what_would_help = "the calls that follow from the decision";
  }
}

void merge_incomplete(const Timeline& timeline, Findings& findings) {
  const std::vector<Rank> missing = timeline.missing();
  const auto is_incomplete = [](const Finding& finding) {
    return finding.verdict.verdict == VerdictClass::kIncomplete;
  };
  Findings incomplete;
  std::ranges::copy_if(findings, std::back_inserter(incomplete), is_incomplete);
  std::erase_if(findings, is_incomplete);
  for (Finding& finding : findings) finding.verdict.missing_dumps = missing;
  if (missing.empty() || !findings.empty()) return;
  Finding& only = findings.emplace_back();
  if (!incomplete.empty()) only = std::move(incomplete.front());
  only.verdict.verdict = VerdictClass::kIncomplete;
  only.verdict.missing_dumps = missing;
  only.verdict.what_would_help = fmt::format("the recordings of ranks {}", describe_ranks(missing));
}

std::vector<Verdict> verdicts_of(Findings findings) {
  std::vector<Verdict> verdicts;
  verdicts.reserve(findings.size());
  for (Finding& finding : findings) verdicts.push_back(std::move(finding.verdict));
  return verdicts;
}

std::vector<std::string> blind_spots(const Timeline& timeline) {
  std::set<std::string> spots;
  for (const Recording* recording : timeline.recordings()) {
    spots.insert(recording->not_visible.begin(), recording->not_visible.end());
  }
  return {spots.begin(), spots.end()};
}

Diagnosis diagnose_rings(std::span<const Recording> recordings, const DiagnoseOptions& options) {
  const Timeline timeline{recordings, options};
  Findings findings = find_wrong_groups(timeline);
  Findings warnings;
  find_thread_races(timeline, findings, warnings);
  append(findings, find_group_creations(timeline));
  const std::set<std::uint32_t> convicted = explained_groups(findings);
  for (Finding& finding : find_misaligned_calls(timeline)) {
    const bool is_known = std::ranges::any_of(
        finding.groups, [&](std::uint32_t group) { return convicted.contains(group); });
    if (!is_known) findings.push_back(std::move(finding));
  }
  if (!options.is_live) append(findings, find_absences(timeline, explained_groups(findings)));
  sort_by_time(findings);
  findings = keep_causes(std::move(findings));
  add_decisions(find_decisions(timeline), findings);
  sort_by_time(findings);
  if (findings.empty() && !options.is_live) append(findings, find_transport_stalls(timeline));
  append(findings, find_timeouts(timeline));
  append(findings, find_late_arrivals(timeline));
  merge_incomplete(timeline, findings);
  Diagnosis diagnosis;
  diagnosis.verdicts = verdicts_of(std::move(findings));
  if (diagnosis.verdicts.empty()) diagnosis.verdicts.emplace_back();
  diagnosis.warnings = verdicts_of(std::move(warnings));
  diagnosis.waits_for = find_waits(timeline);
  diagnosis.not_visible = blind_spots(timeline);
  return diagnosis;
}

}  // namespace

Diagnosis merge_diagnoses(Diagnosis rings, Diagnosis histories) {
  const auto says_nothing = [](const Verdict& verdict) {
    return verdict.verdict == VerdictClass::kNone;
  };
  const auto take = [](auto& to, auto& from) { std::ranges::move(from, std::back_inserter(to)); };
  Diagnosis both;
  take(both.verdicts, rings.verdicts);
  take(both.verdicts, histories.verdicts);
  std::erase_if(both.verdicts, says_nothing);
  if (both.verdicts.empty()) both.verdicts.emplace_back();
  std::ranges::stable_sort(
      both.verdicts, {}, [](const Verdict& verdict) { return is_benign(verdict.verdict); });
  both.warnings = std::move(rings.warnings);
  take(both.warnings, histories.warnings);
  both.waits_for = std::move(rings.waits_for);
  take(both.waits_for, histories.waits_for);
  // What either shows is not invisible.
  std::ranges::copy_if(
      rings.not_visible, std::back_inserter(both.not_visible), [&](const std::string& spot) {
        return std::ranges::find(histories.not_visible, spot) != histories.not_visible.end();
      });
  both.notes = std::move(histories.notes);
  return both;
}

Diagnosis diagnose(std::span<const Recording> recordings, const DiagnoseOptions& options) {
  const auto is_history = [](const Recording& recording) {
    return recording.kind == RecordingKind::kLibraryHistory;
  };
  if (std::ranges::none_of(recordings, is_history)) return diagnose_rings(recordings, options);
  std::vector<const Recording*> by_rank;
  for (const Recording& recording : recordings) {
    if (is_history(recording)) by_rank.push_back(&recording);
  }
  std::ranges::stable_sort(by_rank, {}, [](const Recording* one) { return one->rank; });
  CallHistories histories;
  for (const Recording* recording : by_rank) histories.add(*recording);
  histories.finish(options.layout);
  Diagnosis from_histories = diagnose_histories(histories, {});
  if (std::ranges::all_of(recordings, is_history)) return from_histories;
  return merge_diagnoses(diagnose_rings(recordings, options), std::move(from_histories));
}

}  // namespace radixbench
