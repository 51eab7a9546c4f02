#pragma once

#include "base/result.h"
#include "layout/layout.h"
#include "watch/verdict.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// A process group as a program tells of it.
struct ToldGroup {
  std::string name;  // attention_tp, attn_cp:cpu, tp:0, ...; "" and "undefined" are no name
  std::vector<Rank> members;               // in rank_in_group order, each once, at least one
  std::optional<std::uint64_t> ordinal;    // of its creation over the world
  std::optional<std::int64_t> timeout_ns;  // of its calls
};

// What one rank tells, in creation order: at the least the groups that it is in, at most those that
// it saw being created. Without a rank: the groups of the world, the same to all.
struct GroupList {
  std::optional<Rank> rank;
  std::optional<std::uint32_t> world_size;
  std::string source;  // a file, for evidence
  std::vector<ToldGroup> groups;
};

struct GroupCheckOptions {
  const Layout* layout = nullptr;  // needed
  std::int64_t watchdog_ns = 0;    // what a group's timeout must not exceed; 0: not known
};

// The layout's kind that a name means: engines add :cpu, :device or :0, radixbench .device and
// prefetch. to it. Empty for a name that is of no kind.
std::string kind_of_name(const Layout& layout, std::string_view name);

// What differs between ranks or from the layout, a verdict a class and name; `none` if nothing
// does, `incomplete` with the ranks whose lists are missing. A rank may tell once (see told_twice).
Diagnosis check_groups(std::span<const GroupList> lists, const GroupCheckOptions& options);

// The sources of two lists that speak for one rank, or for the world, if there are such.
std::optional<std::string> told_twice(std::span<const GroupList> lists);

}  // namespace radixbench
