#pragma once

#include "base/result.h"
#include "comm/communicator.h"

#include <chrono>
#include <memory>
#include <span>
#include <string>

namespace gloo {
class Context;
namespace transport {
class Device;
}
}  // namespace gloo

namespace radixbench {

// gloo's event loop for this process, on a thread of its own, with connections from and to `host`.
// The process ignores SIGPIPE from then on: gloo writes to connections that a peer may have closed.
Result<std::shared_ptr<gloo::transport::Device>> make_gloo_device(const std::string& host);

// The connections of one group. All but abandon() and peer_died() belong to the thread that
// makes calls.
class GlooContext {
 public:
  // Listens, one port a peer. kCannotCreate where ports or files run out. Connecting takes
  // `connect_wait` at most for each peer.
  static Result<std::unique_ptr<GlooContext>> listen(
      const std::shared_ptr<gloo::transport::Device>& device,
      std::size_t index,
      std::size_t size,
      std::chrono::nanoseconds connect_wait);
  virtual ~GlooContext() = default;
  GlooContext(const GlooContext&) = delete;
  GlooContext& operator=(const GlooContext&) = delete;

  // For the members, in group order: where each is to connect to.
  [[nodiscard]] virtual std::string addresses() const = 0;
  // What all members' addresses() said, in group order. kPeerLost, in gloo's words.
  virtual Result<void> connect(std::span<const std::string> addresses) = 0;

  // Closes all connections, for good; whoever waits here or at the other ends hears of it. From any
  // thread.
  virtual void abandon() = 0;
  // Of a member whose connection may be closed by now: nobody waits for what is sent to it. From
  // any thread.
  virtual void peer_died(std::size_t member) = 0;

  // For gloo's calls, which throw.
  [[nodiscard]] virtual const std::shared_ptr<gloo::Context>& handle() const = 0;

 protected:
  GlooContext() = default;
};

// What gloo says, without where in its source it says it.
std::string plain_gloo_text(std::string_view what);

}  // namespace radixbench
