#include "comm/nccl_communicator.h"

#include "base/check.h"
#include "base/clock.h"
#include "comm/call_failure.h"

#include <sched.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// How long what NCCL says of a peer waits for what the supervisor says of it, which can name it.
constexpr std::int64_t kExplainNs = 300'000'000;
// A call that a dead member had come to can still end, if its part was on its way.
constexpr std::int64_t kDeadGraceNs = 200'000'000;

// Waiting: a call between GPUs of a host takes tens of microseconds, so it is looked for without a
// break at first; one between ranks that take turns on a GPU takes many milliseconds.
constexpr std::int64_t kSpinNs = 50'000;
constexpr std::int64_t kYieldNs = 1'000'000;
constexpr auto kSleep = 100us;
// Between two questions whether NCCL met an error; each takes a lock of its.
constexpr std::int64_t kAskNs = 1'000'000;

constexpr std::size_t kVectorBytes = kElementsMax * sizeof(std::int64_t);

enum class Phase : std::uint8_t {
  kMeeting,    // the communicator is being made: waits to hear where
  kInit,       // waits for NCCL to have made it
  kLaunching,  // waits for NCCL to have put it on the stream
  kRunning,
  kUnpaired,  // over, but with a member that made another call
};

struct Posted {
  Operation operation;
  Call call;
  NcclHead head;
  Phase phase = Phase::kMeeting;
  std::int64_t start_ns = 0;
};

NcclReduceOp to_nccl(ReduceOp op) {
  switch (op) {
    case ReduceOp::kMin: return kNcclMin;
    case ReduceOp::kMax: return kNcclMax;
    case ReduceOp::kSum: return kNcclSum;
  }
  return kNcclSum;
}

// What a call sends.
std::span<const std::byte> part_of(const Operation& operation) {
  if (operation.kind == CallKind::kAllGather) return std::as_bytes(operation.mine);
  if (operation.type == ElementType::kInt32) return std::as_bytes(operation.narrow);
  return std::as_bytes(operation.values);
}

// Where its results go.
std::span<std::byte> results_of(const Operation& operation) {
  if (operation.type == ElementType::kInt32) return std::as_writable_bytes(operation.narrow);
  return std::as_writable_bytes(operation.values);
}

class NcclCommunicator final : public Communicator {
 public:
  NcclCommunicator(const NcclRank& rank, GroupSpec group, std::unique_ptr<NcclHandle> handle)
      : rank_{rank},
        group_{std::move(group)},
        board_{rank.board->group(group_.ordinal, group_.members.size())},
        index_{static_cast<std::size_t>(std::ranges::find(group_.members, rank.rank) -
                                        group_.members.begin())},
        handle_{std::move(handle)} {}

  ~NcclCommunicator() override {
    if (handle_) end(posted_ ? &NcclHandle::abort : &NcclHandle::close);
  }

  // The communicator and its buffers by `deadline`, and one exchange over it, so that the first
  // call is a call like every other.
  Result<void> create(Deadline deadline) {
    std::array<std::int32_t, 1> nothing{};
    is_opening_ = true;
    const Operation first = Operation::all_reduce(nothing, ReduceOp::kMax);
    posted_ = Posted{.operation = first,
                     .call = {.site = 0, .key = 0, .deadline = deadline},
                     .head = {},
                     .phase = handle_ ? Phase::kInit : Phase::kMeeting,
                     .start_ns = monotonic_ns()};
    Result<void> done = wait();
    is_opening_ = false;
    return done;
  }

  [[nodiscard]] const GroupSpec& group() const override { return group_; }
  [[nodiscard]] std::size_t index() const override { return index_; }
  [[nodiscard]] const std::optional<CallFailure>& failure() const override { return failure_; }

  Result<void> all_reduce(std::span<std::int32_t> values, ReduceOp op, const Call& call) override {
    return run(Operation::all_reduce(values, op), call);
  }
  Result<void> all_reduce(std::span<std::int64_t> values, ReduceOp op, const Call& call) override {
    return run(Operation::all_reduce(values, op), call);
  }
  Result<void> barrier(const Call& call) override { return run(Operation::barrier(), call); }
  Result<void> broadcast(std::span<std::int64_t> values,
                         std::size_t root,
                         const Call& call) override {
    return run(Operation::broadcast(values, root), call);
  }
  Result<void> all_gather(std::span<const std::int64_t> mine,
                          std::span<std::int64_t> all,
                          const Call& call) override {
    RADIXBENCH_CHECK(all.size() == size() * mine.size());
    return run(Operation::all_gather(mine, all), call);
  }

  Result<void> post(const Operation& operation, const Call& call) override {
    if (operation.kind == CallKind::kSend) return send(operation.mine, operation.peer, call);
    if (operation.kind == CallKind::kRecv) return recv(operation.values, operation.peer, call);
    RADIXBENCH_CHECK(!posted_ && operation.element_count() <= kElementsMax);
    RADIXBENCH_CHECK(operation.kind != CallKind::kBroadcast || operation.peer < size());
    posted_ = Posted{.operation = operation,
                     .call = call,
                     .head = {.sequence = sequence_++, .kind = operation.kind},
                     .phase = Phase::kMeeting,
                     .start_ns = monotonic_ns()};
    if (rank_.board->is_interrupted() || board_.broken()) return refuse();
    board_.note(index_, posted_->head);
    if (Result<void> current = rank_.tools.gpu->make_current(); !current) {
      note_error(current.error());
      return {};
    }
    if (handle_) launch();
    return {};
  }

  Result<bool> test() override {
    if (!posted_) return true;
    if (!error_) {
      const Result<bool> done = advance();
      if (!done) note_error(done.error());
      if (done && *done) {
        posted_.reset();
        return true;
      }
    }
    if (Result<void> hopeful = check_hope(); !hopeful) return tl::unexpected(hopeful.error());
    return false;
  }

  Result<void> wait() override {
    while (posted_) {
      const Result<bool> done = test();
      if (!done) return tl::unexpected(done.error());
      if (*done) break;
      relax(monotonic_ns() - posted_->start_ns);
    }
    return {};
  }

 private:
  Result<void> run(const Operation& operation, const Call& call) {
    if (Result<void> begun = post(operation, call); !begun) return begun;
    return wait();
  }

  static void relax(std::int64_t waited_ns) {
    if (waited_ns < kSpinNs) return;
    if (waited_ns < kYieldNs) {
      sched_yield();
    } else {
      std::this_thread::sleep_for(kSleep);
    }
  }

  // One step on; true at the end.
  Result<bool> advance() {
    switch (posted_->phase) {
      case Phase::kMeeting: return meet();
      case Phase::kInit: {
        Result<bool> made = handle_->state();
        if (!made || !*made) return made;
        if (Result<void> buffers = make_buffers(); !buffers) {
          return tl::unexpected(buffers.error());
        }
        launch();
        return false;
      }
      case Phase::kLaunching: {
        Result<bool> launched = handle_->state();
        if (!launched || !*launched) return launched;
        return take_back();
      }
      case Phase::kRunning: return look();
      case Phase::kUnpaired: return false;
    }
    return false;
  }

  Result<bool> meet() {
    if (Result<void> current = rank_.tools.gpu->make_current(); !current) {
      return tl::unexpected(current.error());
    }
    const Result<std::optional<NcclUniqueId>> id = find_meeting(rank_, board_, index_);
    if (!id) return tl::unexpected(id.error());
    if (!*id) return false;
    auto handle =
        NcclHandle::start(rank_.tools,
                          **id,
                          {.index = static_cast<int>(index_), .size = static_cast<int>(size())},
                          group_.name,
                          rank_.ctas_max);
    if (!handle) return tl::unexpected(handle.error());
    handle_ = *std::move(handle);
    posted_->phase = Phase::kInit;
    return false;
  }

  Result<void> make_buffers() {
    const std::size_t bytes = (1 + size()) * kVectorBytes;
    auto pinned = PinnedMemory::allocate(rank_.tools.gpu, bytes);
    if (!pinned) return tl::unexpected(pinned.error());
    pinned_.emplace(*std::move(pinned));
    auto device = GpuMemory::allocate(rank_.tools.gpu, bytes);
    if (!device) return tl::unexpected(device.error());
    device_.emplace(*std::move(device));
    auto queue = GpuQueue::create(rank_.tools.gpu);
    if (!queue) return tl::unexpected(queue.error());
    queue_.emplace(*std::move(queue));
    return {};
  }

  // This rank's part to the GPU, and the call behind it on the stream.
  void launch() {
    posted_->phase = Phase::kLaunching;
    const std::span<const std::byte> part = part_of(posted_->operation);
    const std::span<std::byte> staged = pinned_->bytes().first(part.size());
    if (!part.empty()) {
      std::memcpy(staged.data(), part.data(), part.size());
      if (Result<void> copied = queue_->copy(device_->address(), staged); !copied) {
        return note_error(copied.error());
      }
    }
    const Result<bool> launched = handle_->judge(call_nccl(), "putting a call on the stream");
    if (!launched) return note_error(launched.error());
    if (!*launched) return;
    const Result<bool> queued = take_back();
    if (!queued) note_error(queued.error());
  }

  NcclStatus call_nccl() {
    const Operation& operation = posted_->operation;
    const std::size_t count = operation.element_count();
    const auto* from = std::bit_cast<const void*>(device_->address());
    auto* to = std::bit_cast<void*>(device_->address() + kVectorBytes);
    const NcclComm comm = handle_->comm();
    const CudaStream stream = queue_->stream();
    const NcclLibrary& nccl = *rank_.tools.nccl;
    // NCCL makes nothing of a call without elements, nor has it a barrier.
    if (operation.kind == CallKind::kBarrier || count == 0) {
      return nccl.all_reduce(from, to, 1, kNcclInt32, kNcclMax, comm, stream);
    }
    const NcclType type = operation.type == ElementType::kInt32 ? kNcclInt32 : kNcclInt64;
    if (operation.kind == CallKind::kAllReduce) {
      return nccl.all_reduce(from, to, count, type, to_nccl(operation.op), comm, stream);
    }
    if (operation.kind == CallKind::kBroadcast) {
      return nccl.broadcast(from, to, count, type, static_cast<int>(operation.peer), comm, stream);
    }
    return nccl.all_gather(from, to, count, type, comm, stream);
  }

  // The results back from the GPU, behind the call.
  Result<bool> take_back() {
    const std::span<std::byte> results = results_of(posted_->operation);
    if (!results.empty()) {
      const std::span<std::byte> staged = pinned_->bytes().subspan(kVectorBytes, results.size());
      if (Result<void> copied = queue_->copy(staged, device_->address() + kVectorBytes); !copied) {
        return tl::unexpected(copied.error());
      }
    }
    if (Result<void> marked = queue_->mark(); !marked) return tl::unexpected(marked.error());
    posted_->phase = Phase::kRunning;
    return false;
  }

  Result<bool> look() {
    Result<bool> done = queue_->is_done();
    if (!done) return done;
    if (!*done) return ask();
    if (has_unpaired()) {
      posted_->phase = Phase::kUnpaired;
      return false;
    }
    const std::span<std::byte> results = results_of(posted_->operation);
    if (!results.empty()) {
      std::memcpy(results.data(), pinned_->bytes().data() + kVectorBytes, results.size());
    }
    return true;
  }

  // Whether NCCL met an error, now and then.
  Result<bool> ask() {
    const std::int64_t now_ns = monotonic_ns();
    if (now_ns - asked_ns_ < kAskNs) return false;
    asked_ns_ = now_ns;
    Result<bool> fine = handle_->state();
    if (!fine) return fine;
    return false;
  }

  // A member that is in this call with one of another kind. One that is not here yet is none: a
  // root can be done with a broadcast before anyone came.
  [[nodiscard]] bool has_unpaired() const {
    if (is_opening_) return false;
    for (std::size_t member = 0; member < size(); ++member) {
      const std::optional<NcclHead> theirs = board_.head(member, posted_->head.sequence);
      if (theirs && theirs->sequence == posted_->head.sequence &&
          theirs->kind != posted_->head.kind) {
        return true;
      }
    }
    return false;
  }

  void note_error(const Error& error) {
    error_ = error;
    error_ns_ = monotonic_ns();
  }

  // Fails, and ends the group, where the call under way has no hope left.
  Result<void> check_hope() {
    const bool is_late = has_passed(posted_->call.deadline);
    const bool is_explained = error_ && monotonic_ns() - error_ns_ >= kExplainNs;
    std::optional<CallFailure> failure = find_failure(is_late);
    if (!failure && !is_explained) return {};
    const bool is_by_nccl = !failure || (error_ && failure->code == ErrorCode::kTimeout);
    if (!failure) failure = sort_members();
    if (is_by_nccl) failure->code = error_->code;
    return give_up(*std::move(failure), is_by_nccl);
  }

  // Who has come to the call under way, who has not, and who broke the group before.
  [[nodiscard]] CallFailure sort_members() const {
    CallFailure failure;
    // Asked first: whoever gave up in a later call had seen all of this one's members come.
    const std::optional<Broken> broken = board_.broken();
    for (std::size_t member = 0; member < size(); ++member) {
      const Rank rank = group_.members[member];
      const bool is_dead = rank_.board->is_dead(rank);
      const bool has_come =
          member == index_ || is_opening_ || board_.has_come(member, posted_->head);
      const MemberState missed = is_dead ? MemberState::kDead : MemberState::kAbsent;
      add_member(failure, rank, has_come ? MemberState::kPresent : missed);
    }
    if (broken) {
      failure.gave_up = broken->rank;
      failure.gave_up_sequence = broken->sequence;
    }
    return failure;
  }

  [[nodiscard]] std::optional<CallFailure> find_failure(bool is_late) {
    const bool is_interrupted = rank_.board->is_interrupted();
    if (!is_late && !is_interrupted && !board_.broken() && !error_ && !has_dead()) {
      return std::nullopt;
    }
    CallFailure failure = sort_members();
    blame_the_dead(failure);
    // Who gave up later than in this call ended this one, and so may this rank still.
    const bool is_over_for_all = failure.absent.empty() && failure.gave_up &&
                                 failure.gave_up_sequence > posted_->head.sequence;
    if (is_interrupted) {
      failure.code = ErrorCode::kInterrupted;
    } else if (!failure.dead.empty() || (failure.gave_up && !is_over_for_all)) {
      failure.code = ErrorCode::kPeerLost;
    } else if (is_late) {
      failure.code = ErrorCode::kTimeout;
    } else {
      return std::nullopt;
    }
    return failure;
  }

  [[nodiscard]] bool has_dead() const {
    return std::ranges::any_of(group_.members,
                               [&](Rank rank) { return rank_.board->is_dead(rank); });
  }

  // A member that came and then died is missed all the same once its part is not on its way any
  // more.
  void blame_the_dead(CallFailure& failure) {
    if (!has_dead()) return;
    const std::int64_t now_ns = monotonic_ns();
    if (dead_ns_ == 0) dead_ns_ = now_ns;
    if (now_ns - dead_ns_ < kDeadGraceNs) return;
    for (const Rank rank : group_.members) {
      if (!rank_.board->is_dead(rank)) continue;
      if (std::erase(failure.present, rank) == 0) continue;
      failure.absent.push_back(rank);
      failure.dead.push_back(rank);
    }
  }

  // A call on a broken group, or of an interrupted world.
  Result<void> refuse() {
    CallFailure failure = sort_members();
    failure.code = rank_.board->is_interrupted() ? ErrorCode::kInterrupted : ErrorCode::kPeerLost;
    return give_up(std::move(failure), false);
  }

  Result<void> give_up(CallFailure failure, bool is_by_nccl) {
    const Posted posted = *std::exchange(posted_, std::nullopt);
    failure.kind = posted.head.kind;
    failure.site = posted.call.site;
    failure.key = posted.call.key;
    failure.sequence = posted.head.sequence;
    board_.give_up(rank_.rank, posted.head.sequence);
    if (handle_) end(&NcclHandle::abort);
    failure_ = std::move(failure);
    const std::chrono::nanoseconds waited{monotonic_ns() - posted.start_ns};
    if (is_opening_) {
      return tl::unexpected(is_by_nccl ? Error{error_->code, error_->message}.while_doing(
                                             "opening " + describe(group_))
                                       : to_open_error(*failure_, group_, waited));
    }
    if (is_by_nccl) {
      return tl::unexpected(to_error(*failure_, group_, rank_.namer, error_->message));
    }
    return tl::unexpected(to_error(*failure_, group_, rank_.namer, waited));
  }

  // What a communicator that NCCL did not end in time may still touch is left to it.
  void end(bool (NcclHandle::*how)()) {
    const bool has_ended = ((*handle_).*how)();
    handle_.reset();
    if (has_ended) return;
    if (pinned_) pinned_->leave();
    if (device_) device_->leave();
    if (queue_) queue_->leave();
  }

  const NcclRank& rank_;
  GroupSpec group_;
  NcclGroupBoard board_;
  std::size_t index_;
  std::uint64_t sequence_ = 0;

  std::optional<PinnedMemory> pinned_;  // this rank's part, then everyone's
  std::optional<GpuMemory> device_;     // likewise
  std::optional<GpuQueue> queue_;
  std::unique_ptr<NcclHandle> handle_;

  std::optional<Posted> posted_;
  bool is_opening_ = false;
  std::optional<Error> error_;  // of CUDA or NCCL, in the call under way
  std::int64_t error_ns_ = 0;
  std::int64_t asked_ns_ = 0;
  std::int64_t dead_ns_ = 0;
  std::optional<CallFailure> failure_;
};

}  // namespace

Result<std::unique_ptr<Communicator>> make_nccl_communicator(const NcclRank& rank,
                                                             GroupSpec group,
                                                             std::unique_ptr<NcclHandle> handle,
                                                             Deadline deadline) {
  auto communicator = std::make_unique<NcclCommunicator>(rank, std::move(group), std::move(handle));
  if (rank.creation != NcclCreation::kFirstCall) {
    if (Result<void> made = communicator->create(deadline); !made) {
      return tl::unexpected(made.error());
    }
  }
  return std::unique_ptr<Communicator>{std::move(communicator)};
}

}  // namespace radixbench
