#include "watch/history_finding.h"

#include "watch/finding.h"
#include "watch/timeline.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

namespace radixbench {
namespace {

std::vector<std::uint32_t> roles_of(const HistoryView& view,
                                    std::span<const std::uint32_t> tokens) {
  std::vector<std::uint32_t> roles;
  for (const std::uint32_t token : tokens) {
    if (token == kProgramStart) continue;
    const std::uint32_t role = view.histories.token(token).role;
    if (std::ranges::find(roles, role) == roles.end()) roles.push_back(role);
  }
  return roles;
}

std::string group_text(const HistoryView& view, Rank rank, std::uint32_t token) {
  const std::array<std::uint32_t, 1> one = {token};
  return groups_text(view, rank, one);
}

void describe_wrong_group(const HistoryView& view,
                          const CallDeparture& departure,
                          Verdict& verdict) {
  const std::vector<Rank> meant = reached_ranks(view, departure.rank, departure.left_out);
  const std::vector<Rank> used = reached_ranks(view, departure.rank, departure.made);
  const bool lacks = !std::ranges::includes(used, meant);
  const bool exceeds = !std::ranges::includes(meant, used);
  verdict.verdict = VerdictClass::kWrongGroupOther;
  if (!lacks && exceeds) verdict.verdict = VerdictClass::kWrongGroupTooLarge;
  if (lacks && !exceeds) verdict.verdict = VerdictClass::kWrongGroupTooSmall;
  std::vector<std::string> names;
  for (const std::uint32_t role : roles_of(view, departure.left_out)) {
    names.push_back(view.histories.role_name(role));
  }
  verdict.advice = fmt::format("make this call over {}, as {} does",
                               fmt::join(names, ", then over "),
                               view.labels.name(departure.left_out.front()));
}

void describe_skip(const HistoryView& view, const CallDeparture& departure, Verdict& verdict) {
  verdict.expected_group = groups_text(
      view,
      departure.rank,
      std::span{departure.left_out}.first(question_size(view.histories, departure.left_out)));
  verdict.actual_group = verdict.expected_group;
  verdict.advice =
      fmt::format("call {} on every rank, with a neutral value where there is nothing to say",
                  verdict.sites.front());
  std::set<std::string> others;
  for (const std::uint32_t token : departure.left_out) {
    if (view.labels.name(token) != verdict.sites.front()) others.insert(view.labels.name(token));
  }
  if (!others.empty()) {
    verdict.evidence.push_back(fmt::format("left out with it: {}", fmt::join(others, ", ")));
  }
}

void describe_order(const HistoryView& view, const CallDeparture& departure, Verdict& verdict) {
  const auto spell = [&](std::span<const std::uint32_t> tokens) {
    const bool is_one_site = view.labels.name(tokens.front()) == view.labels.name(tokens.back());
    std::vector<std::string> parts;
    for (const std::uint32_t token : tokens) {
      std::string part = view.histories.role_name(view.histories.token(token).role);
      if (!is_one_site) part = fmt::format("{} on {}", view.labels.name(token), part);
      if (parts.empty() || parts.back() != part) parts.push_back(std::move(part));
    }
    return fmt::format("{}", fmt::join(parts, " then "));
  };
  verdict.expected_group = spell(departure.left_out);
  verdict.actual_group =
      fmt::format("R{}: {}", fmt::join(verdict.culprit_ranks, ","), spell(departure.made));
  verdict.advice = fmt::format("keep the order {} on every rank", verdict.expected_group);
}

}  // namespace

std::string token_text(const HistoryView& view, std::uint32_t token) {
  const SiteLabels::Label& label = view.labels.of_site(view.histories.token(token).site);
  if (label.name.empty()) return view.labels.call(token);
  return fmt::format("{} ({}:{}{}{}): {}",
                     label.name,
                     std::filesystem::path{label.file}.filename().string(),
                     label.line,
                     label.caller.empty() ? "" : " from ",
                     label.caller,
                     view.labels.call(token));
}

CallSide call_side(const HistoryView& view,
                   std::vector<Rank> ranks,
                   std::string_view does,
                   std::uint32_t token) {
  const SiteLabels::Label& label = view.labels.of_site(view.histories.token(token).site);
  CallSide side;
  side.call = fmt::format("{} on {}",
                          view.labels.call(token),
                          ranks.empty() ? view.histories.role_name(view.histories.token(token).role)
                                        : group_text(view, ranks.front(), token));
  side.ranks = std::move(ranks);
  side.does = does;
  side.site = view.labels.name(token);
  side.file = label.file;
  side.line = label.line;
  side.caller = label.caller;
  return side;
}

std::vector<Rank> reached_ranks(const HistoryView& view,
                                Rank rank,
                                std::span<const std::uint32_t> tokens) {
  std::vector<Rank> reached = {rank};
  for (const std::uint32_t role : roles_of(view, tokens)) {
    std::vector<Rank> next = reached;
    std::set<std::uint32_t> groups;
    for (const Rank one : reached) {
      if (const auto group = view.histories.group_of(one, role)) groups.insert(*group);
    }
    for (const std::uint32_t group : groups) {
      add_ranks(next, view.histories.groups()[group].members);
    }
    reached = std::move(next);
  }
  return reached;
}

std::string groups_text(const HistoryView& view, Rank rank, std::span<const std::uint32_t> tokens) {
  std::vector<std::string> names;
  for (const std::uint32_t role : roles_of(view, tokens)) {
    names.push_back(view.histories.role_name(role));
  }
  return fmt::format(
      "{}{}", fmt::join(names, " x "), describe_ranks(reached_ranks(view, rank, tokens)));
}

std::optional<std::uint32_t> token_before(const HistoryView& view,
                                          Rank rank,
                                          std::uint32_t position) {
  const RankHistory& history = *view.histories.find(rank);
  const std::uint16_t thread = position < history.calls.size() ? history.calls[position].thread
                               : history.calls.empty()         ? std::uint16_t{0}
                                                               : history.calls.back().thread;
  for (std::size_t at = std::min<std::size_t>(position, history.calls.size()); at-- > 0;) {
    if (history.calls[at].thread == thread) return history.calls[at].token;
  }
  return std::nullopt;
}

std::optional<HabitForecast> next_of(const HistoryView& view, Rank rank) {
  const RankHistory* history = view.histories.find(rank);
  if (history == nullptr || history->calls.empty()) return std::nullopt;
  const CallProgram& program = view.habit.program(rank, history->calls.back().thread);
  return view.habit.forecast(program, program.tokens.size());
}

bool is_between_rounds(const HistoryView& view, Rank rank) {
  const RankHistory* history = view.histories.find(rank);
  if (history == nullptr || history->is_cut()) return false;
  if (history->calls.empty()) return true;
  const std::optional<HabitForecast> next = next_of(view, rank);
  if (!next) return false;
  // What is made once, at the beginning, belongs to no round.
  std::map<std::uint32_t, std::size_t> counts;
  for (const HistoryCall& call : history->calls) ++counts[call.token];
  for (const HistoryCall& call : history->calls) {
    if (counts[call.token] == 1) continue;
    return std::ranges::find(next->next, call.token) != next->next.end();
  }
  return false;
}

bool has_stuck(const HistoryView& view, std::uint32_t component) {
  if (view.cut.ranks_of(component).empty()) return false;
  const std::vector<Rank> ranks = view.cut.ranks_of(component);
  return !view.cut.is_moving(ranks.front()) &&
         std::ranges::any_of(ranks, [&](Rank rank) { return !view.cut.stuck(rank).empty(); });
}

HistoryFinding finding_of(const HistoryView& view,
                          const CallDeparture& departure,
                          std::vector<Rank> culprits) {
  HistoryFinding finding;
  finding.component = view.cut.component(departure.rank);
  std::ranges::sort(culprits);
  Verdict& verdict = finding.verdict;
  verdict.verdict = departure.verdict;
  verdict.culprit_ranks = std::move(culprits);
  const bool is_skip = departure.verdict == VerdictClass::kSkippedCall;
  finding.token = is_skip ? departure.left_out.front() : departure.made.front();
  verdict.sites = {view.labels.name(finding.token)};
  const CallProgram& program = view.habit.program(departure.rank, departure.thread);
  if (departure.index > 0 && program.tokens[departure.index - 1] != kProgramStart) {
    verdict.after_site = view.labels.name(program.tokens[departure.index - 1]);
  }
  const std::uint32_t usual = departure.usual.continuation.front();
  if (usual != kProgramStart) {
    verdict.expected_next = fmt::format("{} on {}",
                                        view.labels.name(usual),
                                        view.histories.role_name(view.histories.token(usual).role));
  }
  const std::span<const std::uint32_t> made{departure.made};
  verdict.actual_group = groups_text(
      view, departure.rank, made.first(std::min(made.size(), question_size(view.histories, made))));
  verdict.expected_group = verdict.actual_group;
  verdict.confidence = departure.usual.support >= 3 ? Confidence::kLikely : Confidence::kPossible;
  verdict.evidence.push_back(fmt::format(
      "after {}, {} {} went on with {} {}",
      verdict.after_site.empty() ? "the start" : verdict.after_site,
      departure.usual.is_own ? "its own" : "a twin's",
      departure.usual.is_own ? "earlier rounds" : "rounds",
      usual == kProgramStart ? "nothing" : view.labels.name(usual),
      departure.usual.support == 1 ? "once" : fmt::format("{} times", departure.usual.support)));
  verdict.sides.push_back(
      call_side(view, verdict.culprit_ranks, "made", program.tokens[departure.index]));
  if (usual != kProgramStart) {
    verdict.sides.push_back(call_side(view, verdict.culprit_ranks, "should have made", usual));
  }
  switch (departure.verdict) {
    case VerdictClass::kWrongGroupOther:
      verdict.expected_group = groups_text(view, departure.rank, departure.left_out);
      describe_wrong_group(view, departure, verdict);
      break;
    case VerdictClass::kSkippedCall: describe_skip(view, departure, verdict); break;
    case VerdictClass::kOrderInversion: describe_order(view, departure, verdict); break;
    case VerdictClass::kExtraCall:
      verdict.advice = fmt::format("take {} off the path that only these ranks take{}",
                                   verdict.sites.front(),
                                   departure.is_repeat ? ", or make it as often everywhere" : "");
      break;
    default: verdict.advice = fmt::format("make every rank call {} alike", verdict.sites.front());
  }
  return finding;
}

void merge_alike(std::vector<HistoryFinding>& findings) {
  std::vector<HistoryFinding> merged;
  for (HistoryFinding& finding : findings) {
    const auto known = std::ranges::find_if(merged, [&](const HistoryFinding& one) {
      // Replicas that stopped in one place stopped for one reason.
      const bool is_one_cause = one.component == finding.component ||
                                one.verdict.verdict == VerdictClass::kStalledUnrecorded;
      return one.verdict.verdict == finding.verdict.verdict && is_one_cause &&
             one.verdict.sites == finding.verdict.sites;
    });
    if (known == merged.end()) {
      merged.push_back(std::move(finding));
      continue;
    }
    Verdict& verdict = known->verdict;
    // Who is known for sure is not joined with who may be.
    if (verdict.is_ambiguous && !finding.verdict.is_ambiguous) {
      verdict = std::move(finding.verdict);
      continue;
    }
    if (finding.verdict.is_ambiguous && !verdict.is_ambiguous) continue;
    add_ranks(verdict.culprit_ranks, finding.verdict.culprit_ranks);
    add_ranks(verdict.absent, finding.verdict.absent);
    verdict.hang = verdict.hang || finding.verdict.hang;
    verdict.silent_mispair = verdict.silent_mispair || finding.verdict.silent_mispair;
    for (CallSide& side : verdict.sides) {
      for (const CallSide& other : finding.verdict.sides) {
        if (side.does == other.does && side.site == other.site) add_ranks(side.ranks, other.ranks);
      }
    }
  }
  findings = std::move(merged);
}

}  // namespace radixbench
