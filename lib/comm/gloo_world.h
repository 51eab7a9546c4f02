#pragma once

#include "comm/rendezvous.h"
#include "comm/world.h"

#include <exception>
#include <memory>
#include <optional>
#include <string>

namespace radixbench {

// gloo over TCP, as serving engines agree: a context a group, a connection a pair of its members.
// gloo compares nothing: calls of different kinds never meet, and what else happens when members'
// calls differ is in docs/transports.md, from measurement. Some of it ends the process: gloo throws
// on a thread of its own, where nobody can catch it (std::terminate).
//
// A failed call breaks its group on all members, by closing its connections; who has come and who
// has not is then asked of the rendezvous. gloo's own connections are not authenticated.
struct GlooOptions {
  RendezvousAddress bind{};  // of the rendezvous: loopback, any port
  // Members compare what they call a group, and in which order they make groups, before they
  // connect. Without it they connect by ordinal and place alone, as engines do, and a member that
  // means another group is waited for in vain or taken for the wrong one.
  bool checks_groups = true;
};

// Why this build or machine has no gloo; nothing where it has.
std::optional<std::string> why_no_gloo();

// What an exception says that gloo threw; nothing for any other.
std::optional<std::string> gloo_words(const std::exception_ptr& thrown);

// A world of processes on this host, with its rendezvous in the process that makes it. kUnsupported
// where why_no_gloo() says something, kCannotCreate where the address cannot be had. A rank that
// cannot reach the rendezvous has a fabric that opens nothing and says why.
Result<std::unique_ptr<World>> make_gloo_world(Rank world_size, const GlooOptions& options);

// The same for ranks on several hosts, of which this host holds some. The host that makes it serves
// the rendezvous at `options.bind`, and `reached_at` is the host part by which all ranks come to
// it.
struct SharedGlooWorld {
  std::unique_ptr<World> world;
  RendezvousAddress rendezvous;  // what the other hosts are to be told
};
Result<SharedGlooWorld> host_gloo_world(Rank world_size,
                                        const GlooOptions& options,
                                        const std::string& reached_at,
                                        const RunSecret& secret);
// On the other hosts. What becomes of ranks is told to all by the rendezvous; this world's
// mark_dead() and interrupt() say nothing.
Result<std::unique_ptr<World>> visit_gloo_world(Rank world_size,
                                                const RendezvousAddress& rendezvous,
                                                const RunSecret& secret,
                                                bool checks_groups);

// The fabric of a rank that has come to a rendezvous by itself. `namer` may be null.
struct GlooMembership {
  RendezvousAddress rendezvous{};
  RendezvousClient::Identity identity{};
  bool checks_groups = true;
  RendezvousClient::Fields fields{};  // compared over the world before anything else; may be empty
};
Result<std::unique_ptr<Fabric>> join_gloo_world(const GlooMembership& membership,
                                                const RunSecret& secret,
                                                SiteNamer namer,
                                                Deadline deadline);

}  // namespace radixbench
