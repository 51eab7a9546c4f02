#include "comm/rendezvous_desk.h"

#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// A desk, and a clock that a test turns.
class RendezvousDeskTest : public testing::Test {
 protected:
  RendezvousDesk::Replies ask(Rank from,
                              RendezvousRequest::What what,
                              std::chrono::seconds patience = 5s) {
    return desk_.take(from, from + 100, {std::move(what), patience}, now_);
  }
  RendezvousDesk::Replies after(std::chrono::seconds wait) {
    now_ += wait;
    return desk_.pass_time(now_);
  }
  RendezvousDesk::Replies join(Rank from, const GroupSpec& group) {
    return ask(from, JoinRequest{group, "at " + std::to_string(from)});
  }
  static std::optional<Error> error_of(const RendezvousDesk::Replies& replies, Rank rank) {
    for (const auto& reply : replies) {
      if (reply.to == rank && !reply.answer) return reply.answer.error();
    }
    return std::nullopt;
  }

  RendezvousDesk desk_{4};
  Deadline now_{};
};

TEST_F(RendezvousDeskTest, ValueIsThereForWhoAsksBeforeAndAfterItIsSet) {
  EXPECT_THAT(ask(1, GetRequest{"k"}), IsEmpty());
  const auto replies = ask(0, SetRequest{"k", "v"});
  ASSERT_THAT(replies, SizeIs(2));
  for (const auto& reply : replies) EXPECT_TRUE(reply.answer);
  const auto late = ask(2, GetRequest{"k"});
  ASSERT_THAT(late, SizeIs(1));
  EXPECT_EQ(late[0].request, 102U);
  EXPECT_THAT(*decode_values(*late[0].answer), ElementsAre("v"));
}

TEST_F(RendezvousDeskTest, ValueThatNobodySetsIsWaitedForUntilTheDeadline) {
  EXPECT_THAT(ask(1, GetRequest{"k"}, 5s), IsEmpty());
  EXPECT_EQ(desk_.next_deadline(), now_ + 5s);
  EXPECT_THAT(after(4s), IsEmpty());
  const auto error = error_of(after(1s), 1);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::kTimeout);
  EXPECT_EQ(error->message, "nobody set k at the rendezvous within 5 s");
  EXPECT_FALSE(desk_.next_deadline());
}

TEST_F(RendezvousDeskTest, WorldOfEqualFieldsIsLetThroughWhenTheLastHasCome) {
  const RendezvousClient::Fields fields{{"version", "1"}, {"layout", "tp4"}};
  for (const Rank rank : {2U, 0U, 3U}) EXPECT_THAT(ask(rank, WorldRequest{fields}), IsEmpty());
  EXPECT_THAT(ask(1, WorldRequest{fields}), SizeIs(4));
}

TEST_F(RendezvousDeskTest, WorldThatDiffersIsRefusedToEveryoneNamingTheField) {
  EXPECT_THAT(ask(2, WorldRequest{{{"version", "1"}, {"layout", "tp4"}}}), IsEmpty());
  const auto replies = ask(1, WorldRequest{{{"version", "1"}, {"layout", "tp2cp2"}}});
  for (const Rank rank : {1U, 2U}) {
    const auto error = error_of(replies, rank);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, ErrorCode::kMismatch);
    EXPECT_EQ(error->message, "ranks differ: rank 1 has layout=tp2cp2, rank 2 has layout=tp4");
  }
  EXPECT_TRUE(error_of(ask(0, WorldRequest{{{"version", "1"}, {"layout", "tp4"}}}), 0));
}

TEST_F(RendezvousDeskTest, RanksThatDoNotComeAreNamed) {
  EXPECT_THAT(ask(1, WorldRequest{}), IsEmpty());
  EXPECT_THAT(error_of(after(5s), 1)->message, "rendezvous: ranks 0, 2, 3 did not come within 5 s");
  EXPECT_THAT(ask(0, WorldRequest{}), IsEmpty());
  const auto error = error_of(desk_.mark_dead(3, now_), 0);
  EXPECT_EQ(error->code, ErrorCode::kPeerLost);
  EXPECT_EQ(error->message, "rendezvous: rank 3 died");
}

TEST_F(RendezvousDeskTest, MembersGetWhatAllHandedInInGroupOrder) {
  const GroupSpec group{.name = "attn_cp", .members = {3, 1}, .ordinal = 9};
  EXPECT_THAT(join(1, group), IsEmpty());
  const auto replies = join(3, group);
  ASSERT_THAT(replies, SizeIs(2));
  for (const auto& reply : replies) {
    EXPECT_THAT(*decode_values(*reply.answer), ElementsAre("at 3", "at 1"));
  }
}

TEST_F(RendezvousDeskTest, GroupsMadeInAnotherOrderAreToldApart) {
  EXPECT_THAT(join(0, {.name = "tp", .members = {0, 1}, .ordinal = 0}), IsEmpty());
  const auto replies = join(1, {.name = "cp", .members = {0, 1}, .ordinal = 0});
  EXPECT_EQ(error_of(replies, 1)->message, "group 0 is cp{0,1} to rank 1 but tp{0,1} to rank 0");
  EXPECT_EQ(error_of(replies, 0)->code, ErrorCode::kMismatch);
}

TEST_F(RendezvousDeskTest, WhoGivesUpOnAGroupEndsTheWaitOfItsMembers) {
  const GroupSpec group{.name = "tp", .members = {0, 1, 2}, .ordinal = 0};
  EXPECT_THAT(ask(0, JoinRequest{group, ""}, 1s), IsEmpty());
  EXPECT_THAT(ask(1, JoinRequest{group, ""}, 60s), IsEmpty());
  const auto replies = after(1s);
  EXPECT_EQ(error_of(replies, 0)->code, ErrorCode::kTimeout);
  EXPECT_THAT(error_of(replies, 0)->message, HasSubstr("rank 2 did not come within 1 s"));
  EXPECT_EQ(error_of(replies, 1)->code, ErrorCode::kPeerLost);
  EXPECT_THAT(error_of(replies, 1)->message, HasSubstr("rank 0 gave up; rank 2 had not come"));
}

TEST_F(RendezvousDeskTest, BreakIsSettledWhenAllHaveSpokenOrDied) {
  const GroupSpec group{.name = "tp", .members = {0, 1, 2}, .ordinal = 0};
  EXPECT_THAT(ask(1, BreakRequest{group, {.rank = 1, .sequence = 7}}), IsEmpty());
  EXPECT_THAT(desk_.take_broken(), SizeIs(1));
  EXPECT_THAT(ask(0, BreakRequest{group, {.rank = 0, .sequence = 8, .is_cause = true}}), IsEmpty());
  EXPECT_THAT(desk_.take_broken(), IsEmpty());
  const auto replies = desk_.mark_dead(2, now_);
  ASSERT_THAT(replies, SizeIs(2));
  const GroupBreak broken = *decode_break(*replies[0].answer);
  EXPECT_EQ(broken.first.rank, 0U) << "who spoke first saw what this one did";
  EXPECT_THAT(broken.failed, SizeIs(2));
  EXPECT_THAT(broken.dead, ElementsAre(2));
}

TEST_F(RendezvousDeskTest, FinishWaitsForTheLastButNotForTheDead) {
  for (const Rank rank : {0U, 1U}) EXPECT_THAT(ask(rank, FinishRequest{}), IsEmpty());
  EXPECT_THAT(desk_.mark_dead(2, now_), IsEmpty());
  EXPECT_THAT(ask(3, FinishRequest{}), SizeIs(3));
}

TEST_F(RendezvousDeskTest, InterruptionEndsEveryWait) {
  EXPECT_THAT(ask(0, GetRequest{"k"}), IsEmpty());
  EXPECT_THAT(ask(1, WorldRequest{}), IsEmpty());
  EXPECT_THAT(join(2, {.name = "tp", .members = {2, 3}, .ordinal = 0}), IsEmpty());
  const auto replies = desk_.interrupt(now_);
  for (const Rank rank : {0U, 1U, 2U}) {
    EXPECT_EQ(error_of(replies, rank)->code, ErrorCode::kInterrupted);
  }
}

}  // namespace
}  // namespace radixbench
