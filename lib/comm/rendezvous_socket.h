#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "comm/rendezvous.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace radixbench {

// A file descriptor and its owner.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int descriptor) : descriptor_{descriptor} {}
  Socket(Socket&& other) noexcept : descriptor_{std::exchange(other.descriptor_, -1)} {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Socket();

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

// All sockets are closed on exec and do not block.

// kCannotCreate where it cannot be had.
Result<Socket> listen_at(const RendezvousAddress& address);
// kPeerLost while nobody listens there, kTimeout, kInvalidArgument for a host that has no address.
Result<Socket> connect_to(const RendezvousAddress& address, Deadline deadline);
// Of the listener; nothing where nobody waits any more.
Socket accept_from(const Socket& listener);

// kPeerLost where the other end is gone, kTimeout where it does not read.
Result<void> send_all(const Socket& socket, std::string_view bytes, Deadline deadline);
// What is there; nothing may be. kPeerLost at the end.
Result<std::string> receive_some(const Socket& socket);
// Whether there is something to read, or the end.
bool wait_readable(const Socket& socket, Deadline deadline);

std::uint16_t local_port(const Socket& socket);
std::string local_host_of(const Socket& socket);

// Wakes a thread that polls its descriptor.
class WakeUp {
 public:
  WakeUp();
  void wake() const;
  void drain() const;
  [[nodiscard]] int descriptor() const { return event_.descriptor(); }

 private:
  Socket event_;
};

// What poll() wants for `deadline`: 0 once it has passed, never more than an hour.
int poll_timeout(Deadline deadline);

}  // namespace radixbench
