#include "replay/host_link.h"

#include "base/sha256.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

constexpr std::size_t kLengthBytes = 4;
// Beyond this the part of a buffer that is done with is let go of.
constexpr std::size_t kDoneBytesMax = std::size_t{4} * 1024 * 1024;
// What may come in beyond a message before it is taken.
constexpr std::size_t kAheadBytesMax = std::size_t{64} * 1024 * 1024;
// What one pump() takes in at most, so that its caller gets to other things.
constexpr int kReadsMax = 256;

void put_u32(std::string& bytes, std::size_t value) {
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    bytes.push_back(static_cast<char>(static_cast<unsigned char>(value >> (8 * i))));
  }
}

std::size_t read_u32(std::string_view bytes) {
  std::size_t value = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    value |= std::size_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return value;
}

std::span<const std::uint8_t> numbers_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// A peer whose cable is pulled says nothing, and neither does one that computes: the kernels ask.
void watch_peer(const Socket& socket) {
  const auto set = [&](int level, int name, int value) {
    setsockopt(socket.descriptor(), level, name, &value, sizeof value);
  };
  constexpr int kIdleSeconds = 2;
  constexpr int kProbes = HostLink::kLostAfterSeconds - kIdleSeconds;
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, kIdleSeconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 1);
  set(IPPROTO_TCP, TCP_KEEPCNT, kProbes);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, HostLink::kLostAfterSeconds * 1000);
}

}  // namespace

HostLink::HostLink(Socket socket) : socket_{std::move(socket)} { watch_peer(socket_); }

void HostLink::send(HostWord word, std::string_view payload) {
  if (is_lost()) return;
  if (sent_ > kDoneBytesMax) owed_.erase(0, std::exchange(sent_, 0));
  put_u32(owed_, payload.size() + 1);
  owed_.push_back(static_cast<char>(word));
  owed_.append(payload);
  flush();
}

void HostLink::flush() {
  while (sent_ < owed_.size() && !is_lost()) {
    const ssize_t sent =
        ::send(socket_.descriptor(), owed_.data() + sent_, owed_.size() - sent_, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) {
      // What it said before it went counts.
      const std::string reason = std::strerror(errno);
      receive();
      return drop(reason);
    }
    sent_ += static_cast<std::size_t>(sent);
  }
  owed_.clear();
  sent_ = 0;
}

void HostLink::pump() {
  flush();
  receive();
}

void HostLink::receive() {
  for (int reads = 0; reads < kReadsMax && !is_lost(); ++reads) {
    const Result<std::string> bytes = receive_some(socket_);
    if (!bytes) return drop(bytes.error().message);
    if (bytes->empty()) return;
    received_ += bytes->size();
    if (taken_ > kDoneBytesMax) incoming_.erase(0, std::exchange(taken_, 0));
    incoming_ += *bytes;
    if (incoming_.size() - taken_ > bytes_max_ + kAheadBytesMax) {
      return drop("it sends more than it may");
    }
  }
}

std::optional<HostMessage> HostLink::take() {
  const std::string_view rest = std::string_view{incoming_}.substr(taken_);
  if (rest.size() < kLengthBytes) return std::nullopt;
  const std::size_t length = read_u32(rest);
  if (length == 0 || length > bytes_max_) {
    drop("it sent what is no message");
    incoming_.clear();
    taken_ = 0;
    return std::nullopt;
  }
  if (rest.size() < kLengthBytes + length) return std::nullopt;
  taken_ += kLengthBytes + length;
  return HostMessage{.word = static_cast<HostWord>(rest[kLengthBytes]),
                     .payload = std::string{rest.substr(kLengthBytes + 1, length - 1)}};
}

void HostLink::drop(std::string_view reason) {
  if (is_lost()) return;
  lost_because_ = reason;
  socket_ = Socket{};
}

void wait_for_links(std::span<const HostLink* const> links, int listener, Deadline deadline) {
  std::vector<pollfd> polled;
  polled.reserve(links.size() + 1);
  if (listener >= 0) polled.push_back({.fd = listener, .events = POLLIN, .revents = 0});
  for (const HostLink* link : links) {
    if (link == nullptr || link->is_lost()) continue;
    const auto events = static_cast<short>(link->owed_bytes() == 0 ? POLLIN : POLLIN | POLLOUT);
    polled.push_back({.fd = link->descriptor(), .events = events, .revents = 0});
  }
  poll(polled.data(), polled.size(), poll_timeout(deadline));
}

std::string host_proof(const RunSecret& secret,
                       std::string_view side,
                       std::string_view host_nonce,
                       std::string_view leader_nonce) {
  const std::string text = fmt::format("radixbench hosts {}|{}|{}", side, host_nonce, leader_nonce);
  const Sha256Digest proof = secret.prove(std::as_bytes(std::span{text}));
  return {reinterpret_cast<const char*>(proof.data()), proof.size()};
}

bool is_host_proof(std::string_view given, std::string_view expected) {
  return is_equal_in_constant_time(numbers_of(given), numbers_of(expected));
}

Result<std::string> make_host_nonce() {
  return RunSecret::make_nonce().map([](const RunSecret::Nonce& nonce) {
    return std::string{reinterpret_cast<const char*>(nonce.data()), nonce.size()};
  });
}

}  // namespace radixbench
