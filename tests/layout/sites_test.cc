#include "layout/sites.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string_view>

namespace radixbench {
namespace {

TEST(SitesTest, SevenControlSitesAgreeOverTheReplicasStage) {
  std::size_t control = 0;
  for (const SiteContract& contract : site_contracts()) {
    if (!contract.is_control) continue;
    ++control;
    EXPECT_EQ(contract.axes, "attn_cp x attention_tp") << contract.name;
  }
  EXPECT_EQ(control, 7U);
}

TEST(SitesTest, NeighboursAreReceivingAndForward) {
  std::set<std::string_view> neighbours;
  for (const SiteContract& contract : site_contracts()) {
    if (!contract.is_control) neighbours.insert(contract.name);
  }
  EXPECT_EQ(neighbours, (std::set<std::string_view>{"recv_requests", "forward"}));
}

TEST(SitesTest, OnlyTheHitCountBelongsToThePrefetchThread) {
  for (const SiteContract& contract : site_contracts()) {
    EXPECT_EQ(contract.thread == SiteThread::kPrefetch, contract.site == Site::kPrefetchHitCount)
        << contract.name;
  }
}

// Per key: entered for one request or one prefetch; every other site is entered once a step.
TEST(SitesTest, PerKeySitesAreThoseOfOneRequest) {
  std::set<std::string_view> per_key;
  for (const SiteContract& contract : site_contracts()) {
    if (contract.members == SiteMembers::kPerKey) per_key.insert(contract.name);
  }
  EXPECT_EQ(per_key,
            (std::set<std::string_view>{"can_terminate_prefetch",
                                        "check_prefetch_progress",
                                        "release_aborted_request",
                                        "prefetch.hit_count"}));
}

// Records and rings hold these numbers.
TEST(SitesTest, NumbersAndNamesStayWhatRecordsHold) {
  EXPECT_EQ(to_string(Site::kNone), "none");
  EXPECT_EQ(to_string(static_cast<Site>(1)), "recv_requests");
  EXPECT_EQ(to_string(static_cast<Site>(2)), "writing_check");
  EXPECT_EQ(to_string(static_cast<Site>(3)), "loading_check");
  EXPECT_EQ(to_string(static_cast<Site>(4)), "can_terminate_prefetch");
  EXPECT_EQ(to_string(static_cast<Site>(5)), "check_prefetch_progress");
  EXPECT_EQ(to_string(static_cast<Site>(6)), "release_aborted_request");
  EXPECT_EQ(to_string(static_cast<Site>(7)), "drain_storage_control_queues");
  EXPECT_EQ(to_string(static_cast<Site>(8)), "prefetch.hit_count");
  EXPECT_EQ(to_string(static_cast<Site>(9)), "forward");
}

TEST(SitesDeathTest, ASiteBeyondTheTableIsABug) {
  EXPECT_DEATH(contract_of(static_cast<Site>(10)), "position");
}

}  // namespace
}  // namespace radixbench
