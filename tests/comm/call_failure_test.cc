#include "comm/call_failure.h"

#include <gtest/gtest.h>

#include <chrono>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

std::string_view name_site(std::uint16_t) { return "can_terminate_prefetch"; }

const GroupSpec kPair{.name = "attn_cp", .members = {1, 5}, .ordinal = 3};

CallFailure missing_rank_5() {
  CallFailure failure;
  failure.site = 4;
  failure.sequence = 812;
  add_member(failure, 1, MemberState::kPresent);
  add_member(failure, 5, MemberState::kAbsent);
  return failure;
}

TEST(CallFailureTest, TimeoutNamesSiteSequenceGroupPresentAndAbsent) {
  EXPECT_EQ(to_error(missing_rank_5(), kPair, name_site, 30s).message,
            "can_terminate_prefetch #812 on attn_cp{1,5}: rank 5 did not come within 30 s "
            "(present 1)");
}

TEST(CallFailureTest, SiteWithoutANamerIsANumber) {
  EXPECT_EQ(to_error(missing_rank_5(), kPair, nullptr, 250ms).message,
            "site 4 #812 on attn_cp{1,5}: rank 5 did not come within 250 ms (present 1)");
}

TEST(CallFailureTest, DeathIsToldBeforeWhoGaveUp) {
  CallFailure failure = missing_rank_5();
  failure.code = ErrorCode::kPeerLost;
  failure.dead = {5};
  failure.gave_up = 1;
  failure.gave_up_sequence = 812;
  const Error error = to_error(failure, kPair, name_site, 1s);
  EXPECT_EQ(error.code, ErrorCode::kPeerLost);
  EXPECT_EQ(error.message, "can_terminate_prefetch #812 on attn_cp{1,5}: rank 5 died (present 1)");
}

TEST(CallFailureTest, WhoeverWaitedOnSaysWhoGaveUpAndWhoIsMissed) {
  const GroupSpec four{.name = "tp", .members = {0, 1, 2, 3}, .ordinal = 0};
  CallFailure failure;
  failure.code = ErrorCode::kPeerLost;
  failure.present = {0, 1};
  failure.absent = {2, 3};
  failure.gave_up = 0;
  EXPECT_EQ(to_error(failure, four, name_site, 1s).message,
            "can_terminate_prefetch #0 on tp{0,1,2,3}: rank 0 gave up; ranks 2, 3 had not come "
            "(present 0, 1)");
}

TEST(CallFailureTest, LaterCallSaysWhereTheGroupBroke) {
  CallFailure failure = missing_rank_5();
  failure.code = ErrorCode::kPeerLost;
  failure.gave_up = 5;
  failure.gave_up_sequence = 810;
  EXPECT_EQ(to_error(failure, kPair, name_site, 1s).message,
            "can_terminate_prefetch #812 on attn_cp{1,5}: the group is broken since rank 5 gave up "
            "at #810 (present 1)");
}

TEST(CallFailureTest, OpeningHasNoSiteToName) {
  EXPECT_EQ(to_open_error(missing_rank_5(), kPair, 1500ms).message,
            "opening attn_cp{1,5}: rank 5 did not come within 1.5 s (present 1)");
}

TEST(CallFailureTest, SpecsThatNobodyCouldOpenAreRefused) {
  EXPECT_TRUE(check_spec(kPair, 1, 6).has_value());
  EXPECT_EQ(check_spec(kPair, 2, 6).error().message,
            "rank 2 can't open attn_cp{1,5}: it is not a member");
  EXPECT_EQ(check_spec(kPair, 1, 5).error().message,
            "rank 1 can't open attn_cp{1,5}: rank 5 is not in a world of 5");
  const GroupSpec twice{.name = "tp", .members = {1, 2, 1}, .ordinal = 0};
  EXPECT_EQ(check_spec(twice, 1, 6).error().message,
            "rank 1 can't open tp{1,2,1}: a member is named twice");
}

}  // namespace
}  // namespace radixbench
