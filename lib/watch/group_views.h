#pragma once

#include "watch/group_check.h"

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

namespace radixbench {

// The nth group of a name that a rank is in. Groups without a name are named for their members.
struct OwnGroup {
  std::string name;
  std::size_t nth = 0;
  const ToldGroup* group = nullptr;
};

// What one rank knows; points into the lists that it was made of.
struct GroupView {
  Rank rank = 0;
  const GroupList* list = nullptr;
  bool tells_all = false;  // groups that it is not in are among them
  std::vector<const ToldGroup*> all;
  std::map<std::string, std::vector<const ToldGroup*>> own;
  std::vector<OwnGroup> in_order;  // by ordinal where each has one, else as told
};
using GroupViews = std::map<Rank, GroupView>;

// A world's list speaks for every rank of the layout that has none of its own.
GroupViews views_of(std::span<const GroupList> lists, const Layout& layout);

// A group over all ranks: the nth of its name with these members.
struct GroupKey {
  std::string name;
  std::size_t nth = 0;
  std::vector<Rank> members;
  friend bool operator<(const GroupKey& left, const GroupKey& right) {
    return std::tie(left.name, left.nth, left.members) <
           std::tie(right.name, right.nth, right.members);
  }
};

// `rank` creates `first` before `second`.
struct OrderEdge {
  Rank rank = 0;
  const ToldGroup* first = nullptr;
  const ToldGroup* second = nullptr;
};

// Creations that wait for each other in a circle, one edge after the other; empty if some order
// suits all ranks.
std::vector<OrderEdge> creation_circle(const GroupViews& views);

RankList sorted(RankList ranks);
// name{0,1,4,5}
std::string group_text(const ToldGroup& group);

}  // namespace radixbench
