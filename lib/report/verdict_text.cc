#include "report/verdict_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <span>

namespace radixbench {
namespace {

constexpr std::size_t kWaitsShownMax = 8;
constexpr std::size_t kEvidenceShownMax = 5;

std::string ranks_text(std::span<const Rank> ranks) {
  if (ranks.size() == 1) return fmt::format("rank {}", ranks.front());
  return fmt::format("ranks {{{}}}", fmt::join(ranks, ","));
}

std::string place_text(const Verdict& verdict) {
  return fmt::format(
      "{}{}{}", fmt::join(verdict.sites, " and "), verdict.key.empty() ? "" : " ", verdict.key);
}

// What the class comes to for these ranks, at this place.
std::string claim(const Verdict& verdict) {
  const std::string who = ranks_text(verdict.culprit_ranks);
  const std::string where = place_text(verdict);
  const std::string& used = verdict.actual_group;
  const std::string& meant = verdict.expected_group;
  switch (verdict.verdict) {
    case VerdictClass::kNone: return "nothing wrong is visible";
    case VerdictClass::kIncomplete:
      return fmt::format("cannot tell without {}", ranks_text(verdict.missing_dumps));
    case VerdictClass::kWrongGroupTooLarge:
    case VerdictClass::kWrongGroupTooSmall:
    case VerdictClass::kWrongGroupOther:
      return fmt::format("{} at {} used {} where {} is meant", who, where, used, meant);
    case VerdictClass::kSkippedCall:
      return fmt::format("{} left out {} on {}{}",
                         who,
                         where,
                         used,
                         verdict.silent_mispair ? "; the next call paired instead, unnoticed" : "");
    case VerdictClass::kExtraCall:
      return fmt::format("{} made {} on {}, which the others did not", who, where, used);
    case VerdictClass::kCallCount:
      return fmt::format("{} made another number of calls at {} on {}", who, where, used);
    case VerdictClass::kOrderInversion:
      return fmt::format("{} at {}: {} where {} is meant", who, where, used, meant);
    case VerdictClass::kMismatchKind:
    case VerdictClass::kMismatchReduceOp:
    case VerdictClass::kMismatchRoot:
    case VerdictClass::kMismatchShape:
    case VerdictClass::kMismatchDtype:
      return fmt::format("{} made {} on {} differently from the others", who, where, used);
    case VerdictClass::kDecisionDivergence:
      return fmt::format("{} decided differently: {}", who, verdict.first_divergence);
    case VerdictClass::kRankDied: return fmt::format("{} died after {}", who, verdict.after_site);
    case VerdictClass::kThreadDied:
      return fmt::format("{} lives on without its thread {}; {} is left", who, where, used);
    case VerdictClass::kThreadRace: return fmt::format("{} at {}: {}", who, where, used);
    case VerdictClass::kLateHost:
    case VerdictClass::kLateDevice:
    case VerdictClass::kLateUnknown:
      return fmt::format("{} came late to {} on {}; nothing is mismatched", who, where, used);
    case VerdictClass::kStalledUnrecorded:
      return fmt::format("{} stopped after {} and never came to {} on {}",
                         who,
                         verdict.after_site,
                         verdict.expected_next,
                         used);
    case VerdictClass::kGroupCreateMembership:
    case VerdictClass::kGroupCreateOrder:
    case VerdictClass::kGroupCreateCount:
    case VerdictClass::kGroupCreateName:
      return fmt::format("{} created groups differently: {} where {} is meant", who, used, meant);
    case VerdictClass::kGroupNotInitialised:
      return fmt::format("{} never came to {} of {}; {}", who, where, meant, used);
    case VerdictClass::kTimeoutMisconfigured:
      return fmt::format("{}: {} where {} is meant", who, used, meant);
    case VerdictClass::kTransport:
      return fmt::format("all of {} came to {}, nobody left it", used, where);
  }
  return {};
}

void add_line(std::string& text, std::string_view name, std::string_view value) {
  if (!value.empty()) text += fmt::format("  {:<17} {}\n", name, value);
}

std::string details(const Verdict& verdict) {
  std::string text;
  if (verdict.verdict == VerdictClass::kNone) return text;
  add_line(text, "meant", verdict.expected_group);
  add_line(text, "used", verdict.actual_group);
  if (!verdict.absent.empty()) add_line(text, "absent", ranks_text(verdict.absent));
  if (verdict.is_ambiguous) add_line(text, "which side", "is not decided by what was recorded");
  add_line(text, "first divergence", verdict.first_divergence);
  for (std::size_t i = 0; i < std::min(verdict.evidence.size(), kEvidenceShownMax); ++i) {
    add_line(text, i == 0 ? "evidence" : "", verdict.evidence[i]);
  }
  if (!verdict.consequence.empty()) {
    add_line(text,
             "led to",
             verdict.lead_steps ? fmt::format("{}, {} {} later",
                                              verdict.consequence,
                                              *verdict.lead_steps,
                                              *verdict.lead_steps == 1 ? "step" : "steps")
                                : verdict.consequence);
  }
  add_line(text, "confidence", to_string(verdict.confidence));
  add_line(text, "would help", verdict.what_would_help);
  add_line(text, "to change", verdict.advice);
  return text;
}

std::string wait_text(const WaitsFor& wait) {
  return fmt::format("rank {} {} in {}{}{} on {} #{} waits for {}",
                     wait.rank,
                     wait.thread,
                     wait.site,
                     wait.key.empty() ? "" : " ",
                     wait.key,
                     wait.group,
                     wait.sequence,
                     wait.on.empty() ? "nobody: all have come" : ranks_text(wait.on));
}

}  // namespace

std::string verdict_line(const Verdict& verdict) {
  std::string line = fmt::format("{}: {}", to_string(verdict.verdict), claim(verdict));
  if (!verdict.consequence.empty()) line += fmt::format("; led to {}", verdict.consequence);
  return line;
}

std::string waits_text(const Diagnosis& diagnosis) {
  if (diagnosis.waits_for.empty()) return "nobody waits\n";
  std::string text = "who waits for whom\n";
  const std::size_t shown = std::min(diagnosis.waits_for.size(), kWaitsShownMax);
  for (std::size_t i = 0; i < shown; ++i) {
    text += fmt::format("  {}\n", wait_text(diagnosis.waits_for[i]));
  }
  if (shown < diagnosis.waits_for.size()) {
    text += fmt::format("  ... and {} more\n", diagnosis.waits_for.size() - shown);
  }
  return text;
}

std::string diagnosis_text(const Diagnosis& diagnosis) {
  std::string text;
  for (const Verdict& verdict : diagnosis.verdicts) {
    text += verdict_line(verdict) + "\n" + details(verdict);
  }
  for (const Verdict& warning : diagnosis.warnings) {
    text += "warning: " + verdict_line(warning) + "\n";
  }
  if (!diagnosis.waits_for.empty()) text += waits_text(diagnosis);
  if (!diagnosis.not_visible.empty()) {
    text += fmt::format("not visible in these files: {}\n", fmt::join(diagnosis.not_visible, ", "));
  }
  return text;
}

std::string diagnosis_dot(const Diagnosis& diagnosis) {
  std::set<Rank> culprits;
  std::set<Rank> ranks;
  for (const Verdict& verdict : diagnosis.verdicts) {
    culprits.insert(verdict.culprit_ranks.begin(), verdict.culprit_ranks.end());
  }
  for (const WaitsFor& wait : diagnosis.waits_for) {
    ranks.insert(wait.rank);
    ranks.insert(wait.on.begin(), wait.on.end());
  }
  ranks.insert(culprits.begin(), culprits.end());
  std::string text = "digraph waits {\n";
  text += fmt::format("  label=\"{}\";\n", verdict_line(diagnosis.verdicts.front()));
  for (const Rank rank : ranks) {
    text += fmt::format("  {} [label=\"rank {}\"{}];\n",
                        rank,
                        rank,
                        culprits.contains(rank) ? ", style=filled" : "");
  }
  for (const WaitsFor& wait : diagnosis.waits_for) {
    for (const Rank other : wait.on) {
      text +=
          fmt::format("  {} -> {} [label=\"{} {}\"];\n", wait.rank, other, wait.site, wait.group);
    }
  }
  return text + "}\n";
}

}  // namespace radixbench
