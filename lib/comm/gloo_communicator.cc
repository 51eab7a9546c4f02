#include "comm/gloo_communicator.h"

#include "base/check.h"
#include "base/clock.h"
#include "comm/call_failure.h"

#include <fmt/format.h>
#include <gloo/allgather.h>
#include <gloo/allreduce.h>
#include <gloo/barrier.h>
#include <gloo/broadcast.h>
#include <gloo/transport/unbound_buffer.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// For the other members of a broken group to say where they are: what a rank needs to be scheduled
// on a machine with more ranks than cores, and to look at its connections.
constexpr auto kSettle = 500ms;

// How gloo begins to say that a deadline passed; whoever closes connections says something else.
constexpr std::string_view kLateText = "Timed out";

// gloo has names of its own for messages of its collectives; this one is none of them.
constexpr std::uint64_t kPairSlot = std::uint64_t{0x70} << 56U;

template <typename Element, typename Combine>
void combine_into(void* to, const void* a, const void* b, std::size_t count, Combine combine) {
  auto* out = static_cast<Element*>(to);
  const auto* left = static_cast<const Element*>(a);
  const auto* right = static_cast<const Element*>(b);
  for (std::size_t i = 0; i < count; ++i) out[i] = combine(left[i], right[i]);
}

template <typename Element>
void reduce_min(void* to, const void* a, const void* b, std::size_t count) {
  combine_into<Element>(to, a, b, count, [](Element x, Element y) { return std::min(x, y); });
}

template <typename Element>
void reduce_max(void* to, const void* a, const void* b, std::size_t count) {
  combine_into<Element>(to, a, b, count, [](Element x, Element y) { return std::max(x, y); });
}

// Wraps.
template <typename Element>
void reduce_sum(void* to, const void* a, const void* b, std::size_t count) {
  using Bits = std::make_unsigned_t<Element>;
  combine_into<Element>(to, a, b, count, [](Element x, Element y) {
    return static_cast<Element>(static_cast<Bits>(x) + static_cast<Bits>(y));
  });
}

using Reduce = void (*)(void*, const void*, const void*, std::size_t);

template <typename Element>
Reduce reduce_of(ReduceOp op) {
  switch (op) {
    case ReduceOp::kMin: return reduce_min<Element>;
    case ReduceOp::kMax: return reduce_max<Element>;
    case ReduceOp::kSum: return reduce_sum<Element>;
  }
  return reduce_min<Element>;
}

// The call that failed, as far as its rank knows by itself.
struct Attempt {
  CallKind kind;
  std::uint64_t sequence;
  const Call& call;
  std::optional<std::size_t> peer;  // of a send or receive
};

class GlooCommunicator final : public Communicator {
 public:
  GlooCommunicator(GlooRank& rank, std::shared_ptr<GlooContext> context, GroupSpec group)
      : rank_{rank},
        context_{std::move(context)},
        group_{std::move(group)},
        sent_(group_.members.size(), 0),
        received_(group_.members.size(), 0) {
    const auto self = std::ranges::find(group_.members, rank_.rank);
    RADIXBENCH_CHECK(self != group_.members.end());
    index_ = static_cast<std::size_t>(self - group_.members.begin());
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
    return attempt({CallKind::kBarrier, sequence_++, call, std::nullopt}, [&](auto timeout) {
      gloo::BarrierOptions options{context_->handle()};
      options.setTimeout(timeout);
      gloo::barrier(options);
    });
  }

  Result<void> broadcast(std::span<std::int64_t> values,
                         std::size_t root,
                         const Call& call) override {
    RADIXBENCH_CHECK(values.size() <= kElementsMax && root < size());
    return attempt({CallKind::kBroadcast, sequence_++, call, std::nullopt}, [&](auto timeout) {
      gloo::BroadcastOptions options{context_->handle()};
      std::int64_t nothing = 0;  // gloo has no calls without elements
      const bool is_empty = values.empty();
      options.setOutput(is_empty ? &nothing : values.data(), is_empty ? 1 : values.size());
      options.setRoot(static_cast<int>(root));
      options.setTimeout(timeout);
      gloo::broadcast(options);
    });
  }

  Result<void> all_gather(std::span<const std::int64_t> mine,
                          std::span<std::int64_t> all,
                          const Call& call) override {
    RADIXBENCH_CHECK(mine.size() <= kElementsMax && all.size() == mine.size() * size());
    return attempt({CallKind::kAllGather, sequence_++, call, std::nullopt}, [&](auto timeout) {
      // gloo takes what it only reads by a pointer to something that it may write to.
      std::vector<std::int64_t> own{mine.begin(), mine.end()};
      std::vector<std::int64_t> nothing(size(), 0);
      own.resize(std::max<std::size_t>(own.size(), 1));
      gloo::AllgatherOptions options{context_->handle()};
      options.setInput(own.data(), own.size());
      if (mine.empty()) {
        options.setOutput(nothing.data(), nothing.size());
      } else {
        options.setOutput(all.data(), all.size());
      }
      options.setTimeout(timeout);
      gloo::allgather(options);
    });
  }

  Result<void> send(std::span<const std::int64_t> values,
                    std::size_t to,
                    const Call& call) override {
    RADIXBENCH_CHECK(values.size() <= kElementsMax && to < size() && to != index_);
    return attempt({CallKind::kSend, sent_[to]++, call, to}, [&](auto timeout) {
      std::vector<std::int64_t> own{values.begin(), values.end()};
      own.resize(std::max<std::size_t>(own.size(), 1));
      const auto buffer =
          context_->handle()->createUnboundBuffer(own.data(), own.size() * sizeof own[0]);
      buffer->send(static_cast<int>(to), kPairSlot);
      buffer->waitSend(timeout);
    });
  }

  Result<void> recv(std::span<std::int64_t> values, std::size_t from, const Call& call) override {
    RADIXBENCH_CHECK(values.size() <= kElementsMax && from < size() && from != index_);
    return attempt({CallKind::kRecv, received_[from]++, call, from}, [&](auto timeout) {
      std::int64_t nothing = 0;
      const bool is_empty = values.empty();
      const auto buffer = context_->handle()->createUnboundBuffer(
          is_empty ? &nothing : values.data(), is_empty ? sizeof nothing : values.size_bytes());
      buffer->recv(static_cast<int>(from), kPairSlot);
      buffer->waitRecv(timeout);
    });
  }

 private:
  template <typename Element>
  Result<void> reduce(std::span<Element> values, ReduceOp op, const Call& call) {
    RADIXBENCH_CHECK(values.size() <= kElementsMax);
    return attempt({CallKind::kAllReduce, sequence_++, call, std::nullopt}, [&](auto timeout) {
      gloo::AllreduceOptions options{context_->handle()};
      Element nothing = 0;
      Element* out = values.empty() ? &nothing : values.data();
      options.setOutput(out, std::max<std::size_t>(values.size(), 1));
      options.setReduceFunction(reduce_of<Element>(op));
      options.setTimeout(timeout);
      gloo::allreduce(options);
    });
  }

  template <typename Make>
  Result<void> attempt(const Attempt& attempt, Make make) {
    if (failure_) return refuse(attempt);
    if (rank_.is_interrupted) return fail_call(attempt, "", 0ns);
    const auto start = deadline_after(0ns);
    // gloo knows whole milliseconds, and takes 0 for no limit.
    const auto timeout =
        std::max(std::chrono::ceil<std::chrono::milliseconds>(attempt.call.deadline - start), 1ms);
    try {
      make(timeout);
      return {};
    } catch (const std::exception& error) {
      const std::string text = plain_gloo_text(error.what());
      const bool is_late = text.starts_with(kLateText);
      const auto now = is_late ? attempt.call.deadline : deadline_after(0ns);
      return fail_call(attempt, text, now - start);
    }
  }

  [[nodiscard]] CallFailure failure_of(const Attempt& attempt, ErrorCode code) const {
    CallFailure failure;
    failure.code = code;
    failure.kind = attempt.kind;
    failure.site = attempt.call.site;
    failure.key = attempt.call.key;
    failure.sequence = attempt.sequence;
    return failure;
  }

  // The group is broken from here on, for everyone.
  tl::unexpected<Error> fail_call(const Attempt& attempt,
                                  const std::string& text,
                                  std::chrono::nanoseconds waited) {
    const bool is_late = text.starts_with(kLateText);
    rank_.has_broken_group = true;
    context_->abandon();
    const GroupBreak::Place mine{.rank = rank_.rank,
                                 .sequence = collective_sequence(attempt),
                                 .kind = attempt.kind,
                                 .is_cause = is_late};
    const Result<GroupBreak> broken = rank_.rendezvous->report_break(group_, mine, kSettle);
    ErrorCode code = is_late ? ErrorCode::kTimeout : ErrorCode::kPeerLost;
    if (rank_.is_interrupted) code = ErrorCode::kInterrupted;
    CallFailure failure = failure_of(attempt, code);
    if (broken) broken_ = *broken;
    if (!broken) broken_.first = mine;
    sort_members(failure, attempt);
    const bool is_first = broken_.first.rank == rank_.rank || is_late;
    if (!is_first) failure.gave_up = broken_.first.rank;
    if (!is_first) failure.gave_up_sequence = broken_.first.sequence;
    failure_ = std::move(failure);
    Error error = to_error(*failure_, group_, rank_.namer, waited);
    const bool is_explained =
        is_late || failure_->gave_up || !failure_->dead.empty() || code == ErrorCode::kInterrupted;
    if (!is_explained) error.message += fmt::format("; gloo: {}", text);
    return tl::unexpected(std::move(error));
  }

  // A call on a group that is broken already.
  tl::unexpected<Error> refuse(const Attempt& attempt) {
    const auto code = rank_.is_interrupted ? ErrorCode::kInterrupted : ErrorCode::kPeerLost;
    CallFailure failure = failure_of(attempt, code);
    sort_members(failure, attempt);
    failure.gave_up = broken_.first.rank;
    failure.gave_up_sequence = broken_.first.sequence;
    failure_ = std::move(failure);
    return tl::unexpected(to_error(*failure_, group_, rank_.namer, 0ns));
  }

  // Of a send or receive, the collective before which it stands: what others can compare.
  [[nodiscard]] std::uint64_t collective_sequence(const Attempt& attempt) const {
    return attempt.peer ? sequence_ : attempt.sequence;
  }

  // Whether who failed there had come to this call.
  [[nodiscard]] static bool was_here(const GroupBreak::Place& place, const Attempt& attempt) {
    if (attempt.peer) return false;  // what others did says nothing of a call between two
    return place.sequence > attempt.sequence ||
           (place.sequence == attempt.sequence && place.kind == attempt.kind);
  }

  // By what the other members said.
  void sort_members(CallFailure& failure, const Attempt& attempt) const {
    for (std::size_t member = 0; member < size(); ++member) {
      const Rank rank = group_.members[member];
      if (attempt.peer && member != index_ && member != *attempt.peer) continue;
      const bool has_come = std::ranges::any_of(broken_.failed, [&](const auto& place) {
        return place.rank == rank && was_here(place, attempt);
      });
      const bool is_dead = std::ranges::find(broken_.dead, rank) != broken_.dead.end();
      MemberState state = is_dead ? MemberState::kDead : MemberState::kAbsent;
      if (has_come || member == index_) state = MemberState::kPresent;
      add_member(failure, rank, state);
    }
  }

  GlooRank& rank_;
  std::shared_ptr<GlooContext> context_;
  GroupSpec group_;
  std::size_t index_ = 0;
  std::uint64_t sequence_ = 0;
  std::vector<std::uint64_t> sent_;  // by member, as the next
  std::vector<std::uint64_t> received_;

  std::optional<CallFailure> failure_;
  GroupBreak broken_;
};

}  // namespace

std::unique_ptr<Communicator> make_gloo_communicator(GlooRank& rank,
                                                     std::shared_ptr<GlooContext> context,
                                                     GroupSpec group) {
  return std::make_unique<GlooCommunicator>(rank, std::move(context), std::move(group));
}

}  // namespace radixbench
