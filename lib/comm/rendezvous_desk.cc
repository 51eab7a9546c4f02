#include "comm/rendezvous_desk.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace radixbench {
namespace {

std::string in_seconds(Deadline from, Deadline to) {
  return fmt::format("{:.3g} s", std::chrono::duration<double>(to - from).count());
}

Error interruption(std::string_view doing) {
  return {ErrorCode::kInterrupted, fmt::format("{}: interrupted", doing)};
}

std::string name_ranks(const std::vector<Rank>& ranks) {
  return fmt::format("rank{} {}", ranks.size() == 1 ? "" : "s", fmt::join(ranks, ", "));
}

}  // namespace

RendezvousDesk::Replies RendezvousDesk::take(Rank from,
                                             std::uint32_t number,
                                             RendezvousRequest request,
                                             Deadline now) {
  Pending pending{.from = from,
                  .number = number,
                  .what = std::move(request.what),
                  .asked = now,
                  .deadline = now + request.patience};
  if (Result<void> noted = note(pending); !noted) {
    Replies replies = answer_what_can_be(now);
    replies.push_back({from, number, tl::unexpected(noted.error())});
    return replies;
  }
  pending_.push_back(std::move(pending));
  return answer_what_can_be(now);
}

RendezvousDesk::Replies RendezvousDesk::mark_dead(Rank rank, Deadline now) {
  ranks_[rank].is_dead = true;
  std::erase_if(pending_, [&](const Pending& pending) { return pending.from == rank; });
  return answer_what_can_be(now);
}

RendezvousDesk::Replies RendezvousDesk::interrupt(Deadline now) {
  is_interrupted_ = true;
  return answer_what_can_be(now);
}

RendezvousDesk::Replies RendezvousDesk::pass_time(Deadline now) { return answer_what_can_be(now); }

std::optional<Deadline> RendezvousDesk::next_deadline() const {
  const auto soonest = std::ranges::min_element(pending_, {}, &Pending::deadline);
  if (soonest == pending_.end()) return std::nullopt;
  return soonest->deadline;
}

RendezvousDesk::Replies RendezvousDesk::answer_what_can_be(Deadline now) {
  Replies replies;
  // An answer can settle another request that was looked at before (who gives up breaks a group).
  for (bool is_changed = true; is_changed;) {
    is_changed = false;
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      Answer given = answer(pending_[i], now);
      if (!given) continue;
      replies.push_back({pending_[i].from, pending_[i].number, *std::move(given)});
      pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
      --i;
      is_changed = true;
    }
  }
  return replies;
}

Result<void> RendezvousDesk::note(const Pending& pending) {
  if (const auto* set = std::get_if<SetRequest>(&pending.what)) {
    if (entries_.size() >= kRendezvousEntriesMax && !entries_.contains(set->key)) {
      return fail(ErrorCode::kCannotCreate,
                  fmt::format("the rendezvous has room for {} entries", kRendezvousEntriesMax));
    }
    entries_[set->key] = set->value;
  } else if (const auto* world = std::get_if<WorldRequest>(&pending.what)) {
    ranks_[pending.from].fields = world->fields;
  } else if (const auto* join = std::get_if<JoinRequest>(&pending.what)) {
    return note_join(pending.from, *join);
  } else if (const auto* broken = std::get_if<BreakRequest>(&pending.what)) {
    if (auto room = check_room(broken->group.ordinal); !room) return room;
    Group& group = groups_[broken->group.ordinal];
    GroupBreak::Place place = broken->place;
    place.rank = pending.from;
    group.failed.emplace(pending.from, place);
    if (!group.first) newly_broken_.push_back(broken->group);
    // Who sees a connection end may say so before him who ended it.
    const bool is_nearer = !group.first || (place.is_cause && !group.first->is_cause);
    if (is_nearer) group.first = place;
  } else if (std::holds_alternative<FinishRequest>(pending.what)) {
    ranks_[pending.from].has_finished = true;
  }
  return {};
}

Result<void> RendezvousDesk::note_join(Rank from, const JoinRequest& join) {
  const auto world_size = static_cast<Rank>(ranks_.size());
  if (auto sound = check_spec(join.group, from, world_size); !sound) return sound;
  if (auto room = check_room(join.group.ordinal); !room) return room;
  Group& group = groups_[join.group.ordinal];
  const auto [card, is_new] = group.cards.try_emplace(from, Card{join.group, join.value});
  if (is_new) return {};
  return tl::unexpected(to_mismatch(join.group.ordinal,
                                    from,
                                    describe(join.group),
                                    from,
                                    describe(card->second.group) + " (opened before)"));
}

Result<void> RendezvousDesk::check_room(std::uint32_t ordinal) const {
  if (groups_.size() < kRendezvousEntriesMax || groups_.contains(ordinal)) return {};
  return fail(ErrorCode::kCannotCreate,
              fmt::format("the rendezvous has room for {} groups", kRendezvousEntriesMax));
}

RendezvousDesk::Answer RendezvousDesk::answer(const Pending& pending, Deadline now) {
  return std::visit([&](const auto& what) { return answer_to(pending, what, now); }, pending.what);
}

RendezvousDesk::Answer RendezvousDesk::answer_to(const Pending&, const SetRequest&, Deadline) {
  return std::string{};
}

RendezvousDesk::Answer RendezvousDesk::answer_to(const Pending& pending,
                                                 const GetRequest& get,
                                                 Deadline now) {
  const auto entry = entries_.find(get.key);
  if (entry != entries_.end()) return encode_values(std::vector{entry->second});
  if (is_interrupted_) return tl::unexpected(interruption(get.key));
  if (now < pending.deadline) return std::nullopt;
  return fail(ErrorCode::kTimeout,
              fmt::format("nobody set {} at the rendezvous within {}",
                          get.key,
                          in_seconds(pending.asked, pending.deadline)));
}

RendezvousDesk::Answer RendezvousDesk::answer_to(const Pending& pending,
                                                 const WorldRequest&,
                                                 Deadline now) {
  if (auto mismatch = world_mismatch()) return tl::unexpected(*std::move(mismatch));
  std::vector<Rank> absent;
  std::vector<Rank> dead;
  for (Rank rank = 0; rank < ranks_.size(); ++rank) {
    if (ranks_[rank].fields) continue;
    absent.push_back(rank);
    if (ranks_[rank].is_dead) dead.push_back(rank);
  }
  if (absent.empty()) return std::string{};
  if (is_interrupted_) return tl::unexpected(interruption("rendezvous"));
  if (!dead.empty()) {
    return fail(ErrorCode::kPeerLost, fmt::format("rendezvous: {} died", name_ranks(dead)));
  }
  if (now < pending.deadline) return std::nullopt;
  return fail(ErrorCode::kTimeout,
              fmt::format("rendezvous: {} did not come within {}",
                          name_ranks(absent),
                          in_seconds(pending.asked, pending.deadline)));
}

RendezvousDesk::Answer RendezvousDesk::answer_to(const Pending& pending,
                                                 const JoinRequest& join,
                                                 Deadline now) {
  Group& group = groups_[join.group.ordinal];
  if (auto mismatch = group_mismatch(pending.from, join.group)) {
    return tl::unexpected(*std::move(mismatch));
  }
  CallFailure failure = missing_of(group, join.group);
  if (failure.absent.empty()) {
    std::vector<std::string> values;
    for (const Rank member : join.group.members) values.push_back(group.cards.at(member).value);
    return encode_values(values);
  }
  const bool is_late = now >= pending.deadline;
  failure.gave_up = group.gave_up;
  failure.code = ErrorCode::kPeerLost;
  if (is_interrupted_) {
    failure.code = ErrorCode::kInterrupted;
  } else if (failure.dead.empty() && !failure.gave_up) {
    if (!is_late) return std::nullopt;
    failure.code = ErrorCode::kTimeout;
  }
  if (!group.gave_up) group.gave_up = pending.from;
  return tl::unexpected(to_open_error(failure, join.group, pending.deadline - pending.asked));
}

RendezvousDesk::Answer RendezvousDesk::answer_to(const Pending& pending,
                                                 const BreakRequest& broken,
                                                 Deadline now) {
  const Group& group = groups_[broken.group.ordinal];
  GroupBreak answer{.failed = {}, .dead = {}, .first = *group.first};
  bool is_settled = true;
  for (const Rank member : broken.group.members) {
    const auto failed = group.failed.find(member);
    if (failed != group.failed.end()) {
      answer.failed.push_back(failed->second);
    } else if (member < ranks_.size() && ranks_[member].is_dead) {
      answer.dead.push_back(member);
    } else if (member >= ranks_.size() || !ranks_[member].has_finished) {
      is_settled = false;
    }
  }
  if (!is_settled && now < pending.deadline) return std::nullopt;
  return encode_break(answer);
}

RendezvousDesk::Answer RendezvousDesk::answer_to(const Pending& pending,
                                                 const FinishRequest&,
                                                 Deadline now) {
  std::vector<Rank> busy;
  for (Rank rank = 0; rank < ranks_.size(); ++rank) {
    if (!ranks_[rank].has_finished && !ranks_[rank].is_dead) busy.push_back(rank);
  }
  if (busy.empty()) return std::string{};
  if (now < pending.deadline && !is_interrupted_) return std::nullopt;
  return fail(is_interrupted_ ? ErrorCode::kInterrupted : ErrorCode::kTimeout,
              fmt::format("{} had not finished", name_ranks(busy)));
}

std::optional<Error> RendezvousDesk::world_mismatch() const {
  const auto came = [](const RankState& rank) { return rank.fields.has_value(); };
  const auto first = std::ranges::find_if(ranks_, came);
  if (first == ranks_.end()) return std::nullopt;
  for (auto other = std::next(first); other != ranks_.end(); ++other) {
    if (!other->fields || *other->fields == *first->fields) continue;
    const auto [mine, theirs] = std::ranges::mismatch(*first->fields, *other->fields);
    const auto spell = [](const auto& fields, const auto& field) {
      return field == fields.end() ? std::string{"nothing more"}
                                   : fmt::format("{}={}", field->first, field->second);
    };
    return Error{ErrorCode::kMismatch,
                 fmt::format("ranks differ: rank {} has {}, rank {} has {}",
                             first - ranks_.begin(),
                             spell(*first->fields, mine),
                             other - ranks_.begin(),
                             spell(*other->fields, theirs))};
  }
  return std::nullopt;
}

std::optional<Error> RendezvousDesk::group_mismatch(Rank from, const GroupSpec& group) const {
  const std::string mine = describe(group);
  for (const auto& [rank, card] : groups_.at(group.ordinal).cards) {
    const std::string theirs = describe(card.group);
    if (theirs == mine) continue;
    return to_mismatch(group.ordinal, from, mine, rank, theirs);
  }
  return std::nullopt;
}

CallFailure RendezvousDesk::missing_of(const Group& group, const GroupSpec& spec) const {
  CallFailure failure;
  for (const Rank member : spec.members) {
    const bool has_come = group.cards.contains(member);
    const bool is_dead = ranks_[member].is_dead;
    add_member(failure,
               member,
               has_come  ? MemberState::kPresent
               : is_dead ? MemberState::kDead
                         : MemberState::kAbsent);
  }
  return failure;
}

}  // namespace radixbench
