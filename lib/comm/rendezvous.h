#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "comm/communicator.h"
#include "comm/run_secret.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {

// Where the ranks of a run meet before they have groups, and where they leave word when one breaks:
// a small store over TCP. Whoever starts the ranks serves it (the supervisor of spawned ranks, the
// first rank of launched ones), every rank is a client. Both sides prove that they know the run's
// secret before anything else is said; what is said then is not encrypted. Messages are bounded,
// and what cannot be understood ends the connection with words.
//
// Limits, beyond which a request fails with kCannotCreate.
constexpr std::size_t kRendezvousKeyBytesMax = 256;
constexpr std::size_t kRendezvousValueBytesMax = 65'536;
constexpr std::size_t kRendezvousEntriesMax = 65'536;

// 127.0.0.1:4711, [::1]:4711, node7:4711.
struct RendezvousAddress {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
};
// kInvalidArgument for other forms; a port of 0 lets the server choose.
Result<RendezvousAddress> parse_rendezvous_address(std::string_view text);
std::string to_string(const RendezvousAddress& address);

class RendezvousServer {
 public:
  struct Options {
    RendezvousAddress bind{};  // loopback, any port; a name is looked up once
    Rank world_size = 1;
  };
  // Listens; ranks may connect from now on and wait to be served. Makes no thread, so that ranks
  // can be forked afterwards. kCannotCreate where the address cannot be had.
  static Result<std::unique_ptr<RendezvousServer>> listen(const Options& options,
                                                          const RunSecret& secret);

  // Stops serving, drops all connections and frees the port. In a forked child it only closes what
  // the child inherited.
  virtual ~RendezvousServer() = default;
  RendezvousServer(const RendezvousServer&) = delete;
  RendezvousServer& operator=(const RendezvousServer&) = delete;

  [[nodiscard]] virtual RendezvousAddress address() const = 0;  // with the port that was chosen

  // Starts to serve, on a thread of its own; once, after any fork.
  virtual void serve() = 0;
  // `rank` ended: requests that need it fail, and every client hears of it. A client whose
  // connection ends counts as dead too, in whatever way it ended.
  virtual void mark_dead(Rank rank) = 0;
  // Every client hears that it is to give up.
  virtual void interrupt() = 0;
  // Until all clients have gone, for whoever serves from within a rank: after its own client's end.
  virtual void drain(Deadline deadline) = 0;

 protected:
  RendezvousServer() = default;
};

// What a member of a broken group is told.
struct GroupBreak {
  struct Place {
    Rank rank = 0;
    std::uint64_t sequence = 0;  // of the call that failed there
    CallKind kind = CallKind::kBarrier;
    bool is_cause = false;  // rather than a consequence of what another did
  };
  std::vector<Place> failed;  // who failed too, and where
  std::vector<Rank> dead;     // members that are known to be gone
  Place first;                // who broke it, as far as is known
};

// One rank's connection. Requests may come from any thread, each waits for its own answer; they
// fail with kTimeout at their deadline, with kPeerLost where the server or a rank that they need is
// gone, with kInterrupted after the run was.
class RendezvousClient {
 public:
  // What the server says unasked, on a thread of the client's. Must not block for long, nor make
  // requests.
  struct Listener {
    std::function<void(Rank)> rank_died{};
    // Another member was the first to report it.
    std::function<void(std::uint32_t ordinal)> group_broken{};
    std::function<void()> interrupted{};
    std::function<void()> lost{};  // the connection
  };
  struct Identity {
    Rank rank = 0;
    Rank world_size = 1;
  };
  // Tries again until `deadline` while nobody listens there. kConfiguration where the server does
  // not know the secret or refuses ours, kMismatch where it speaks another version or has a world
  // of another size, or has this rank already.
  static Result<std::unique_ptr<RendezvousClient>> connect(const RendezvousAddress& address,
                                                           const RunSecret& secret,
                                                           Identity identity,
                                                           Listener listener,
                                                           Deadline deadline);
  virtual ~RendezvousClient() = default;
  RendezvousClient(const RendezvousClient&) = delete;
  RendezvousClient& operator=(const RendezvousClient&) = delete;

  // The last value set for a key counts.
  virtual Result<void> set(std::string_view key, std::string_view value, Deadline deadline) = 0;
  // Waits until somebody has set it.
  virtual Result<std::string> get(std::string_view key, Deadline deadline) = 0;

  // Collective over the world, once: all ranks must pass equal fields (version, options, ...), in
  // one order. kMismatch (76) names the first field that differs and both ranks and values, to
  // everyone; at the deadline those that did not come are named.
  using Fields = std::vector<std::pair<std::string, std::string>>;
  virtual Result<void> check_world(const Fields& fields, Deadline deadline) = 0;

  // Collective over the members of `group`: each hands in something for the others (an address) and
  // gets what all of them did, in group order. Before that, the specs are compared as Fabric::open
  // says; errors are those of open(). Once an ordinal. Without a limit on ranks that open other
  // ordinals meanwhile, so groups may be made in any order that cannot deadlock.
  virtual Result<std::vector<std::string>> join_group(const GroupSpec& group,
                                                      std::string_view mine,
                                                      Deadline deadline) = 0;

  // A call of this rank on `group` failed. The other members hear of it; the answer is who else
  // failed: as soon as all have said so or are dead, or after `settle`.
  virtual Result<GroupBreak> report_break(const GroupSpec& group,
                                          const GroupBreak::Place& mine,
                                          std::chrono::nanoseconds settle) = 0;

  // This host's address on its way to the server: what other ranks can reach it by.
  [[nodiscard]] virtual std::string local_host() const = 0;

  // This rank has made its last call. Returns when all ranks have said so or are dead, or at the
  // deadline.
  virtual Result<void> finish(Deadline deadline) = 0;

 protected:
  RendezvousClient() = default;
};

}  // namespace radixbench
