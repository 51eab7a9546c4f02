#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// When a prefetch that still runs may be stopped (J 3.6).
enum class PrefetchPolicy : std::uint8_t { kBestEffort, kWaitComplete, kTimeout };
std::string_view to_string(PrefetchPolicy policy);
Result<PrefetchPolicy> parse_prefetch_policy(std::string_view text);

// When host pages are allocated, what the limits are, and what an entry condition is. `j` is
// SGLang's UnifiedRadixCache as "Fix CP Reduce" left it (4df1ccda, 2026-06-05), its hazards
// included; `fixed` is j with the five repairs, each a field that can be switched off alone.
struct Rules {
  std::string base = "fixed";  // j or fixed, as the heading names it
  // result_sync: how much all got is agreed always, not only where the TP cache group has more than
  // one rank (upstream #31443).
  bool syncs_results_always = true;
  // load_acks: how many load-backs have ended is agreed; j asks nobody (upstream #27285).
  bool agrees_load_acks = true;
  // entry: the ack checks are entered with nothing in flight too (upstream #27489).
  bool always_enters_checks = true;
  // neutral: a rank that could not take part in a prefetch still votes, with [0,0], and reports 0
  // tokens (upstream's closed #38268 and its like).
  bool contributes_neutral = true;
  // examined_set: which waiting requests are asked about follows from agreed state alone; j stops
  // at what this rank's free slots say (upstream #30760).
  bool examines_agreed_set = true;

  bool stamps_split_remainder = true;  // J 1.7
  std::uint32_t load_back_threshold_tokens = 256;
  std::uint32_t prefetch_threshold_tokens = 256;
  std::int64_t prefetch_timeout_base_ns = 1'000'000'000;
  std::int64_t prefetch_timeout_per_ki_token_ns = 250'000'000;
  double prefetch_capacity_share = 0.8;  // of host minus device tokens
};

// "j" or "fixed".
Result<Rules> make_rules(std::string_view name);
// The repairs' names, in the order of the fields.
const std::vector<std::string>& repair_names();
// Switches one repair off, by name.
Result<void> switch_off(Rules& rules, std::string_view repair);
// "fixed", or "fixed without load_acks".
std::string describe(const Rules& rules);

}  // namespace radixbench
