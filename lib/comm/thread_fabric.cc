// A world whose ranks are threads. One mutex guards all of it, so that whether a call completed or
// failed is one answer for all its members; each group has a condition of its own to wait on.

#include "comm/thread_fabric.h"

#include "base/check.h"
#include "base/clock.h"
#include "comm/call_failure.h"
#include "comm/lone_communicator.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

namespace radixbench {
namespace {

// What a member brings to a call. int32 elements are held as the int64 of the same value.
struct Posting {
  CallKind kind = CallKind::kBarrier;
  ReduceOp op = ReduceOp::kMin;
  std::size_t root = 0;
  std::vector<std::int64_t> values;
};
using Postings = std::shared_ptr<const std::vector<Posting>>;

struct Broken {
  Rank rank = 0;
  std::uint64_t sequence = 0;
};

// From one member to another. `offered` waits to be taken; `taken` counts those that were.
struct Channel {
  std::optional<std::vector<std::int64_t>> offered;
  bool is_awaited = false;
  std::uint64_t taken = 0;
};

// A group of threads. `posted` fills up for call number `round`; the last of them moves it to
// `closed`, which stays until the next round closes, for which everyone must have read it.
struct Meeting {
  std::condition_variable changed;
  std::map<Rank, GroupSpec> openers;
  std::vector<std::optional<Posting>> posted;
  Postings closed;
  std::uint64_t round = 0;
  std::optional<Broken> broken;
  std::map<std::pair<std::size_t, std::size_t>, Channel> channels;  // by source and target
};

struct Hub {
  explicit Hub(Rank size) : world_size{size}, is_dead(size, false) {}

  const Rank world_size;
  std::mutex mutex;
  std::vector<bool> is_dead;
  bool is_interrupted = false;
  std::map<std::uint32_t, std::shared_ptr<Meeting>> meetings;  // by ordinal
};

bool differs(const GroupSpec& a, const GroupSpec& b) {
  return a.name != b.name || a.members != b.members;
}

// Sorts the members of a call by which of them `has_come`, by position, and says why one of them
// must stop waiting; nothing while there is hope. The hub's mutex is held.
template <typename HasCome>
std::optional<CallFailure> reason_to_stop(const Hub& hub,
                                          const Meeting& meeting,
                                          std::span<const Rank> members,
                                          Deadline deadline,
                                          HasCome has_come) {
  CallFailure failure;
  for (std::size_t member = 0; member < members.size(); ++member) {
    const Rank rank = members[member];
    const auto missed = hub.is_dead[rank] ? MemberState::kDead : MemberState::kAbsent;
    add_member(failure, rank, has_come(member) ? MemberState::kPresent : missed);
  }
  if (meeting.broken) {
    failure.gave_up = meeting.broken->rank;
    failure.gave_up_sequence = meeting.broken->sequence;
  }
  if (hub.is_interrupted) {
    failure.code = ErrorCode::kInterrupted;
  } else if (!failure.dead.empty() || meeting.broken) {
    failure.code = ErrorCode::kPeerLost;
  } else if (has_passed(deadline)) {
    failure.code = ErrorCode::kTimeout;
  } else {
    return std::nullopt;
  }
  return failure;
}

class ThreadCommunicator final : public Communicator {
 public:
  ThreadCommunicator(std::shared_ptr<Hub> hub,
                     std::shared_ptr<Meeting> meeting,
                     GroupSpec group,
                     std::size_t index,
                     SiteNamer namer)
      : hub_{std::move(hub)},
        meeting_{std::move(meeting)},
        group_{std::move(group)},
        index_{index},
        namer_{namer},
        sent_(group_.members.size(), 0),
        received_(group_.members.size(), 0) {}

  [[nodiscard]] const GroupSpec& group() const override { return group_; }
  [[nodiscard]] std::size_t index() const override { return index_; }
  [[nodiscard]] const std::optional<CallFailure>& failure() const override { return failure_; }

  Result<void> all_reduce(std::span<std::int32_t> values, ReduceOp op, const Call& call) override {
    return post_and_wait(Operation::all_reduce(values, op), call);
  }
  Result<void> all_reduce(std::span<std::int64_t> values, ReduceOp op, const Call& call) override {
    return post_and_wait(Operation::all_reduce(values, op), call);
  }
  Result<void> barrier(const Call& call) override {
    return post_and_wait(Operation::barrier(), call);
  }
  Result<void> broadcast(std::span<std::int64_t> values,
                         std::size_t root,
                         const Call& call) override {
    RADIXBENCH_CHECK(root < size());
    return post_and_wait(Operation::broadcast(values, root), call);
  }
  Result<void> all_gather(std::span<const std::int64_t> mine,
                          std::span<std::int64_t> all,
                          const Call& call) override {
    RADIXBENCH_CHECK(all.size() == size() * mine.size());
    return post_and_wait(Operation::all_gather(mine, all), call);
  }
  Result<void> send(std::span<const std::int64_t> values,
                    std::size_t to,
                    const Call& call) override {
    return post_and_wait(Operation::send(values, to), call);
  }
  Result<void> recv(std::span<std::int64_t> values, std::size_t from, const Call& call) override {
    return post_and_wait(Operation::recv(values, from), call);
  }

  Result<void> post(const Operation& operation, const Call& call) override {
    RADIXBENCH_CHECK(!posted_ && operation.element_count() <= kElementsMax);
    posted_.emplace(Posted{.operation = operation,
                           .call = call,
                           .sequence = next_of(operation)++,
                           .start_ns = monotonic_ns()});
    const std::lock_guard lock{hub_->mutex};
    if (meeting_->broken || hub_->is_interrupted) return {};  // test() and wait() say so
    if (operation.kind == CallKind::kSend) {
      channel(operation).offered.emplace(operation.mine.begin(), operation.mine.end());
      meeting_->changed.notify_all();
    } else if (operation.kind == CallKind::kRecv) {
      channel(operation).is_awaited = true;
    } else {
      meeting_->posted[index_] = posting_of(operation);
      close_round();
    }
    return {};
  }

  Result<bool> test() override {
    RADIXBENCH_CHECK(posted_);
    const std::lock_guard lock{hub_->mutex};
    if (is_over()) {
      finish();
      return true;
    }
    auto failure = find_trouble();
    if (failure) return give_up(std::move(*failure));
    return false;
  }

  Result<void> wait() override {
    RADIXBENCH_CHECK(posted_);
    std::unique_lock lock{hub_->mutex};
    while (!is_over()) {
      auto failure = find_trouble();
      if (failure) return give_up(std::move(*failure));
      meeting_->changed.wait_until(lock, posted_->call.deadline);
    }
    finish();
    return {};
  }

 private:
  struct Posted {
    Operation operation;
    Call call;
    std::uint64_t sequence = 0;
    std::int64_t start_ns = 0;
  };

  Result<void> post_and_wait(const Operation& operation, const Call& call) {
    static_cast<void>(post(operation, call));  // it leaves what it finds to wait()
    return wait();
  }

  // The number of the next call of its kind.
  std::uint64_t& next_of(const Operation& operation) {
    if (!is_between_two(operation.kind)) return sequence_;
    RADIXBENCH_CHECK(operation.peer < size() && operation.peer != index_);
    return operation.kind == CallKind::kSend ? sent_[operation.peer] : received_[operation.peer];
  }

  static bool is_between_two(CallKind kind) {
    return kind == CallKind::kSend || kind == CallKind::kRecv;
  }

  static Posting posting_of(const Operation& operation) {
    Posting posting{
        .kind = operation.kind, .op = operation.op, .root = operation.peer, .values = {}};
    if (operation.kind == CallKind::kAllGather) {
      posting.values.assign(operation.mine.begin(), operation.mine.end());
    } else if (operation.type == ElementType::kInt32) {
      posting.values.assign(operation.narrow.begin(), operation.narrow.end());
    } else {
      posting.values.assign(operation.values.begin(), operation.values.end());
    }
    return posting;
  }

  // All of what follows holds the hub's mutex, and is about the posted call.

  Channel& channel(const Operation& operation) const {
    const bool is_send = operation.kind == CallKind::kSend;
    const auto to = is_send ? operation.peer : index_;
    const auto from = is_send ? index_ : operation.peer;
    return meeting_->channels[{from, to}];
  }

  [[nodiscard]] bool is_over() const {
    const Operation& operation = posted_->operation;
    if (operation.kind == CallKind::kSend) return channel(operation).taken > posted_->sequence;
    if (operation.kind == CallKind::kRecv) return channel(operation).offered.has_value();
    return meeting_->round > posted_->sequence;
  }

  [[nodiscard]] std::optional<CallFailure> find_trouble() const {
    const Operation& operation = posted_->operation;
    const Deadline deadline = posted_->call.deadline;
    if (is_between_two(operation.kind)) {
      const std::array both{group_.members[index_], group_.members[operation.peer]};
      const Channel& met = channel(operation);
      const bool has_peer_come =
          operation.kind == CallKind::kSend ? met.is_awaited : met.offered.has_value();
      return reason_to_stop(*hub_, *meeting_, both, deadline, [&](std::size_t member) {
        return member == 0 || has_peer_come;
      });
    }
    return reason_to_stop(*hub_, *meeting_, group_.members, deadline, [&](std::size_t member) {
      if (member == index_) return true;
      const std::optional<Posting>& theirs = meeting_->posted[member];
      return meeting_->round == posted_->sequence && theirs && theirs->kind == operation.kind;
    });
  }

  // Puts the results where they belong, and leaves room for the next call.
  void finish() {
    const Operation operation = posted_->operation;
    posted_.reset();
    switch (operation.kind) {
      case CallKind::kBarrier:
      case CallKind::kSend: return;
      case CallKind::kRecv: return take(operation);
      case CallKind::kBroadcast: {
        const std::vector<Posting>& postings = *meeting_->closed;
        return move(postings[lowest(postings).root].values, operation.values);
      }
      case CallKind::kAllGather: {
        const std::size_t count = operation.mine.size();
        for (std::size_t member = 0; member < size(); ++member) {
          move((*meeting_->closed)[member].values, operation.values.subspan(member * count, count));
        }
        return;
      }
      case CallKind::kAllReduce:
        if (operation.type == ElementType::kInt32) return reduce(operation.narrow);
        return reduce(operation.values);
    }
  }

  // What both have.
  static void move(const std::vector<std::int64_t>& from, std::span<std::int64_t> to) {
    std::copy_n(from.begin(), std::min(from.size(), to.size()), to.begin());
  }

  void take(const Operation& operation) {
    Channel& met = channel(operation);
    move(*met.offered, operation.values);
    met.offered.reset();
    met.is_awaited = false;
    ++met.taken;
    meeting_->changed.notify_all();
  }

  [[nodiscard]] const Posting& lowest(const std::vector<Posting>& postings) const {
    const auto rank = std::ranges::min_element(group_.members);
    return postings[static_cast<std::size_t>(rank - group_.members.begin())];
  }

  template <typename Element>
  void reduce(std::span<Element> values) const {
    const std::vector<Posting>& postings = *meeting_->closed;
    std::size_t count = values.size();
    for (const Posting& posting : postings) count = std::min(count, posting.values.size());
    for (std::size_t i = 0; i < count; ++i) {
      values[i] = static_cast<Element>(reduce_element(postings, i));
    }
  }

  [[nodiscard]] std::int64_t reduce_element(const std::vector<Posting>& postings,
                                            std::size_t i) const {
    const ReduceOp op = lowest(postings).op;
    std::int64_t reduced = postings.front().values[i];
    for (const Posting& posting : std::span{postings}.subspan(1)) {
      const std::int64_t value = posting.values[i];
      switch (op) {
        case ReduceOp::kMin: reduced = std::min(reduced, value); break;
        case ReduceOp::kMax: reduced = std::max(reduced, value); break;
        case ReduceOp::kSum:  // wraps, as hardware and the other transports do
          reduced = static_cast<std::int64_t>(static_cast<std::uint64_t>(reduced) +
                                              static_cast<std::uint64_t>(value));
          break;
      }
    }
    return reduced;
  }

  // If all members have posted calls of one kind, they are a round.
  void close_round() {
    std::vector<std::optional<Posting>>& posted = meeting_->posted;
    const auto pairs = [&](const auto& theirs) {
      return theirs && theirs->kind == posted[index_]->kind;
    };
    if (!std::ranges::all_of(posted, pairs)) return;
    auto postings = std::make_shared<std::vector<Posting>>();
    for (std::optional<Posting>& theirs : posted) postings->push_back(std::move(*theirs));
    posted.assign(posted.size(), std::nullopt);
    meeting_->closed = std::move(postings);
    ++meeting_->round;
    meeting_->changed.notify_all();
  }

  // A late member would pair with the wrong round, so a group never survives a failure.
  tl::unexpected<Error> give_up(CallFailure failure) {
    failure.kind = posted_->operation.kind;
    failure.site = posted_->call.site;
    failure.key = posted_->call.key;
    failure.sequence = posted_->sequence;
    const std::chrono::nanoseconds waited{monotonic_ns() - posted_->start_ns};
    posted_.reset();
    if (!meeting_->broken) meeting_->broken = Broken{group_.members[index_], failure.sequence};
    meeting_->changed.notify_all();
    failure_ = std::move(failure);
    return tl::unexpected(to_error(*failure_, group_, namer_, waited));
  }

  std::shared_ptr<Hub> hub_;
  std::shared_ptr<Meeting> meeting_;
  GroupSpec group_;
  std::size_t index_;
  SiteNamer namer_;
  std::uint64_t sequence_ = 0;
  std::vector<std::uint64_t> sent_;  // by member, as the next
  std::vector<std::uint64_t> received_;
  std::optional<Posted> posted_;
  std::optional<CallFailure> failure_;
};

class ThreadFabric final : public Fabric {
 public:
  ThreadFabric(std::shared_ptr<Hub> hub, Rank rank, SiteNamer namer)
      : hub_{std::move(hub)}, rank_{rank}, namer_{namer} {}

  [[nodiscard]] Rank rank() const override { return rank_; }
  [[nodiscard]] Rank world_size() const override { return hub_->world_size; }
  [[nodiscard]] std::string_view transport() const override { return "threads"; }

  Result<std::unique_ptr<Communicator>> open(const GroupSpec& group, Deadline deadline) override {
    if (auto sound = check_spec(group, rank_, world_size()); !sound) {
      return tl::unexpected(sound.error());
    }
    if (group.members.size() == 1) return make_lone_communicator(group);
    std::unique_lock lock{hub_->mutex};
    auto& meeting = hub_->meetings[group.ordinal];
    if (!meeting) meeting = std::make_shared<Meeting>();
    if (auto joined = join(*meeting, group, deadline, lock); !joined) {
      return tl::unexpected(joined.error());
    }
    meeting->posted.resize(group.members.size());
    const auto member = std::ranges::find(group.members, rank_);
    const auto index = static_cast<std::size_t>(member - group.members.begin());
    return std::make_unique<ThreadCommunicator>(hub_, meeting, group, index, namer_);
  }

 private:
  // Until every member has opened the group with this spec. `lock` holds the hub.
  Result<void> join(Meeting& meeting,
                    const GroupSpec& group,
                    Deadline deadline,
                    std::unique_lock<std::mutex>& lock) {
    const std::int64_t start_ns = monotonic_ns();
    const bool is_first = meeting.openers.emplace(rank_, group).second;
    meeting.changed.notify_all();
    if (!is_first) {
      return tl::unexpected(to_mismatch(
          group.ordinal, rank_, describe(group), rank_, describe(meeting.openers.at(rank_))));
    }
    const auto has_come = [&](std::size_t member) {
      return meeting.openers.contains(group.members[member]);
    };
    while (true) {
      for (const auto& [rank, spec] : meeting.openers) {
        if (!differs(group, spec)) continue;
        return tl::unexpected(
            to_mismatch(group.ordinal, rank_, describe(group), rank, describe(spec)));
      }
      if (std::ranges::all_of(group.members,
                              [&](Rank rank) { return meeting.openers.contains(rank); })) {
        return {};
      }
      auto failure = reason_to_stop(*hub_, meeting, group.members, deadline, has_come);
      if (failure) {
        if (!meeting.broken) meeting.broken = Broken{rank_, 0};
        meeting.changed.notify_all();
        const std::chrono::nanoseconds waited{monotonic_ns() - start_ns};
        return tl::unexpected(to_open_error(*failure, group, waited));
      }
      meeting.changed.wait_until(lock, deadline);
    }
  }

  std::shared_ptr<Hub> hub_;
  Rank rank_;
  SiteNamer namer_;
};

class ThreadWorld final : public World {
 public:
  explicit ThreadWorld(Rank world_size) : hub_{std::make_shared<Hub>(world_size)} {}

  std::unique_ptr<Fabric> attach(Rank rank, SiteNamer namer) override {
    RADIXBENCH_CHECK(rank < hub_->world_size);
    return std::make_unique<ThreadFabric>(hub_, rank, namer);
  }
  void mark_dead(Rank rank) override {
    RADIXBENCH_CHECK(rank < hub_->world_size);
    const std::lock_guard lock{hub_->mutex};
    hub_->is_dead[rank] = true;
    wake_all();
  }
  void interrupt() override {
    const std::lock_guard lock{hub_->mutex};
    hub_->is_interrupted = true;
    wake_all();
  }

 private:
  void wake_all() {
    for (auto& [ordinal, meeting] : hub_->meetings) meeting->changed.notify_all();
  }

  std::shared_ptr<Hub> hub_;
};

}  // namespace

std::unique_ptr<World> make_thread_world(Rank world_size) {
  return std::make_unique<ThreadWorld>(world_size);
}

std::vector<std::unique_ptr<Fabric>> make_thread_fabrics(Rank world_size, SiteNamer namer) {
  const std::unique_ptr<World> world = make_thread_world(world_size);
  std::vector<std::unique_ptr<Fabric>> fabrics;
  fabrics.reserve(world_size);
  for (Rank rank = 0; rank < world_size; ++rank) fabrics.push_back(world->attach(rank, namer));
  return fabrics;
}

}  // namespace radixbench
