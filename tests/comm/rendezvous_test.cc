// The rendezvous over real sockets: who is let in, what strangers and broken messages do.

#include "comm/rendezvous.h"

#include "comm/rendezvous_socket.h"
#include "comm/rendezvous_wire.h"

#include <gmock/gmock.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr auto kPatience = 20s;

class RendezvousTest : public testing::Test {
 protected:
  void SetUp() override {
    server_ = *RendezvousServer::listen({.bind = {}, .world_size = 2}, secret_);
    server_->serve();
  }

  Result<std::unique_ptr<RendezvousClient>> connect(Rank rank,
                                                    const RunSecret& secret,
                                                    RendezvousClient::Listener listener = {},
                                                    Rank world_size = 2) {
    return RendezvousClient::connect(server_->address(),
                                     secret,
                                     {.rank = rank, .world_size = world_size},
                                     std::move(listener),
                                     deadline_after(kPatience));
  }
  std::unique_ptr<RendezvousClient> join(Rank rank, RendezvousClient::Listener listener = {}) {
    auto client = connect(rank, secret_, std::move(listener));
    EXPECT_TRUE(client) << client.error().message;
    return client ? *std::move(client) : nullptr;
  }
  // What the server answers to these bytes from a stranger, until it ends the connection.
  std::string talk(const std::string& bytes) {
    const Result<Socket> socket = connect_to(server_->address(), deadline_after(kPatience));
    EXPECT_TRUE(socket);
    EXPECT_TRUE(send_all(*socket, bytes, deadline_after(kPatience)));
    std::string answer;
    while (wait_readable(*socket, deadline_after(kPatience))) {
      const Result<std::string> more = receive_some(*socket);
      if (!more) break;
      answer += *more;
    }
    return answer;
  }

  RunSecret secret_ = *RunSecret::make();
  std::unique_ptr<RendezvousServer> server_;
};

TEST_F(RendezvousTest, ValuesGoFromRankToRank) {
  const auto zero = join(0);
  const auto one = join(1);
  const std::string large(kRendezvousValueBytesMax, 'x');
  ASSERT_TRUE(zero->set("k", large, deadline_after(kPatience)));
  EXPECT_EQ(one->get("k", deadline_after(kPatience)), large);
  EXPECT_EQ(one->local_host(), "127.0.0.1");
  const auto too_large = zero->set("k", large + "x", deadline_after(kPatience));
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().code, ErrorCode::kCannotCreate);
}

TEST_F(RendezvousTest, RequestsOfSeveralThreadsEachGetTheirAnswer) {
  const auto zero = join(0);
  const auto one = join(1);
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      const std::string name = std::to_string(thread);
      EXPECT_EQ(one->get("to " + name, deadline_after(kPatience)), name);
    });
  }
  for (int thread = 7; thread >= 0; --thread) {
    const std::string name = std::to_string(thread);
    EXPECT_TRUE(zero->set("to " + name, name, deadline_after(kPatience)));
  }
}

TEST_F(RendezvousTest, RankWithAnotherSecretIsRefusedBySecretlessWords) {
  const RunSecret other = *RunSecret::make();
  const auto client = connect(0, other);
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, ErrorCode::kConfiguration);
  EXPECT_THAT(client.error().message, HasSubstr("does not know the run's secret"));
  EXPECT_THAT(client.error().message, Not(HasSubstr(other.to_hex())));
}

TEST_F(RendezvousTest, RankOfAnotherWorldOrTwiceTheSameIsRefused) {
  const auto zero = join(0);
  for (const auto& [rank, world_size] : {std::pair{1U, 3U}, {2U, 2U}, {0U, 2U}}) {
    const auto client = connect(rank, secret_, {}, world_size);
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().code, ErrorCode::kMismatch);
  }
  EXPECT_TRUE(join(1)) << "and nobody else minds";
}

TEST_F(RendezvousTest, StrangersAreAnsweredInWordsAndDoNotDisturbRanks) {
  const auto zero = join(0);
  EXPECT_THAT(talk("GET / HTTP/1.1\r\n\r\n"), HasSubstr("a message of"));
  EXPECT_THAT(talk(std::string("\x05\0\0\0\x63\0\0\0\0", 9)), HasSubstr("unknown kind 99"));
  PayloadWriter hello;
  hello.put_u32(kRendezvousVersion + 1);
  hello.put_text(std::string(16, 'n'));
  EXPECT_THAT(talk(encode({.verb = Verb::kHello, .payload = std::move(hello).take()})),
              HasSubstr("this rank speaks version"));
  EXPECT_THAT(talk(encode(encode_request({SetRequest{"k", "v"}, 1s}, 1))),
              HasSubstr("out of turn"));
  EXPECT_TRUE(zero->set("k", "v", deadline_after(kPatience)));
}

TEST_F(RendezvousTest, EndOfAConnectionIsADeathThatOthersHearOf) {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Rank> dead;
  const auto zero = join(0,
                         {.rank_died =
                              [&](Rank rank) {
                                const std::lock_guard lock{mutex};
                                dead.push_back(rank);
                                changed.notify_all();
                              },
                          .group_broken = {},
                          .interrupted = {},
                          .lost = {}});
  join(1).reset();
  std::unique_lock lock{mutex};
  EXPECT_TRUE(changed.wait_for(lock, kPatience, [&] { return !dead.empty(); }));
  EXPECT_THAT(dead, ElementsAre(1));
}

TEST_F(RendezvousTest, EndOfTheServerEndsRequests) {
  const auto zero = join(0);
  const std::jthread end{[&] { server_.reset(); }};
  const auto value = zero->get("k", deadline_after(kPatience));
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().code, ErrorCode::kPeerLost);
}

TEST_F(RendezvousTest, RanksMayComeBeforeItIsServed) {
  const auto late = RendezvousServer::listen({.bind = {}, .world_size = 1}, secret_);
  std::jthread rank{[&] {
    const auto client =
        RendezvousClient::connect((*late)->address(), secret_, {}, {}, deadline_after(kPatience));
    ASSERT_TRUE(client);
    EXPECT_TRUE((*client)->finish(deadline_after(kPatience)));
  }};
  (*late)->serve();
  rank.join();
  (*late)->drain(deadline_after(kPatience));
}

TEST(RendezvousAddressTest, ReadsNamesAndBothFamilies) {
  EXPECT_EQ(to_string(*parse_rendezvous_address("127.0.0.1:80")), "127.0.0.1:80");
  EXPECT_EQ(to_string(*parse_rendezvous_address("[::1]:4711")), "[::1]:4711");
  EXPECT_EQ(parse_rendezvous_address("node7:0")->host, "node7");
}

TEST(RendezvousAddressTest, RefusesOtherForms) {
  for (const char* text : {"", "host", ":80", "host:", "host:x", "host:65536", "::1:80", "[::1]"}) {
    EXPECT_FALSE(parse_rendezvous_address(text)) << text;
  }
}

TEST(RendezvousWireTest, EveryCutRequestIsRefused) {
  JoinRequest join;
  join.group = {.name = "tp", .members = {0, 1}, .ordinal = 3};
  join.value = "value";
  const Frame whole = encode_request({join, 1s}, 7);
  ASSERT_TRUE(decode_request(whole));
  for (std::size_t size = 0; size < whole.payload.size(); ++size) {
    Frame cut = whole;
    cut.payload.resize(size);
    EXPECT_FALSE(decode_request(cut)) << size;
  }
}

TEST(RendezvousWireTest, CountsBeyondThePayloadAreRefusedWithoutRoomForThem) {
  PayloadWriter writer;
  writer.put_u64(1);
  writer.put_u32(3);
  writer.put_text("tp");
  writer.put_u32(0xFFFFFFFF);
  EXPECT_FALSE(decode_request({.verb = Verb::kJoinGroup, .payload = std::move(writer).take()}));
}

}  // namespace
}  // namespace radixbench
