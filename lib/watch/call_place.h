#pragma once

#include "watch/timeline.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {

// A place in a group's sequence, with the calls that its members made there.
struct CallPlace {
  const Timeline::Group* group = nullptr;
  std::uint32_t group_id = 0;
  std::uint64_t sequence = 0;
  std::vector<const Timeline::Entry*> entries;

  [[nodiscard]] std::uint64_t step() const;
};

// What must be equal for calls to be the same call: site and key.
std::pair<Timeline::SiteId, std::uint64_t> identity(const Timeline::Entry& entry);

// The first place that all members' recordings still hold where two of their calls differ in
// anything that they must be alike in.
std::optional<CallPlace> first_difference(const Timeline& timeline, std::uint32_t group);

std::vector<Rank> ranks_of(std::span<const Timeline::Entry* const> entries);
bool is_anyone_stuck(const Timeline::Group& group);
// Members that use the group from more than one thread.
std::vector<Rank> sharing_ranks(const Timeline& timeline, const Timeline::Group& group);
const std::string& thread_name(const Timeline& timeline, const Timeline::Entry& entry);

// tp{0,1} #7: {0}: writing_check (...); {1}: recv_requests (...)
std::string sides_text(const Timeline& timeline, const CallPlace& place);

}  // namespace radixbench
