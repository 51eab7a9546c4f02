#include "base/check.h"
#include "base/clock.h"
#include "base/quiet_thread.h"
#include "comm/rendezvous.h"
#include "comm/rendezvous_desk.h"
#include "comm/rendezvous_socket.h"
#include "comm/rendezvous_wire.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
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

// To prove itself; a stranger that only connects is dropped after it.
constexpr auto kHandshakeWait = 10s;
// At once. Ranks are few; beyond this many that have proved nothing, newcomers are dropped.
constexpr std::size_t kStrangersMax = 512;
// For what a rank that stopped reading is owed; it is dropped beyond it.
constexpr std::size_t kOwedBytesMax = std::size_t{64} * 1024 * 1024;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}

// One connection, from its first byte.
struct Guest {
  Socket socket{};
  FrameBuffer incoming{};
  std::string owed{};  // what it has not taken yet
  Deadline handshake_end{};
  RunSecret::Nonce rank_nonce{};
  RunSecret::Nonce server_nonce{};
  bool was_challenged = false;
  bool is_leaving = false;     // once it has taken what it is owed
  std::optional<Rank> rank{};  // once it has proved itself
};

class Server final : public RendezvousServer {
 public:
  Server(Socket listener, const Options& options, const RunSecret& secret)
      : listener_{std::move(listener)},
        address_{options.bind},
        world_size_{options.world_size},
        secret_{secret},
        owner_{getpid()},
        desk_{options.world_size},
        is_dead_(options.world_size, false) {
    address_.port = local_port(listener_);
  }

  ~Server() override {
    // A forked child has a copy of this without its thread.
    if (owner_ != getpid() || !thread_.joinable()) return;
    is_stopping_ = true;
    wake_up_.wake();
    thread_.join();
  }

  [[nodiscard]] RendezvousAddress address() const override { return address_; }

  void serve() override {
    RADIXBENCH_CHECK(owner_ == getpid() && !thread_.joinable());
    thread_ = start_quiet_thread([this] { run(); });
  }

  void mark_dead(Rank rank) override {
    RADIXBENCH_CHECK(rank < world_size_);
    const std::lock_guard lock{mutex_};
    told_dead_.push_back(rank);
    wake_up_.wake();
  }

  void interrupt() override {
    is_interrupted_ = true;
    wake_up_.wake();
  }

  void drain(Deadline deadline) override {
    std::unique_lock lock{mutex_};
    changed_.wait_until(lock, deadline, [&] { return guest_count_ == 0; });
  }

 private:
  void run() {
    while (!is_stopping_) {
      wait();
      hear_supervisor();
      while (true) {
        Socket accepted = accept_from(listener_);
        if (!accepted.is_open()) break;
        welcome(std::move(accepted));
      }
      for (auto& [number, guest] : guests_) read_from(guest);
      pass_on(desk_.pass_time(now()));
      // What is said of one that went may be too much for another.
      while (drop_guests()) continue;
    }
  }

  static Deadline now() { return deadline_after(0ns); }

  void wait() {
    std::vector<pollfd> polled{{.fd = wake_up_.descriptor(), .events = POLLIN, .revents = 0},
                               {.fd = listener_.descriptor(), .events = POLLIN, .revents = 0}};
    Deadline next = desk_.next_deadline().value_or(now() + 1h);
    for (const auto& [number, guest] : guests_) {
      const auto events = static_cast<short>(guest.owed.empty() ? POLLIN : POLLIN | POLLOUT);
      polled.push_back({.fd = guest.socket.descriptor(), .events = events, .revents = 0});
      if (!guest.rank) next = std::min(next, guest.handshake_end);
    }
    poll(polled.data(), polled.size(), poll_timeout(next));
    wake_up_.drain();
  }

  void hear_supervisor() {
    std::vector<Rank> dead;
    {
      const std::lock_guard lock{mutex_};
      dead.swap(told_dead_);
    }
    for (const Rank rank : dead) bury(rank);
    if (!is_interrupted_ || was_interrupted_) return;
    was_interrupted_ = true;
    pass_on(desk_.interrupt(now()));
    tell_everyone({.verb = Verb::kInterrupted, .request = 0, .payload = {}});
  }

  void bury(Rank rank) {
    if (is_dead_[rank]) return;
    is_dead_[rank] = true;
    pass_on(desk_.mark_dead(rank, now()));
    PayloadWriter writer;
    writer.put_u32(rank);
    tell_everyone({.verb = Verb::kDied, .request = 0, .payload = std::move(writer).take()});
  }

  void welcome(Socket accepted) {
    const auto strangers = std::ranges::count_if(
        guests_, [](const auto& entry) { return !entry.second.rank.has_value(); });
    if (static_cast<std::size_t>(strangers) >= kStrangersMax) return;
    Guest guest;
    guest.socket = std::move(accepted);
    guest.handshake_end = now() + kHandshakeWait;
    guests_.emplace(next_number_++, std::move(guest));
    count_guests();
  }

  void read_from(Guest& guest) {
    flush(guest);
    while (guest.socket.is_open() && !guest.is_leaving) {
      const Result<std::string> bytes = receive_some(guest.socket);
      if (!bytes) return drop(guest);
      if (bytes->empty()) return;
      guest.incoming.append(*bytes);
      take_frames(guest);
    }
  }

  void take_frames(Guest& guest) {
    while (guest.socket.is_open() && !guest.is_leaving) {
      const std::size_t bytes_max = guest.rank ? kRequestFrameBytesMax : kHandshakeFrameBytesMax;
      Result<std::optional<Frame>> frame = guest.incoming.next(bytes_max);
      if (!frame) return refuse(guest, frame.error());
      if (!*frame) return;
      if (guest.rank) {
        take_request(guest, **frame);
      } else {
        shake_hands(guest, **frame);
      }
    }
  }

  void take_request(Guest& guest, const Frame& frame) {
    Result<RendezvousRequest> request = decode_request(frame);
    if (!request) return refuse(guest, request.error());
    pass_on(desk_.take(*guest.rank, frame.request, *std::move(request), now()));
    for (const GroupSpec& group : desk_.take_broken()) tell_members(group, *guest.rank);
  }

  void shake_hands(Guest& guest, const Frame& frame) {
    if (frame.verb == Verb::kHello && !guest.was_challenged) return challenge(guest, frame);
    if (frame.verb == Verb::kProof && guest.was_challenged) return check_proof(guest, frame);
    refuse(guest, {ErrorCode::kCorrupt, "rendezvous: a message out of turn"});
  }

  void challenge(Guest& guest, const Frame& frame) {
    PayloadReader reader{frame.payload};
    const std::uint32_t version = reader.u32();
    const std::string nonce = reader.text(guest.rank_nonce.size());
    if (!reader.is_whole() || nonce.size() != guest.rank_nonce.size()) {
      return refuse(guest, {ErrorCode::kCorrupt, "rendezvous: a greeting that cannot be read"});
    }
    if (version != kRendezvousVersion) {
      return refuse(guest,
                    {ErrorCode::kMismatch,
                     fmt::format("rendezvous: this rank speaks version {}, the server {}",
                                 version,
                                 kRendezvousVersion)});
    }
    const Result<RunSecret::Nonce> drawn = RunSecret::make_nonce();
    if (!drawn) return refuse(guest, drawn.error());
    std::memcpy(guest.rank_nonce.data(), nonce.data(), nonce.size());
    guest.server_nonce = *drawn;
    guest.was_challenged = true;
    PayloadWriter writer;
    writer.put_text({reinterpret_cast<const char*>(drawn->data()), drawn->size()});
    const std::string text = signed_text("server", guest.rank_nonce, guest.server_nonce, {0, 0});
    const Sha256Digest proof = secret_.prove(bytes_of(text));
    writer.put_text({reinterpret_cast<const char*>(proof.data()), proof.size()});
    owe(guest, {.verb = Verb::kChallenge, .request = 0, .payload = std::move(writer).take()});
  }

  void check_proof(Guest& guest, const Frame& frame) {
    PayloadReader reader{frame.payload};
    RendezvousClient::Identity identity;
    identity.rank = reader.u32();
    identity.world_size = reader.u32();
    const std::string proof = reader.text(sizeof(Sha256Digest));
    const std::string text = signed_text("rank", guest.rank_nonce, guest.server_nonce, identity);
    const Sha256Digest expected = secret_.prove(bytes_of(text));
    const std::span given{reinterpret_cast<const std::uint8_t*>(proof.data()), proof.size()};
    if (!reader.is_whole() || !is_equal_in_constant_time(given, expected)) {
      return refuse(
          guest,
          {ErrorCode::kConfiguration, "rendezvous: this rank does not know the run's secret"});
    }
    if (const auto error = check_identity(identity)) return refuse(guest, *error);
    guest.rank = identity.rank;
    owe(guest, {.verb = Verb::kWelcome, .request = 0, .payload = {}});
    catch_up(guest);
  }

  [[nodiscard]] std::optional<Error> check_identity(RendezvousClient::Identity identity) const {
    if (identity.world_size != world_size_ || identity.rank >= world_size_) {
      return Error{
          ErrorCode::kMismatch,
          fmt::format("rendezvous: it is of a world of {} ranks, and this is rank {} of {}",
                      world_size_,
                      identity.rank,
                      identity.world_size)};
    }
    const bool is_taken = is_dead_[identity.rank] || desk_.has_finished(identity.rank) ||
                          std::ranges::any_of(guests_, [&](const auto& entry) {
                            return entry.second.rank == identity.rank;
                          });
    if (!is_taken) return std::nullopt;
    return Error{ErrorCode::kMismatch,
                 fmt::format("rendezvous: rank {} has been here already", identity.rank)};
  }

  // What others were told before this one came.
  void catch_up(Guest& guest) {
    for (Rank rank = 0; rank < world_size_; ++rank) {
      if (!is_dead_[rank]) continue;
      PayloadWriter writer;
      writer.put_u32(rank);
      owe(guest, {.verb = Verb::kDied, .request = 0, .payload = std::move(writer).take()});
    }
    if (!was_interrupted_) return;
    owe(guest, {.verb = Verb::kInterrupted, .request = 0, .payload = {}});
  }

  void refuse(Guest& guest, const Error& error) {
    owe(guest, {.verb = Verb::kRefused, .request = 0, .payload = encode_error(error)});
    guest.is_leaving = true;
  }

  void pass_on(const RendezvousDesk::Replies& replies) {
    for (const RendezvousDesk::Reply& reply : replies) {
      const auto entry = std::ranges::find_if(
          guests_, [&](const auto& other) { return other.second.rank == reply.to; });
      if (entry == guests_.end()) continue;
      owe(entry->second,
          {.verb = reply.answer ? Verb::kAnswer : Verb::kFailure,
           .request = reply.request,
           .payload = reply.answer ? *reply.answer : encode_error(reply.answer.error())});
    }
  }

  void tell_everyone(const Frame& frame) {
    for (auto& [number, guest] : guests_) {
      if (guest.rank) owe(guest, frame);
    }
  }

  void tell_members(const GroupSpec& group, Rank but) {
    PayloadWriter writer;
    writer.put_u32(group.ordinal);
    const Frame frame{.verb = Verb::kBroken, .request = 0, .payload = std::move(writer).take()};
    for (auto& [number, guest] : guests_) {
      if (!guest.rank || guest.rank == but) continue;
      const bool is_member = std::ranges::find(group.members, *guest.rank) != group.members.end();
      if (is_member) owe(guest, frame);
    }
  }

  void owe(Guest& guest, const Frame& frame) {
    guest.owed += encode(frame);
    flush(guest);
  }

  // Sends what goes without waiting.
  void flush(Guest& guest) {
    if (guest.owed.empty() || !guest.socket.is_open()) return;
    const ssize_t sent =
        send(guest.socket.descriptor(), guest.owed.data(), guest.owed.size(), MSG_NOSIGNAL);
    if (sent > 0) guest.owed.erase(0, static_cast<std::size_t>(sent));
    const bool is_broken = sent < 0 && errno != EAGAIN && errno != EINTR;
    if (is_broken || guest.owed.size() > kOwedBytesMax) drop(guest);
  }

  static void drop(Guest& guest) { guest.socket = Socket{}; }

  // Those that have gone or must go.
  bool drop_guests() {
    std::vector<Rank> gone;
    const std::size_t dropped = std::erase_if(guests_, [&](const auto& entry) {
      const Guest& guest = entry.second;
      const bool is_late = !guest.rank && has_passed(guest.handshake_end);
      const bool is_done = guest.is_leaving && guest.owed.empty();
      if (guest.socket.is_open() && !is_late && !is_done) return false;
      if (guest.rank) gone.push_back(*guest.rank);
      return true;
    });
    for (const Rank rank : gone) bury(rank);
    count_guests();
    return dropped > 0;
  }

  void count_guests() {
    const std::lock_guard lock{mutex_};
    guest_count_ = guests_.size();
    changed_.notify_all();
  }

  Socket listener_;
  RendezvousAddress address_;
  Rank world_size_;
  RunSecret secret_;
  pid_t owner_;
  WakeUp wake_up_;
  std::atomic<bool> is_stopping_ = false;
  std::atomic<bool> is_interrupted_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Rank> told_dead_;
  std::size_t guest_count_ = 0;

  // The serving thread's.
  RendezvousDesk desk_;
  std::vector<bool> is_dead_;
  std::map<std::uint64_t, Guest> guests_;
  std::uint64_t next_number_ = 0;
  bool was_interrupted_ = false;

  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<RendezvousServer>> RendezvousServer::listen(const Options& options,
                                                                   const RunSecret& secret) {
  Result<Socket> listener = listen_at(options.bind);
  if (!listener) return tl::unexpected(listener.error());
  return std::unique_ptr<RendezvousServer>{
      std::make_unique<Server>(*std::move(listener), options, secret)};
}

}  // namespace radixbench
