#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "comm/communicator.h"
#include "layout/layout.h"
#include "watch/contract.h"
#include "watch/diagnose.h"
#include "watch/expectation.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace radixbench {

// What ranks do, line by line, as a text that a person can read and a machine can run over any
// transport: a fault, a reproducer and a test are the same thing. docs/formats/scenario.md has the
// grammar.

// A number that a line names: itself, or counted along as the line is run again.
struct ScenarioNumber {
  enum class Base : std::uint8_t {
    kFixed,  // low
    kLoop,   // $i: passes of the innermost repeat that are over, plus low
    kStep,   // $step: ticks of the rank, plus low
    kRank,   // $rank: plus low
    kDrawn,  // low..high: from the run's seed, another on each rank and at each pass
  };
  Base base = Base::kFixed;
  std::int64_t low = 0;
  std::int64_t high = 0;
  bool operator==(const ScenarioNumber&) const = default;
};

// Equal, or drawn from the run's seed.
struct ScenarioTime {
  std::chrono::nanoseconds low{};
  std::chrono::nanoseconds high{};
  bool operator==(const ScenarioTime&) const = default;
};

// Collective over its members; on other ranks it is recorded and goes by.
struct ScenarioCreate {
  std::string group;
  std::vector<Rank> members;
  std::string site;  // empty: none
  std::chrono::nanoseconds timeout{};
  std::optional<std::uint32_t> ordinal;  // none: the rank's creations are counted
  bool operator==(const ScenarioCreate&) const = default;
};
struct ScenarioTick {
  bool operator==(const ScenarioTick&) const = default;
};
struct ScenarioDecide {
  std::string site;
  std::string guard;
  ScenarioNumber outcome;
  ScenarioNumber key;
  std::vector<ScenarioNumber> inputs;  // up to four
  bool operator==(const ScenarioDecide&) const = default;
};
struct ScenarioCall {
  std::string site;
  std::string group;
  CallKind kind = CallKind::kBarrier;
  ReduceOp op = ReduceOp::kMin;
  ElementType type = ElementType::kInt64;
  ScenarioNumber key;
  Rank peer = 0;  // root of a broadcast, target of a send, source of a receive
  std::vector<ScenarioNumber> values;
  bool operator==(const ScenarioCall&) const = default;
};
// Something slow that is no call, and what the rank does meanwhile is nothing.
struct ScenarioActivity {
  std::string site;
  ScenarioTime time;
  bool operator==(const ScenarioActivity&) const = default;
};
struct ScenarioSleep {
  ScenarioTime time;
  bool operator==(const ScenarioSleep&) const = default;
};
// Order between the threads of one rank, unrecorded: `after NAME` waits until the rank has run
// `mark NAME` as often as this thread has asked for it.
struct ScenarioMark {
  std::string name;
  bool operator==(const ScenarioMark&) const = default;
};
struct ScenarioAfter {
  std::string name;
  bool operator==(const ScenarioAfter&) const = default;
};
// How a thread or rank stops: well, with a failure, by SIGKILL, or by waiting for something that
// nobody records.
enum class ScenarioEnd : std::uint8_t { kExit, kRaise, kKill, kStall };
// To the matching ScenarioRepeatEnd. Both are of no rank: each takes its own lines in between.
struct ScenarioRepeat {
  std::uint64_t count = 1;
  bool operator==(const ScenarioRepeat&) const = default;
};
struct ScenarioRepeatEnd {
  bool operator==(const ScenarioRepeatEnd&) const = default;
};

using ScenarioEvent = std::variant<ScenarioCreate,
                                   ScenarioTick,
                                   ScenarioDecide,
                                   ScenarioCall,
                                   ScenarioActivity,
                                   ScenarioSleep,
                                   ScenarioMark,
                                   ScenarioAfter,
                                   ScenarioEnd,
                                   ScenarioRepeat,
                                   ScenarioRepeatEnd>;

// Lines that make the fault, and lines that stand in their place without it.
enum class ScenarioWhen : std::uint8_t { kAlways, kWithFault, kWithoutFault };

struct ScenarioLine {
  ScenarioWhen when = ScenarioWhen::kAlways;
  std::vector<Rank> ranks;  // ascending; empty: all
  std::string thread{"scheduler"};
  ScenarioEvent event;
  std::size_t line = 0;  // of the text, from 1; says nothing about equality

  [[nodiscard]] bool is_of(Rank rank) const;
  bool operator==(const ScenarioLine& other) const;
};

struct Scenario {
  std::string name;
  std::string about;
  std::string layout;  // a spec of lib/layout
  Rank world_size = 0;
  std::chrono::nanoseconds call_deadline{std::chrono::milliseconds{500}};
  std::chrono::nanoseconds watchdog{};    // 0: none
  std::chrono::nanoseconds late_after{};  // 0: as diagnose() has it
  std::vector<std::string> transports{"threads", "shm"};
  std::vector<Contract> contracts;        // beside the builtin ones
  std::vector<Expectation> expectations;  // with the fault; none: nothing to find
  std::vector<ScenarioLine> lines;        // each rank and thread runs its own in this order
};

// kCorrupt naming `source` and line.
Result<Scenario> parse_scenario(std::string_view text, std::string_view source);

// What a diagnosis of its run needs to know: its own contracts come before the builtin ones of the
// same site. `layout`, which must outlive the answer, is the scenario's.
DiagnoseOptions diagnose_options(const Scenario& scenario, const Layout& layout, double time_scale);

// parse_scenario(write_scenario(s)) is s again, but for comments and where its lines were.
std::string write_scenario(const Scenario& scenario);

}  // namespace radixbench
