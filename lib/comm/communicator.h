#pragma once

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

enum class ReduceOp : std::uint8_t { kMin, kMax, kSum };
enum class CallKind : std::uint8_t { kAllReduce, kBarrier, kBroadcast, kAllGather, kSend, kRecv };
enum class ElementType : std::uint8_t { kInt32, kInt64 };

std::string_view to_string(ReduceOp op);
std::string_view to_string(CallKind kind);
std::string_view to_string(ElementType type);
// The other way round; nothing for other words.
std::optional<ReduceOp> parse_reduce_op(std::string_view text);
std::optional<CallKind> parse_call_kind(std::string_view text);

// Longest vector a call may carry, in elements. Every transport takes it; control needs a few.
constexpr std::size_t kElementsMax = 64;

// What every call says about itself. comm does not interpret site and key: they travel to whoever
// watches, and into messages through a name table handed to the fabric.
struct Call {
  std::uint16_t site = 0;
  std::uint64_t key = 0;
  Deadline deadline;
};

// A group as its members agree on it. `ordinal` counts group creations over the world: members of
// one group pass equal specs, and groups with equal members but different ordinals are different.
struct GroupSpec {
  std::string name;           // attn_cp, prefetch.attention_tp, tp.device, ...
  std::vector<Rank> members;  // world ranks, in rank_in_group order
  std::uint32_t ordinal = 0;
};

// name{0,1,4,5}: how messages and verdicts write a group.
std::string describe(const GroupSpec& group);

// One call as data, for its non-blocking form. What it points to belongs to the call until that is
// over.
struct Operation {
  CallKind kind = CallKind::kBarrier;
  ElementType type = ElementType::kInt64;
  ReduceOp op = ReduceOp::kMin;        // of an all-reduce
  std::size_t peer = 0;                // root of a broadcast, target of a send, source of a receive
  std::span<const std::int64_t> mine;  // of an all-gather or send
  std::span<std::int64_t> values;      // of every other call with elements; all of an all-gather
  std::span<std::int32_t> narrow;      // of an all-reduce of int32

  static Operation all_reduce(std::span<std::int32_t> values, ReduceOp op);
  static Operation all_reduce(std::span<std::int64_t> values, ReduceOp op);
  static Operation barrier();
  static Operation broadcast(std::span<std::int64_t> values, std::size_t root);
  static Operation all_gather(std::span<const std::int64_t> mine, std::span<std::int64_t> all);
  static Operation send(std::span<const std::int64_t> values, std::size_t to);
  static Operation recv(std::span<std::int64_t> values, std::size_t from);

  [[nodiscard]] std::size_t element_count() const;
};

// Why a call failed, in the terms a diagnosis needs. `sequence` counts the group's calls from 0; of
// a send or receive, those from this sender to this receiver, and only the two of them are listed.
struct CallFailure {
  ErrorCode code = ErrorCode::kTimeout;
  CallKind kind = CallKind::kBarrier;
  std::uint16_t site = 0;
  std::uint64_t key = 0;
  std::uint64_t sequence = 0;
  std::vector<Rank> present;  // world ranks that reached this call
  std::vector<Rank> absent;   // world ranks that did not
  std::vector<Rank> dead;     // of the absent, those known to be gone
  // The member that broke the group before, and in which call; nothing where this failure did.
  std::optional<Rank> gave_up;
  std::uint64_t gave_up_sequence = 0;
};

// One rank's handle on a group of ranks. Every call but send and recv is collective: each member
// makes the same calls in the same order, from one thread (the group's owner). Each returns by its
// deadline, or fails with kTimeout or kPeerLost; a group that failed is broken for good, every
// later call on it fails at once, and the process stays able to report. Transports pair the n-th
// call of each member. By default they compare neither site, length, type nor reduce operator, so
// that faults can be studied: of a shorter vector the prefix is reduced (what is beyond it stays as
// it was), of MIN against MAX the lowest rank's operator wins, of two roots the lowest rank's; an
// int32 vector meets an int64 one as if it were wider, and keeps the low half of each result. Calls
// of different kinds never pair, and both sides wait until their deadline, as in gloo.
//
// Whoever gives up first breaks the group: members that still wait fail with kPeerLost at once, and
// their failure names him in `gave_up` beside the members that they miss themselves.
class Communicator {
 public:
  virtual ~Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  [[nodiscard]] virtual const GroupSpec& group() const = 0;
  [[nodiscard]] virtual std::size_t index() const = 0;  // of this rank in group().members
  [[nodiscard]] std::size_t size() const { return group().members.size(); }

  // In place; at most kElementsMax elements.
  virtual Result<void> all_reduce(std::span<std::int32_t> values,
                                  ReduceOp op,
                                  const Call& call) = 0;
  virtual Result<void> all_reduce(std::span<std::int64_t> values,
                                  ReduceOp op,
                                  const Call& call) = 0;
  virtual Result<void> barrier(const Call& call) = 0;
  // From the member at index `root` to all; in place.
  virtual Result<void> broadcast(std::span<std::int64_t> values,
                                 std::size_t root,
                                 const Call& call) = 0;
  // `all` holds size() times mine.size() elements, in group order.
  virtual Result<void> all_gather(std::span<const std::int64_t> mine,
                                  std::span<std::int64_t> all,
                                  const Call& call) = 0;

  // To and from the member at index `to` or `from`, another than this one. A send is over once it
  // was taken. The n-th send from one member to another meets the other's n-th receive from it,
  // whatever collectives either makes in between; of unequal lengths the shorter is moved.
  // kUnsupported where the transport has none.
  virtual Result<void> send(std::span<const std::int64_t> values, std::size_t to, const Call& call);
  virtual Result<void> recv(std::span<std::int64_t> values, std::size_t from, const Call& call);

  // The blocking form of `operation`.
  Result<void> make(const Operation& operation, const Call& call);

  // The non-blocking form of every call above: post() brings this rank's part, and test() until it
  // answers true, or wait(), ends it, with the results in place. A group has one call under way at
  // most: between post() and the end nothing else may be called on it. A posted call pairs with
  // blocking ones of other members, has the deadline it was posted with, and fails as they do, in
  // whichever of the three finds out. kUnsupported where the transport has none of its own
  // (comm/posting_communicator.h gives it some).
  virtual Result<void> post(const Operation& operation, const Call& call);
  virtual Result<bool> test();
  virtual Result<void> wait();

  // Of the last call that failed; nothing while the group is whole.
  [[nodiscard]] virtual const std::optional<CallFailure>& failure() const = 0;

 protected:
  Communicator() = default;
};

// One rank's way to the others: makes its groups. Groups are made in the same order on all ranks
// of a group; open() is collective over group.members and checks that they agree on the spec.
class Fabric {
 public:
  virtual ~Fabric() = default;
  Fabric(const Fabric&) = delete;
  Fabric& operator=(const Fabric&) = delete;

  [[nodiscard]] virtual Rank rank() const = 0;
  [[nodiscard]] virtual Rank world_size() const = 0;
  [[nodiscard]] virtual std::string_view transport() const = 0;  // threads, shm, gloo, ...
  // This rank must be a member. A group of one needs nobody. kMismatch where specs differ, naming
  // both; kTimeout or kPeerLost where a member does not come; kInvalidArgument for a spec that no
  // rank could open; kCannotCreate beyond a transport's limits.
  virtual Result<std::unique_ptr<Communicator>> open(const GroupSpec& group, Deadline deadline) = 0;
  // Opens the one of `parts` that this rank is in. Collective over the world: every rank is in one
  // of them, and passes the same ones in the same order. A transport that can cut groups out of a
  // wider one does it here; for all others it is open() of that part.
  virtual Result<std::unique_ptr<Communicator>> open_part(std::span<const GroupSpec> parts,
                                                          Deadline deadline);

 protected:
  Fabric() = default;
  // Of `parts`, the one that this rank is in; that there is none is a bug.
  [[nodiscard]] const GroupSpec& part_of(std::span<const GroupSpec> parts) const;
};

// How messages spell a site: filled by who knows (layout), used by transports for their errors.
using SiteNamer = std::string_view (*)(std::uint16_t site);

}  // namespace radixbench
