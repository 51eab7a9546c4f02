#include "engine/rank_groups.h"

#include "base/check.h"
#include "layout/sites.h"

#include <array>
#include <string_view>
#include <utility>

namespace radixbench {
namespace {

struct Kind {
  std::string_view name;         // of the communicator
  std::string_view layout_kind;  // whose lists it has
  bool is_prefetch;
  bool is_grid = false;  // made where questions go over the grid
};

// In creation order. The prefetch thread's copies come last: the controller makes them when storage
// is attached.
constexpr std::array<Kind, 9> kKinds = {{
    {"tp", "tp", false},
    {"attn_cp", "attn_cp", false},
    {"attention_tp", "attention_tp", false},
    {"tp.device", "tp", false},
    {"attention_tp.device", "attention_tp", false},
    {"prefetch.attn_cp", "attn_cp", true},
    {"prefetch.attention_tp", "attention_tp", true},
    {"attn_grid", "cache_stage_replica", false, true},
    {"prefetch.attn_grid", "cache_stage_replica", true, true},
}};

}  // namespace

Result<RankGroups> RankGroups::open(const Layout& layout,
                                    Fabric& fabric,
                                    CallObserver& scheduler,
                                    CallObserver& prefetch,
                                    Deadline deadline,
                                    GroupCreations creations) {
  RankGroups groups;
  std::uint32_t ordinal = 0;
  for (const Kind& kind : kKinds) {
    if (kind.is_grid && creations.shape != ReduceShape::kGrid) continue;
    const std::string name{kind.name};
    // An aliased kind has the lists of the other, so their twins are shared too; for the prefetch
    // thread that drops the second of two equal sets.
    const auto alias = layout.aliases().find(std::string{kind.layout_kind});
    if (alias != layout.aliases().end()) {
      const std::string twin = alias->second + (kind.name.ends_with(".device") ? ".device" : "");
      if (!kind.is_prefetch) {
        groups.alias_[name] = twin;
        continue;
      }
    }
    std::vector<GroupSpec> parts;
    for (const RankList& members : layout.groups(kind.layout_kind)) {
      parts.push_back({.name = name, .members = members, .ordinal = ordinal++});
    }
    for (const GroupSpec& spec : parts) {
      const bool is_member = spec.members == layout.group_of(kind.layout_kind, fabric.rank());
      if (creations.observer != nullptr) {
        const auto none = static_cast<std::uint16_t>(Site::kNone);
        creations.observer->opening(spec, is_member, none, creations.call_deadline);
      }
      if (!is_member) continue;
      Result<std::unique_ptr<Communicator>> opened = fabric.open_part(parts, deadline);
      if (creations.observer != nullptr) creations.observer->opened(opened.has_value());
      if (!opened) return tl::unexpected(std::move(opened.error()).while_doing("opening groups"));
      CallObserver& observer = kind.is_prefetch ? prefetch : scheduler;
      groups.by_name_[name] = observe(std::move(*opened), observer);
      groups.order_.push_back(name);
    }
  }
  return groups;
}

Communicator* RankGroups::get(const std::string& name) const {
  const auto alias = alias_.find(name);
  const auto found = by_name_.find(alias == alias_.end() ? name : alias->second);
  return found == by_name_.end() ? nullptr : found->second.get();
}

Communicator* RankGroups::find(const std::string& name) const {
  Communicator* group = get(name);
  return group == nullptr || group->size() == 1 ? nullptr : group;
}

CacheCommunicators RankGroups::cache(const Layout& layout) const {
  return {.tp_cache = get(layout.sizes().dp_attention ? "attention_tp" : "tp"),
          .attn_cp = get("attn_cp"),
          .attention_tp = get("attention_tp"),
          .tp = get("tp"),
          .attn_grid = get("attn_grid")};
}

Reducer RankGroups::prefetch_hops() const {
  std::vector<Communicator*> hops;
  if (Communicator* grid = get("prefetch.attn_grid")) {
    hops.push_back(grid);
    return Reducer{hops};
  }
  for (const char* name : {"prefetch.attn_cp", "prefetch.attention_tp"}) {
    Communicator* hop = get(name);
    if (hop == nullptr) continue;
    if (!hops.empty() && hops.front()->group().members == hop->group().members) continue;
    hops.push_back(hop);
  }
  return Reducer{hops};
}

std::vector<const GroupSpec*> RankGroups::specs() const {
  std::vector<const GroupSpec*> specs;
  specs.reserve(order_.size());
  for (const std::string& name : order_) specs.push_back(&by_name_.at(name)->group());
  return specs;
}

}  // namespace radixbench
