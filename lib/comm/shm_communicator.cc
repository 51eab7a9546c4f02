#include "comm/shm_communicator.h"

#include "base/check.h"
#include "base/clock.h"
#include "comm/call_failure.h"
#include "comm/shm_mail.h"
#include "comm/shm_trouble.h"

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
        memory_{world_.group(group_.ordinal)},
        index_{static_cast<std::size_t>(std::ranges::find(group_.members, rank_) -
                                        group_.members.begin())},
        mail_{memory_, index_, group_.members.size()} {
    const auto begin = group_.members.begin();
    lowest_ = static_cast<std::size_t>(std::ranges::min_element(group_.members) - begin);
  }

  [[nodiscard]] const GroupSpec& group() const override { return group_; }
  [[nodiscard]] std::size_t index() const override { return index_; }
  [[nodiscard]] const std::optional<CallFailure>& failure() const override { return failure_; }

  Result<void> all_reduce(std::span<std::int32_t> values, ReduceOp op, const Call& call) override {
    return reduce(values, op, call);
  }
  Result<void> all_reduce(std::span<std::int64_t> values, ReduceOp op, const Call& call) override {
    return reduce(values, op, call);
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
    // Everyone brings its values, so that the lowest rank's root has some whoever else was named.
    const CallHead head = head_of(Operation::broadcast(values, root));
    if (!exchange(head, std::span<const std::int64_t>{values}, call)) return last_error();
    finish_broadcast(values);
    return {};
  }

  Result<void> all_gather(std::span<const std::int64_t> mine,
                          std::span<std::int64_t> all,
                          const Call& call) override {
    RADIXBENCH_CHECK(mine.size() <= kElementsMax && all.size() == size() * mine.size());
    const CallHead head = head_of(Operation::all_gather(mine, all));
    if (!exchange(head, mine, call)) return last_error();
    finish_gather(mine.size(), all);
    return {};
  }

  Result<void> send(std::span<const std::int64_t> values,
                    std::size_t to,
                    const Call& call) override {
    const Result<void> posted = post(Operation::send(values, to), call);
    return posted ? wait() : posted;
  }
  Result<void> recv(std::span<std::int64_t> values, std::size_t from, const Call& call) override {
    const Result<void> posted = post(Operation::recv(values, from), call);
    return posted ? wait() : posted;
  }

  Result<void> post(const Operation& operation, const Call& call) override {
    RADIXBENCH_CHECK(!posted_ && operation.element_count() <= kElementsMax);
    posted_.emplace(Posted{.operation = operation, .call = call});
    Posted& posted = *posted_;
    const bool is_fine = is_mail(operation.kind) ? begin_mail(posted) : begin_collective(posted);
    if (is_fine) return {};
    posted_.reset();
    return last_error();
  }

  Result<bool> test() override {
    RADIXBENCH_CHECK(posted_);
    Posted& posted = *posted_;
    if (!has_peer_come(posted)) {
      const bool is_late = has_passed(posted.call.deadline);
      if ((!is_late && !has_alarm()) || !find_trouble(posted, is_late)) return false;
      return give_up_posted(posted, Waiter{posted.call.deadline});
    }
    finish(posted);
    posted_.reset();
    return true;
  }

  Result<void> wait() override {
    RADIXBENCH_CHECK(posted_);
    Posted& posted = *posted_;
    for (std::uint32_t i = 0; i < policy_.spins && !has_peer_come(posted); ++i) pause_core();
    Waiter waiter{posted.call.deadline};
    for (bool is_late = false; !has_peer_come(posted);) {
      if ((is_late || has_alarm()) && find_trouble(posted, is_late)) {
        return give_up_posted(posted, waiter);
      }
      std::uint64_t& word = awaited_word(posted);
      const std::uint64_t seen = std::atomic_ref{word}.load(std::memory_order_acquire);
      if (has_peer_come(posted)) break;
      is_late = !waiter.wait(word, seen, memory_.control().sleepers);
    }
    finish(posted);
    posted_.reset();
    return {};
  }

 private:
  // A posted call. Of a collective `arrived` members are known to have come, in order of index.
  struct Posted {
    Operation operation;
    Call call;
    CallHead head{0};
    std::uint64_t sequence = 0;
    std::size_t arrived = 0;
  };

  [[nodiscard]] static bool is_mail(CallKind kind) {
    return kind == CallKind::kSend || kind == CallKind::kRecv;
  }

  // Of this member's next collective.
  [[nodiscard]] CallHead head_of(const Operation& operation) const {
    CallHead head{sequence_, operation.kind};
    if (operation.kind != CallKind::kBarrier) head.with(operation.type, operation.element_count());
    if (operation.kind == CallKind::kAllReduce) head.with(operation.op);
    if (operation.kind == CallKind::kBroadcast) head.with_root(operation.peer);
    return head;
  }

  // False leaves failure_, as do the others.
  [[nodiscard]] bool begin_collective(Posted& posted) {
    const Operation& operation = posted.operation;
    posted.head = head_of(operation);
    if (operation.type == ElementType::kInt32) {
      return begin(posted.head, std::span<const std::int32_t>{operation.narrow}, posted.call) &&
             keep_sequence(posted);
    }
    const bool is_gather = operation.kind == CallKind::kAllGather;
    const std::span<const std::int64_t> values = operation.values;
    return begin(posted.head, is_gather ? operation.mine : values, posted.call) &&
           keep_sequence(posted);
  }
  bool keep_sequence(Posted& posted) const {
    posted.sequence = sequence_ - 1;
    return true;
  }

  [[nodiscard]] bool begin_mail(Posted& posted) {
    const Operation& operation = posted.operation;
    const std::size_t peer = operation.peer;
    RADIXBENCH_CHECK(peer < size() && peer != index_);
    const bool is_refused = is_broken(memory_) || world_.is_interrupted();
    posted.sequence = operation.kind == CallKind::kSend ? mail_.begin_send(operation.mine, peer)
                                                        : mail_.begin_receive(peer);
    if (!is_refused) return true;
    failure_ = reason_to_refuse(
        world_, both_with(peer), memory_, [&](std::size_t member) { return member == 0; });
    return note(operation.kind, posted.call, posted.sequence, 0);
  }

  [[nodiscard]] bool has_peer_come(Posted& posted) {
    const Operation& operation = posted.operation;
    if (operation.kind == CallKind::kSend) return mail_.is_taken();
    if (operation.kind == CallKind::kRecv) return mail_.is_offered(operation.peer);
    for (; posted.arrived < size(); ++posted.arrived) {
      const CallHead theirs = load_head(lines_[posted.arrived]);
      if (!theirs.pairs_with(posted.head)) return false;
      are_heads_equal_ &= theirs.word() == posted.head.word();
    }
    return true;
  }

  [[nodiscard]] std::uint64_t& awaited_word(const Posted& posted) {
    const Operation& operation = posted.operation;
    if (operation.kind == CallKind::kSend) return mail_.taken_word();
    if (operation.kind == CallKind::kRecv) return mail_.offered_word(operation.peer);
    return lines_[posted.arrived].head;
  }

  bool find_trouble(const Posted& posted, bool is_late) {
    const Operation& operation = posted.operation;
    if (!is_mail(operation.kind)) return find_trouble(posted.head, is_late);
    const auto has_come = [&](std::size_t member) {
      if (member == 0) return true;
      return operation.kind == CallKind::kSend ? mail_.is_taken()
                                               : mail_.is_offered(operation.peer);
    };
    failure_ = reason_to_stop(world_, both_with(operation.peer), memory_, has_come, is_late);
    return failure_.has_value();
  }

  // This member and one other: all that a send or receive is about.
  [[nodiscard]] GroupSpec both_with(std::size_t peer) const {
    return {
        .name = group_.name, .members = {rank_, group_.members[peer]}, .ordinal = group_.ordinal};
  }

  [[nodiscard]] tl::unexpected<Error> give_up_posted(const Posted& posted, const Waiter& waiter) {
    note(posted.operation.kind, posted.call, posted.sequence, waiter.waited_ns());
    posted_.reset();
    return last_error();
  }

  // Puts the results of a call that all have come to where they belong.
  void finish(const Posted& posted) {
    const Operation& operation = posted.operation;
    switch (operation.kind) {
      case CallKind::kBarrier:
      case CallKind::kSend: return;
      case CallKind::kRecv: return mail_.take(operation.peer, operation.values);
      case CallKind::kBroadcast: return finish_broadcast(operation.values);
      case CallKind::kAllGather: return finish_gather(operation.mine.size(), operation.values);
      case CallKind::kAllReduce:
        if (operation.type == ElementType::kInt32)
          return finish_reduce(operation.narrow, operation.op);
        return finish_reduce(operation.values, operation.op);
    }
  }

  template <typename Element>
  Result<void> reduce(std::span<Element> values, ReduceOp op, const Call& call) {
    RADIXBENCH_CHECK(values.size() <= kElementsMax);
    const CallHead head = head_of(Operation::all_reduce(values, op));
    if (!exchange(head, std::span<const Element>{values}, call)) return last_error();
    finish_reduce(values, op);
    return {};
  }

  template <typename Element>
  void finish_reduce(std::span<Element> values, ReduceOp op) {
    if (are_heads_equal_) {
      reduce_as(op, values);
    } else {
      reduce_as(load_head(lines_[lowest_]).op(), values.first(shortest()));
    }
  }
  void finish_broadcast(std::span<std::int64_t> values) {
    copy_from(load_head(lines_[lowest_]).root(), values);
  }
  void finish_gather(std::size_t count, std::span<std::int64_t> all) {
    for (std::size_t member = 0; member < size(); ++member) {
      copy_from(member, all.subspan(member * count, count));
    }
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
    RADIXBENCH_CHECK(!posted_);
    if (!begin(head, values, call)) [[unlikely]]
      return false;
    Waiter waiter{call.deadline};
    for (SlotLine& line : lines_) {
      CallHead theirs = load_head(line);
      for (std::uint32_t i = 0; i < policy_.spins && !theirs.pairs_with(head); ++i) {
        pause_core();
        theirs = load_head(line);
      }
      if (!theirs.pairs_with(head)) {
        if (!await(line, head, waiter)) return give_up(head, call, waiter);
        theirs = load_head(line);
      }
      are_heads_equal_ &= theirs.word() == head.word();
    }
    return true;
  }

  // Brings this member's part.
  template <typename Element>
  [[nodiscard]] bool begin(CallHead head, std::span<const Element> values, const Call& call) {
    const std::uint64_t sequence = sequence_++;
    lines_ = memory_.lines(sequence).first(size());
    extras_ = memory_.extras(sequence).first(size());
    if (is_broken(memory_) || world_.is_interrupted()) [[unlikely]]
      return refuse(head, call);
    publish(head, values);
    are_heads_equal_ = true;
    return true;
  }

  template <typename Element>
  void publish(CallHead head, std::span<const Element> values) {
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
  [[nodiscard]] bool give_up(CallHead head, const Call& call, const Waiter& waiter) {
    return note(head.kind(), call, sequence_ - 1, waiter.waited_ns());
  }

  // Says of failure_ which call it was, and breaks the group. False.
  bool note(CallKind kind, const Call& call, std::uint64_t sequence, std::int64_t waited_ns) {
    failure_->kind = kind;
    failure_->site = call.site;
    failure_->key = call.key;
    failure_->sequence = sequence;
    waited_ns_ = waited_ns;
    break_group(memory_, rank_, sequence);
    return false;
  }

  // A call on a broken group, or of an interrupted world.
  [[nodiscard]] bool refuse(CallHead head, const Call& call) {
    const auto has_come = [&](std::size_t member) {
      return member == index_ || load_head(lines_[member]).pairs_with(head);
    };
    failure_ = reason_to_refuse(world_, group_, memory_, has_come);
    return give_up(head, call, Waiter{call.deadline});
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
  std::size_t index_;
  ShmMail mail_;
  // The member with the lowest rank, whose word counts where members differ.
  std::size_t lowest_ = 0;
  std::uint64_t sequence_ = 0;  // of the next collective

  // Of the call under way, or the last.
  std::span<SlotLine> lines_;
  std::span<ExtraLines> extras_;
  bool are_heads_equal_ = true;
  std::optional<Posted> posted_;

  std::optional<CallFailure> failure_;
  std::int64_t waited_ns_ = 0;
};

}  // namespace

std::unique_ptr<Communicator> make_shm_communicator(const ShmAttachment& attachment,
                                                    GroupSpec group) {
  return std::make_unique<ShmCommunicator>(attachment, std::move(group));
}

}  // namespace radixbench
