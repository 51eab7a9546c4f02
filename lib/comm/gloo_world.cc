#include "comm/gloo_world.h"

#include "base/check.h"
#include "base/clock.h"
#include "comm/call_failure.h"
#include "comm/gloo_communicator.h"
#include "comm/gloo_context.h"
#include "comm/lone_communicator.h"
#include "comm/posting_communicator.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// For ranks of a fork to find the server that their supervisor is about to start.
constexpr auto kConnectWait = 30s;
// For the rendezvous to see that a member that cannot be connected to is gone.
constexpr auto kBreakWait = 200ms;
// At the end of a rank, for the others to have made their last calls.
constexpr auto kFinishWait = 2s;

// The contexts of a rank, for who must close them from another thread.
class GlooContexts {
 public:
  explicit GlooContexts(GlooRank& rank) : rank_{rank} {}

  void add(const std::shared_ptr<GlooContext>& context, const GroupSpec& group) {
    const std::lock_guard lock{mutex_};
    contexts_.push_back({context, group, true});
    for (const Rank member : group.members) {
      if (dead_.contains(member)) context->abandon();
    }
    if (rank_.is_interrupted) context->abandon();
  }
  void set_connected(const std::shared_ptr<GlooContext>& context) {
    const std::lock_guard lock{mutex_};
    for (Entry& entry : contexts_) {
      if (entry.context == context) entry.is_connecting = false;
    }
  }
  // Once connected, gloo sees by itself who is gone, after what he had sent.
  void rank_died(Rank rank) {
    const std::lock_guard lock{mutex_};
    dead_.emplace(rank, true);
    for (const Entry& entry : contexts_) {
      const std::vector<Rank>& members = entry.group.members;
      const auto member = std::ranges::find(members, rank);
      if (member == members.end()) continue;
      if (entry.is_connecting) entry.context->abandon();
      entry.context->peer_died(static_cast<std::size_t>(member - members.begin()));
    }
  }
  // gloo's members see the end of the connections that they wait for; who waits for another is
  // told.
  void group_broken(std::uint32_t ordinal) {
    const std::lock_guard lock{mutex_};
    for (const Entry& entry : contexts_) {
      if (entry.group.ordinal == ordinal) entry.context->abandon();
    }
  }
  void interrupt() {
    rank_.is_interrupted = true;
    const std::lock_guard lock{mutex_};
    for (const Entry& entry : contexts_) entry.context->abandon();
  }
  void clear() {
    const std::lock_guard lock{mutex_};
    contexts_.clear();
  }

 private:
  struct Entry {
    std::shared_ptr<GlooContext> context;
    GroupSpec group;
    bool is_connecting;
  };
  GlooRank& rank_;
  std::mutex mutex_;
  std::vector<Entry> contexts_;
  std::map<Rank, bool> dead_;
};

class GlooFabric final : public Fabric {
 public:
  GlooFabric(RendezvousClient::Identity identity, bool checks_groups, SiteNamer namer)
      : world_size_{identity.world_size}, checks_groups_{checks_groups} {
    rank_.rank = identity.rank;
    rank_.namer = namer;
  }

  ~GlooFabric() override {
    if (!rendezvous_) return;
    // In good order nobody closes before all are through; where something is broken, there is
    // nothing to wait for.
    const bool is_whole = !rank_.has_broken_group && !rank_.is_interrupted;
    static_cast<void>(rendezvous_->finish(deadline_after(is_whole ? kFinishWait : 0s)));
    contexts_.clear();
  }

  Result<void> connect(const RendezvousAddress& address,
                       const RunSecret& secret,
                       Deadline deadline) {
    Result<std::unique_ptr<RendezvousClient>> client = RendezvousClient::connect(
        address,
        secret,
        {.rank = rank_.rank, .world_size = world_size_},
        {.rank_died = [this](Rank rank) { contexts_.rank_died(rank); },
         .group_broken = [this](std::uint32_t ordinal) { contexts_.group_broken(ordinal); },
         .interrupted = [this] { contexts_.interrupt(); },
         .lost = {}},
        deadline);
    if (!client) {
      error_ = client.error();
      return tl::unexpected(client.error());
    }
    rendezvous_ = *std::move(client);
    rank_.rendezvous = rendezvous_.get();
    return {};
  }
  Result<void> check_world(const RendezvousClient::Fields& fields, Deadline deadline) {
    return fields.empty() ? Result<void>{} : rendezvous_->check_world(fields, deadline);
  }

  [[nodiscard]] Rank rank() const override { return rank_.rank; }
  [[nodiscard]] Rank world_size() const override { return world_size_; }
  [[nodiscard]] std::string_view transport() const override { return "gloo"; }

  Result<std::unique_ptr<Communicator>> open(const GroupSpec& group, Deadline deadline) override {
    if (auto sound = check_spec(group, rank(), world_size_); !sound) {
      return tl::unexpected(sound.error());
    }
    if (group.members.size() == 1) return make_lone_communicator(group);
    if (error_) return tl::unexpected(Error{*error_}.while_doing("opening " + describe(group)));
    Result<std::shared_ptr<GlooContext>> context = connect_members(group, deadline);
    if (!context) return tl::unexpected(context.error());
    return make_posting_communicator(make_gloo_communicator(rank_, *std::move(context), group));
  }

 private:
  Result<std::shared_ptr<GlooContext>> connect_members(const GroupSpec& group, Deadline deadline) {
    const auto start = deadline_after(0ns);
    const auto self = std::ranges::find(group.members, rank());
    Result<std::shared_ptr<GlooContext>> context =
        listen(static_cast<std::size_t>(self - group.members.begin()),
               group.members.size(),
               deadline - start);
    if (!context) {
      return tl::unexpected(Error{context.error()}.while_doing("opening " + describe(group)));
    }
    const std::string mine = (*context)->addresses();
    Result<std::vector<std::string>> addresses =
        checks_groups_ ? rendezvous_->join_group(group, mine, deadline)
                       : exchange(group, mine, deadline);
    if (!addresses) {
      rank_.has_broken_group = true;
      return tl::unexpected(addresses.error());
    }
    contexts_.add(*context, group);
    if (const Result<void> connected = (*context)->connect(*addresses); !connected) {
      return lost_in_connecting(group, connected.error(), **context, start);
    }
    contexts_.set_connected(*context);
    return context;
  }

  Result<std::shared_ptr<GlooContext>> listen(std::size_t index,
                                              std::size_t size,
                                              std::chrono::nanoseconds wait) {
    if (!device_) {
      auto device = make_gloo_device(rendezvous_->local_host());
      if (!device) return tl::unexpected(device.error());
      device_ = *std::move(device);
    }
    return GlooContext::listen(device_, index, size, wait)
        .map([](std::unique_ptr<GlooContext> made) {
          return std::shared_ptr<GlooContext>{std::move(made)};
        });
  }

  // By ordinal and place alone.
  Result<std::vector<std::string>> exchange(const GroupSpec& group,
                                            const std::string& mine,
                                            Deadline deadline) {
    std::vector<std::string> addresses(group.members.size());
    const auto key = [&](std::size_t place) {
      return fmt::format("gloo/{}/{}", group.ordinal, place);
    };
    for (std::size_t place = 0; place < addresses.size(); ++place) {
      if (group.members[place] != rank()) continue;
      addresses[place] = mine;
      if (auto set = rendezvous_->set(key(place), mine, deadline); !set) {
        return tl::unexpected(set.error());
      }
    }
    for (std::size_t place = 0; place < addresses.size(); ++place) {
      if (group.members[place] == rank()) continue;
      Result<std::string> theirs = rendezvous_->get(key(place), deadline);
      if (!theirs) {
        return tl::unexpected(Error{theirs.error()}.while_doing("opening " + describe(group)));
      }
      addresses[place] = *std::move(theirs);
    }
    return addresses;
  }

  tl::unexpected<Error> lost_in_connecting(const GroupSpec& group,
                                           const Error& error,
                                           GlooContext& context,
                                           Deadline start) {
    rank_.has_broken_group = true;
    context.abandon();
    const Result<GroupBreak> broken =
        rendezvous_->report_break(group, {.rank = rank()}, kBreakWait);
    CallFailure failure;
    failure.code = rank_.is_interrupted ? ErrorCode::kInterrupted : ErrorCode::kPeerLost;
    for (const Rank member : group.members) {
      const bool is_dead = broken && std::ranges::find(broken->dead, member) != broken->dead.end();
      add_member(failure, member, is_dead ? MemberState::kDead : MemberState::kPresent);
    }
    if (failure.dead.empty() && !rank_.is_interrupted) {
      return fail(ErrorCode::kPeerLost,
                  fmt::format("opening {}: gloo: {}", describe(group), error.message));
    }
    return tl::unexpected(to_open_error(failure, group, deadline_after(0ns) - start));
  }

  GlooRank rank_;
  Rank world_size_;
  bool checks_groups_;
  std::optional<Error> error_;  // why there is no rendezvous
  std::shared_ptr<gloo::transport::Device> device_;
  GlooContexts contexts_{rank_};
  std::unique_ptr<RendezvousClient> rendezvous_;  // whose thread uses all of the above
};

class GlooWorld final : public World {
 public:
  // `server` may be another host's, and null.
  GlooWorld(std::unique_ptr<RendezvousServer> server,
            RendezvousAddress address,
            const RunSecret& secret,
            Rank world_size,
            bool checks_groups)
      : server_{std::move(server)},
        address_{std::move(address)},
        secret_{secret},
        world_size_{world_size},
        checks_groups_{checks_groups},
        owner_{getpid()} {}

  std::unique_ptr<Fabric> attach(Rank rank, SiteNamer namer) override {
    RADIXBENCH_CHECK(rank < world_size_);
    if (owner_ != getpid()) server_.reset();  // the supervisor's; here only its port is open
    auto fabric = std::make_unique<GlooFabric>(
        RendezvousClient::Identity{.rank = rank, .world_size = world_size_}, checks_groups_, namer);
    // Without it the fabric says so to whoever opens a group.
    static_cast<void>(fabric->connect(address_, secret_, deadline_after(kConnectWait)));
    return fabric;
  }
  void ranks_forked() override {
    if (server_) server_->serve();
  }
  void mark_dead(Rank rank) override {
    if (server_) server_->mark_dead(rank);
  }
  void interrupt() override {
    if (server_) server_->interrupt();
  }

 private:
  std::unique_ptr<RendezvousServer> server_;
  RendezvousAddress address_;
  RunSecret secret_;
  Rank world_size_;
  bool checks_groups_;
  pid_t owner_;
};

}  // namespace

std::optional<std::string> why_no_gloo() { return std::nullopt; }

Result<std::unique_ptr<World>> make_gloo_world(Rank world_size, const GlooOptions& options) {
  if (world_size == 0) return fail(ErrorCode::kInvalidArgument, "a gloo world of no ranks");
  const Result<RunSecret> secret = RunSecret::make();
  if (!secret) return tl::unexpected(secret.error());
  auto server = RendezvousServer::listen({.bind = options.bind, .world_size = world_size}, *secret);
  if (!server) return tl::unexpected(server.error());
  RendezvousAddress address = (*server)->address();
  return std::unique_ptr<World>{std::make_unique<GlooWorld>(
      *std::move(server), std::move(address), *secret, world_size, options.checks_groups)};
}

Result<SharedGlooWorld> host_gloo_world(Rank world_size,
                                        const GlooOptions& options,
                                        const std::string& reached_at,
                                        const RunSecret& secret) {
  auto server = RendezvousServer::listen({.bind = options.bind, .world_size = world_size}, secret);
  if (!server) return tl::unexpected(server.error());
  RendezvousAddress address{.host = reached_at, .port = (*server)->address().port};
  SharedGlooWorld shared{.world = nullptr, .rendezvous = address};
  shared.world = std::make_unique<GlooWorld>(
      *std::move(server), std::move(address), secret, world_size, options.checks_groups);
  return shared;
}

Result<std::unique_ptr<World>> visit_gloo_world(Rank world_size,
                                                const RendezvousAddress& rendezvous,
                                                const RunSecret& secret,
                                                bool checks_groups) {
  return std::unique_ptr<World>{
      std::make_unique<GlooWorld>(nullptr, rendezvous, secret, world_size, checks_groups)};
}

Result<std::unique_ptr<Fabric>> join_gloo_world(const GlooMembership& membership,
                                                const RunSecret& secret,
                                                SiteNamer namer,
                                                Deadline deadline) {
  auto fabric = std::make_unique<GlooFabric>(membership.identity, membership.checks_groups, namer);
  if (auto connected = fabric->connect(membership.rendezvous, secret, deadline); !connected) {
    return tl::unexpected(connected.error());
  }
  if (auto same = fabric->check_world(membership.fields, deadline); !same) {
    return tl::unexpected(same.error());
  }
  return std::unique_ptr<Fabric>{std::move(fabric)};
}

}  // namespace radixbench
