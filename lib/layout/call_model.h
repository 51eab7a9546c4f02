#pragma once

#include "layout/layout.h"

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace radixbench {

// What becomes of collective calls when ranks put them to the groups that they put them to: the
// model behind every verdict about a wrong group. Per group the n-th call of each member meets the
// n-th call of the others, and completes when all members have made it. MIN and MAX are one family:
// they pair, and the operator of the lowest rank wins. Calls of other kinds never pair and never
// complete. A group of one rank returns at once.

enum class ModelCall : std::uint8_t {
  kMin,
  kMax,
  kBroadcast,  // of something else than the value: the next iteration's requests
  kForward     // along a pipeline: all take the lowest rank's value
};
std::string_view to_string(ModelCall call);

struct ModelStep {
  ModelCall call = ModelCall::kMin;
  std::size_t group = 0;    // CallProgram::groups
  bool is_restart = false;  // the next request: begins with the rank's local value again
};

// What every rank does, one call after the other.
struct CallProgram {
  std::vector<RankList> groups;               // one communicator each, even where ranks are equal
  std::vector<std::vector<ModelStep>> steps;  // by rank
  std::vector<std::int64_t> local;            // by rank
};

using RankSet = std::bitset<kWorldSizeMax>;

// A call that never completes, and the members that have not come to it.
struct ModelBlock {
  ModelCall call = ModelCall::kMin;
  RankList group;
  RankList waiting_for;
};

struct ModelRank {
  std::int64_t value = 0;
  RankSet contributors;  // whose local values are in it
  std::optional<ModelBlock> blocked;
};

// By rank. A step that names a group without the rank is a bug.
std::vector<ModelRank> run_calls(const CallProgram& program);

// The groups that one agreement goes to.
enum class CallPolicy : std::uint8_t {
  kCpTpPp,        // kCpThenTp, then over pp
  kCpThenTp,      // attention CP if it has peers, then attention TP if it has, else TP cache group
  kTpCacheGroup,  // the four hard-coded sites
  kTpGroup,       // the stage's literal tp
  kAttnTp,
  kAttnCp,
  kWorld,
  kPp,
  kStage0Forward,  // kCpThenTp in stage 0 alone, whose value then goes down the pipeline
};
// cp_tp_pp, cp_then_tp, tp_cache_group, tp_group, attn_tp, attn_cp, world, pp, stage0_then_forward.
std::string_view to_string(CallPolicy policy);
std::optional<CallPolicy> parse_call_policy(std::string_view text);

// Which ranks of kCpThenTp take the two axes the other way round.
enum class AxisMix : std::uint8_t { kNone, kOddCp, kOddTp, kCheckerboard };

// How often each rank asks in one iteration: replica 0, and every other one. Lock-step is 1 and 1.
struct CallPattern {
  std::uint32_t first = 1;
  std::uint32_t others = 1;
};

struct CallQuestion {
  CallPolicy policy = CallPolicy::kCpThenTp;
  CallPattern pattern = {};
  ModelCall op = ModelCall::kMin;
  AxisMix mix = AxisMix::kNone;
  // After its calls every rank enters a broadcast on its stage's tp, as a scheduler does; a thread
  // with groups of its own does not.
  bool is_followed_by_broadcast = true;
  // The kind whose lists must agree. With cache_replica, agreement within stages is told apart.
  std::string_view required = "cache_replica";
  // The kind whose lists may be reached without harm, where that is more than must agree.
  std::string_view permitted = {};
};

enum class CallVerdict : std::uint8_t {
  kRight,
  kStageOnly,   // right inside a pipeline stage, stages disagree
  kDivergence,  // the group lacks peers: they keep different values
  kCrosstalk,   // the group exceeds the peers: values of unrelated replicas are mixed in
  kCrosstalkAndDivergence,
  kHang,
};
std::string_view to_string(CallVerdict verdict);

struct CallOutcome {
  CallVerdict verdict = CallVerdict::kRight;
  // By rank; none where the rank did not ask, a value none where it is blocked, too.
  std::vector<std::optional<std::int64_t>> values;
  std::vector<std::optional<std::int64_t>> expected;
  std::map<Rank, ModelBlock> blocked;
  // Whose value is below or above the expected one; empty when anything hangs. Values can be right
  // by luck; the next two cannot.
  RankList too_small, too_large;
  RankList lacking, exceeding;  // whose value misses a peer's, or holds a stranger's
};

// Distinct local values whose minimum is not in every group; by rank.
std::vector<std::int64_t> model_values(std::uint32_t world_size);

CallOutcome ask(const Layout& layout,
                const CallQuestion& question,
                std::span<const std::int64_t> local);

}  // namespace radixbench
