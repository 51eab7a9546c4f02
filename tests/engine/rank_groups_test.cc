#include "engine/rank_groups.h"

#include "support/cache_world.h"

#include <gmock/gmock.h>

#include <map>

namespace radixbench {
namespace {

using testing::ElementsAre;

using Names = std::map<std::string, std::vector<Rank>>;

// What rank 5 finds under each name; those without a group of several are left out.
Names groups_of_rank_5(const std::string& layout) {
  Names found;
  CacheWorld{{.layout = layout}}.run([&](CacheRank& rank) {
    if (rank.rank != 5) return;
    for (const char* name : {"tp",
                             "attn_cp",
                             "attention_tp",
                             "tp.device",
                             "attention_tp.device",
                             "prefetch.attn_cp",
                             "prefetch.attention_tp"}) {
      if (Communicator* group = rank.groups.find(name)) found[name] = group->group().members;
    }
  });
  return found;
}

const std::vector<Rank> kStage = {0, 1, 2, 3, 4, 5, 6, 7};

TEST(RankGroupsTest, EachKindHasItsMembersAndOneRankGroupsAreNotThere) {
  EXPECT_EQ(groups_of_rank_5("sglang:tp=8,cp=2,dp=2"),
            (Names{{"tp", kStage},
                   {"attn_cp", {5, 7}},
                   {"attention_tp", {4, 5}},
                   {"tp.device", kStage},
                   {"attention_tp.device", {4, 5}},
                   {"prefetch.attn_cp", {5, 7}},
                   {"prefetch.attention_tp", {4, 5}}}));
  EXPECT_EQ(groups_of_rank_5("sglang:tp=8,cp=4,dp=2"),
            (Names{{"tp", kStage},
                   {"attn_cp", {4, 5, 6, 7}},
                   {"tp.device", kStage},
                   {"prefetch.attn_cp", {4, 5, 6, 7}}}));
}

TEST(RankGroupsTest, WhereAttentionTpIsTheStageItIsTheStagesCommunicator) {
  CacheWorld{{.layout = "tp8"}}.run([](CacheRank& rank) {
    EXPECT_EQ(rank.groups.find("attention_tp"), rank.groups.find("tp"));
    EXPECT_EQ(rank.groups.find("attention_tp.device"), rank.groups.find("tp.device"));
    EXPECT_NE(rank.groups.find("tp.device"), rank.groups.find("tp"));
    EXPECT_EQ(rank.groups.find("attn_cp"), nullptr);
  });
}

TEST(RankGroupsTest, WhereContextParallelIsTheStageItIsTheStagesCommunicator) {
  CacheWorld{{.layout = "sglang:tp=8,cp=8"}}.run([](CacheRank& rank) {
    EXPECT_EQ(rank.groups.find("attn_cp"), rank.groups.find("tp"));
    EXPECT_EQ(rank.groups.find("attention_tp"), nullptr);
  });
}

TEST(RankGroupsTest, ThePrefetchThreadSharesNoCommunicatorWithTheScheduler) {
  for (const char* layout : {"tp8", "tp4cp2", "sglang:tp=8,cp=8", "sglang:tp=8,cp=2,dp=2"}) {
    CacheWorld{{.layout = layout}}.run([](CacheRank& rank) {
      for (const char* own : {"prefetch.attn_cp", "prefetch.attention_tp"}) {
        Communicator* group = rank.groups.find(own);
        if (group == nullptr) continue;
        for (const char* other : {"tp", "attn_cp", "attention_tp"}) {
          EXPECT_NE(group, rank.groups.find(other));
        }
      }
      EXPECT_GT(rank.groups.prefetch_hops().hop_count(), 0U);
    });
  }
}

TEST(RankGroupsTest, TheCacheIsGivenAttentionTpAsItsTpGroupUnderReplicasAndElseTheStage) {
  CacheWorld replicas{{.layout = "sglang:tp=8,cp=2,dp=2"}};
  replicas.run([&](CacheRank& rank) {
    const CacheCommunicators given = rank.groups.cache(replicas.layout());
    EXPECT_EQ(given.tp_cache, rank.groups.find("attention_tp"));
    EXPECT_EQ(given.tp->size(), 8U);
  });
  CacheWorld one{{.layout = "tp4cp2"}};
  one.run([&](CacheRank& rank) {
    EXPECT_EQ(rank.groups.cache(one.layout()).tp_cache, rank.groups.find("tp"));
  });
}

// A group's number is how records of its members are joined.
TEST(RankGroupsTest, MembersNumberTheirGroupsAlike) {
  CacheWorld world{{.layout = "sglang:tp=8,cp=2,dp=2"}};
  using Numbered = std::vector<std::pair<std::uint32_t, std::vector<Rank>>>;
  const auto all = world.collect<Numbered>([](CacheRank& rank) {
    Numbered numbered;
    for (const GroupSpec* spec : rank.groups.specs()) {
      numbered.emplace_back(spec->ordinal, spec->members);
    }
    return numbered;
  });
  std::map<std::uint32_t, std::vector<Rank>> seen;
  for (const Numbered& rank : all) {
    EXPECT_EQ(rank.size(), 7U);
    for (const auto& [ordinal, members] : rank) {
      EXPECT_EQ(seen.try_emplace(ordinal, members).first->second, members) << ordinal;
    }
  }
}

}  // namespace
}  // namespace radixbench
