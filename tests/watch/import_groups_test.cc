#include "watch/import_groups.h"

#include "support/temp_directory.h"
#include "watch/ring_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <string>
#include <vector>

namespace radixbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

std::string error_of(const std::string& text) {
  const Result<std::vector<GroupList>> lists = parse_group_lists(text, "g.json");
  if (lists) return "no error";
  EXPECT_EQ(lists.error().code, ErrorCode::kCorrupt);
  return lists.error().message;
}

TEST(ImportGroupsTest, ARanksListHasAllItsFields) {
  const Result<std::vector<GroupList>> lists = parse_group_lists(
      R"({"version": 1, "rank": 1, "world_size": 4, "pid": {"not": ["ours"]}, "groups": [
          {"name": "tp:cpu", "ranks": [0, 1], "ordinal": 3, "timeout_s": 7200, "backend": "gloo"},
          {"ranks": [1, 3], "timeout_s": 0.5}]})",
      "g.json");
  ASSERT_TRUE(lists) << lists.error().message;
  ASSERT_THAT(*lists, SizeIs(1));
  const GroupList& list = lists->front();
  EXPECT_EQ(list.rank, 1U);
  EXPECT_EQ(list.world_size, 4U);
  EXPECT_EQ(list.source, "g.json");
  ASSERT_THAT(list.groups, SizeIs(2));
  EXPECT_EQ(list.groups[0].name, "tp:cpu");
  EXPECT_THAT(list.groups[0].members, ElementsAre(0, 1));
  EXPECT_EQ(list.groups[0].ordinal, 3U);
  EXPECT_EQ(list.groups[0].timeout_ns, 7'200'000'000'000);
  EXPECT_EQ(list.groups[1].name, "");
  EXPECT_FALSE(list.groups[1].ordinal);
  EXPECT_EQ(list.groups[1].timeout_ns, 500'000'000);
}

TEST(ImportGroupsTest, AnArrayHoldsSeveralRanks) {
  const Result<std::vector<GroupList>> lists = parse_group_lists(
      R"([{"rank": 0, "groups": []}, {"rank": 1, "groups": []}, {"groups": []}])", "g.json");
  ASSERT_TRUE(lists) << lists.error().message;
  ASSERT_THAT(*lists, SizeIs(3));
  EXPECT_EQ((*lists)[1].rank, 1U);
  EXPECT_FALSE((*lists)[2].rank);
}

TEST(ImportGroupsTest, WhatIsWrongIsNamedWithByteAndField) {
  EXPECT_EQ(error_of(R"({"groups": 7})"), "g.json:12: groups: must be an array");
  EXPECT_EQ(error_of(R"({"groups": [{"ranks": [0, "1"]}]})"),
            "g.json:27: groups[0].ranks[1]: must be a whole number from 0 to 1023");
  EXPECT_EQ(error_of(R"([{"groups": []}, {"groups": [{"ranks": [2, 2]}]}])"),
            "g.json:44: [1].groups[0].ranks[1]: rank 2 is there twice");
  EXPECT_EQ(error_of(R"({"rank": 0})"), "g.json:1: groups: missing");
  EXPECT_EQ(error_of(R"({"version": 2, "groups": []})"), "g.json:13: version: 2 is not 1");
  EXPECT_THAT(error_of(R"({"groups": [{"name": "tp"}]})"),
              HasSubstr("groups[0].ranks: missing or empty"));
  EXPECT_THAT(error_of(R"({"groups": [{"ranks": [0], "timeout_s": -1}]})"),
              HasSubstr("groups[0].timeout_s: must be a number of seconds"));
  EXPECT_THAT(error_of(R"({"rank": -1, "groups": []})"), HasSubstr("rank: must be a whole"));
  EXPECT_THAT(error_of(R"({"groups": [{"name": 3, "ranks": [0]}]})"),
              HasSubstr("groups[0].name: must be a string"));
  EXPECT_THAT(error_of(R"({"groups": [[0, 1]]})"), HasSubstr("groups[0]: must be an object"));
  EXPECT_THAT(error_of(R"([3])"), HasSubstr("[0]: must be an object"));
  EXPECT_THAT(error_of("7"), HasSubstr("neither an object nor an array"));
}

TEST(ImportGroupsTest, TextThatIsNoJsonIsSaidToBeNone) {
  for (const std::string text : {"",
                                 "  ",
                                 "{",
                                 "[",
                                 R"({"groups": [)",
                                 R"({"groups": []} x)",
                                 R"({"groups": [{"ranks": [0,]}]})",
                                 R"({"groups" [1]})",
                                 R"({"groups": [{"ranks": [0]})"}) {
    SCOPED_TRACE(text);
    EXPECT_THAT(error_of(text), HasSubstr("g.json:"));
  }
}

// Every prefix of a good text is refused, and none crashes.
TEST(ImportGroupsTest, NoPrefixOfAListIsAList) {
  const std::string text =
      R"([{"rank": 0, "groups": [{"name": "tp", "ranks": [0, 1], "timeout_s": 1.5}]}])";
  ASSERT_TRUE(parse_group_lists(text, "g.json"));
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_FALSE(parse_group_lists(text.substr(0, length), "g.json")) << length;
  }
}

TEST(ImportGroupsTest, ARecordingTellsItsGroupsAndTheirTimeouts) {
  Recording recording;
  recording.rank = 2;
  recording.source = "rank00002.ring";
  recording.groups = {{.name = "tp", .members = {0, 1, 2, 3}, .ordinal = 0},
                      {.name = "attn_cp", .members = {0, 2}, .ordinal = 1}};
  RecordedEvent event;
  event.what = RecordedCreation{.group = 1, .timeout_ns = 30};
  recording.events.push_back(event);
  const GroupList list = group_list_of(recording);
  EXPECT_EQ(list.rank, 2U);
  ASSERT_THAT(list.groups, SizeIs(2));
  EXPECT_FALSE(list.groups[0].timeout_ns);
  EXPECT_EQ(list.groups[1].timeout_ns, 30);
  EXPECT_EQ(list.groups[1].ordinal, 1U);
}

// Rings of ranks that open tp and attention CP in order, one of them with a list of its own.
void save_rings(const std::string& folder, bool is_rank_1_wrong) {
  for (Rank rank = 0; rank < 4; ++rank) {
    Ring ring{{.rank = rank, .world_size = 4, .record_count = 64}};
    std::vector<Rank> cp = {rank % 2, rank % 2 + 2};
    if (is_rank_1_wrong && rank == 1) cp = {1, 2};
    const std::vector<GroupSpec> specs = {
        {.name = "tp", .members = {0, 1, 2, 3}, .ordinal = 0},
        {.name = "attn_cp", .members = cp, .ordinal = rank % 2 + 1}};
    RingThread& thread = ring.recorder.thread("scheduler");
    for (const GroupSpec& spec : specs) {
      thread.opening(spec, true, 0, std::chrono::seconds{1800});
      thread.opened(true);
    }
    ASSERT_TRUE(ring.memory.save(folder + "/rank" + std::to_string(rank) + ".ring"));
  }
}

TEST(ImportGroupsTest, RingsOfARunAreCheckedLikeLists) {
  const Layout layout = make_layout("tp2cp2").value();
  for (const bool is_rank_1_wrong : {false, true}) {
    const TempDirectory folder;
    save_rings(folder.path().string(), is_rank_1_wrong);
    const Result<std::vector<GroupList>> lists =
        read_group_lists(std::vector<std::string>{folder.path().string()});
    ASSERT_TRUE(lists) << lists.error().message;
    ASSERT_THAT(*lists, SizeIs(4));
    EXPECT_EQ((*lists)[3].groups.at(1).timeout_ns, 1'800'000'000'000);
    const Verdict verdict = check_groups(*lists, {.layout = &layout}).verdicts.front();
    EXPECT_EQ(verdict.verdict,
              is_rank_1_wrong ? VerdictClass::kGroupCreateMembership : VerdictClass::kNone);
    EXPECT_EQ(check_groups(*lists, {.layout = &layout, .watchdog_ns = 300'000'000'000})
                  .verdicts.back()
                  .verdict,
              VerdictClass::kTimeoutMisconfigured);
  }
}

TEST(ImportGroupsTest, AFolderGivesItsFilesAndAnEmptyOneNone) {
  const TempDirectory folder;
  const std::string path = folder.path().string();
  const Result<std::vector<GroupList>> none = read_group_lists(std::vector<std::string>{path});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  std::ofstream{path + "/0.json"} << R"({"rank": 0, "groups": []})";
  std::ofstream{path + "/1.json"} << R"({"rank": 1, "groups": []})";
  const Result<std::vector<GroupList>> two = read_group_lists(std::vector<std::string>{path});
  ASSERT_TRUE(two) << two.error().message;
  EXPECT_THAT(*two, SizeIs(2));
  std::ofstream{path + "/2.json"} << R"({"rank": 1, "groups": []})";
  const Result<std::vector<GroupList>> twice = read_group_lists(std::vector<std::string>{path});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(twice.error().message, HasSubstr("2.json: tells of rank 1"));
}

}  // namespace
}  // namespace radixbench
