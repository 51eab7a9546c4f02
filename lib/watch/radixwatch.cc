// The C face of the ring recorder, for programs that are not ours: it checks what it is handed
// instead of trusting it, for a failed check of ours would end their process.

#include "watch/radixwatch.h"

#include "base/clock.h"
#include "layout/sites.h"
#include "watch/ring_memory.h"
#include "watch/ring_recorder.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>
#include <exception>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using radixbench::CallKind;
using radixbench::CallRecord;
using radixbench::Decision;
using radixbench::ElementType;
using radixbench::GroupSpec;
using radixbench::Guard;
using radixbench::kGuardCount;
using radixbench::kRingNameBytes;
using radixbench::kRingSitesMax;
using radixbench::kRingThreadsMax;
using radixbench::monotonic_ns;
using radixbench::ReduceOp;
using radixbench::Result;
using radixbench::RingMemory;
using radixbench::RingRecorder;
using radixbench::RingThread;
using radixbench::site_contracts;
using radixbench::SiteContract;
using radixbench::to_string;

// Numbers of sites and guards that this program does not know begin here.
constexpr std::uint16_t kFirstOtherSite = 1024;
constexpr std::size_t kOpenCallsMax = 1024;

struct WatchedGroup {
  GroupSpec spec;
  std::uint64_t collectives = 0;
  std::map<std::uint32_t, std::uint64_t> sent, received;  // by peer
};

// A thread of the engine: its part of the ring, which another thread may use in turn.
struct WatchedThread {
  RingThread* ring = nullptr;
  std::mutex mutex;
};

struct OpenCall {
  bool is_used = false;
  std::uint32_t generation = 0;
  WatchedThread* thread = nullptr;
  CallRecord record;
};

std::string_view cut(const char* text, std::size_t bytes) {
  if (text == nullptr) return {};
  return std::string_view{text}.substr(0, bytes);
}

}  // namespace

struct radixwatch {
  radixwatch(RingMemory made, std::uint32_t world) : memory{std::move(made)}, world_size{world} {
    for (const SiteContract& contract : site_contracts()) {
      sites.emplace(contract.name, static_cast<std::uint16_t>(contract.site));
    }
    for (std::uint16_t guard = 1; guard < kGuardCount; ++guard) {
      guards.emplace(to_string(static_cast<Guard>(guard)), guard);
    }
  }

  RingMemory memory;
  RingRecorder recorder{memory};
  std::uint32_t world_size;

  std::mutex mutex;  // of all that follows
  std::map<std::string, std::uint16_t, std::less<>> sites, guards;
  std::deque<WatchedGroup> groups;
  std::map<std::string, std::unique_ptr<WatchedThread>, std::less<>> threads;
  std::vector<OpenCall> open = std::vector<OpenCall>(kOpenCallsMax);
  std::size_t next_open = 0;
};

namespace {

// The number of a name, a new one where it is new; 0 where the ring has no room for another.
std::uint16_t number_of(radixwatch& watch, std::string_view name, bool is_site) {
  if (name.empty()) return 0;
  auto& names = is_site ? watch.sites : watch.guards;
  if (const auto known = names.find(name); known != names.end()) return known->second;
  const auto first = is_site ? kFirstOtherSite : static_cast<std::uint16_t>(Guard::kFirstOther);
  const auto number = static_cast<std::uint16_t>(first + names.size());
  const Result<void> named = is_site ? watch.recorder.name_site(number, name)
                                     : watch.recorder.name_guard(static_cast<Guard>(number), name);
  const std::uint16_t kept = named ? number : std::uint16_t{0};
  if (names.size() < 4 * std::size_t{kRingSitesMax}) names.emplace(name, kept);
  return kept;
}

// The calling thread's, by its name or a number; all beyond the ring's room share the last.
WatchedThread& this_thread(radixwatch& watch, const char* name) {
  thread_local const radixwatch* known_watch = nullptr;
  thread_local WatchedThread* known = nullptr;
  thread_local bool has_name = false;
  // A thread that made a group before it said its name is known by a number until it does.
  if (known_watch == &watch && (has_name || name == nullptr)) return *known;
  const std::lock_guard lock{watch.mutex};
  std::string key{cut(name, kRingNameBytes)};
  if (key.empty()) key = "thread " + std::to_string(watch.threads.size());
  if (watch.threads.size() + 1 >= kRingThreadsMax && !watch.threads.contains(key)) key = "others";
  std::unique_ptr<WatchedThread>& thread = watch.threads[key];
  if (thread == nullptr) {
    thread = std::make_unique<WatchedThread>();
    thread->ring = &watch.recorder.thread(key);
  }
  known_watch = &watch;
  known = thread.get();
  has_name = name != nullptr;
  return *known;
}

std::optional<std::int32_t> find_group(const radixwatch& watch, const GroupSpec& spec) {
  for (std::size_t index = 0; index < watch.groups.size(); ++index) {
    const GroupSpec& known = watch.groups[index].spec;
    if (known.ordinal == spec.ordinal && known.name == spec.name && known.members == spec.members) {
      return static_cast<std::int32_t>(index);
    }
  }
  return std::nullopt;
}

bool is_sound(const radixwatch& watch, const radixwatch_call& call) {
  if (call.group < 0 || static_cast<std::size_t>(call.group) >= watch.groups.size()) return false;
  const std::size_t members =
      watch.groups[static_cast<std::size_t>(call.group)].spec.members.size();
  const bool has_peer = call.kind == RADIXWATCH_BROADCAST || call.kind >= RADIXWATCH_SEND;
  return call.kind <= RADIXWATCH_RECV && call.op <= RADIXWATCH_SUM &&
         call.type <= RADIXWATCH_INT64 && (!has_peer || call.peer < members);
}

std::uint64_t& counter(WatchedGroup& group, const radixwatch_call& call) {
  if (call.kind == RADIXWATCH_SEND) return group.sent[call.peer];
  if (call.kind == RADIXWATCH_RECV) return group.received[call.peer];
  return group.collectives;
}

// An entry that is free; null where everything is under way at once.
OpenCall* free_entry(radixwatch& watch) {
  for (std::size_t tried = 0; tried < watch.open.size(); ++tried) {
    OpenCall& entry = watch.open[watch.next_open++ % watch.open.size()];
    if (!entry.is_used) return &entry;
  }
  return nullptr;
}

std::uint64_t token_of(const radixwatch& watch, const OpenCall& entry) {
  const auto index = static_cast<std::uint64_t>(&entry - watch.open.data());
  return std::uint64_t{entry.generation} << 32U | (index + 1);
}

// For as long as the process lives: threads may call while it ends.
radixwatch* keep(std::unique_ptr<radixwatch> watch) {
  static std::mutex mutex;
  static auto* kept = new std::vector<std::unique_ptr<radixwatch>>;
  const std::lock_guard lock{mutex};
  return kept->emplace_back(std::move(watch)).get();
}

void say(const std::string& text, char* error, std::size_t error_bytes) {
  if (error != nullptr && error_bytes > 0) std::snprintf(error, error_bytes, "%s", text.c_str());
}

}  // namespace

// Nothing may be thrown into a program in another language: what little allocates here gives up.
// NOLINTBEGIN(readability-function-size): the parameters are the interface's.

radixwatch* radixwatch_open(const char* path,
                            uint32_t rank,
                            uint32_t world_size,
                            const char* run_id,
                            char* error,
                            size_t error_bytes) try {
  if (path == nullptr || rank >= world_size) {
    say("a path, and a rank below the world's size", error, error_bytes);
    return nullptr;
  }
  Result<RingMemory> memory = RingMemory::create_file(
      path, {.rank = rank, .world_size = world_size, .run_id = std::string{cut(run_id, 64)}});
  if (!memory) {
    say(memory.error().message, error, error_bytes);
    return nullptr;
  }
  auto made = std::make_unique<radixwatch>(*std::move(memory), world_size);
  return keep(std::move(made));
} catch (const std::exception& thrown) {
  say(thrown.what(), error, error_bytes);
  return nullptr;
}

int32_t radixwatch_group(radixwatch* watch,
                         const char* name,
                         const uint32_t* members,
                         size_t count,
                         uint32_t ordinal,
                         int state,
                         int64_t timeout_ns) try {
  if (watch == nullptr || members == nullptr || count == 0 || count > watch->world_size) return -1;
  GroupSpec spec{.name = std::string{cut(name, 64)},
                 .members = {members, members + count},
                 .ordinal = ordinal};
  WatchedThread& thread = this_thread(*watch, nullptr);
  const std::lock_guard turn{thread.mutex};
  const std::lock_guard lock{watch->mutex};
  std::optional<std::int32_t> index = find_group(*watch, spec);
  if (!index) {
    index = static_cast<std::int32_t>(watch->groups.size());
    watch->groups.emplace_back().spec = std::move(spec);
  }
  const GroupSpec& kept = watch->groups[static_cast<std::size_t>(*index)].spec;
  const std::chrono::nanoseconds timeout{std::max<std::int64_t>(timeout_ns, 0)};
  if (state == RADIXWATCH_MAKING) thread.ring->opening(kept, true, 0, timeout);
  if (state == RADIXWATCH_PASSED) thread.ring->opening(kept, false, 0, timeout);
  if (state == RADIXWATCH_MADE) thread.ring->opened(true);
  if (state == RADIXWATCH_FAILED) thread.ring->opened(false);
  return *index;
} catch (const std::exception&) {
  return -1;
}

uint64_t radixwatch_enter(radixwatch* watch, const radixwatch_call* call) try {
  if (watch == nullptr || call == nullptr) return 0;
  WatchedThread& thread = this_thread(*watch, call->thread);
  OpenCall* entry = nullptr;
  {
    const std::lock_guard lock{watch->mutex};
    if (!is_sound(*watch, *call)) return 0;
    WatchedGroup& group = watch->groups[static_cast<std::size_t>(call->group)];
    const std::uint64_t sequence = counter(group, *call)++;
    entry = free_entry(*watch);
    if (entry == nullptr) return 0;
    entry->is_used = true;
    ++entry->generation;
    entry->thread = &thread;
    CallRecord& record = entry->record;
    record = {};
    record.group = &group.spec;
    record.kind = static_cast<CallKind>(call->kind);
    record.op = static_cast<ReduceOp>(call->op);
    record.type = static_cast<ElementType>(call->type);
    record.root = call->peer;
    record.element_count = call->count;
    record.call.site = number_of(*watch, cut(call->site, kRingNameBytes), true);
    record.call.key = call->key;
    record.sequence = sequence;
  }
  const std::lock_guard turn{thread.mutex};
  entry->record.enter_ns = monotonic_ns();
  thread.ring->entered(entry->record);
  return token_of(*watch, *entry);
} catch (const std::exception&) {
  return 0;
}

void radixwatch_exit(
    radixwatch* watch, uint64_t token, int is_ok, const int64_t* values, size_t count) {
  const std::uint64_t index = token & std::numeric_limits<std::uint32_t>::max();
  if (watch == nullptr || index == 0 || index > watch->open.size()) return;
  OpenCall& entry = watch->open[index - 1];
  {
    const std::lock_guard lock{watch->mutex};
    if (!entry.is_used || entry.generation != token >> 32U) return;
  }
  CallRecord& record = entry.record;
  record.exit_ns = monotonic_ns();
  record.is_ok = is_ok != 0;
  record.result_count = static_cast<std::uint32_t>(
      values == nullptr ? 0 : std::min<std::size_t>(count, record.results.size()));
  for (std::size_t i = 0; i < record.result_count; ++i) record.results.at(i) = values[i];
  {
    const std::lock_guard turn{entry.thread->mutex};
    entry.thread->ring->left(record);
  }
  const std::lock_guard lock{watch->mutex};
  entry.is_used = false;
}

void radixwatch_decision(radixwatch* watch,
                         const char* guard,
                         const char* site,
                         uint64_t key,
                         int64_t outcome,
                         const int64_t* inputs,
                         size_t count) try {
  if (watch == nullptr) return;
  WatchedThread& thread = this_thread(*watch, nullptr);
  Decision decision;
  {
    const std::lock_guard lock{watch->mutex};
    decision.guard = static_cast<Guard>(number_of(*watch, cut(guard, kRingNameBytes), false));
    decision.site = number_of(*watch, cut(site, kRingNameBytes), true);
    decision.step = watch->recorder.step();
  }
  decision.key = key;
  decision.outcome = outcome;
  decision.input_count = static_cast<std::uint32_t>(
      inputs == nullptr ? 0 : std::min<std::size_t>(count, decision.inputs.size()));
  for (std::size_t i = 0; i < decision.input_count; ++i) decision.inputs.at(i) = inputs[i];
  const std::lock_guard turn{thread.mutex};
  thread.ring->decided(decision);
} catch (const std::exception&) {
  return;
}

void radixwatch_heartbeat(radixwatch* watch, uint64_t step) {
  if (watch != nullptr) watch->recorder.stepped(step);
}
// NOLINTEND(readability-function-size)
