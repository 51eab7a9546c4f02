#include "stats/divergence.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

namespace radixbench {
namespace {

constexpr std::uint16_t kFailed = 1;

// An agreement as one rank ended it: the values of its last hop.
struct Event {
  std::uint64_t step = 0;
  std::uint16_t site = 0;
  std::uint64_t request_id = 0;
  std::int64_t t_enter_ns = 0;
  std::array<std::int64_t, 3> values{};
  std::uint16_t group_id = 0;
  std::uint32_t hops = 1;

  [[nodiscard]] auto key() const { return std::tuple{step, site, request_id}; }
};

bool is_same_agreement(const Event& a, const Event& b) { return a.key() == b.key(); }

// Control sites of one thread, hops folded. A hop goes to another group than the one before; the
// same group again is the next agreement.
std::vector<Event> events_of(const RankView& rank,
                             std::span<const SiteInfo> sites,
                             bool is_scheduler) {
  std::map<std::uint16_t, bool> is_wanted;
  for (const auto& site : sites) {
    is_wanted[site.code] = site.is_control && site.is_scheduler == is_scheduler;
  }
  std::vector<Event> hops;
  for (const auto& phase : rank.phases) {
    for (std::size_t row = 0; row < phase.size(); ++row) {
      const auto wanted = is_wanted.find(phase.site[row]);
      if (wanted == is_wanted.end() || !wanted->second || (phase.flags[row] & kFailed) != 0) {
        continue;
      }
      hops.push_back({phase.step[row],
                      phase.site[row],
                      phase.request_id[row],
                      phase.t_enter_ns[row],
                      {phase.values[0][row], phase.values[1][row], phase.values[2][row]},
                      phase.group_id[row]});
    }
  }
  std::stable_sort(hops.begin(), hops.end(), [](const Event& a, const Event& b) {
    return std::tuple{a.step, a.t_enter_ns} < std::tuple{b.step, b.t_enter_ns};
  });
  std::vector<Event> events;
  std::vector<std::uint16_t> groups_passed;
  for (const Event& hop : hops) {
    const bool is_next_hop =
        !events.empty() && is_same_agreement(events.back(), hop) &&
        std::find(groups_passed.begin(), groups_passed.end(), hop.group_id) == groups_passed.end();
    if (is_next_hop) {
      const std::uint32_t hops_before = events.back().hops;
      events.back() = hop;
      events.back().hops += hops_before;
    } else {
      events.push_back(hop);
      groups_passed.clear();
    }
    groups_passed.push_back(hop.group_id);
  }
  return events;
}

// The last step whose calls are all there for certain, plus one.
std::uint64_t steps_end(const RankView& rank) {
  if (rank.steps.empty()) return 0;
  std::uint64_t end = rank.steps.back().step + 1;
  if (rank.is_closed) return end;
  // Each table of a killed rank ends where its own last flush did.
  for (const auto& phase : rank.phases) {
    if (phase.size() > 0) end = std::min(end, phase.step[phase.size() - 1]);
  }
  return end;
}

class Finder {
 public:
  Finder(std::vector<const RankView*> ranks, std::span<const SiteInfo> sites)
      : ranks_{std::move(ranks)}, sites_{sites} {
    result_.replica = ranks_[0]->replica;
    end_ = steps_end(*ranks_[0]);
    for (const RankView* rank : ranks_) {
      result_.ranks.push_back(rank->rank);
      end_ = std::min(end_, steps_end(*rank));
      has_all_rows_ &= rank->is_closed && rank->rows_dropped == 0;
    }
  }

  Divergence find() {
    compare_digests();
    std::optional<Disagreement> first = first_on_scheduler();
    const std::optional<Disagreement> other = first_on_prefetch_thread();
    if (other && (!first || other->step < first->step)) first = other;
    result_.disagreement = std::move(first);
    compare_lengths();
    return std::move(result_);
  }

 private:
  void compare_digests() {
    std::map<std::uint64_t, std::pair<std::uint64_t, std::size_t>> first;  // step: digest, ranks
    std::optional<std::uint64_t> differing;
    for (const RankView* rank : ranks_) {
      for (const auto& step : rank->steps) {
        if (step.step >= end_) continue;
        auto& [digest, count] = first.try_emplace(step.step, step.digest, 0).first->second;
        ++count;
        if (digest != step.digest) {
          differing = differing ? std::min(*differing, step.step) : step.step;
        }
      }
    }
    for (const auto& [step, seen] : first) {
      if (seen.second == ranks_.size()) ++result_.steps_compared;
    }
    result_.first_differing_step = differing;
  }

  [[nodiscard]] Side side_of(std::size_t index, const Event* event) const {
    Side side;
    side.ranks = {ranks_[index]->rank};
    side.has_called = event != nullptr;
    if (event == nullptr) return side;
    side.values = event->values;
    side.hops = event->hops;
    for (const auto& group : ranks_[index]->groups) {
      if (group.group_id != event->group_id) continue;
      side.group = group.name;
      side.members = group.members;
    }
    return side;
  }

  // nullopt where all saw the same.
  [[nodiscard]] std::optional<Disagreement> compare(const std::vector<const Event*>& events) const {
    const auto known = std::find_if(events.begin(), events.end(), [](auto* e) { return e; });
    Disagreement found{(*known)->step, (*known)->site, (*known)->request_id, {}};
    for (std::size_t index = 0; index < events.size(); ++index) {
      if (events[index] == nullptr && !has_all_rows_) continue;
      Side side = side_of(index, events[index]);
      const auto same = std::find_if(found.sides.begin(), found.sides.end(), [&](const Side& s) {
        return s.has_called == side.has_called && s.values == side.values;
      });
      if (same == found.sides.end()) {
        found.sides.push_back(std::move(side));
      } else {
        same->ranks.push_back(side.ranks[0]);
      }
    }
    if (found.sides.size() < 2) return std::nullopt;
    return found;
  }

  // Ranks walk their agreements together, step by step: where all agree, all make the same calls in
  // the same order, so the first call that differs is the earliest.
  [[nodiscard]] std::optional<Disagreement> first_on_scheduler() const {
    Events events;
    for (const RankView* rank : ranks_) events.push_back(events_of(*rank, sites_, true));
    Places next(events.size(), 0);
    for (auto step = next_step(events, next); step < end_; step = next_step(events, next)) {
      if (!is_same_next(events, next)) {
        if (auto found = differing_next(events, next, step)) return found;
      }
      for (std::size_t index = 0; index < events.size(); ++index) {
        if (is_at(events[index], next[index], step)) ++next[index];
      }
    }
    return std::nullopt;
  }

  using Events = std::vector<std::vector<Event>>;
  using Places = std::vector<std::size_t>;

  static bool is_at(const std::vector<Event>& events, std::size_t place, std::uint64_t step) {
    return place < events.size() && events[place].step == step;
  }

  static std::uint64_t next_step(const Events& events, const Places& next) {
    std::uint64_t step = std::numeric_limits<std::uint64_t>::max();
    for (std::size_t index = 0; index < events.size(); ++index) {
      if (next[index] < events[index].size()) {
        step = std::min(step, events[index][next[index]].step);
      }
    }
    return step;
  }

  static bool is_same_next(const Events& events, const Places& next) {
    if (next[0] == events[0].size()) return false;
    const Event& first = events[0][next[0]];
    for (std::size_t index = 1; index < events.size(); ++index) {
      if (next[index] == events[index].size()) return false;
      const Event& event = events[index][next[index]];
      if (!is_same_agreement(first, event) || first.values != event.values) return false;
    }
    return true;
  }

  // Each rank's next call in turn: what did the others make of it?
  [[nodiscard]] std::optional<Disagreement> differing_next(const Events& events,
                                                           const Places& next,
                                                           std::uint64_t step) const {
    for (std::size_t asking = 0; asking < events.size(); ++asking) {
      if (!is_at(events[asking], next[asking], step)) continue;
      std::vector<const Event*> seen(events.size(), nullptr);
      for (std::size_t index = 0; index < events.size(); ++index) {
        const std::size_t place =
            find_in_step(events[index], next[index], events[asking][next[asking]]);
        if (place < events[index].size()) seen[index] = &events[index][place];
      }
      if (auto found = compare(seen)) return found;
    }
    return std::nullopt;
  }

  static std::size_t find_in_step(const std::vector<Event>& events,
                                  std::size_t begin,
                                  const Event& wanted) {
    for (std::size_t place = begin; place < events.size(); ++place) {
      if (events[place].step > wanted.step) break;
      if (is_same_agreement(events[place], wanted)) return place;
    }
    return events.size();
  }

  // That thread is at another place on each rank when a run ends, so only what all have is
  // compared.
  [[nodiscard]] std::optional<Disagreement> first_on_prefetch_thread() const {
    std::map<std::tuple<std::uint64_t, std::uint16_t, std::uint64_t>, std::vector<const Event*>>
        calls;
    std::vector<std::vector<Event>> events;
    for (const RankView* rank : ranks_) events.push_back(events_of(*rank, sites_, false));
    for (std::size_t index = 0; index < events.size(); ++index) {
      for (const Event& event : events[index]) {
        auto& seen = calls[event.key()];
        seen.resize(events.size(), nullptr);
        seen[index] = &event;
      }
    }
    for (const auto& [key, seen] : calls) {
      if (std::find(seen.begin(), seen.end(), nullptr) != seen.end()) continue;
      if (auto found = compare(seen)) return found;
    }
    return std::nullopt;
  }

  struct Applied {
    std::uint64_t tokens = 0;
    std::uint64_t step = 0;
  };
  // What one rank took of each request's prefetch: as agreed on with others, or, where there was
  // nobody to ask, as its own rows say.
  [[nodiscard]] std::map<std::uint64_t, Applied> lengths_of(const RankView& rank) const {
    std::map<std::uint64_t, Applied> lengths;
    for (const Event& event : events_of(rank, sites_, true)) {
      const bool is_length = std::any_of(sites_.begin(), sites_.end(), [&](const SiteInfo& site) {
        return site.code == event.site && site.is_length;
      });
      if (!is_length) continue;
      lengths.try_emplace(event.request_id,
                          Applied{static_cast<std::uint64_t>(event.values[0]), event.step});
    }
    for (const auto& row : rank.prefetches) {
      const std::uint64_t tokens = std::uint64_t{row.inserted} + row.existing;
      if (row.aborted > 0 || tokens == 0) continue;
      lengths.try_emplace(row.request_id, Applied{tokens, row.applied_step});
    }
    return lengths;
  }

  void compare_lengths() {
    std::vector<std::map<std::uint64_t, Applied>> lengths;
    std::map<std::uint64_t, std::uint64_t> first_step;  // by request
    for (const RankView* rank : ranks_) {
      lengths.push_back(lengths_of(*rank));
      for (const auto& [request, applied] : lengths.back()) {
        const auto place = first_step.try_emplace(request, applied.step).first;
        place->second = std::min(place->second, applied.step);
      }
    }
    std::uint64_t earliest = std::numeric_limits<std::uint64_t>::max();
    for (const auto& [request, step] : first_step) {
      if (step >= earliest) continue;
      std::vector<LengthSide> sides = length_sides(lengths, request);
      if (sides.size() < 2) continue;
      earliest = step;
      result_.lengths = LengthDifference{request, std::move(sides)};
    }
  }

  [[nodiscard]] std::vector<LengthSide> length_sides(
      const std::vector<std::map<std::uint64_t, Applied>>& lengths, std::uint64_t request) const {
    std::vector<LengthSide> sides;
    for (std::size_t index = 0; index < lengths.size(); ++index) {
      const auto found = lengths[index].find(request);
      const bool has_applied = found != lengths[index].end();
      // That a rank took nothing says something only once the ranks are known to differ: else the
      // run may just have ended in the step in which the others took it.
      if (!has_applied && !(has_all_rows_ && result_.is_any())) continue;
      const Applied applied = has_applied ? found->second : Applied{};
      const auto same = std::find_if(sides.begin(), sides.end(), [&](const LengthSide& side) {
        return side.has_applied == has_applied && side.tokens == applied.tokens;
      });
      if (same == sides.end()) {
        sides.push_back({{ranks_[index]->rank}, has_applied, applied.tokens, applied.step});
      } else {
        same->ranks.push_back(ranks_[index]->rank);
      }
    }
    return sides;
  }

  std::vector<const RankView*> ranks_;
  std::span<const SiteInfo> sites_;
  std::uint64_t end_ = 0;
  bool has_all_rows_ = true;
  Divergence result_;
};

}  // namespace

std::vector<Divergence> find_divergences(std::span<const RankView> ranks,
                                         std::span<const SiteInfo> sites) {
  std::map<std::uint32_t, std::vector<const RankView*>> replicas;
  for (const auto& rank : ranks) replicas[rank.replica].push_back(&rank);
  std::vector<Divergence> divergences;
  for (auto& [replica, members] : replicas) {
    if (members.size() < 2) continue;
    std::sort(members.begin(), members.end(), [](const RankView* a, const RankView* b) {
      return a->rank < b->rank;
    });
    divergences.push_back(Finder{std::move(members), sites}.find());
  }
  return divergences;
}

}  // namespace radixbench
