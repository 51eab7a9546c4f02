#include "comm/rendezvous_socket.h"

#include "base/check.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>

namespace radixbench {
namespace {

constexpr int kBacklog = 1024;
constexpr std::size_t kReadBytes = std::size_t{64} * 1024;

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Result<AddressList> look_up(const RendezvousAddress& address, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(address.port);
  const int failed = getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found);
  if (failed != 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: {}", to_string(address), gai_strerror(failed)));
  }
  return AddressList{found, freeaddrinfo};
}

Socket make_socket(const addrinfo& info) {
  Socket made{socket(info.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  const int on = 1;
  if (made.is_open()) setsockopt(made.descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return made;
}

bool wait_for(const Socket& socket, short events, Deadline deadline) {
  while (true) {
    pollfd waiting{.fd = socket.descriptor(), .events = events, .revents = 0};
    const int ready = poll(&waiting, 1, poll_timeout(deadline));
    if (ready > 0) return true;
    if (has_passed(deadline)) return false;
  }
}

// 0 or what is wrong with a connection that was begun.
int end_of_connect(const Socket& socket, Deadline deadline) {
  if (!wait_for(socket, POLLOUT, deadline)) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket.descriptor(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

sockaddr_storage name_of(const Socket& socket) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  getsockname(socket.descriptor(), reinterpret_cast<sockaddr*>(&name), &size);
  return name;
}

}  // namespace

Socket::~Socket() {
  if (descriptor_ >= 0) close(descriptor_);
}

Result<Socket> listen_at(const RendezvousAddress& address) {
  Result<AddressList> list = look_up(address, AI_PASSIVE);
  if (!list) return tl::unexpected(list.error());
  int error = 0;
  for (const addrinfo* info = list->get(); info != nullptr; info = info->ai_next) {
    Socket made = make_socket(*info);
    const int on = 1;
    setsockopt(made.descriptor(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const bool is_listening = made.is_open() &&
                              bind(made.descriptor(), info->ai_addr, info->ai_addrlen) == 0 &&
                              listen(made.descriptor(), kBacklog) == 0;
    if (is_listening) return made;
    error = errno;
  }
  return fail(ErrorCode::kCannotCreate,
              fmt::format("rendezvous at {}: {}", to_string(address), std::strerror(error)));
}

Result<Socket> connect_to(const RendezvousAddress& address, Deadline deadline) {
  Result<AddressList> list = look_up(address, 0);
  if (!list) return tl::unexpected(list.error());
  int error = 0;
  for (const addrinfo* info = list->get(); info != nullptr; info = info->ai_next) {
    Socket made = make_socket(*info);
    if (!made.is_open()) {
      error = errno;
      continue;
    }
    const bool is_done = connect(made.descriptor(), info->ai_addr, info->ai_addrlen) == 0;
    error = is_done || errno != EINPROGRESS ? errno : end_of_connect(made, deadline);
    if (is_done || error == 0) return made;
  }
  return fail(error == ETIMEDOUT ? ErrorCode::kTimeout : ErrorCode::kPeerLost,
              fmt::format("rendezvous at {}: {}", to_string(address), std::strerror(error)));
}

Socket accept_from(const Socket& listener) {
  Socket accepted{accept4(listener.descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  const int on = 1;
  if (accepted.is_open()) {
    setsockopt(accepted.descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return accepted;
}

Result<void> send_all(const Socket& socket, std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket.descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) {
      return fail(ErrorCode::kPeerLost, fmt::format("rendezvous: {}", std::strerror(errno)));
    }
    if (!wait_for(socket, POLLOUT, deadline)) {
      return fail(ErrorCode::kTimeout, "rendezvous: the other end does not read");
    }
  }
  return {};
}

Result<std::string> receive_some(const Socket& socket) {
  std::string bytes(kReadBytes, '\0');
  const ssize_t got = recv(socket.descriptor(), bytes.data(), bytes.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::string{};
  if (got < 0) {
    return fail(ErrorCode::kPeerLost, fmt::format("rendezvous: {}", std::strerror(errno)));
  }
  if (got == 0) return fail(ErrorCode::kPeerLost, "rendezvous: the other end is gone");
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

bool wait_readable(const Socket& socket, Deadline deadline) {
  return wait_for(socket, POLLIN, deadline);
}

std::uint16_t local_port(const Socket& socket) {
  const sockaddr_storage name = name_of(socket);
  if (name.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6&>(name).sin6_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in&>(name).sin_port);
}

std::string local_host_of(const Socket& socket) {
  const sockaddr_storage name = name_of(socket);
  std::array<char, NI_MAXHOST> host{};
  const int failed = getnameinfo(reinterpret_cast<const sockaddr*>(&name),
                                 sizeof name,
                                 host.data(),
                                 host.size(),
                                 nullptr,
                                 0,
                                 NI_NUMERICHOST);
  return failed == 0 ? std::string{host.data()} : std::string{"127.0.0.1"};
}

WakeUp::WakeUp() : event_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)} {
  RADIXBENCH_CHECK(event_.is_open());
}

void WakeUp::wake() const {
  const std::uint64_t one = 1;
  static_cast<void>(write(event_.descriptor(), &one, sizeof one));
}

void WakeUp::drain() const {
  std::uint64_t count = 0;
  static_cast<void>(read(event_.descriptor(), &count, sizeof count));
}

int poll_timeout(Deadline deadline) {
  using namespace std::chrono_literals;
  const auto left = std::clamp<std::chrono::nanoseconds>(deadline - deadline_after(0ns), 0ns, 1h);
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
}

}  // namespace radixbench
