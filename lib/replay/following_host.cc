#include "replay/following_host.h"

#include "comm/rendezvous_wire.h"
#include "replay/host_link.h"
#include "replay/leading_host.h"
#include "replay/recorded_rank.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

constexpr auto kLook = 100ms;
constexpr auto kRetry = 50ms;
// For the leader's part of the handshake.
constexpr auto kHandshakeWait = 10s;
constexpr std::size_t kPieceBytes = std::size_t{1} << 20U;
// What may be on its way before more of a file is read.
constexpr std::size_t kOwedBytesMax = std::size_t{8} << 20U;
// From the end of the ranks: for the leader to read all files and judge.
constexpr auto kLastWordWait = 600s;

Result<HostMessage> receive(HostLink& link, Deadline deadline) {
  while (true) {
    link.pump();
    if (auto message = link.take()) return *std::move(message);
    if (link.is_lost()) {
      return fail(ErrorCode::kPeerLost, "the host of rank 0 is lost: " + link.lost_because());
    }
    if (has_passed(deadline)) return fail(ErrorCode::kTimeout, "the host of rank 0 says nothing");
    const std::array<const HostLink*, 1> links{&link};
    wait_for_links(links, -1, std::min(deadline, deadline_after(kLook)));
  }
}

Result<std::unique_ptr<HostLink>> connect(const HostMeeting& meeting, Deadline deadline) {
  while (true) {
    Result<Socket> socket = connect_to(meeting.address, std::min(deadline, deadline_after(2s)));
    if (socket) return std::make_unique<HostLink>(*std::move(socket));
    const bool is_hopeless = socket.error().code == ErrorCode::kInvalidArgument;
    if (is_hopeless || has_passed(deadline)) {
      return tl::unexpected(Error{socket.error()}.while_doing("the host of rank 0"));
    }
    std::this_thread::sleep_for(kRetry);
  }
}

Result<void> shake_hands(HostLink& link, const RunSecret& secret) {
  const Result<std::string> nonce = make_host_nonce();
  if (!nonce) return tl::unexpected(nonce.error());
  PayloadWriter hello;
  hello.put_u32(kHostLinkVersion);
  hello.put_text(*nonce);
  link.send(HostWord::kHello, std::move(hello).take());
  const Result<HostMessage> answer = receive(link, deadline_after(kHandshakeWait));
  if (!answer) return tl::unexpected(answer.error());
  if (answer->word == HostWord::kRefused) return tl::unexpected(decode_error(answer->payload));
  PayloadReader reader{answer->payload};
  const std::string theirs = reader.text(sizeof(RunSecret::Nonce));
  const std::string proof = reader.text(sizeof(Sha256Digest));
  const std::string expected = host_proof(secret, "leader", *nonce, theirs);
  if (answer->word != HostWord::kChallenge || !reader.is_whole() ||
      !is_host_proof(proof, expected)) {
    return fail(ErrorCode::kConfiguration, "the host of rank 0 does not know this run's secret");
  }
  link.send(HostWord::kProof, host_proof(secret, "host", *nonce, theirs));
  link.trust();
  return {};
}

Result<std::unique_ptr<HostLink>> meet(const HostMeeting& meeting, Deadline deadline) {
  auto link = connect(meeting, deadline);
  if (!link) return link;
  if (auto shaken = shake_hands(**link, meeting.secret); !shaken) {
    return tl::unexpected(shaken.error());
  }
  return link;
}

class Follower final : public FollowingHost {
 public:
  Follower(std::unique_ptr<HostLink> link, HostCard own)
      : link_{std::move(link)}, own_{std::move(own)} {
    own_.clock_ns = monotonic_ns();
    link_->send(HostWord::kRanks, encode(own_));
  }

  Result<Order> await_start(Deadline deadline) override {
    const Result<HostMessage> message = receive(*link_, deadline);
    if (!message) return tl::unexpected(message.error());
    if (message->word == HostWord::kRefused) return tl::unexpected(decode_error(message->payload));
    if (message->word == HostWord::kFinish) {
      return Order{.exit_code = static_cast<int>(PayloadReader{message->payload}.u32()),
                   .start = {}};
    }
    return decode_host_start(message->payload).map([](HostStart start) {
      return Order{.exit_code = std::nullopt, .start = std::move(start)};
    });
  }

  void refuse(const Error& why) override { link_->send(HostWord::kRefused, encode_error(why)); }
  void show(const RunRings& rings) override { rings_ = &rings; }

  HostNews take_news() override {
    link_->pump();
    while (const auto message = link_->take()) hear(*message);
    HostNews news = std::exchange(news_, {});
    news.is_interrupted = news.is_interrupted || link_->is_lost();
    return news;
  }
  [[nodiscard]] bool is_waited_for() const override { return false; }
  void tell_ended(const RankReport& report) override {
    link_->send(HostWord::kEnded, encode(report));
  }
  void tell_interrupt(int signal) override {
    if (signal == 0) return;
    PayloadWriter writer;
    writer.put_u32(static_cast<std::uint32_t>(signal));
    link_->send(HostWord::kInterrupt, std::move(writer).take());
  }
  void tell_kill() override {}

  Result<int> serve(const ReplayPlan* plan) override {
    const Deadline deadline = deadline_after(kLastWordWait);
    while (!exit_code_) {
      if (std::exchange(was_asked_for_files_, false)) send_files(plan);
      const Result<HostMessage> message = receive(*link_, deadline);
      if (!message) return tl::unexpected(message.error());
      hear(*message);
    }
    return *exit_code_;
  }

 private:
  void hear(const HostMessage& message) {
    PayloadReader reader{message.payload};
    switch (message.word) {
      case HostWord::kDead: news_.dead.push_back(reader.u32()); break;
      case HostWord::kInterrupt: news_.is_interrupted = true; break;
      case HostWord::kKill: news_.must_kill = true; break;
      case HostWord::kAskRings: send_rings(reader.u32()); break;
      case HostWord::kAskFiles: was_asked_for_files_ = true; break;
      case HostWord::kFinish:
        exit_code_ = static_cast<int>(reader.u32());
        news_.is_interrupted = true;
        break;
      default: link_->drop("a message out of turn"); break;
    }
  }

  void send_rings(std::uint32_t question) {
    for (const Rank rank : own_.ranks) {
      if (rings_ == nullptr) break;
      PayloadWriter writer;
      writer.put_u32(question);
      writer.put_u32(rank);
      writer.put_text(rings_->copy(rank));
      link_->send(HostWord::kRing, std::move(writer).take());
    }
    PayloadWriter writer;
    writer.put_u32(question);
    link_->send(HostWord::kRingsEnd, std::move(writer).take());
  }

  // In a folder that the leader sees too they are there already.
  void send_files(const ReplayPlan* plan) {
    if (plan != nullptr && !holds_run(plan->options.output_directory, plan->run_id)) {
      for (const Rank rank : own_.ranks) send_file(rank, rank_file(*plan, rank));
    }
    link_->send(HostWord::kFilesEnd);
  }

  void send_file(Rank rank, const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    std::string piece(kPieceBytes, '\0');
    while (file && !link_->is_lost()) {
      file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
      PayloadWriter writer;
      writer.put_u32(rank);
      writer.put_text(std::string_view{piece}.substr(0, static_cast<std::size_t>(file.gcount())));
      link_->send(HostWord::kFile, std::move(writer).take());
      while (link_->owed_bytes() > kOwedBytesMax && !link_->is_lost()) {
        const std::array<const HostLink*, 1> links{link_.get()};
        wait_for_links(links, -1, deadline_after(kLook));
        link_->pump();
      }
    }
    PayloadWriter writer;
    writer.put_u32(rank);
    writer.put_u32(file.eof() && !file.bad() ? 1 : 0);
    link_->send(HostWord::kFileEnd, std::move(writer).take());
  }

  std::unique_ptr<HostLink> link_;
  HostCard own_;
  const RunRings* rings_ = nullptr;
  HostNews news_;
  bool was_asked_for_files_ = false;
  std::optional<int> exit_code_;
};

}  // namespace

Result<std::unique_ptr<FollowingHost>> FollowingHost::join(const HostMeeting& meeting,
                                                           const HostCard& own,
                                                           Deadline deadline) {
  auto link = meet(meeting, deadline);
  if (!link) return tl::unexpected(link.error());
  return std::unique_ptr<FollowingHost>{std::make_unique<Follower>(*std::move(link), own)};
}

void FollowingHost::decline(const HostMeeting& meeting, const Error& why, Deadline deadline) {
  auto link = meet(meeting, deadline);
  if (!link) return;
  (*link)->send(HostWord::kRefused, encode_error(why));
  // Until the leader has taken it and lets go, or a little while.
  static_cast<void>(receive(**link, std::min(deadline, deadline_after(2s))));
}

}  // namespace radixbench
