#include "layout/sites.h"

#include "base/check.h"

#include <array>
#include <cstddef>

namespace radixbench {
namespace {

constexpr std::string_view kReplica = "attn_cp x attention_tp";
constexpr SiteMembers kStep = SiteMembers::kEveryStep;
constexpr SiteMembers kKey = SiteMembers::kPerKey;
constexpr SiteThread kScheduler = SiteThread::kScheduler;
constexpr SiteThread kPrefetch = SiteThread::kPrefetch;

// In the order of Site, so that a site is its own position. The seven control sites agree within
// one replica's stage; requests are received by a whole stage, and the model's own reduction runs
// on attention TP.
constexpr std::array<SiteContract, 10> kContracts = {{
    {Site::kNone, "none", "", kKey, kScheduler, false},
    {Site::kRecvRequests, "recv_requests", "tp", kStep, kScheduler, false},
    {Site::kWritingCheck, "writing_check", kReplica, kStep, kScheduler, true},
    {Site::kLoadingCheck, "loading_check", kReplica, kStep, kScheduler, true},
    {Site::kCanTerminatePrefetch, "can_terminate_prefetch", kReplica, kKey, kScheduler, true},
    {Site::kCheckPrefetchProgress, "check_prefetch_progress", kReplica, kKey, kScheduler, true},
    {Site::kReleaseAbortedRequest, "release_aborted_request", kReplica, kKey, kScheduler, true},
    {Site::kDrainStorageControlQueues,
     "drain_storage_control_queues",
     kReplica,
     kStep,
     kScheduler,
     true},
    {Site::kPrefetchHitCount, "prefetch.hit_count", kReplica, kKey, kPrefetch, true},
    {Site::kForward, "forward", "attention_tp", kStep, kScheduler, false},
}};

constexpr bool each_site_is_its_own_position() {
  for (std::size_t i = 0; i < kContracts.size(); ++i) {
    if (static_cast<std::size_t>(kContracts[i].site) != i) return false;
  }
  return true;
}
static_assert(each_site_is_its_own_position());

}  // namespace

std::span<const SiteContract> site_contracts() { return std::span{kContracts}.subspan(1); }

const SiteContract& contract_of(Site site) {
  const auto position = static_cast<std::size_t>(site);
  RADIXBENCH_CHECK(position < kContracts.size());
  return kContracts[position];
}

std::string_view to_string(Site site) { return contract_of(site).name; }

std::string_view name_of_site(std::uint16_t site) { return to_string(static_cast<Site>(site)); }

}  // namespace radixbench
