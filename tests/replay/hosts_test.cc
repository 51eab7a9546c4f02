// The supervisors of two hosts, as threads of one process that meet on loopback.

#include "comm/rendezvous_socket.h"
#include "replay/following_host.h"
#include "replay/leading_host.h"
#include "replay/plan.h"
#include "support/temp_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>

namespace radixbench {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr const char* kSecret = "00112233445566778899aabbccddeeff";
constexpr const char* kOtherSecret = "ff112233445566778899aabbccddeeff";

HostMeeting meeting_at(std::uint16_t port, const char* secret = kSecret) {
  return {.address = {.host = "127.0.0.1", .port = port},
          .bind = "127.0.0.1",
          .secret = RunSecret::parse(secret).value()};
}

HostCard card(const std::string& name, Rank rank, const std::string& version) {
  return {.name = name,
          .clock_ns = 0,
          .world_size = 2,
          .ranks = {rank},
          .fields = {{"version", version}, {"--seed", "1"}}};
}

class HostsTest : public testing::Test {
 protected:
  HostsTest() {
    while (!leading_) {
      port_ = free_port();
      if (auto listening = LeadingHost::listen(meeting_at(port_))) {
        leading_ = *std::move(listening);
      }
    }
  }

  // That of a listener which has just gone.
  static std::uint16_t free_port() {
    return local_port(listen_at({.host = "127.0.0.1", .port = 0}).value());
  }
  [[nodiscard]] auto join(const HostCard& own, const char* secret = kSecret) const {
    return FollowingHost::join(meeting_at(port_, secret), own, deadline_after(20s));
  }

  std::uint16_t port_ = 0;
  std::unique_ptr<LeadingHost> leading_;
};

TEST_F(HostsTest, OtherVersionIsRefusedByBothInTheSameWords) {
  auto other = std::async(std::launch::async, [this]() -> Result<FollowingHost::Order> {
    auto host = join(card("hostb", 1, "0.2.0"));
    if (!host) return tl::unexpected(host.error());
    return (*host)->await_start(deadline_after(20s));
  });
  const Result<void> gathered = leading_->gather(card("hosta", 0, "0.1.0"), deadline_after(20s));
  leading_->finish(76);
  const Result<FollowingHost::Order> order = other.get();
  ASSERT_FALSE(gathered);
  ASSERT_FALSE(order);
  EXPECT_EQ(gathered.error().code, ErrorCode::kMismatch);
  EXPECT_EQ(gathered.error().message, "version is '0.1.0' to rank 0 but '0.2.0' to rank 1");
  EXPECT_EQ(order.error().code, gathered.error().code);
  EXPECT_EQ(order.error().message, gathered.error().message);
}

// Nobody who lacks the secret can end the run: the leader waits on, and says what it saw.
TEST_F(HostsTest, HostWithAnotherSecretIsToldAndCounted) {
  auto other = std::async(std::launch::async,
                          [this] { return join(card("hostb", 1, "0.1.0"), kOtherSecret); });
  // The other end has let go by then, which the leader sees while it gathers.
  Result<void> gathered;
  do {
    gathered = leading_->gather(card("hosta", 0, "0.1.0"), deadline_after(100ms));
  } while (!gathered && gathered.error().message.find("secret") == std::string::npos);
  const auto joined = other.get();
  ASSERT_FALSE(joined);
  EXPECT_EQ(joined.error().code, ErrorCode::kConfiguration);
  EXPECT_EQ(joined.error().message, "the host of rank 0 does not know this run's secret");
  ASSERT_FALSE(gathered);
  EXPECT_EQ(gathered.error().code, ErrorCode::kTimeout);
  EXPECT_THAT(gathered.error().message,
              HasSubstr("the hosts of ranks 1 did not come to 127.0.0.1:"));
  EXPECT_THAT(gathered.error().message, HasSubstr("; 1 that came did not know the run's secret"));
}

// More is on its way than sockets hold, and the leader reads none of it before its last word.
TEST_F(HostsTest, LastWordReachesAHostThatStillSends) {
  const TempDirectory folder;
  ReplayPlan plan{.options = {},
                  .layout = make_layout("tp2").value(),
                  .trace = {},
                  .first_outputs = {},
                  .skews = {},
                  .latency = {},
                  .run_id = "run",
                  .rank_directory = {},
                  .provenance = {}};
  plan.options.output_directory = folder.path().string();
  std::promise<void> has_sent;
  auto other = std::async(std::launch::async, [&]() -> Result<int> {
    auto host = join(card("hostb", 1, "0.1.0"));
    Result<FollowingHost::Order> order = tl::unexpected(Error{ErrorCode::kPeerLost, "not joined"});
    if (host) order = (*host)->await_start(deadline_after(20s));
    RankReport report;
    report.rank = 1;
    report.violations.assign(8, std::string(100'000, 'x'));
    for (int i = 0; i < 20 && order; ++i) (*host)->tell_ended(report);
    has_sent.set_value();
    if (!order) return tl::unexpected(order.error());
    return (*host)->serve(nullptr);
  });
  ASSERT_TRUE(leading_->gather(card("hosta", 0, "0.1.0"), deadline_after(20s)));
  ASSERT_TRUE(
      leading_->begin(plan, {.run_id = plan.run_id, .trace_sha256 = {}, .meeting = std::nullopt}));
  has_sent.get_future().wait();
  leading_->finish(7);
  leading_.reset();
  const Result<int> code = other.get();
  ASSERT_TRUE(code) << code.error().message;
  EXPECT_EQ(*code, 7);
}

}  // namespace
}  // namespace radixbench
