#include "layout/call_model.h"

#include "base/check.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace radixbench {
namespace {

bool is_reduction(ModelCall call) { return call == ModelCall::kMin || call == ModelCall::kMax; }

bool do_pair(ModelCall left, ModelCall right) {
  return left == right || (is_reduction(left) && is_reduction(right));
}

// Runs ranks until each is at its end or in a call that does not complete. A rank cannot be ahead
// of a call that some member of its group has not made, so a group has one open call at a time.
class CallMachine {
 public:
  explicit CallMachine(const CallProgram& program)
      : program_{program},
        ranks_(program.steps.size()),
        next_step_(program.steps.size()),
        open_(program.groups.size()) {
    for (Rank rank = 0; rank < ranks_.size(); ++rank) restart(rank);
  }

  std::vector<ModelRank> run() {
    for (Rank rank = 0; rank < ranks_.size(); ++rank) ready_.push_back(rank);
    while (!ready_.empty()) {
      const Rank rank = ready_.back();
      ready_.pop_back();
      if (next_step_[rank] < program_.steps[rank].size()) enter(rank);
    }
    for (Rank rank = 0; rank < ranks_.size(); ++rank) note_block(rank);
    return std::move(ranks_);
  }

 private:
  [[nodiscard]] const ModelStep& step_of(Rank rank) const {
    return program_.steps[rank][next_step_[rank]];
  }

  void restart(Rank rank) {
    ranks_[rank].value = program_.local[rank];
    ranks_[rank].contributors.reset().set(rank);
  }

  void enter(Rank rank) {
    const ModelStep& step = step_of(rank);
    if (step.is_restart) restart(rank);
    const RankList& members = program_.groups[step.group];
    RADIXBENCH_CHECK(std::ranges::find(members, rank) != members.end());
    std::vector<Rank>& entered = open_[step.group];
    entered.push_back(rank);
    if (entered.size() < members.size()) return;
    const bool is_complete = std::ranges::all_of(
        entered, [&](Rank member) { return do_pair(step_of(member).call, step.call); });
    if (is_complete) complete(step.group);
  }

  void complete(std::size_t group) {
    const std::vector<Rank> members = std::exchange(open_[group], {});
    const Rank lowest = *std::ranges::min_element(members);
    const ModelCall call = step_of(lowest).call;
    ModelRank joint = ranks_[lowest];
    if (is_reduction(call)) {
      for (const Rank member : members) {
        const std::int64_t value = ranks_[member].value;
        joint.value =
            call == ModelCall::kMin ? std::min(joint.value, value) : std::max(joint.value, value);
        joint.contributors |= ranks_[member].contributors;
      }
    }
    for (const Rank member : members) {
      if (call != ModelCall::kBroadcast) ranks_[member] = joint;
      ++next_step_[member];
      ready_.push_back(member);
    }
  }

  void note_block(Rank rank) {
    if (next_step_[rank] == program_.steps[rank].size()) return;
    const ModelStep& step = step_of(rank);
    ModelBlock block{step.call, program_.groups[step.group], {}};
    const std::vector<Rank>& entered = open_[step.group];
    for (const Rank member : block.group) {
      const bool is_here = std::ranges::find(entered, member) != entered.end() &&
                           do_pair(step_of(member).call, step.call);
      if (!is_here) block.waiting_for.push_back(member);
    }
    ranks_[rank].blocked = std::move(block);
  }

  const CallProgram& program_;
  std::vector<ModelRank> ranks_;
  std::vector<std::size_t> next_step_;
  std::vector<std::vector<Rank>> open_;  // by group: who is inside its open call
  std::vector<Rank> ready_;
};

// Communicators of a layout as groups of a program: a kind that shares another's has its number.
class Communicators {
 public:
  Communicators(const Layout& layout, std::vector<RankList>& groups)
      : layout_{layout}, groups_{groups} {}

  std::size_t of(std::string_view kind, Rank rank) {
    std::string own{kind};
    for (auto alias = layout_.aliases().find(own); alias != layout_.aliases().end();
         alias = layout_.aliases().find(own)) {
      own = alias->second;
    }
    const RankList& members = layout_.group_of(own, rank);
    const auto [found, is_new] =
        numbers_.try_emplace({std::move(own), members.front()}, groups_.size());
    if (is_new) groups_.push_back(members);
    return found->second;
  }

 private:
  const Layout& layout_;
  std::vector<RankList>& groups_;
  std::map<std::pair<std::string, Rank>, std::size_t> numbers_;
};

std::string_view tp_cache_kind(const Layout& layout) {
  return layout.sizes().dp_attention ? "attention_tp" : "tp";
}

bool is_reversed(AxisMix mix, const Coordinates& at) {
  switch (mix) {
    case AxisMix::kNone: return false;
    case AxisMix::kOddCp: return at.attn_cp_rank % 2 == 1;
    case AxisMix::kOddTp: return at.attn_tp_rank % 2 == 1;
    case AxisMix::kCheckerboard: return (at.attn_cp_rank + at.attn_tp_rank) % 2 == 1;
  }
  return false;
}

std::vector<std::string_view> attention_kinds(const Layout& layout, Rank rank, AxisMix mix) {
  std::vector<std::string_view> kinds;
  for (const std::string_view kind : {"attn_cp", "attention_tp"}) {
    if (layout.group_of(kind, rank).size() > 1) kinds.push_back(kind);
  }
  if (kinds.empty()) kinds.push_back(tp_cache_kind(layout));
  if (is_reversed(mix, layout.coordinates(rank))) std::ranges::reverse(kinds);
  return kinds;
}

std::vector<std::string_view> kinds_of(const Layout& layout,
                                       const CallQuestion& question,
                                       Rank rank) {
  std::vector<std::string_view> kinds;
  switch (question.policy) {
    case CallPolicy::kCpTpPp:
      kinds = attention_kinds(layout, rank, question.mix);
      kinds.emplace_back("pp");
      return kinds;
    case CallPolicy::kCpThenTp: return attention_kinds(layout, rank, question.mix);
    case CallPolicy::kTpCacheGroup: return {tp_cache_kind(layout)};
    case CallPolicy::kTpGroup: return {"tp"};
    case CallPolicy::kAttnTp: return {"attention_tp"};
    case CallPolicy::kAttnCp: return {"attn_cp"};
    case CallPolicy::kWorld: return {"world"};
    case CallPolicy::kPp: return {"pp"};
    case CallPolicy::kStage0Forward:
      if (layout.coordinates(rank).pp_rank == 0) {
        kinds = attention_kinds(layout, rank, question.mix);
      }
      return kinds;
  }
  return kinds;
}

std::uint32_t request_count(const Layout& layout, const CallPattern& pattern, Rank rank) {
  return layout.coordinates(rank).attn_dp_rank == 0 ? pattern.first : pattern.others;
}

CallProgram program_of(const Layout& layout,
                       const CallQuestion& question,
                       std::span<const std::int64_t> local) {
  CallProgram program;
  program.local.assign(local.begin(), local.end());
  program.steps.resize(layout.world_size());
  Communicators communicators{layout, program.groups};
  for (Rank rank = 0; rank < layout.world_size(); ++rank) {
    std::vector<ModelStep>& steps = program.steps[rank];
    const std::uint32_t count = request_count(layout, question.pattern, rank);
    for (std::uint32_t request = 0; request < count; ++request) {
      const std::size_t first = steps.size();
      for (const std::string_view kind : kinds_of(layout, question, rank)) {
        steps.push_back({question.op, communicators.of(kind, rank)});
      }
      if (question.policy == CallPolicy::kStage0Forward) {
        steps.push_back({ModelCall::kForward, communicators.of("pp", rank)});
      }
      steps[first].is_restart = true;
    }
    if (question.is_followed_by_broadcast) {
      steps.push_back({ModelCall::kBroadcast, communicators.of("tp", rank)});
    }
  }
  return program;
}

// What the peers of `required` who asked would agree on, by rank.
std::vector<std::optional<std::int64_t>> expected_values(const Layout& layout,
                                                         const CallQuestion& question,
                                                         std::span<const std::int64_t> local) {
  std::vector<std::optional<std::int64_t>> expected(layout.world_size());
  for (const RankList& peers : layout.groups(question.required)) {
    std::optional<std::int64_t> agreed;
    const auto has_asked = [&](Rank peer) {
      return request_count(layout, question.pattern, peer) > 0;
    };
    for (const Rank peer : peers) {
      if (!has_asked(peer)) continue;
      if (!agreed) agreed = local[peer];
      agreed = question.op == ModelCall::kMin ? std::min(*agreed, local[peer])
                                              : std::max(*agreed, local[peer]);
    }
    for (const Rank peer : peers) {
      if (has_asked(peer)) expected[peer] = agreed;
    }
  }
  return expected;
}

RankSet set_of(const RankList& ranks, const std::vector<std::optional<std::int64_t>>& asked) {
  RankSet set;
  for (const Rank rank : ranks) {
    if (asked[rank]) set.set(rank);
  }
  return set;
}

void compare(const Layout& layout,
             const CallQuestion& question,
             const std::vector<ModelRank>& ranks,
             CallOutcome& outcome) {
  const std::string_view permitted_kind =
      question.permitted.empty() ? question.required : question.permitted;
  bool is_stage_only = question.required == "cache_replica";
  for (Rank rank = 0; rank < ranks.size(); ++rank) {
    if (!outcome.values[rank]) continue;
    if (outcome.values[rank] < outcome.expected[rank]) outcome.too_small.push_back(rank);
    if (outcome.values[rank] > outcome.expected[rank]) outcome.too_large.push_back(rank);
    const RankSet& reached = ranks[rank].contributors;
    const RankSet required = set_of(layout.group_of(question.required, rank), outcome.expected);
    if ((required & ~reached).any()) outcome.lacking.push_back(rank);
    const RankSet permitted = set_of(layout.group_of(permitted_kind, rank), outcome.expected);
    if ((reached & ~permitted).any()) outcome.exceeding.push_back(rank);
    if (reached != set_of(layout.replica(rank), outcome.expected)) is_stage_only = false;
  }
  const bool is_lacking = !outcome.lacking.empty();
  if (!outcome.exceeding.empty()) {
    outcome.verdict = is_lacking ? CallVerdict::kCrosstalkAndDivergence : CallVerdict::kCrosstalk;
  } else if (is_lacking) {
    outcome.verdict = is_stage_only ? CallVerdict::kStageOnly : CallVerdict::kDivergence;
  }
}

struct PolicyName {
  CallPolicy policy;
  std::string_view name;
};
constexpr std::array<PolicyName, 9> kPolicies = {{
    {CallPolicy::kCpTpPp, "cp_tp_pp"},
    {CallPolicy::kCpThenTp, "cp_then_tp"},
    {CallPolicy::kTpCacheGroup, "tp_cache_group"},
    {CallPolicy::kTpGroup, "tp_group"},
    {CallPolicy::kAttnTp, "attn_tp"},
    {CallPolicy::kAttnCp, "attn_cp"},
    {CallPolicy::kWorld, "world"},
    {CallPolicy::kPp, "pp"},
    {CallPolicy::kStage0Forward, "stage0_then_forward"},
}};

// Values differ as long as there are fewer than a prime of them.
std::uint32_t prime_above(std::uint32_t count) {
  const auto is_prime = [](std::uint32_t number) {
    for (std::uint32_t divisor = 2; divisor * divisor <= number; ++divisor) {
      if (number % divisor == 0) return false;
    }
    return true;
  };
  std::uint32_t prime = std::max(count + 1, 17U);
  while (!is_prime(prime)) ++prime;
  return prime;
}

}  // namespace

std::string_view to_string(ModelCall call) {
  switch (call) {
    case ModelCall::kMin: return "min";
    case ModelCall::kMax: return "max";
    case ModelCall::kBroadcast: return "bcast";
    case ModelCall::kForward: return "forward";
  }
  return "?";
}

std::string_view to_string(CallPolicy policy) {
  return std::ranges::find(kPolicies, policy, &PolicyName::policy)->name;
}

std::optional<CallPolicy> parse_call_policy(std::string_view text) {
  const auto* const found = std::ranges::find(kPolicies, text, &PolicyName::name);
  return found == kPolicies.end() ? std::nullopt : std::optional{found->policy};
}

std::string_view to_string(CallVerdict verdict) {
  switch (verdict) {
    case CallVerdict::kRight: return "right";
    case CallVerdict::kStageOnly: return "stage_only";
    case CallVerdict::kDivergence: return "divergence";
    case CallVerdict::kCrosstalk: return "crosstalk";
    case CallVerdict::kCrosstalkAndDivergence: return "crosstalk_and_divergence";
    case CallVerdict::kHang: return "hang";
  }
  return "?";
}

std::vector<ModelRank> run_calls(const CallProgram& program) {
  RADIXBENCH_CHECK(program.steps.size() == program.local.size());
  RADIXBENCH_CHECK(program.steps.size() <= kWorldSizeMax);
  return CallMachine{program}.run();
}

std::vector<std::int64_t> model_values(std::uint32_t world_size) {
  // Tokens of a prefetch: whole pages of 64, from page 64 on.
  const std::uint32_t prime = prime_above(world_size);
  std::vector<std::int64_t> values;
  for (std::uint32_t rank = 0; rank < world_size; ++rank) {
    values.push_back(std::int64_t{64} * (64 + (3 + 5 * rank) % prime));
  }
  return values;
}

CallOutcome ask(const Layout& layout,
                const CallQuestion& question,
                std::span<const std::int64_t> local) {
  RADIXBENCH_CHECK(local.size() == layout.world_size());
  RADIXBENCH_CHECK(is_reduction(question.op));
  const std::vector<ModelRank> ranks = run_calls(program_of(layout, question, local));
  CallOutcome outcome;
  outcome.expected = expected_values(layout, question, local);
  outcome.values.resize(ranks.size());
  for (Rank rank = 0; rank < ranks.size(); ++rank) {
    if (ranks[rank].blocked) {
      outcome.blocked.emplace(rank, *ranks[rank].blocked);
    } else if (outcome.expected[rank]) {
      outcome.values[rank] = ranks[rank].value;
    }
  }
  if (outcome.blocked.empty()) {
    compare(layout, question, ranks, outcome);
  } else {
    outcome.verdict = CallVerdict::kHang;
  }
  return outcome;
}

}  // namespace radixbench
