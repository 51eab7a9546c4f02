#include "report/verdict_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

constexpr std::size_t kWaitsShownMax = 8;
constexpr std::size_t kEvidenceShownMax = 5;
constexpr std::size_t kSidesShownMax = 4;
constexpr std::size_t kWarningsShownMax = 3;
constexpr std::size_t kNotesShownMax = 4;
// Lists of ranks longer than this are written as ranges.
constexpr std::size_t kListedMax = 12;

std::string ranges_of(std::string_view list) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  std::uint64_t number = 0;
  for (const char letter : list.substr(1)) {
    if (letter >= '0' && letter <= '9') {
      number = 10 * number + static_cast<std::uint64_t>(letter - '0');
      continue;
    }
    if (!ranges.empty() && ranges.back().second + 1 == number) {
      ranges.back().second = number;
    } else {
      ranges.emplace_back(number, number);
    }
    number = 0;
  }
  std::vector<std::string> parts;
  for (const auto& [from, to] : ranges) {
    if (parts.size() == kListedMax) {
      parts.emplace_back("...");
      break;
    }
    parts.push_back(from == to ? fmt::format("{}", from) : fmt::format("{}-{}", from, to));
  }
  return fmt::format("{{{}}}", fmt::join(parts, ","));
}

// {0,1,2,...,63} -> {0-63}: the long lists of ranks in a text, so that a line stays one.
std::string with_ranges(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    const std::size_t close = text.find('}', open == std::string_view::npos ? text.size() : open);
    if (close == std::string_view::npos) break;
    out += text.substr(0, open);
    const std::string_view list = text.substr(open, close + 1 - open);
    const bool is_ranks = list.find_first_not_of("{},0123456789") == std::string_view::npos;
    const auto count = static_cast<std::size_t>(std::ranges::count(list, ','));
    out += is_ranks && count >= kListedMax ? ranges_of(list) : std::string{list};
    text.remove_prefix(close + 1);
  }
  return out.append(text);
}

std::string ranks_text(std::span<const Rank> ranks) {
  if (ranks.size() == 1) return fmt::format("rank {}", ranks.front());
  return fmt::format("ranks {{{}}}", fmt::join(ranks, ","));
}

std::string place_text(const Verdict& verdict) {
  return fmt::format(
      "{}{}{}", fmt::join(verdict.sites, " and "), verdict.key.empty() ? "" : " ", verdict.key);
}

std::string death_claim(const Verdict& verdict, const std::string& who, const std::string& where) {
  if (!verdict.after_site.empty()) return fmt::format("{} died after {}", who, verdict.after_site);
  return fmt::format(
      "{} left no dump and did not come to {} on {}", who, where, verdict.actual_group);
}

std::string late_claim(const Verdict& verdict, const std::string& who, const std::string& where) {
  const std::string& used = verdict.actual_group;
  if (!verdict.hang) {
    return fmt::format("{} came late to {} on {}; nothing is mismatched", who, where, used);
  }
  if (verdict.verdict == VerdictClass::kLateDevice) {
    return fmt::format(
        "{} came to {} on {}, but the device is behind: others are through", who, where, used);
  }
  return fmt::format("{} {} not come to {} on {}; nothing is mismatched",
                     who,
                     verdict.culprit_ranks.size() == 1 ? "has" : "have",
                     where,
                     used);
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
      if (used.empty()) return fmt::format("{} wait for each other, first in {}", who, where);
      return fmt::format("{} at {}: {} where {} is meant", who, where, used, meant);
    case VerdictClass::kMismatchKind:
    case VerdictClass::kMismatchReduceOp:
    case VerdictClass::kMismatchRoot:
    case VerdictClass::kMismatchShape:
    case VerdictClass::kMismatchDtype:
      return fmt::format("{} made {} on {} differently from the others", who, where, used);
    case VerdictClass::kDecisionDivergence:
      return fmt::format("{} decided differently: {}", who, verdict.first_divergence);
    case VerdictClass::kRankDied: return death_claim(verdict, who, where);
    case VerdictClass::kThreadDied:
      return fmt::format("{} lives on without its thread {}; {} is left", who, where, used);
    case VerdictClass::kThreadRace: return fmt::format("{} at {}: {}", who, where, used);
    case VerdictClass::kLateDevice:
    case VerdictClass::kLateHost:
    case VerdictClass::kLateUnknown: return late_claim(verdict, who, where);
    case VerdictClass::kStalledUnrecorded:
      return fmt::format("{} stopped after {} and never came to {}{}{}",
                         who,
                         verdict.after_site,
                         verdict.expected_next,
                         used.empty() ? "" : " on ",
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

std::string side_text(const CallSide& side) {
  std::string text = fmt::format("{} {} {}", ranks_text(side.ranks), side.does, side.site);
  if (side.call.find(side.site) != 0) text += ": " + side.call;
  if (side.file.empty()) return text;
  return text + fmt::format("\n{:22}{}:{}{}{}",
                            "",
                            side.file,
                            side.line,
                            side.caller.empty() ? "" : ", called from ",
                            side.caller);
}

std::string details(const Verdict& verdict) {
  std::string text;
  if (verdict.verdict == VerdictClass::kNone) return text;
  const bool is_one_group = verdict.expected_group == verdict.actual_group;
  add_line(text, is_one_group ? "group" : "meant", verdict.expected_group);
  if (!is_one_group) add_line(text, "used", verdict.actual_group);
  if (!verdict.absent.empty()) add_line(text, "absent", ranks_text(verdict.absent));
  if (!verdict.idle.empty()) add_line(text, "idle", ranks_text(verdict.idle));
  if (!verdict.missing_dumps.empty() && verdict.verdict != VerdictClass::kIncomplete) {
    add_line(text, "no dump of", ranks_text(verdict.missing_dumps));
  }
  if (verdict.is_ambiguous) add_line(text, "which side", "is not decided by what was recorded");
  add_line(text, "first divergence", verdict.first_divergence);
  for (std::size_t i = 0; i < std::min(verdict.evidence.size(), kEvidenceShownMax); ++i) {
    add_line(text, i == 0 ? "evidence" : "", verdict.evidence[i]);
  }
  for (std::size_t i = 0; i < std::min(verdict.sides.size(), kSidesShownMax); ++i) {
    add_line(text, i == 0 ? "where" : "", side_text(verdict.sides[i]));
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

// Names come from files: a quote must not end the label.
std::string in_quotes(std::string_view text) {
  std::string out;
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') out += '\\';
    out += letter == '\n' ? ' ' : letter;
  }
  return out;
}

std::string wait_text(const WaitsFor& wait) {
  return fmt::format("rank {}{}{} in {}{}{} on {} #{} waits for {}",
                     wait.rank,
                     wait.thread.empty() ? "" : " ",
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
  for (std::size_t i = 0; i < std::min(diagnosis.warnings.size(), kWarningsShownMax); ++i) {
    text += "warning: " + verdict_line(diagnosis.warnings[i]) + "\n";
  }
  if (diagnosis.warnings.size() > kWarningsShownMax) {
    text += fmt::format("{} more warnings\n", diagnosis.warnings.size() - kWarningsShownMax);
  }
  if (!diagnosis.waits_for.empty()) text += waits_text(diagnosis);
  for (std::size_t i = 0; i < std::min(diagnosis.notes.size(), kNotesShownMax); ++i) {
    text += fmt::format("note: {}\n", diagnosis.notes[i]);
  }
  if (!diagnosis.not_visible.empty()) {
    text += fmt::format("not visible in these files: {}\n", fmt::join(diagnosis.not_visible, ", "));
  }
  return with_ranges(text);
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
  text += fmt::format("  label=\"{}\";\n", in_quotes(verdict_line(diagnosis.verdicts.front())));
  for (const Rank rank : ranks) {
    text += fmt::format("  {} [label=\"rank {}\"{}];\n",
                        rank,
                        rank,
                        culprits.contains(rank) ? ", style=filled" : "");
  }
  for (const WaitsFor& wait : diagnosis.waits_for) {
    for (const Rank other : wait.on) {
      text += fmt::format("  {} -> {} [label=\"{}\"];\n",
                          wait.rank,
                          other,
                          in_quotes(wait.site + " " + wait.group));
    }
  }
  return text + "}\n";
}

}  // namespace radixbench
