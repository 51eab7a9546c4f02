#include "layout/layout.h"

#include "layout/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>

namespace radixbench {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Layout layout_of(std::string_view text) {
  Result<Layout> layout = make_layout(text);
  EXPECT_TRUE(layout) << layout.error().message;
  return *layout;
}

// The 16 ranks of S11, every axis wider than one: known by hand from the engine's tables.
TEST(LayoutTest, SixteenRanksWithEveryAxis) {
  const Layout layout = layout_of("sglang:tp=8,pp=2,dp=4,cp=2");
  EXPECT_THAT(layout.group_of("attn_cp", 5), ElementsAre(4, 5));
  EXPECT_THAT(layout.group_of("attention_tp", 5), ElementsAre(5));
  EXPECT_THAT(layout.group_of("pp", 13), ElementsAre(5, 13));
  EXPECT_THAT(layout.replica(13), ElementsAre(12, 13));
  EXPECT_THAT(layout.group_of("cache_replica", 13), ElementsAre(4, 5, 12, 13));
  EXPECT_EQ(layout.coordinates(13).attn_dp_rank, 2U);
}

// S05 and S06: the same launch with one replica and with two.
TEST(LayoutTest, ASecondReplicaShrinksTheCacheGroupToOneRank) {
  EXPECT_EQ(layout_of("sglang:tp=8,cp=8").cache_groups(3).tp_cache_group.size(), 8U);
  const Layout two = layout_of("sglang:tp=8,cp=4,dp=2");
  EXPECT_THAT(two.cache_groups(3).tp_cache_group, ElementsAre(3));
  EXPECT_THAT(cache_group_lacks(two, 3), ElementsAre(0, 1, 2));
}

TEST(LayoutTest, CacheGroupLacksPeersOnlyWithReplicasAndCp) {
  for (const std::string_view text : {"tp8", "tp4cp2", "cp8", "tp4dp2", "dp8", "tp2cp2pp2"}) {
    SCOPED_TRACE(text);
    const Layout layout = layout_of(text);
    for (Rank rank = 0; rank < layout.world_size(); ++rank) {
      EXPECT_THAT(cache_group_lacks(layout, rank), IsEmpty());
    }
  }
  EXPECT_THAT(cache_group_lacks(layout_of("tp2cp2dp2"), 0), ElementsAre(2, 3));
}

// Every kind is a partition of the world, whatever the sizes.
TEST(LayoutTest, EveryKindHoldsEveryRankOnce) {
  for (const std::string_view text : {"tp1",
                                      "tp4cp2",
                                      "tp2cp2dp2pp2",
                                      "sglang:tp=12,cp=3,dp=2,ep=4,dcp=2",
                                      "sglang:tp=8,cp=2,moe_dp=2,ep=4"}) {
    const Layout layout = layout_of(text);
    for (const std::string& kind : layout.kinds()) {
      SCOPED_TRACE(std::string{text} + " " + kind);
      std::multiset<Rank> members;
      Rank first_before = 0;
      for (const RankList& list : layout.groups(kind)) {
        EXPECT_GE(list.front(), first_before);
        first_before = list.front();
        members.insert(list.begin(), list.end());
      }
      EXPECT_EQ(members.size(), layout.world_size());
      EXPECT_EQ(std::set<Rank>(members.begin(), members.end()).size(), layout.world_size());
    }
  }
}

// The axes of the replica are orthogonal: reducing over CP, then TP, reaches all of it and no more.
TEST(LayoutTest, AxisByAxisReachesTheReplicasStage) {
  for (const std::string_view text :
       {"tp4cp2", "tp2cp2dp2", "cp4dp2", "tp4dp2", "dp8", "cp8", "tp2cp3dp2pp2"}) {
    SCOPED_TRACE(text);
    const Result<ParsedLayout> parsed = parse_layout(text);
    ASSERT_TRUE(parsed);
    const LayoutDescription description = describe("", *parsed);
    for (const CachePlace& place : description.places) {
      EXPECT_EQ(place.effective_stage_set, description.layout->replica(place.rank));
    }
  }
}

TEST(LayoutDeathTest, SizesThatParsingRejectsAreABug) {
  EXPECT_DEATH(Layout(LayoutSizes{.tp = 8, .cp = 3}), "broken_rules");
  EXPECT_DEATH(static_cast<void>(layout_of("tp2").group_of("ring", 0)), "list_of_rank_");
}

}  // namespace
}  // namespace radixbench
