#include "watch/call_place.h"
#include "watch/finding.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace radixbench {
namespace {

using Entry = Timeline::Entry;
using Group = Timeline::Group;
using Place = CallPlace;

Finding begin_finding(const Timeline& timeline, const Place& place, const Entry& call) {
  Finding finding;
  finding.step = place.step();
  finding.ranks = place.group->spec.members;
  finding.groups = {place.group_id};
  finding.site = call.site;
  finding.verdict.hang = is_anyone_stuck(*place.group);
  finding.verdict.sites = {timeline.site_name(call.site)};
  finding.verdict.key = timeline.key_text(call.site, call.event->key);
  finding.verdict.expected_group = describe(place.group->spec);
  finding.verdict.actual_group = finding.verdict.expected_group;
  finding.verdict.evidence.push_back(sides_text(timeline, place));
  return finding;
}

// The same call, made differently.

struct Attribute {
  VerdictClass verdict;
  std::string_view name;
  std::int64_t (*value)(const RecordedCall&);
  std::string (*text)(const RecordedCall&);
};

constexpr std::array<Attribute, 5> kAttributes = {{
    {VerdictClass::kMismatchKind,
     "kind of call",
     [](const RecordedCall& call) { return static_cast<std::int64_t>(call.kind); },
     [](const RecordedCall& call) { return std::string{to_string(call.kind)}; }},
    {VerdictClass::kMismatchDtype,
     "element type",
     [](const RecordedCall& call) { return static_cast<std::int64_t>(call.type); },
     describe_shape},
    {VerdictClass::kMismatchReduceOp,
     "reduce operator",
     [](const RecordedCall& call) { return static_cast<std::int64_t>(call.op); },
     [](const RecordedCall& call) { return describe(call.kind, call.op); }},
    {VerdictClass::kMismatchRoot,
     "root",
     [](const RecordedCall& call) { return static_cast<std::int64_t>(call.root); },
     [](const RecordedCall& call) { return fmt::format("root {}", call.root); }},
    {VerdictClass::kMismatchShape,
     "length",
     [](const RecordedCall& call) { return static_cast<std::int64_t>(call.element_count); },
     describe_shape},
}};

// What the attribute should have been: by contract, by the group's earlier calls of the site where
// they were all alike, by the site's calls in other groups.
std::optional<std::int64_t> meant_value(const Timeline& timeline,
                                        const Place& place,
                                        const Attribute& attribute) {
  const Entry& call = *place.entries.front();
  if (const Contract* asked = timeline.contract(call.site); asked != nullptr) {
    if (attribute.verdict == VerdictClass::kMismatchKind && asked->kind) {
      return static_cast<std::int64_t>(*asked->kind);
    }
    if (attribute.verdict == VerdictClass::kMismatchReduceOp && asked->op) {
      return static_cast<std::int64_t>(*asked->op);
    }
  }
  std::optional<std::int64_t> earlier;
  for (const std::vector<Entry>& lane : place.group->lanes) {
    for (const Entry& entry : lane) {
      if (entry.call->sequence >= place.sequence || entry.site != call.site) continue;
      const std::int64_t value = attribute.value(*entry.call);
      if (earlier && *earlier != value) return std::nullopt;
      earlier = value;
    }
  }
  if (earlier) return earlier;
  const RecordedCall* elsewhere = timeline.earlier_call(call.site, place.step());
  if (elsewhere == nullptr) return std::nullopt;
  return attribute.value(*elsewhere);
}

void name_odd_ranks(const Timeline& timeline,
                    const Place& place,
                    const Attribute& attribute,
                    Verdict& verdict) {
  std::map<std::int64_t, std::vector<Rank>> sides;
  for (const Entry* entry : place.entries) {
    add_ranks(sides[attribute.value(*entry->call)], std::array{entry->rank});
  }
  const std::optional<std::int64_t> meant = meant_value(timeline, place, attribute);
  if (meant && sides.contains(*meant)) {
    for (const auto& [value, ranks] : sides) {
      if (value != *meant) add_ranks(verdict.culprit_ranks, ranks);
    }
    return;
  }
  // Nothing says which side is right, and a majority is no proof.
  verdict.culprit_ranks = ranks_of(place.entries);
  verdict.is_ambiguous = true;
  verdict.confidence = Confidence::kPossible;
  verdict.what_would_help = "a contract for the site that says which call is meant";
}

std::optional<Finding> mismatch(const Timeline& timeline, const Place& place) {
  const RecordedCall& first = *place.entries.front()->call;
  for (const Attribute& attribute : kAttributes) {
    const bool is_same = std::ranges::all_of(place.entries, [&](const Entry* entry) {
      return attribute.value(*entry->call) == attribute.value(first);
    });
    if (is_same) continue;
    Finding finding = begin_finding(timeline, place, *place.entries.front());
    finding.verdict.verdict = attribute.verdict;
    name_odd_ranks(timeline, place, attribute, finding.verdict);
    std::map<std::string, std::vector<Rank>> sides;
    for (const Entry* entry : place.entries) {
      add_ranks(sides[attribute.text(*entry->call)], std::array{entry->rank});
    }
    std::vector<std::string> parts;
    parts.reserve(sides.size());
    for (const auto& [text, ranks] : sides) {
      parts.push_back(fmt::format("{} {}", describe_ranks(ranks), text));
    }
    finding.verdict.evidence.insert(
        finding.verdict.evidence.begin(),
        fmt::format("{} differs: {}", attribute.name, fmt::join(parts, ", ")));
    finding.verdict.advice =
        fmt::format("make every rank call {} alike", finding.verdict.sites.front());
    return finding;
  }
  return std::nullopt;
}

// Different calls: which of them do the others lack?

struct Sides {
  std::vector<const Entry*> have;  // the call that the others lack
  std::vector<const Entry*> lack;
  bool is_certain = true;
};

bool makes_later(const Group& group, const Entry& own, const Entry& wanted, bool in_step) {
  for (const std::vector<Entry>& lane : group.lanes) {
    if (lane.empty() || lane.front().rank != own.rank) continue;
    for (const Entry& entry : lane) {
      if (entry.call->sequence <= own.call->sequence) continue;
      if (in_step && entry.event->step != own.event->step) continue;
      if (identity(entry) == identity(wanted)) return true;
    }
  }
  return false;
}

bool is_known_site(const Group& group, const Entry& call, std::uint64_t before, Rank by) {
  for (const std::vector<Entry>& lane : group.lanes) {
    if (lane.empty() || lane.front().rank != by) continue;
    return std::ranges::any_of(lane, [&](const Entry& entry) {
      return entry.call->sequence < before && entry.site == call.site;
    });
  }
  return false;
}

bool is_optional(const Timeline& timeline, const Entry& entry) {
  const Contract* asked = timeline.contract(entry.site);
  return asked == nullptr || asked->members == ContractMembers::kOptional;
}

// Whether `left` is the call that the maker of `right` has yet to make, or left out; nothing where
// neither order shows.
std::optional<bool> comes_first(const Timeline& timeline,
                                const Place& place,
                                const Entry& left,
                                const Entry& right) {
  const bool are_stepping = timeline.is_stepping(left.rank, left.thread) &&
                            timeline.is_stepping(right.rank, right.thread);
  if (are_stepping && left.event->step != right.event->step) {
    return left.event->step < right.event->step;
  }
  // Who gets to the other's call later shows which of the two is surplus.
  const bool left_makes_right = makes_later(*place.group, left, right, false);
  const bool right_makes_left = makes_later(*place.group, right, left, false);
  if (left_makes_right != right_makes_left) return left_makes_right;
  if (left.site != right.site) {
    if (is_optional(timeline, left) != is_optional(timeline, right)) {
      return is_optional(timeline, left);
    }
    if (const std::optional<bool> usual =
            timeline.comes_before(left.site, right.site, place.step())) {
      return usual;
    }
    const bool left_is_known = is_known_site(*place.group, left, place.sequence, right.rank);
    const bool right_is_known = is_known_site(*place.group, right, place.sequence, left.rank);
    if (left_is_known != right_is_known) return right_is_known;
  }
  return std::nullopt;
}

Sides split(const Timeline& timeline, const Place& place) {
  const Entry* first = place.entries.front();
  bool is_certain = true;
  for (const Entry* entry : place.entries) {
    if (identity(*entry) == identity(*first)) continue;
    const std::optional<bool> is_first = comes_first(timeline, place, *entry, *first);
    if (!is_first) is_certain = false;
    if (is_first.value_or(false)) {
      first = entry;
      is_certain = true;
    }
  }
  Sides sides{.have = {}, .lack = {}, .is_certain = is_certain};
  for (const Entry* entry : place.entries) {
    (identity(*entry) == identity(*first) ? sides.have : sides.lack).push_back(entry);
  }
  return sides;
}

// All make both calls, some in the other order.
bool is_inverted(const Place& place, const Sides& sides) {
  const Entry& have = *sides.have.front();
  return std::ranges::all_of(sides.lack, [&](const Entry* lacking) {
    return makes_later(*place.group, *lacking, have, true) &&
           makes_later(*place.group, have, *lacking, true);
  });
}

VerdictClass class_of(const Timeline& timeline, const Place& place, const Sides& sides) {
  const Entry& have = *sides.have.front();
  const Contract* asked = timeline.contract(have.site);
  if (asked != nullptr && asked->creates_group) return VerdictClass::kGroupNotInitialised;
  if (is_inverted(place, sides)) return VerdictClass::kOrderInversion;
  if (asked == nullptr) {
    const bool is_usual = std::ranges::all_of(sides.lack, [&](const Entry* lacking) {
      return is_known_site(*place.group, have, place.sequence, lacking->rank);
    });
    return is_usual ? VerdictClass::kSkippedCall : VerdictClass::kExtraCall;
  }
  if (asked->members == ContractMembers::kOptional) return VerdictClass::kExtraCall;
  const std::vector<std::uint64_t> keys = timeline.keys_in_step(have.rank, have);
  const bool is_repeated = std::ranges::count(keys, have.event->key) > 1;
  if (is_repeated && timeline.is_stepping(have.rank, have.thread)) return VerdictClass::kExtraCall;
  if (asked->members == ContractMembers::kEveryStep) return VerdictClass::kSkippedCall;
  const bool is_shorter = std::ranges::all_of(sides.lack, [&](const Entry* lacking) {
    return timeline.ended_round_sooner(lacking->rank, have);
  });
  return is_shorter ? VerdictClass::kCallCount : VerdictClass::kSkippedCall;
}

std::string counts_text(const Timeline& timeline, const Place& place, const Entry& like) {
  std::map<std::size_t, std::vector<Rank>> counts;
  for (const Entry* entry : place.entries) {
    add_ranks(counts[timeline.keys_in_step(entry->rank, like).size()], std::array{entry->rank});
  }
  std::vector<std::string> parts;
  parts.reserve(counts.size());
  for (const auto& [count, ranks] : counts) {
    parts.push_back(fmt::format("{} {}", describe_ranks(ranks), count));
  }
  return fmt::format("calls of the site in step {}: {}", like.event->step, fmt::join(parts, ", "));
}

void name_culprits(const Timeline& timeline, const Place& place, const Sides& sides, Finding& to) {
  Verdict& verdict = to.verdict;
  const Entry& have = *sides.have.front();
  const std::string& site = timeline.site_name(have.site);
  switch (verdict.verdict) {
    case VerdictClass::kExtraCall:
      verdict.culprit_ranks = ranks_of(sides.have);
      verdict.advice = fmt::format("take {} off the path that only these ranks take", site);
      break;
    case VerdictClass::kCallCount:
      // Which loop was right, only a decision can say.
      verdict.culprit_ranks = ranks_of(place.entries);
      verdict.is_ambiguous = true;
      verdict.what_would_help = "the decision that ends the loop, recorded";
      to.lacking = ranks_of(sides.lack);
      verdict.evidence.push_back(counts_text(timeline, place, have));
      verdict.advice = fmt::format("agree on how often {} is called before the loop", site);
      break;
    case VerdictClass::kGroupNotInitialised: {
      verdict.culprit_ranks = ranks_of(sides.lack);
      verdict.actual_group = describe_ranks(ranks_of(sides.have)) + " entered";
      verdict.advice = "let every member create the group, or none";
      break;
    }
    default:
      verdict.culprit_ranks = ranks_of(sides.lack);
      verdict.advice = fmt::format(
          "call {} on every rank, with a neutral value where there is "
          "nothing to say",
          site);
  }
  if (sides.is_certain) return;
  verdict.culprit_ranks = ranks_of(place.entries);
  verdict.is_ambiguous = true;
  verdict.confidence = Confidence::kPossible;
  verdict.what_would_help = "a contract for the sites, or a healthy step before";
}

Finding different_calls(const Timeline& timeline, const Place& place) {
  const Sides sides = split(timeline, place);
  const Entry& have = *sides.have.front();
  Finding finding = begin_finding(timeline, place, have);
  finding.step = have.event->step;
  finding.verdict.verdict = class_of(timeline, place, sides);
  finding.verdict.silent_mispair =
      std::ranges::any_of(sides.lack, [](const Entry* entry) { return !entry->is_stuck(); });
  if (finding.verdict.verdict == VerdictClass::kOrderInversion) {
    finding.verdict.expected_group = fmt::format(
        "{} then {}", timeline.site_name(have.site), timeline.site_name(sides.lack.front()->site));
    finding.verdict.actual_group = fmt::format("R{}: {} then {}",
                                               fmt::join(ranks_of(sides.lack), ","),
                                               timeline.site_name(sides.lack.front()->site),
                                               timeline.site_name(have.site));
    finding.verdict.silent_mispair = false;
  }
  name_culprits(timeline, place, sides, finding);
  return finding;
}

Finding classify(const Timeline& timeline, const Place& place) {
  const Entry& first = *place.entries.front();
  const bool is_one_call = std::ranges::all_of(
      place.entries, [&](const Entry* entry) { return identity(*entry) == identity(first); });
  if (is_one_call) {
    if (std::optional<Finding> found = mismatch(timeline, place)) return std::move(*found);
  }
  return different_calls(timeline, place);
}

}  // namespace

std::vector<Finding> find_misaligned_calls(const Timeline& timeline) {
  std::vector<Finding> findings;
  for (std::uint32_t id = 0; id < timeline.groups().size(); ++id) {
    const Group& group = timeline.groups()[id];
    if (!sharing_ranks(timeline, group).empty()) continue;
    const std::optional<Place> place = first_difference(timeline, id);
    if (place) findings.push_back(classify(timeline, *place));
  }
  return findings;
}

}  // namespace radixbench
