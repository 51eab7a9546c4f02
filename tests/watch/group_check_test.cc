#include "watch/group_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace radixbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr std::int64_t kSecond = 1'000'000'000;

Layout layout_of(const std::string& spec) { return make_layout(spec).value(); }

// What each rank of a correct program tells: its own groups in creation order, with ordinals.
std::vector<GroupList> told(const Layout& layout) {
  std::vector<GroupList> lists;
  for (Rank rank = 0; rank < layout.world_size(); ++rank) {
    GroupList& list = lists.emplace_back();
    list.rank = rank;
    list.source = "groups." + std::to_string(rank) + ".json";
    std::uint64_t ordinal = 0;
    for (const char* kind : {"world", "tp", "attn_cp", "attention_tp", "pp"}) {
      for (const RankList& members : layout.groups(kind)) {
        const bool is_own = std::ranges::find(members, rank) != members.end();
        if (is_own) list.groups.push_back({kind, members, ordinal, 120 * kSecond});
        ++ordinal;
      }
    }
  }
  return lists;
}

ToldGroup& group_of(GroupList& list, const std::string& name) {
  return *std::ranges::find(list.groups, name, &ToldGroup::name);
}

void remove_group(GroupList& list, const std::string& name) {
  std::erase_if(list.groups, [&](const ToldGroup& group) { return group.name == name; });
}

void drop_ordinals(std::vector<GroupList>& lists) {
  for (GroupList& list : lists) {
    for (ToldGroup& group : list.groups) group.ordinal.reset();
  }
}

Verdict only_finding(const std::vector<GroupList>& lists,
                     const Layout& layout,
                     std::int64_t watchdog_ns = 0) {
  const Diagnosis diagnosis = check_groups(lists, {.layout = &layout, .watchdog_ns = watchdog_ns});
  EXPECT_THAT(diagnosis.verdicts, SizeIs(1));
  for (const Verdict& verdict : diagnosis.verdicts) {
    std::string all;
    for (const std::string& line : verdict.evidence) all += "\n  " + line;
    if (diagnosis.verdicts.size() > 1) ADD_FAILURE() << to_string(verdict.verdict) << all;
  }
  return diagnosis.verdicts.front();
}

TEST(GroupCheckTest, ACorrectProgramIsFineWithAndWithoutOrdinals) {
  for (const std::string spec : {"tp1", "tp4cp2", "tp2cp2dp2", "tp2cp2dp2pp2", "dp8", "cp8"}) {
    SCOPED_TRACE(spec);
    const Layout layout = layout_of(spec);
    std::vector<GroupList> lists = told(layout);
    EXPECT_EQ(only_finding(lists, layout, 300 * kSecond).verdict, VerdictClass::kNone);
    drop_ordinals(lists);
    EXPECT_EQ(only_finding(lists, layout).verdict, VerdictClass::kNone);
  }
}

TEST(GroupCheckTest, TheWorldsListIsEverybodysList) {
  const Layout layout = layout_of("tp2cp2dp2");
  GroupList world;
  world.source = "world.json";
  for (const char* kind : {"tp", "attn_cp", "attention_tp"}) {
    for (const RankList& members : layout.groups(kind)) {
      world.groups.push_back({kind, members, {}, {}});
    }
  }
  EXPECT_EQ(only_finding({world}, layout).verdict, VerdictClass::kNone);
  world.groups.pop_back();
  const Verdict verdict = only_finding({world}, layout);
  EXPECT_EQ(verdict.verdict, VerdictClass::kGroupNotInitialised);
  EXPECT_THAT(verdict.absent, ElementsAre(6, 7));
}

TEST(GroupCheckTest, OtherMembersThanTheLayoutSaysAreNamedWithBoth) {
  const Layout layout = layout_of("tp2cp2dp2");
  std::vector<GroupList> lists = told(layout);
  group_of(lists[0], "attention_tp").members = {0, 2};
  const Verdict verdict = only_finding(lists, layout);
  EXPECT_EQ(verdict.verdict, VerdictClass::kGroupCreateMembership);
  EXPECT_EQ(verdict.expected_group, "attention_tp{0,1}");
  EXPECT_EQ(verdict.actual_group, "attention_tp{0,2}");
  EXPECT_THAT(verdict.culprit_ranks, testing::Contains(0));
}

// CP and TP axes swapped everywhere: consistent among the ranks, and not this layout.
TEST(GroupCheckTest, AConsistentProgramOfAnotherAxisOrderIsFound) {
  const Layout layout = layout_of("tp4cp2");
  std::vector<GroupList> lists = told(layout);
  drop_ordinals(lists);
  for (GroupList& list : lists) {
    const Rank rank = *list.rank;
    group_of(list, "attn_cp").members = {rank / 2 * 2, rank / 2 * 2 + 1};
  }
  const Diagnosis diagnosis = check_groups(lists, {.layout = &layout});
  ASSERT_FALSE(diagnosis.verdicts.empty());
  const Verdict& verdict = diagnosis.verdicts.front();
  EXPECT_EQ(verdict.verdict, VerdictClass::kGroupCreateMembership);
  EXPECT_EQ(verdict.expected_group, "attn_cp{0,4}");
  EXPECT_EQ(verdict.actual_group, "attn_cp{0,1}");
}

TEST(GroupCheckTest, TheSameRanksInAnotherOrderAreAnotherGroup) {
  const Layout layout = layout_of("tp4cp2");
  std::vector<GroupList> lists = told(layout);
  group_of(lists[5], "attn_cp").members = {5, 1};
  const Verdict verdict = only_finding(lists, layout);
  EXPECT_EQ(verdict.verdict, VerdictClass::kGroupCreateMembership);
  EXPECT_THAT(verdict.culprit_ranks, ElementsAre(1, 5));
  EXPECT_THAT(verdict.evidence.front(), HasSubstr("attn_cp{1,5}"));
}

TEST(GroupCheckTest, AMemberWithoutTheGroupNeverInitialisedIt) {
  const Layout layout = layout_of("tp4cp2");
  std::vector<GroupList> lists = told(layout);
  remove_group(lists[6], "attn_cp");
  const Verdict verdict = only_finding(lists, layout);
  EXPECT_EQ(verdict.verdict, VerdictClass::kGroupNotInitialised);
  EXPECT_THAT(verdict.culprit_ranks, ElementsAre(6));
  EXPECT_THAT(verdict.absent, ElementsAre(6));
  EXPECT_EQ(verdict.expected_group, "attn_cp{2,6}");
}

TEST(GroupCheckTest, AMemberWithFewerCopiesMadeFewerCreations) {
  const Layout layout = layout_of("tp2");
  std::vector<GroupList> lists = told(layout);
  lists[0].groups.push_back({"hits", {0, 1}, {}, {}});
  lists[0].groups.push_back({"hits", {0, 1}, {}, {}});
  lists[1].groups.push_back({"hits", {0, 1}, {}, {}});
  const Verdict verdict = only_finding(lists, layout);
  EXPECT_EQ(verdict.verdict, VerdictClass::kGroupCreateCount);
  EXPECT_THAT(verdict.culprit_ranks, ElementsAre(0, 1));
}

TEST(GroupCheckTest, OneNameForTwoSetsOnARankIsAName) {
  const Layout layout = layout_of("tp4cp2");
  std::vector<GroupList> lists = told(layout);
  for (GroupList& list : lists) {
    const std::vector<Rank> half =
        *list.rank < 4 ? std::vector<Rank>{0, 1, 2, 3} : std::vector<Rank>{4, 5, 6, 7};
    list.groups.push_back({"hits", layout.group_of("attn_cp", *list.rank), {}, {}});
    list.groups.push_back({"hits", half, {}, {}});
  }
  EXPECT_EQ(only_finding(lists, layout).verdict, VerdictClass::kGroupCreateName);
}

TEST(GroupCheckTest, TwoNamesForOneCreationAreAName) {
  const Layout layout = layout_of("tp2");
  std::vector<GroupList> lists = told(layout);
  lists[0].groups.push_back({"", {0, 1}, 90, {}});
  lists[1].groups.push_back({"", {0, 1}, 90, {}});
  EXPECT_EQ(only_finding(lists, layout).verdict, VerdictClass::kNone);
  lists[1].groups.back().name = "hits";
  const Diagnosis diagnosis = check_groups(lists, {.layout = &layout});
  EXPECT_TRUE(std::ranges::any_of(diagnosis.verdicts, [](const Verdict& verdict) {
    return verdict.verdict == VerdictClass::kGroupCreateName;
  }));
}

TEST(GroupCheckTest, OrdinalsThatDifferAreAnOrder) {
  const Layout layout = layout_of("tp2cp2");
  std::vector<GroupList> lists = told(layout);
  std::swap(group_of(lists[3], "attn_cp").ordinal, group_of(lists[3], "attention_tp").ordinal);
  const Verdict verdict = only_finding(lists, layout);
  EXPECT_EQ(verdict.verdict, VerdictClass::kGroupCreateOrder);
  EXPECT_THAT(verdict.culprit_ranks, testing::Contains(3));
}

// Without ordinals only what two ranks share can show it: 0 makes tp then world, 1 the reverse.
TEST(GroupCheckTest, TwoRanksThatCreateInOppositeOrderGoInACircle) {
  const Layout layout = layout_of("tp2cp2");
  std::vector<GroupList> lists = told(layout);
  drop_ordinals(lists);
  std::swap(lists[1].groups[0], lists[1].groups[1]);
  const Verdict verdict = only_finding(lists, layout);
  EXPECT_EQ(verdict.verdict, VerdictClass::kGroupCreateOrder);
  EXPECT_THAT(verdict.culprit_ranks, ElementsAre(0, 1));
  EXPECT_THAT(verdict.evidence, SizeIs(2));
}

// No two ranks share two groups, and yet no order suits all three.
TEST(GroupCheckTest, ACircleOfThreeRanksIsFoundThoughNoPairDiffers) {
  const Layout layout = layout_of("tp3");
  std::vector<GroupList> lists = told(layout);
  drop_ordinals(lists);
  const ToldGroup a{"a", {0, 1}, {}, {}};
  const ToldGroup b{"b", {1, 2}, {}, {}};
  const ToldGroup c{"c", {0, 2}, {}, {}};
  lists[0].groups.insert(lists[0].groups.end(), {c, a});
  lists[1].groups.insert(lists[1].groups.end(), {a, b});
  lists[2].groups.insert(lists[2].groups.end(), {b, c});
  const Verdict verdict = only_finding(lists, layout);
  EXPECT_EQ(verdict.verdict, VerdictClass::kGroupCreateOrder);
  EXPECT_THAT(verdict.culprit_ranks, ElementsAre(0, 1, 2));
}

// Every rank makes its own list only, so two lists are the same creation.
TEST(GroupCheckTest, LocalListsShareAnOrdinal) {
  const Layout layout = layout_of("tp2cp2");
  std::vector<GroupList> lists = told(layout);
  for (GroupList& list : lists) {
    for (std::size_t i = 0; i < list.groups.size(); ++i) list.groups[i].ordinal = i;
  }
  const Diagnosis diagnosis = check_groups(lists, {.layout = &layout});
  ASSERT_FALSE(diagnosis.verdicts.empty());
  for (const Verdict& verdict : diagnosis.verdicts) {
    EXPECT_EQ(verdict.verdict, VerdictClass::kGroupCreateMembership);
    EXPECT_THAT(verdict.evidence.front(), HasSubstr("creation "));
  }
}

TEST(GroupCheckTest, RanksThatTellEveryCreationMustTellTheSame) {
  const Layout layout = layout_of("tp2cp2");
  std::vector<GroupList> lists = told(layout);
  for (GroupList& list : lists) {
    list.groups.clear();
    for (const char* kind : {"attn_cp", "attention_tp"}) {
      for (const RankList& members : layout.groups(kind)) {
        list.groups.push_back({kind, members, {}, {}});
      }
    }
  }
  EXPECT_EQ(only_finding(lists, layout).verdict, VerdictClass::kNone);
  std::vector<GroupList> swapped = lists;
  std::swap(swapped[2].groups[1], swapped[2].groups[2]);
  EXPECT_EQ(check_groups(swapped, {.layout = &layout}).verdicts.front().verdict,
            VerdictClass::kGroupCreateOrder);
  lists[2].groups.push_back({"hits", {0, 1}, {}, {}});
  lists[0].groups.push_back({"hits", {0, 1}, {}, {}});
  lists[1].groups.push_back({"hits", {0, 1}, {}, {}});
  const Verdict verdict = only_finding(lists, layout);
  EXPECT_EQ(verdict.verdict, VerdictClass::kGroupCreateCount);
  EXPECT_THAT(verdict.culprit_ranks, ElementsAre(0, 3));
}

TEST(GroupCheckTest, ATimeoutBeyondTheWatchdogsIsMisconfigured) {
  const Layout layout = layout_of("tp2");
  std::vector<GroupList> lists = told(layout);
  for (GroupList& list : lists) group_of(list, "tp").timeout_ns = 7200 * kSecond;
  EXPECT_EQ(only_finding(lists, layout).verdict, VerdictClass::kNone);
  EXPECT_EQ(only_finding(lists, layout, 7200 * kSecond).verdict, VerdictClass::kNone);
  const Verdict verdict = only_finding(lists, layout, 300 * kSecond);
  EXPECT_EQ(verdict.verdict, VerdictClass::kTimeoutMisconfigured);
  EXPECT_THAT(verdict.culprit_ranks, ElementsAre(0, 1));
  EXPECT_THAT(verdict.evidence.front(), HasSubstr("tp{0,1} waits 7200 s, the watchdog 300 s"));
}

TEST(GroupCheckTest, RanksWithoutAListMakeItIncomplete) {
  const Layout layout = layout_of("tp4cp2");
  std::vector<GroupList> lists = told(layout);
  lists.erase(lists.begin() + 3);
  const Verdict verdict = only_finding(lists, layout);
  EXPECT_EQ(verdict.verdict, VerdictClass::kIncomplete);
  EXPECT_THAT(verdict.missing_dumps, ElementsAre(3));
}

TEST(GroupCheckTest, AnotherWorldsSizeAndRanksBeyondItAreFindings) {
  const Layout layout = layout_of("tp2");
  std::vector<GroupList> lists = told(layout_of("tp4"));
  EXPECT_EQ(check_groups(lists, {.layout = &layout}).verdicts.front().verdict,
            VerdictClass::kGroupCreateMembership);
  lists = told(layout);
  lists[0].world_size = 4;
  const Verdict verdict = only_finding(lists, layout);
  EXPECT_EQ(verdict.verdict, VerdictClass::kGroupCreateMembership);
  EXPECT_THAT(verdict.evidence.front(), HasSubstr("a world of 4 ranks; the layout has 2"));
}

TEST(GroupCheckTest, NamesMeanKindsWhateverAnEngineAddsToThem) {
  const Layout layout = layout_of("tp2cp2dp2");
  for (const char* name : {"attention_tp",
                           "attention_tp:cpu",
                           "attention_tp:0",
                           "attn_tp:device",
                           "attention_tp.device",
                           "prefetch.attention_tp"}) {
    EXPECT_EQ(kind_of_name(layout, name), "attention_tp") << name;
  }
  EXPECT_EQ(kind_of_name(layout, "hits"), "");
  EXPECT_EQ(kind_of_name(layout, "tp_cache_group"), "tp_cache_group");
  std::vector<GroupList> lists = told(layout);
  for (GroupList& list : lists) {
    list.groups.push_back({"tp_cache_group", layout.group_of("attention_tp", *list.rank), {}, {}});
  }
  EXPECT_EQ(only_finding(lists, layout).verdict, VerdictClass::kNone);
  for (GroupList& list : lists) list.groups.back().members = layout.groups("tp")[0];
  const Verdict verdict = only_finding(lists, layout);
  EXPECT_EQ(verdict.verdict, VerdictClass::kGroupCreateMembership);
  EXPECT_EQ(verdict.expected_group, "tp_cache_group{0,1}");
}

TEST(GroupCheckTest, TwoListsOfOneRankAreToldTwice) {
  std::vector<GroupList> lists = told(layout_of("tp2"));
  EXPECT_FALSE(told_twice(lists));
  lists[1].rank = 0;
  EXPECT_THAT(told_twice(lists).value_or(""), HasSubstr("rank 0"));
}

}  // namespace
}  // namespace radixbench
