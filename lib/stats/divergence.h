#pragma once

#include "stats/rank_view.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace radixbench {

// Ranks that saw the same at a place where all of their replica must.
struct Side {
  std::vector<Rank> ranks;
  bool has_called = true;                // else they did not come to the call at all
  std::array<std::int64_t, 3> values{};  // what the call left in place
  std::string group;                     // that the last hop of it went to, e.g. "attention_tp"
  std::uint32_t hops = 0;                // groups it went to, one after the other
  std::vector<Rank> members;             // of that group, seen from the first of `ranks`
};

// The earliest agreement that did not agree.
struct Disagreement {
  std::uint64_t step = 0;
  std::uint16_t site = 0;
  std::uint64_t request_id = 0;
  std::vector<Side> sides;  // by their first rank
};

// The earliest prefetch of which ranks of a replica took different lengths.
struct LengthSide {
  std::vector<Rank> ranks;
  bool has_applied = true;  // else it still ran when the run ended
  std::uint64_t tokens = 0;
  std::uint64_t applied_step = 0;
};
struct LengthDifference {
  std::uint64_t request_id = 0;
  std::vector<LengthSide> sides;
};

struct Divergence {
  std::uint32_t replica = 0;
  std::vector<Rank> ranks;                            // of the replica
  std::uint64_t steps_compared = 0;                   // those that all ranks have
  std::optional<std::uint64_t> first_differing_step;  // by digest
  std::optional<Disagreement> disagreement;
  std::optional<LengthDifference> lengths;

  [[nodiscard]] bool is_any() const {
    return first_differing_step.has_value() || disagreement.has_value() || lengths.has_value();
  }
};

// One a replica of more than one rank, whether its ranks diverged or not. Only steps that all its
// ranks finished are compared; where rows were dropped or a rank was killed, a call that is not
// there says nothing, and only what calls left in place is compared.
std::vector<Divergence> find_divergences(std::span<const RankView> ranks,
                                         std::span<const SiteInfo> sites);

// In one sentence that begins with "ranks of replica"; empty where nothing diverged.
std::string to_sentence(const Divergence& divergence, std::span<const SiteInfo> sites);

// {0,1,4}
std::string to_text(std::span<const Rank> ranks);

}  // namespace radixbench
