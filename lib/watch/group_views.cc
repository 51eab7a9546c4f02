#include "watch/group_views.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace radixbench {
namespace {

bool holds(const ToldGroup& group, Rank rank) {
  return std::ranges::find(group.members, rank) != group.members.end();
}

bool is_nameless(std::string_view name) { return name.empty() || name == "undefined"; }

std::string name_of(const ToldGroup& group) {
  if (!is_nameless(group.name)) return group.name;
  return fmt::format("unnamed{{{}}}", fmt::join(sorted(group.members), ","));
}

GroupView view_of(const GroupList& list, Rank rank) {
  GroupView view;
  view.rank = rank;
  view.list = &list;
  for (const ToldGroup& group : list.groups) {
    if (list.rank) view.all.push_back(&group);
    if (!holds(group, rank)) {
      view.tells_all = list.rank.has_value();
      continue;
    }
    const std::string name = name_of(group);
    std::vector<const ToldGroup*>& own = view.own[name];
    view.in_order.push_back({name, own.size(), &group});
    own.push_back(&group);
  }
  const auto has_ordinal = [](const OwnGroup& own) { return own.group->ordinal.has_value(); };
  if (std::ranges::all_of(view.in_order, has_ordinal)) {
    std::ranges::stable_sort(
        view.in_order, {}, [](const OwnGroup& own) { return own.group->ordinal.value_or(0); });
  }
  return view;
}

// Groups as points, each rank's consecutive creations as arrows between them.
class CreationOrder {
 public:
  explicit CreationOrder(const GroupViews& views) {
    for (const auto& [rank, view] : views) {
      const OwnGroup* before = nullptr;
      for (const OwnGroup& own : view.in_order) {
        if (own.group->members.size() < 2) continue;
        if (before != nullptr) add(rank, *before, own);
        before = &own;
      }
    }
  }

  // Takes away what nothing else must precede, again and again; what is left goes in circles.
  std::vector<OrderEdge> circle() && {
    std::vector<std::size_t> free;
    for (std::size_t point = 0; point < into_.size(); ++point) {
      if (into_[point].empty()) free.push_back(point);
    }
    std::vector<std::size_t> waiting(into_.size());
    for (std::size_t point = 0; point < into_.size(); ++point) {
      waiting[point] = into_[point].size();
    }
    std::set<std::size_t> left;
    for (std::size_t point = 0; point < into_.size(); ++point) left.insert(point);
    while (!free.empty()) {
      const std::size_t point = free.back();
      free.pop_back();
      left.erase(point);
      for (const std::size_t next : out_of_[point]) {
        if (--waiting[next] == 0) free.push_back(next);
      }
    }
    return left.empty() ? std::vector<OrderEdge>{} : walk_back(left);
  }

 private:
  struct Arrow {
    std::size_t from = 0;
    OrderEdge edge;
  };

  std::size_t point_of(const OwnGroup& own) {
    const auto [found, is_new] =
        points_.try_emplace({own.name, own.nth, own.group->members}, into_.size());
    if (is_new) {
      into_.emplace_back();
      out_of_.emplace_back();
    }
    return found->second;
  }

  void add(Rank rank, const OwnGroup& before, const OwnGroup& after) {
    const std::size_t from = point_of(before);
    const std::size_t to = point_of(after);
    if (!arrows_.insert({from, to}).second) return;
    into_[to].push_back({from, {rank, before.group, after.group}});
    out_of_[from].push_back(to);
  }

  // Every point that is left has one before it that is left, too.
  [[nodiscard]] std::vector<OrderEdge> walk_back(const std::set<std::size_t>& left) const {
    std::vector<std::size_t> path = {*left.begin()};
    std::vector<OrderEdge> edges;
    while (true) {
      const std::vector<Arrow>& arrows = into_[path.back()];
      const Arrow& arrow =
          *std::ranges::find_if(arrows, [&](const Arrow& one) { return left.contains(one.from); });
      edges.push_back(arrow.edge);
      const auto again = std::ranges::find(path, arrow.from);
      if (again != path.end()) {
        edges.erase(edges.begin(), edges.begin() + (again - path.begin()));
        std::ranges::reverse(edges);
        return edges;
      }
      path.push_back(arrow.from);
    }
  }

  std::map<GroupKey, std::size_t> points_;
  std::set<std::pair<std::size_t, std::size_t>> arrows_;
  std::vector<std::vector<Arrow>> into_;
  std::vector<std::vector<std::size_t>> out_of_;
};

}  // namespace

GroupViews views_of(std::span<const GroupList> lists, const Layout& layout) {
  GroupViews views;
  for (const GroupList& list : lists) {
    if (list.rank) views.emplace(*list.rank, view_of(list, *list.rank));
  }
  for (const GroupList& list : lists) {
    if (list.rank) continue;
    for (Rank rank = 0; rank < layout.world_size(); ++rank) {
      if (!views.contains(rank)) views.emplace(rank, view_of(list, rank));
    }
  }
  return views;
}

std::vector<OrderEdge> creation_circle(const GroupViews& views) {
  return CreationOrder{views}.circle();
}

RankList sorted(RankList ranks) {
  std::ranges::sort(ranks);
  return ranks;
}

std::string group_text(const ToldGroup& group) {
  return fmt::format(
      "{}{{{}}}", is_nameless(group.name) ? "unnamed" : group.name, fmt::join(group.members, ","));
}

std::string kind_of_name(const Layout& layout, std::string_view name) {
  if (name.starts_with("prefetch.")) name.remove_prefix(std::string_view{"prefetch."}.size());
  name = name.substr(0, name.find_first_of(":."));
  if (name == "attn_tp") name = "attention_tp";
  if (name == "tp_cache_group") return std::string{name};
  const auto& kinds = layout.kinds();
  return std::ranges::find(kinds, name) == kinds.end() ? std::string{} : std::string{name};
}

std::optional<std::string> told_twice(std::span<const GroupList> lists) {
  std::map<std::optional<Rank>, const GroupList*> tellers;
  for (const GroupList& list : lists) {
    const auto [first, is_new] = tellers.emplace(list.rank, &list);
    if (is_new) continue;
    const std::string whose = list.rank ? fmt::format("rank {}", *list.rank) : "the world";
    return fmt::format(
        "{}: tells of {} as {} does already", list.source, whose, first->second->source);
  }
  return std::nullopt;
}

}  // namespace radixbench
