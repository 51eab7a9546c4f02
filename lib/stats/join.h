#pragma once

#include "stats/rank_view.h"

#include <cstdint>
#include <span>
#include <vector>

namespace radixbench {

// What only all ranks of an operation together can tell, for each row of a SampleView: wait = last
// enter - own enter, wire = exit - last enter, skew = last enter - first enter, and who entered
// last. Where a member's row is missing, the operation failed, or the clocks contradict one
// another, all four are kNotJoined; never zero.
struct JoinedColumns {
  std::vector<std::int64_t> wait_ns, wire_ns, skew_ns;
  std::vector<std::int32_t> last_rank;
};
constexpr std::int64_t kNotJoined = -1;

// Joins the rows of all ranks on (group, op_seq). A group is its name and members, so that ranks
// may number groups as they like. Element [i][p] belongs to ranks[i].phases[p].
std::vector<std::vector<JoinedColumns>> join_samples(std::span<const RankView> ranks);

}  // namespace radixbench
