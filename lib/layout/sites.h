#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace radixbench {

// Every place where ranks of a serving engine's cache speak to each other. The numbers are written
// to records and rings: append, never renumber.
enum class Site : std::uint16_t {
  kNone = 0,
  kRecvRequests = 1,
  kWritingCheck = 2,
  kLoadingCheck = 3,
  kCanTerminatePrefetch = 4,
  kCheckPrefetchProgress = 5,
  kReleaseAbortedRequest = 6,
  kDrainStorageControlQueues = 7,
  kPrefetchHitCount = 8,
  kForward = 9,
};

enum class SiteThread : std::uint8_t { kScheduler, kPrefetch };
enum class SiteMembers : std::uint8_t { kEveryStep, kPerKey };

// What a site asks of the ranks: over which axes it must agree, who must call, on which thread.
struct SiteContract {
  Site site;
  std::string_view name;  // as docs, records and verdicts spell it
  std::string_view axes;  // "attn_cp x attention_tp": the replica's stage; "tp": the stage
  SiteMembers members;
  SiteThread thread;
  bool is_control;  // one of the seven rows of the agreement table; else a neighbour
};

std::span<const SiteContract> site_contracts();
const SiteContract& contract_of(Site site);
std::string_view to_string(Site site);
// The same for who has the number alone, as transports do for their errors.
std::string_view name_of_site(std::uint16_t site);

}  // namespace radixbench
