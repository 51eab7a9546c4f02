#pragma once

#include "base/ids.h"
#include "comm/communicator.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace radixbench {

// What one rank recorded: the form that rings are read into, that importers make of other tools'
// dumps, and that diagnose() takes. Sites, threads, groups and guards are numbers of tables that
// the recording brings along; the numbers of two recordings have nothing to do with each other.

// A call or creation that was entered and has neither left nor failed is still inside. `kFailed`:
// it gave up at its deadline, lost a peer or was interrupted; for a diagnosis it is as stuck as one
// that is still inside.
enum class EventState : std::uint8_t { kInside, kLeft, kFailed };

struct RecordedGroup {
  std::string name;           // attention_tp, hits, ...; names alone lie: members count
  std::vector<Rank> members;  // world ranks, in rank_in_group order
  std::uint32_t ordinal = 0;  // of its creation over the world
  std::string label{};        // what the library calls it, where that is not `name`
  // Which of the rank's own groups it is, in the order in which the rank joined them, if known.
  std::optional<std::uint32_t> slot{};
};

// How far a rank says it had come with a group, apart from the calls that it still holds.
struct RecordedProgress {
  std::uint32_t slot = 0;
  std::int64_t enqueued = 0;  // calls; of a group of sends and receives those
  std::int64_t completed = 0;
};

// What the members of a group must have in common in one call, as the source spells it. `sizes` is
// empty where they may differ.
struct RecordedSignature {
  std::string kind;
  std::string type;
  std::string sizes;
  // NOLINTNEXTLINE(modernize-use-nullptr): the check takes the comparison's 0 for a pointer.
  auto operator<=>(const RecordedSignature&) const = default;
};

struct RecordedFrame {
  std::string name;
  std::string file;
  std::int64_t line = 0;
  bool is_library = false;  // of the communication library itself, as far as its path tells
  // NOLINTNEXTLINE(modernize-use-nullptr): the check takes the comparison's 0 for a pointer.
  auto operator<=>(const RecordedFrame&) const = default;
};

constexpr std::size_t kResultsMax = 8;

struct RecordedCall {
  std::uint32_t group = 0;  // Recording::groups
  CallKind kind = CallKind::kBarrier;
  ReduceOp op = ReduceOp::kMin;            // of an all-reduce
  ElementType type = ElementType::kInt32;  // of a call with elements
  std::uint32_t root = 0;                  // broadcast: member index; send, recv: the peer's
  std::uint32_t element_count = 0;
  // Of this rank's calls on the group, from 0; sends and receives count apart, by peer.
  std::uint64_t sequence = 0;
  std::array<std::int64_t, kResultsMax> results{};  // what an all-reduce left
  std::uint32_t result_count = 0;
  std::uint32_t signature = 0;  // Recording::signatures; 0 is none
};

// A decision at a guard: whether, or how often, a call is made; or a choice that the tree's content
// hangs on. `outcome` must be the same on every rank that decides about the same key in the same
// step; the inputs need not.
struct RecordedDecision {
  std::uint32_t guard = 0;  // Recording::guards
  std::int64_t outcome = 0;
  std::array<std::int64_t, 4> inputs{};
  std::uint32_t input_count = 0;
};

// The rank got to the creation of a group. Recorded on non-members too, which do not wait.
struct RecordedCreation {
  std::uint32_t group = 0;
  std::int64_t timeout_ns = 0;  // what its calls will wait at most; 0 if unknown
};

// The thread went away; `is_failure` where it did not mean to.
struct RecordedThreadEnd {
  bool is_failure = false;
};

// Something slow that is no call: a storage read, a kernel. Tells late from stuck.
struct RecordedActivity {};

struct RecordedEvent {
  std::uint64_t number = 0;  // in this recording; says nothing about another's
  std::uint32_t site = 0;    // Recording::sites; 0 is none
  std::uint32_t thread = 0;  // Recording::threads
  std::uint64_t key = 0;     // request, node, operation, or 0
  std::uint64_t step = 0;    // of the scheduler when it happened
  EventState state = EventState::kLeft;
  std::int64_t enter_ns = 0;  // the recording host's clock: intervals only
  std::int64_t exit_ns = 0;   // 0 while inside
  std::
      variant<RecordedCall, RecordedDecision, RecordedCreation, RecordedThreadEnd, RecordedActivity>
          what;
};

// A ring of ours; or what a communication library remembers of its calls: without steps, keys,
// results or decisions, and a call counts from when it was enqueued.
enum class RecordingKind : std::uint8_t { kRing, kLibraryHistory };

// How the rank's process stood when its recording was read.
enum class RankFate : std::uint8_t { kUnknown, kRunning, kEnded, kKilled };

struct Recording {
  Rank rank = 0;
  std::string source;  // a file's path, for evidence
  std::vector<std::string> sites{"none"};
  std::vector<std::string> threads;
  std::vector<std::string> guards{"none"};
  std::vector<RecordedGroup> groups;
  std::vector<RecordedEvent> events;  // oldest first
  std::uint64_t lost_count = 0;       // older events that were overwritten
  RankFate fate = RankFate::kUnknown;
  int signal = 0;  // of kKilled
  std::int64_t heartbeat_ns = 0;
  std::int64_t read_ns = 0;  // when it was read, on the same clock; 0 if unknown
  RecordingKind kind = RecordingKind::kRing;
  // Of a library's history only, down to the next blank line.
  std::vector<RecordedSignature> signatures{{}};
  std::vector<std::vector<RecordedFrame>> stacks;  // of each site, innermost first; empty: unknown
  std::vector<RecordedProgress> progress;
  bool holds_only_unfinished = false;
  bool tells_completion = false;  // who came out of a call can be told from who gave it up
  // How long before its history was taken the rank made its last call, by its own clock.
  std::optional<std::int64_t> idle_ns;

  // What this source cannot show at all: results, reduce_op, root, guards, members, ...
  std::vector<std::string> not_visible;
};

}  // namespace radixbench
