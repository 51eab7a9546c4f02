#include "base/check.h"
#include "base/clock.h"
#include "base/quiet_thread.h"
#include "comm/rendezvous.h"
#include "comm/rendezvous_socket.h"
#include "comm/rendezvous_wire.h"

#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// Beyond a request's deadline, for the server to say who was missing.
constexpr auto kAnswerWait = 2s;
constexpr auto kRetryWait = 20ms;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}

// A connection while its rank and the server prove themselves to each other, in turns.
class Handshake {
 public:
  Handshake(const Socket& socket, FrameBuffer& incoming, Deadline deadline)
      : socket_{socket}, incoming_{incoming}, deadline_{deadline} {}

  Result<void> run(const RunSecret& secret, RendezvousClient::Identity identity) {
    const Result<RunSecret::Nonce> mine = RunSecret::make_nonce();
    if (!mine) return tl::unexpected(mine.error());
    PayloadWriter hello;
    hello.put_u32(kRendezvousVersion);
    hello.put_text({reinterpret_cast<const char*>(mine->data()), mine->size()});
    if (auto said = say(Verb::kHello, std::move(hello).take()); !said) return said;
    const Result<Frame> challenge = hear(Verb::kChallenge);
    if (!challenge) return tl::unexpected(challenge.error());
    PayloadReader reader{challenge->payload};
    RunSecret::Nonce theirs{};
    const std::string nonce = reader.text(theirs.size());
    const std::string proof = reader.text(sizeof(Sha256Digest));
    if (!reader.is_whole() || nonce.size() != theirs.size()) {
      return fail(ErrorCode::kCorrupt, "rendezvous: a challenge that cannot be read");
    }
    std::memcpy(theirs.data(), nonce.data(), nonce.size());
    const std::string text = signed_text("server", *mine, theirs, {0, 0});
    const Sha256Digest expected = secret.prove(bytes_of(text));
    const std::span given{reinterpret_cast<const std::uint8_t*>(proof.data()), proof.size()};
    if (!is_equal_in_constant_time(given, expected)) {
      return fail(ErrorCode::kConfiguration,
                  "rendezvous: the server does not know the run's secret");
    }
    return prove(secret, signed_text("rank", *mine, theirs, identity), identity);
  }

 private:
  Result<void> prove(const RunSecret& secret,
                     std::string_view text,
                     RendezvousClient::Identity identity) {
    const Sha256Digest proof = secret.prove(bytes_of(text));
    PayloadWriter writer;
    writer.put_u32(identity.rank);
    writer.put_u32(identity.world_size);
    writer.put_text({reinterpret_cast<const char*>(proof.data()), proof.size()});
    if (auto said = say(Verb::kProof, std::move(writer).take()); !said) return said;
    const Result<Frame> welcome = hear(Verb::kWelcome);
    if (!welcome) return tl::unexpected(welcome.error());
    return {};
  }

  Result<void> say(Verb verb, std::string payload) {
    return send_all(
        socket_, encode({.verb = verb, .request = 0, .payload = std::move(payload)}), deadline_);
  }

  // The next frame, which must be of this kind.
  Result<Frame> hear(Verb verb) {
    while (true) {
      Result<std::optional<Frame>> frame = incoming_.next(kHandshakeFrameBytesMax + 4096);
      if (!frame) return tl::unexpected(frame.error());
      if (*frame && (*frame)->verb == verb) return **std::move(frame);
      if (*frame && (*frame)->verb == Verb::kRefused) {
        return tl::unexpected(decode_error((*frame)->payload));
      }
      if (*frame) return fail(ErrorCode::kCorrupt, "rendezvous: a message out of turn");
      if (!wait_readable(socket_, deadline_)) {
        return fail(ErrorCode::kTimeout, "rendezvous: the server does not answer");
      }
      const Result<std::string> bytes = receive_some(socket_);
      if (!bytes) return tl::unexpected(bytes.error());
      incoming_.append(*bytes);
    }
  }

  const Socket& socket_;
  FrameBuffer& incoming_;
  Deadline deadline_;
};

class Client final : public RendezvousClient {
 public:
  Client(Socket socket, FrameBuffer incoming, Listener listener)
      : socket_{std::move(socket)},
        incoming_{std::move(incoming)},
        listener_{std::move(listener)},
        thread_{start_quiet_thread([this] { run(); })} {}

  ~Client() override {
    is_stopping_ = true;
    wake_up_.wake();
    thread_.join();
  }

  Result<void> set(std::string_view key, std::string_view value, Deadline deadline) override {
    if (auto sound = check_entry(key, value); !sound) return sound;
    return without_value(ask(SetRequest{std::string{key}, std::string{value}}, deadline));
  }

  Result<std::string> get(std::string_view key, Deadline deadline) override {
    if (auto sound = check_entry(key, {}); !sound) return tl::unexpected(sound.error());
    Result<std::string> answer = ask(GetRequest{std::string{key}}, deadline);
    if (!answer) return answer;
    Result<std::vector<std::string>> values = decode_values(*answer);
    if (!values) return tl::unexpected(values.error());
    return values->size() == 1 ? values->front() : std::string{};
  }

  Result<void> check_world(const Fields& fields, Deadline deadline) override {
    return without_value(ask(WorldRequest{fields}, deadline));
  }

  Result<std::vector<std::string>> join_group(const GroupSpec& group,
                                              std::string_view mine,
                                              Deadline deadline) override {
    if (auto sound = check_entry(group.name, mine); !sound) return tl::unexpected(sound.error());
    const Result<std::string> answer = ask(JoinRequest{group, std::string{mine}}, deadline);
    if (!answer) return tl::unexpected(answer.error());
    Result<std::vector<std::string>> values = decode_values(*answer);
    if (values && values->size() != group.members.size()) {
      return fail(ErrorCode::kCorrupt, "rendezvous: an answer for another group");
    }
    return values;
  }

  Result<GroupBreak> report_break(const GroupSpec& group,
                                  const GroupBreak::Place& mine,
                                  std::chrono::nanoseconds settle) override {
    const Result<std::string> answer = ask(BreakRequest{group, mine}, deadline_after(settle));
    if (!answer) return tl::unexpected(answer.error());
    return decode_break(*answer);
  }

  [[nodiscard]] std::string local_host() const override { return local_host_of(socket_); }

  Result<void> finish(Deadline deadline) override {
    return without_value(ask(FinishRequest{}, deadline));
  }

 private:
  static Result<void> without_value(const Result<std::string>& answer) {
    if (!answer) return tl::unexpected(answer.error());
    return {};
  }

  static Result<void> check_entry(std::string_view key, std::string_view value) {
    if (key.size() > kRendezvousKeyBytesMax) {
      return fail(ErrorCode::kCannotCreate,
                  fmt::format("'{}...' is longer than the {} bytes that the rendezvous takes",
                              key.substr(0, 32),
                              kRendezvousKeyBytesMax));
    }
    if (value.size() <= kRendezvousValueBytesMax) return {};
    return fail(ErrorCode::kCannotCreate,
                fmt::format("{}: {} bytes, and the rendezvous takes {}",
                            key,
                            value.size(),
                            kRendezvousValueBytesMax));
  }

  Result<std::string> ask(RendezvousRequest::What what, Deadline deadline) {
    const auto patience =
        std::chrono::duration_cast<std::chrono::microseconds>(deadline - deadline_after(0ns));
    const std::uint32_t number = next_number_++;
    {
      const std::lock_guard lock{mutex_};
      if (lost_) return tl::unexpected(*lost_);
      answers_.emplace(number, std::nullopt);
    }
    const Frame frame = encode_request({std::move(what), patience}, number);
    const Deadline last = deadline + kAnswerWait;
    Result<void> sent = [&] {
      const std::lock_guard lock{sending_};
      return send_all(socket_, encode(frame), last);
    }();
    std::unique_lock lock{mutex_};
    if (sent) changed_.wait_until(lock, last, [&] { return answers_.at(number) || lost_; });
    std::optional<Result<std::string>> answer = std::move(answers_.at(number));
    answers_.erase(number);
    if (answer) return *std::move(answer);
    if (lost_) return tl::unexpected(*lost_);
    if (!sent) return tl::unexpected(sent.error());
    return fail(ErrorCode::kTimeout, "rendezvous: the server does not answer");
  }

  void run() {
    while (!is_stopping_) {
      if (!take_frames()) return;
      std::array<pollfd, 2> polled{
          pollfd{.fd = wake_up_.descriptor(), .events = POLLIN, .revents = 0},
          pollfd{.fd = socket_.descriptor(), .events = POLLIN, .revents = 0}};
      poll(polled.data(), polled.size(), -1);
      if (is_stopping_) return;
      const Result<std::string> bytes = receive_some(socket_);
      if (!bytes) return lose(bytes.error());
      incoming_.append(*bytes);
    }
  }

  // False once the connection is over.
  bool take_frames() {
    while (true) {
      const Result<std::optional<Frame>> frame = incoming_.next(kAnswerFrameBytesMax);
      if (!frame) {
        lose(frame.error());
        return false;
      }
      if (!*frame) return true;
      if ((*frame)->verb == Verb::kRefused) {
        lose(decode_error((*frame)->payload));
        return false;
      }
      take(**frame);
    }
  }

  void take(const Frame& frame) {
    if (frame.verb == Verb::kDied) {
      PayloadReader reader{frame.payload};
      const Rank rank = reader.u32();
      if (reader.is_whole() && listener_.rank_died) listener_.rank_died(rank);
    } else if (frame.verb == Verb::kBroken) {
      PayloadReader reader{frame.payload};
      const std::uint32_t ordinal = reader.u32();
      if (reader.is_whole() && listener_.group_broken) listener_.group_broken(ordinal);
    } else if (frame.verb == Verb::kInterrupted) {
      if (listener_.interrupted) listener_.interrupted();
    } else if (frame.verb == Verb::kAnswer || frame.verb == Verb::kFailure) {
      const std::lock_guard lock{mutex_};
      const auto waiting = answers_.find(frame.request);
      if (waiting == answers_.end()) return;  // nobody waits for it any more
      if (frame.verb == Verb::kAnswer) {
        waiting->second = frame.payload;
      } else {
        waiting->second = tl::unexpected(decode_error(frame.payload));
      }
      changed_.notify_all();
    }
  }

  void lose(const Error& error) {
    {
      const std::lock_guard lock{mutex_};
      lost_ = error;
    }
    changed_.notify_all();
    if (listener_.lost) listener_.lost();
  }

  Socket socket_;
  FrameBuffer incoming_;
  Listener listener_;
  WakeUp wake_up_;
  std::atomic<bool> is_stopping_ = false;
  std::atomic<std::uint32_t> next_number_ = 1;
  std::mutex sending_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint32_t, std::optional<Result<std::string>>> answers_;
  std::optional<Error> lost_;

  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<RendezvousClient>> RendezvousClient::connect(
    const RendezvousAddress& address,
    const RunSecret& secret,
    Identity identity,
    Listener listener,
    Deadline deadline) {
  while (true) {
    Result<Socket> socket = connect_to(address, deadline);
    if (socket) {
      FrameBuffer incoming;
      const Result<void> shaken = Handshake{*socket, incoming, deadline}.run(secret, identity);
      if (shaken) {
        return std::unique_ptr<RendezvousClient>{
            std::make_unique<Client>(*std::move(socket), std::move(incoming), std::move(listener))};
      }
      // Who listened may have been about to end (an earlier run's); anything else is said at once.
      if (shaken.error().code != ErrorCode::kPeerLost) return tl::unexpected(shaken.error());
    } else if (socket.error().code != ErrorCode::kPeerLost) {
      return tl::unexpected(socket.error());
    }
    if (has_passed(deadline)) {
      return fail(ErrorCode::kTimeout,
                  fmt::format("rendezvous: nobody serves it at {}", to_string(address)));
    }
    std::this_thread::sleep_for(kRetryWait);
  }
}

}  // namespace radixbench
