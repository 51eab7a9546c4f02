#include "comm/mpi_communicator.h"

#include "base/check.h"
#include "base/clock.h"
#include "comm/call_failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// Of messages between two members; collectives have tags of their own.
constexpr int kPairTag = 1;

// After a member's end is known: for what it had sent before to arrive.
constexpr std::int64_t kLastWordsNs = 20'000'000;
// After giving up: for the others that wait in the same call to say so. Who is missed says nothing,
// so every give-up lasts this long.
constexpr auto kNaming = 200ms;

MPI_Op to_mpi(ReduceOp op) {
  switch (op) {
    case ReduceOp::kMin: return MPI_MIN;
    case ReduceOp::kMax: return MPI_MAX;
    case ReduceOp::kSum: return MPI_SUM;
  }
  return MPI_OP_NULL;
}

// What MPI reads and writes in one call. It outlives a group that was given up in mid-call.
struct Buffers {
  std::array<std::int64_t, kElementsMax> values{};
  std::array<std::int32_t, kElementsMax> narrow{};
  std::vector<std::int64_t> gathered;
};

class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator(std::shared_ptr<MpiProcess> process, GroupSpec group, MPI_Comm comm)
      : process_{std::move(process)},
        group_{std::move(group)},
        comm_{comm},
        index_{index_of(process_->attachment().rank)},
        sent_(group_.members.size(), 0),
        received_(group_.members.size(), 0),
        given_up_(group_.members.size()) {
    buffers_->gathered.resize(group_.members.size() * kElementsMax);
  }
  ~MpiCommunicator() override {
    if (request_ == MPI_REQUEST_NULL) return;
    process_->note_failure();
    process_->keep(buffers_);
  }

  [[nodiscard]] const GroupSpec& group() const override { return group_; }
  [[nodiscard]] std::size_t index() const override { return index_; }
  [[nodiscard]] const std::optional<CallFailure>& failure() const override { return failure_; }

  Result<void> all_reduce(std::span<std::int32_t> values, ReduceOp op, const Call& call) override {
    return make_blocking(Operation::all_reduce(values, op), call);
  }
  Result<void> all_reduce(std::span<std::int64_t> values, ReduceOp op, const Call& call) override {
    return make_blocking(Operation::all_reduce(values, op), call);
  }
  Result<void> barrier(const Call& call) override {
    return make_blocking(Operation::barrier(), call);
  }
  Result<void> broadcast(std::span<std::int64_t> values,
                         std::size_t root,
                         const Call& call) override {
    return make_blocking(Operation::broadcast(values, root), call);
  }
  Result<void> all_gather(std::span<const std::int64_t> mine,
                          std::span<std::int64_t> all,
                          const Call& call) override {
    return make_blocking(Operation::all_gather(mine, all), call);
  }
  Result<void> send(std::span<const std::int64_t> values,
                    std::size_t to,
                    const Call& call) override {
    return make_blocking(Operation::send(values, to), call);
  }
  Result<void> recv(std::span<std::int64_t> values, std::size_t from, const Call& call) override {
    return make_blocking(Operation::recv(values, from), call);
  }

  Result<void> post(const Operation& operation, const Call& call) override {
    RADIXBENCH_CHECK(!operation_);
    RADIXBENCH_CHECK(operation.element_count() <= kElementsMax);
    begin_about(operation, call);
    pace_.emplace(call.deadline, process_->attachment().spins);
    hear();
    hear();  // a probe that finds nothing takes in what is on its way, for the next one
    if (is_broken() || process_->attachment().alarm->is_interrupted()) return refuse();
    operation_ = operation;
    dead_since_ns_ = 0;
    const int code = hand_over(operation);
    return code == MPI_SUCCESS ? Result<void>{} : spoil(code);
  }

  Result<bool> test() override {
    RADIXBENCH_CHECK(operation_.has_value());
    int is_over = 0;
    MPI_Status status;
    const int code = MPI_Test(&request_, &is_over, &status);
    if (code != MPI_SUCCESS) return spoil(code).map([] { return false; });
    if (is_over != 0) {
      take_results(status);
      operation_.reset();
      return true;
    }
    if (pace_->look()) {
      if (const auto reason = reason_to_stop()) return give_up(*reason).map([] { return false; });
    }
    return false;
  }

  Result<void> wait() override {
    while (true) {
      const Result<bool> is_over = test();
      if (!is_over) return tl::unexpected(is_over.error());
      if (*is_over) return {};
      pace_->pause();
    }
  }

 private:
  Result<void> make_blocking(const Operation& operation, const Call& call) {
    if (Result<void> posted = post(operation, call); !posted) return posted;
    return wait();
  }

  [[nodiscard]] std::size_t index_of(Rank rank) const {
    return static_cast<std::size_t>(std::ranges::find(group_.members, rank) -
                                    group_.members.begin());
  }
  [[nodiscard]] Rank rank() const { return process_->attachment().rank; }
  [[nodiscard]] bool is_broken() const { return failure_ || origin_; }
  [[nodiscard]] static bool is_pair(CallKind kind) {
    return kind == CallKind::kSend || kind == CallKind::kRecv;
  }

  void begin_about(const Operation& operation, const Call& call) {
    about_ = CallFailure{};
    about_.kind = operation.kind;
    about_.site = call.site;
    about_.key = call.key;
    peer_ = operation.peer;
    switch (operation.kind) {
      case CallKind::kSend: about_.sequence = sent_[peer_]++; break;
      case CallKind::kRecv: about_.sequence = received_[peer_]++; break;
      default: about_.sequence = sequence_++;
    }
  }

  [[nodiscard]] int hand_over(const Operation& operation) {
    const auto count = static_cast<int>(operation.element_count());
    const auto peer = static_cast<int>(operation.peer);
    auto& values = buffers_->values;
    const auto bring = [&](std::span<const std::int64_t> from) {
      std::ranges::copy(from, values.begin());
    };
    switch (operation.kind) {
      case CallKind::kAllReduce: return hand_over_reduction(operation, count);
      case CallKind::kBarrier: return MPI_Ibarrier(comm_, &request_);
      case CallKind::kBroadcast:
        bring(operation.values);
        return MPI_Ibcast(values.data(), count, MPI_INT64_T, peer, comm_, &request_);
      case CallKind::kAllGather:
        bring(operation.mine);
        return MPI_Iallgather(values.data(),
                              count,
                              MPI_INT64_T,
                              buffers_->gathered.data(),
                              count,
                              MPI_INT64_T,
                              comm_,
                              &request_);
      case CallKind::kSend:  // synchronous: over when it was taken
        bring(operation.mine);
        return MPI_Issend(values.data(), count, MPI_INT64_T, peer, kPairTag, comm_, &request_);
      case CallKind::kRecv:
        return MPI_Irecv(values.data(),
                         static_cast<int>(kElementsMax),
                         MPI_INT64_T,
                         peer,
                         kPairTag,
                         comm_,
                         &request_);
    }
    return MPI_ERR_OTHER;
  }

  [[nodiscard]] int hand_over_reduction(const Operation& operation, int count) {
    const MPI_Op op = to_mpi(operation.op);
    if (operation.type == ElementType::kInt32) {
      std::ranges::copy(operation.narrow, buffers_->narrow.begin());
      return MPI_Iallreduce(
          MPI_IN_PLACE, buffers_->narrow.data(), count, MPI_INT32_T, op, comm_, &request_);
    }
    std::ranges::copy(operation.values, buffers_->values.begin());
    return MPI_Iallreduce(
        MPI_IN_PLACE, buffers_->values.data(), count, MPI_INT64_T, op, comm_, &request_);
  }

  void take_results(const MPI_Status& status) {
    const std::span<std::int64_t> values = operation_->values;
    switch (operation_->kind) {
      case CallKind::kAllReduce:
        std::copy_n(
            buffers_->narrow.begin(), operation_->narrow.size(), operation_->narrow.begin());
        [[fallthrough]];
      case CallKind::kBroadcast:
        std::copy_n(buffers_->values.begin(), values.size(), values.begin());
        break;
      case CallKind::kAllGather:
        std::copy_n(buffers_->gathered.begin(), values.size(), values.begin());
        break;
      case CallKind::kRecv: {
        int count = 0;
        MPI_Get_count(&status, MPI_INT64_T, &count);
        const std::size_t came = std::min(values.size(), static_cast<std::size_t>(count));
        std::copy_n(buffers_->values.begin(), came, values.begin());
        break;
      }
      case CallKind::kBarrier:
      case CallKind::kSend: break;
    }
  }

  // Takes in who else gave this group up.
  void hear() {
    const int tag = MpiProcess::give_up_tag(group_.ordinal);
    while (true) {
      int has_come = 0;
      MPI_Status status;
      const int probed = MPI_Iprobe(MPI_ANY_SOURCE, tag, process_->control(), &has_come, &status);
      if (probed != MPI_SUCCESS || has_come == 0) return;
      MpiGiveUp heard;
      if (MPI_Recv(&heard,
                   sizeof heard,
                   MPI_BYTE,
                   status.MPI_SOURCE,
                   tag,
                   process_->control(),
                   MPI_STATUS_IGNORE) != MPI_SUCCESS) {
        return;
      }
      const std::size_t member = index_of(static_cast<Rank>(status.MPI_SOURCE));
      if (member < size()) given_up_[member] = heard;
      if (!origin_) origin_ = Origin{heard.origin, heard.origin_sequence};
    }
  }

  [[nodiscard]] bool concerns(std::size_t member) const {
    return !is_pair(about_.kind) || member == index_ || member == peer_;
  }
  [[nodiscard]] bool is_missing_dead() const {
    const WorldAlarm& alarm = *process_->attachment().alarm;
    if (!alarm.has_dead()) return false;
    for (std::size_t member = 0; member < size(); ++member) {
      if (concerns(member) && alarm.is_dead(group_.members[member])) return true;
    }
    return false;
  }

  [[nodiscard]] std::optional<ErrorCode> reason_to_stop() {
    if (process_->attachment().alarm->is_interrupted()) return ErrorCode::kInterrupted;
    hear();
    if (origin_) return ErrorCode::kPeerLost;
    if (is_missing_dead()) {
      if (dead_since_ns_ == 0) dead_since_ns_ = monotonic_ns();
      if (monotonic_ns() - dead_since_ns_ > kLastWordsNs) return ErrorCode::kPeerLost;
    }
    if (pace_->is_late()) return ErrorCode::kTimeout;
    return std::nullopt;
  }

  // A late member would pair with the wrong call, so a group never survives a failure.
  Result<void> give_up(ErrorCode code) {
    const std::int64_t waited_ns = pace_->waited_ns();
    leave(code);
    const Deadline end = deadline_after(kNaming);
    for (MpiPace pace{end, 0}; !pace.is_late() && !have_all_answered(); pace.pause()) {
      static_cast<void>(pace.look());
      hear();
    }
    name_members();
    const bool is_unexplained = failure_->code == ErrorCode::kTimeout && failure_->absent.empty();
    Error error = to_error(
        *failure_, group_, process_->attachment().namer, std::chrono::nanoseconds{waited_ns});
    if (is_unexplained) error.message += ": all had come, and MPI had not moved their values yet";
    return tl::unexpected(std::move(error));
  }

  // A call on a broken group, or of an interrupted world.
  Result<void> refuse() {
    const bool is_interrupted = process_->attachment().alarm->is_interrupted();
    leave(is_interrupted ? ErrorCode::kInterrupted : ErrorCode::kPeerLost);
    name_members();
    return tl::unexpected(
        to_error(*failure_, group_, process_->attachment().namer, std::chrono::nanoseconds{0}));
  }

  // MPI itself gave the call up: mismatched lengths, or a peer that it lost.
  Result<void> spoil(int code) {
    leave(ErrorCode::kPeerLost);
    name_members();
    return tl::unexpected(
        Error{ErrorCode::kPeerLost,
              fmt::format("{} #{} on {}: {}",
                          process_->attachment().namer == nullptr
                              ? fmt::format("site {}", about_.site)
                              : std::string{process_->attachment().namer(about_.site)},
                          about_.sequence,
                          describe(group_),
                          mpi_text(code))});
  }

  // Notes the failure and tells the other members, once.
  void leave(ErrorCode code) {
    const bool was_broken = failure_.has_value();
    operation_.reset();
    about_.code = code;
    if (origin_) {
      about_.gave_up = origin_->rank;
      about_.gave_up_sequence = origin_->sequence;
    }
    failure_ = about_;
    process_->note_failure();
    if (was_broken) return;
    if (!origin_) origin_ = Origin{rank(), about_.sequence};
    const MpiGiveUp mine{.sequence = about_.sequence,
                         .origin_sequence = origin_->sequence,
                         .origin = origin_->rank,
                         .kind = static_cast<std::uint32_t>(about_.kind)};
    auto bytes = std::make_shared<std::vector<std::byte>>(sizeof mine);
    std::memcpy(bytes->data(), &mine, sizeof mine);
    for (const Rank member : group_.members) {
      if (member == rank() || process_->attachment().alarm->is_dead(member)) continue;
      process_->send_beside(bytes, member, MpiProcess::give_up_tag(group_.ordinal));
    }
  }

  [[nodiscard]] bool have_all_answered() const {
    for (std::size_t member = 0; member < size(); ++member) {
      if (member == index_ || !concerns(member)) continue;
      if (process_->attachment().alarm->is_dead(group_.members[member])) continue;
      if (!given_up_[member]) return false;
    }
    return true;
  }

  [[nodiscard]] bool is_present(std::size_t member) const {
    if (member == index_) return true;
    if (!given_up_[member]) return false;
    const auto theirs = static_cast<CallKind>(given_up_[member]->kind);
    if (given_up_[member]->sequence != about_.sequence) return false;
    return is_pair(about_.kind) ? is_pair(theirs) && theirs != about_.kind : theirs == about_.kind;
  }

  void name_members() {
    for (std::size_t member = 0; member < size(); ++member) {
      if (!concerns(member)) continue;
      const Rank member_rank = group_.members[member];
      const bool is_dead = process_->attachment().alarm->is_dead(member_rank);
      const MemberState missed = is_dead ? MemberState::kDead : MemberState::kAbsent;
      add_member(*failure_, member_rank, is_present(member) ? MemberState::kPresent : missed);
    }
  }

  struct Origin {
    Rank rank = 0;
    std::uint64_t sequence = 0;
  };

  std::shared_ptr<MpiProcess> process_;
  GroupSpec group_;
  MPI_Comm comm_;
  std::size_t index_;
  std::uint64_t sequence_ = 0;
  std::vector<std::uint64_t> sent_;  // by member, as the next
  std::vector<std::uint64_t> received_;

  // Of the call under way.
  std::shared_ptr<Buffers> buffers_ = std::make_shared<Buffers>();
  MPI_Request request_ = MPI_REQUEST_NULL;
  std::optional<Operation> operation_;
  std::optional<MpiPace> pace_;
  CallFailure about_;
  std::size_t peer_ = 0;
  std::int64_t dead_since_ns_ = 0;

  // Of the end of the group.
  std::optional<CallFailure> failure_;
  std::optional<Origin> origin_;
  std::vector<std::optional<MpiGiveUp>> given_up_;  // by member
};

}  // namespace

std::unique_ptr<Communicator> make_mpi_communicator(std::shared_ptr<MpiProcess> process,
                                                    GroupSpec group,
                                                    MPI_Comm comm) {
  return std::make_unique<MpiCommunicator>(std::move(process), std::move(group), comm);
}

}  // namespace radixbench
