#include "comm/shm_communicator.h"

#include "base/check.h"
#include "base/clock.h"
#include "comm/call_failure.h"

#include <algorithm>
#include <utility>

namespace radixbench {
namespace {

std::uint64_t load(std::uint64_t& word) {
  return std::atomic_ref{word}.load(std::memory_order_relaxed);
}
void store(std::uint64_t& word, std::uint64_t value) {
  std::atomic_ref{word}.store(value, std::memory_order_relaxed);
}
CallHead load_head(SlotLine& line) {
  return CallHead{std::atomic_ref{line.head}.load(std::memory_order_acquire)};
}

class ShmCommunicator final : public Communicator {
 public:
  ShmCommunicator(const ShmAttachment& attachment, GroupSpec group)
      : world_{*attachment.memory},
        rank_{attachment.rank},
        policy_{attachment.policy},
        namer_{attachment.namer},
        group_{std::move(group)},
        memory_{world_.group(group_.ordinal)} {
    const auto begin = group_.members.begin();
    index_ = static_cast<std::size_t>(std::ranges::find(group_.members, rank_) - begin);
    lowest_ = static_cast<std::size_t>(std::ranges::min_element(group_.members) - begin);
  }

  [[nodiscard]] const GroupSpec& group() const override { return group_; }
  [[nodiscard]] std::size_t index() const override { return index_; }
  [[nodiscard]] const std::optional<CallFailure>& failure() const override { return failure_; }

  Result<void> all_reduce(std::span<std::int32_t> values, ReduceOp op, const Call& call) override {
    return reduce(values, ElementType::kInt32, op, call);
  }
  Result<void> all_reduce(std::span<std::int64_t> values, ReduceOp op, const Call& call) override {
    return reduce(values, ElementType::kInt64, op, call);
  }

  Result<void> barrier(const Call& call) override {
    CallHead head{sequence_, CallKind::kBarrier};
    if (!exchange(head, std::span<const std::int64_t>{}, call)) return last_error();
    return {};
  }

  Result<void> broadcast(std::span<std::int64_t> values,
                         std::size_t root,
                         const Call& call) override {
    RADIXBENCH_CHECK(values.size() <= kElementsMax && root < size());
    CallHead head{sequence_, CallKind::kBroadcast};
    head.with(ElementType::kInt64, values.size()).with_root(root);
    // Everyone brings its values, so that the lowest rank's root has some whoever else was named.
    if (!exchange(head, std::span<const std::int64_t>{values}, call)) return last_error();
    copy_from(load_head(lines_[lowest_]).root(), values);
    return {};
  }

  Result<void> all_gather(std::span<const std::int64_t> mine,
                          std::span<std::int64_t> all,
                          const Call& call) override {
    RADIXBENCH_CHECK(mine.size() <= kElementsMax && all.size() == size() * mine.size());
    CallHead head{sequence_, CallKind::kAllGather};
    head.with(ElementType::kInt64, mine.size());
    if (!exchange(head, mine, call)) return last_error();
    for (std::size_t member = 0; member < size(); ++member) {
      copy_from(member, all.subspan(member * mine.size(), mine.size()));
    }
    return {};
  }

 private:
  template <typename Element>
  Result<void> reduce(std::span<Element> values, ElementType type, ReduceOp op, const Call& call) {
    RADIXBENCH_CHECK(values.size() <= kElementsMax);
    CallHead head{sequence_, CallKind::kAllReduce};
    head.with(type, values.size()).with(op);
    if (!exchange(head, std::span<const Element>{values}, call)) return last_error();
    if (are_heads_equal_) {
      reduce_as(op, values);
    } else {
      reduce_as(load_head(lines_[lowest_]).op(), values.first(shortest()));
    }
    return {};
  }

  template <typename Element>
  void reduce_as(ReduceOp op, std::span<Element> values) {
    switch (op) {
      case ReduceOp::kMin: return reduce_by(values, [](auto a, auto b) { return std::min(a, b); });
      case ReduceOp::kMax: return reduce_by(values, [](auto a, auto b) { return std::max(a, b); });
      case ReduceOp::kSum:  // wraps
        return reduce_by(values, [](std::int64_t a, std::int64_t b) {
          return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) +
                                           static_cast<std::uint64_t>(b));
        });
    }
  }

  template <typename Element, typename Combine>
  void reduce_by(std::span<Element> values, Combine combine) {
    std::array<std::int64_t, kElementsMax> reduced;
    std::ranges::copy(values, reduced.begin());
    const std::size_t in_line = std::min(values.size(), kLineElements);
    for (std::size_t member = 0; member < size(); ++member) {
      if (member == index_) continue;
      for (std::size_t i = 0; i < in_line; ++i) {
        reduced[i] = combine(reduced[i], element(member, i));
      }
      for (std::size_t i = in_line; i < values.size(); ++i) {
        reduced[i] = combine(reduced[i], extra_element(member, i));
      }
    }
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<Element>(reduced[i]);
  }

  // The elements that both sides have, from what `member` brought.
  void copy_from(std::size_t member, std::span<std::int64_t> values) {
    const std::size_t count = std::min(values.size(), load_head(lines_[member]).count());
    for (std::size_t i = 0; i < count; ++i) {
      values[i] = i < kLineElements ? element(member, i) : extra_element(member, i);
    }
  }

  [[nodiscard]] std::int64_t element(std::size_t member, std::size_t i) const {
    return static_cast<std::int64_t>(load(lines_[member].elements[i]));
  }
  [[nodiscard]] std::int64_t extra_element(std::size_t member, std::size_t i) const {
    return static_cast<std::int64_t>(load(extras_[member].elements[i - kLineElements]));
  }
  [[nodiscard]] std::size_t shortest() const {
    std::size_t count = kElementsMax;
    for (std::size_t member = 0; member < size(); ++member) {
      count = std::min(count, load_head(lines_[member]).count());
    }
    return count;
  }

  // The whole of a call but for what is done with the elements: on success every member's line of
  // this call can be read until this member's next call but one. False leaves failure_.
  template <typename Element>
  [[nodiscard]] bool exchange(CallHead head, std::span<const Element> values, const Call& call) {
    const std::uint64_t sequence = sequence_++;
    lines_ = memory_.lines(sequence).first(size());
    extras_ = memory_.extras(sequence).first(size());
    if (is_broken(memory_) || world_.is_interrupted()) [[unlikely]] {
      return refuse(head, call, sequence);
    }
    post(head, values);
    are_heads_equal_ = true;
    Waiter waiter{call.deadline};
    for (SlotLine& line : lines_) {
      CallHead theirs = load_head(line);
      for (std::uint32_t i = 0; i < policy_.spins && !theirs.pairs_with(head); ++i) {
        pause_core();
        theirs = load_head(line);
      }
      if (!theirs.pairs_with(head)) {
        if (!await(line, head, waiter)) return give_up(head, call, sequence, waiter);
        theirs = load_head(line);
      }
      are_heads_equal_ &= theirs.word() == head.word();
    }
    return true;
  }

  template <typename Element>
  void post(CallHead head, std::span<const Element> values) {
    SlotLine& mine = lines_[index_];
    const std::size_t in_line = std::min(values.size(), kLineElements);
    for (std::size_t i = 0; i < in_line; ++i) {
      store(mine.elements[i], static_cast<std::uint64_t>(std::int64_t{values[i]}));
    }
    for (std::size_t i = in_line; i < values.size(); ++i) {
      store(extras_[index_].elements[i - kLineElements],
            static_cast<std::uint64_t>(std::int64_t{values[i]}));
    }
    std::atomic_ref{mine.head}.store(head.word(), std::memory_order_release);
    // No fence keeps this load behind that store: it would cost as much as the call. Who announces
    // itself in between sees the new head in the kernel, unless the store takes longer to leave
    // this core than its system call takes; then it sleeps once for kSleepNsMax.
    const std::atomic_ref sleepers{memory_.control().sleepers};
    if (sleepers.load(std::memory_order_relaxed) != 0) wake_sleepers(mine.head);
  }

  // Until the line's member makes this call; false when this rank must stop waiting, with trouble_.
  [[nodiscard]] bool await(SlotLine& line, CallHead head, Waiter& waiter) {
    while (true) {
      const CallHead theirs = load_head(line);
      if (theirs.pairs_with(head)) return true;
      if (has_alarm() && find_trouble(head, false)) return false;
      if (waiter.wait(line.head, theirs.word(), memory_.control().sleepers)) continue;
      if (find_trouble(head, true)) return false;
    }
  }

  [[nodiscard]] bool has_alarm() const {
    return is_broken(memory_) || world_.is_interrupted() || world_.has_dead();
  }
  bool find_trouble(CallHead head, bool is_late) {
    const auto has_come = [&](std::size_t member) {
      return load_head(lines_[member]).pairs_with(head);
    };
    failure_ = reason_to_stop(world_, group_, memory_, has_come, is_late);
    return failure_.has_value();
  }

  // A late member would pair with the wrong call, so a group never survives a failure.
  [[nodiscard]] bool give_up(CallHead head,
                             const Call& call,
                             std::uint64_t sequence,
                             const Waiter& waiter) {
    failure_->kind = head.kind();
    failure_->site = call.site;
    failure_->key = call.key;
    failure_->sequence = sequence;
    waited_ns_ = waiter.waited_ns();
    break_group(memory_, rank_, sequence);
    return false;
  }

  // A call on a broken group, or of an interrupted world.
  [[nodiscard]] bool refuse(CallHead head, const Call& call, std::uint64_t sequence) {
    const auto has_come = [&](std::size_t member) {
      return member == index_ || load_head(lines_[member]).pairs_with(head);
    };
    failure_ = reason_to_refuse(world_, group_, memory_, has_come);
    return give_up(head, call, sequence, Waiter{call.deadline});
  }

  [[nodiscard]] tl::unexpected<Error> last_error() const {
    return tl::unexpected(
        to_error(*failure_, group_, namer_, std::chrono::nanoseconds{waited_ns_}));
  }

  const WorldMemory& world_;
  Rank rank_;
  WaitPolicy policy_;
  SiteNamer namer_;
  GroupSpec group_;
  GroupMemory memory_;
  std::size_t index_ = 0;
  std::size_t lowest_ =
      0;  // the member with the lowest rank, whose word counts where members differ
  std::uint64_t sequence_ = 0;

  // Of the call under way, or the last.
  std::span<SlotLine> lines_;
  std::span<ExtraLines> extras_;
  bool are_heads_equal_ = true;

  std::optional<CallFailure> failure_;
  std::int64_t waited_ns_ = 0;
};

// Who has come, is missed or known dead, and who broke the group before. Deaths are read first:
// what a rank did before its end was announced is then seen too.
CallFailure sort_members(const WorldMemory& memory,
                         const GroupSpec& group,
                         const GroupMemory& group_memory,
                         const std::function<bool(std::size_t)>& has_come) {
  CallFailure failure;
  for (std::size_t member = 0; member < group.members.size(); ++member) {
    const Rank rank = group.members[member];
    const auto missed = memory.is_dead(rank) ? MemberState::kDead : MemberState::kAbsent;
    add_member(failure, rank, has_come(member) ? MemberState::kPresent : missed);
  }
  const std::uint64_t broken = load(group_memory.control().broken);
  if (broken != 0) {
    failure.gave_up = Broken::from_word(broken).rank;
    failure.gave_up_sequence = Broken::from_word(broken).sequence;
  }
  return failure;
}

}  // namespace

std::unique_ptr<Communicator> make_shm_communicator(const ShmAttachment& attachment,
                                                    GroupSpec group) {
  return std::make_unique<ShmCommunicator>(attachment, std::move(group));
}

std::optional<CallFailure> reason_to_stop(const WorldMemory& memory,
                                          const GroupSpec& group,
                                          const GroupMemory& group_memory,
                                          const std::function<bool(std::size_t)>& has_come,
                                          bool is_late) {
  CallFailure failure = sort_members(memory, group, group_memory, has_come);
  if (failure.absent.empty()) return std::nullopt;
  if (memory.is_interrupted()) {
    failure.code = ErrorCode::kInterrupted;
  } else if (!failure.dead.empty() || failure.gave_up) {
    failure.code = ErrorCode::kPeerLost;
  } else if (is_late) {
    failure.code = ErrorCode::kTimeout;
  } else {
    return std::nullopt;
  }
  return failure;
}

CallFailure reason_to_refuse(const WorldMemory& memory,
                             const GroupSpec& group,
                             const GroupMemory& group_memory,
                             const std::function<bool(std::size_t)>& has_come) {
  CallFailure failure = sort_members(memory, group, group_memory, has_come);
  failure.code = memory.is_interrupted() ? ErrorCode::kInterrupted : ErrorCode::kPeerLost;
  return failure;
}

void break_group(const GroupMemory& group_memory, Rank rank, std::uint64_t sequence) {
  std::uint64_t whole = 0;
  const Broken broken{rank, sequence};
  std::atomic_ref{group_memory.control().broken}.compare_exchange_strong(whole, broken.word());
}

}  // namespace radixbench
