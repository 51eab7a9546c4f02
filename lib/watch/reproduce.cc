#include "watch/reproduce.h"

#include "watch/finding.h"
#include "watch/timeline.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// What a rank does of a scenario, thread by thread.
using ThreadLines = std::map<std::string, std::vector<ScenarioEvent>>;

// Of one step of one rank; ranks whose parts are equal share lines.
struct Part {
  std::uint64_t step = 0;
  ThreadLines lines;
  bool operator==(const Part&) const = default;
};

ScenarioNumber fixed(std::int64_t value) {
  return {.base = ScenarioNumber::Base::kFixed, .low = value, .high = 0};
}

class RankLines {
 public:
  RankLines(const Timeline& timeline, const ScenarioCut& cut, std::uint64_t first_step)
      : timeline_{timeline}, cut_{cut}, first_step_{first_step} {}

  std::vector<Part> of(const Recording& recording) const {
    std::map<std::uint64_t, ThreadLines> steps;
    for (const RecordedEvent& event : recording.events) {
      if (event.step < first_step_) continue;
      if (std::optional<ScenarioEvent> line = to_line(recording, event)) {
        steps[event.step][recording.threads[event.thread]].push_back(std::move(*line));
      }
    }
    std::vector<Part> parts;
    parts.reserve(steps.size() + 1);
    for (auto& [step, lines] : steps) parts.push_back({step, std::move(lines)});
    add_end(recording, parts);
    return parts;
  }

 private:
  [[nodiscard]] std::optional<ScenarioEvent> to_line(const Recording& recording,
                                                     const RecordedEvent& event) const {
    const std::string& site = recording.sites[event.site];
    const auto key = static_cast<std::int64_t>(event.key);
    if (const auto* call = std::get_if<RecordedCall>(&event.what)) {
      return call_line(recording.groups[call->group], *call, site, key);
    }
    if (const auto* decision = std::get_if<RecordedDecision>(&event.what)) {
      ScenarioDecide line{.site = site,
                          .guard = recording.guards[decision->guard],
                          .outcome = fixed(decision->outcome),
                          .key = fixed(key),
                          .inputs = {}};
      for (std::uint32_t i = 0; i < decision->input_count; ++i) {
        line.inputs.push_back(fixed(decision->inputs[i]));
      }
      return line;
    }
    if (const auto* end = std::get_if<RecordedThreadEnd>(&event.what)) {
      return end->is_failure ? ScenarioEnd::kRaise : ScenarioEnd::kExit;
    }
    if (std::holds_alternative<RecordedActivity>(event.what)) {
      const std::chrono::nanoseconds time =
          event.state == EventState::kInside
              ? std::chrono::nanoseconds{2s}
              : std::chrono::nanoseconds{event.exit_ns - event.enter_ns};
      return ScenarioActivity{.site = site, .time = {.low = time, .high = time}};
    }
    return std::nullopt;  // creations are made at the beginning
  }

  [[nodiscard]] std::optional<ScenarioEvent> call_line(const RecordedGroup& group,
                                                       const RecordedCall& call,
                                                       const std::string& site,
                                                       std::int64_t key) const {
    if (!cut_.groups.empty() && !cut_.groups.contains(describe(group))) return std::nullopt;
    ScenarioCall line;
    line.site = site;
    line.group = group.name;
    line.kind = call.kind;
    line.op = call.op;
    line.type = call.type;
    line.key = fixed(key);
    if (call.root < group.members.size()) line.peer = group.members[call.root];
    if (call.kind == CallKind::kBarrier) return line;
    for (std::uint32_t i = 0; i < call.element_count; ++i) {
      line.values.push_back(fixed(i < call.result_count ? call.results[i] : 0));
    }
    return line;
  }

  // How the rank stopped, where that is more than its last call.
  void add_end(const Recording& recording, std::vector<Part>& parts) const {
    const bool is_stuck =
        std::ranges::any_of(timeline_.calls(recording.rank), &Timeline::Entry::is_stuck);
    std::optional<ScenarioEnd> end;
    if (recording.fate == RankFate::kKilled) end = ScenarioEnd::kKill;
    if (recording.fate == RankFate::kRunning && !is_stuck) end = ScenarioEnd::kStall;
    if (!end) return;
    const std::string thread = recording.threads.empty() ? "scheduler" : recording.threads.front();
    if (parts.empty()) parts.push_back({first_step_, {}});
    std::vector<ScenarioEvent>& lines = parts.back().lines[thread];
    const bool has_ended = !lines.empty() && std::holds_alternative<ScenarioEnd>(lines.back());
    if (!has_ended) lines.emplace_back(*end);
  }

  const Timeline& timeline_;
  const ScenarioCut& cut_;
  std::uint64_t first_step_;
};

std::uint64_t last_step(const Timeline& timeline) {
  std::uint64_t last = 0;
  for (const Recording* recording : timeline.recordings()) {
    for (const RecordedEvent& event : recording->events) last = std::max(last, event.step);
  }
  return last;
}

void add_line(Scenario& scenario,
              std::vector<Rank> ranks,
              const std::string& thread,
              ScenarioEvent event) {
  if (ranks.size() == scenario.world_size) ranks.clear();
  scenario.lines.push_back({.when = ScenarioWhen::kAlways,
                            .ranks = std::move(ranks),
                            .thread = thread,
                            .event = std::move(event),
                            .line = 0});
}

// Creations in the order of their ordinals, made by all ranks.
void add_creations(const Timeline& timeline, const ScenarioCut& cut, Scenario& scenario) {
  std::map<std::uint32_t, const RecordedGroup*> groups;
  for (const Timeline::Group& group : timeline.groups()) {
    const bool is_kept = cut.groups.empty() || cut.groups.contains(describe(group.spec));
    if (is_kept) groups.emplace(group.spec.ordinal, &group.spec);
  }
  for (const auto& [ordinal, group] : groups) {
    add_line(scenario,
             {},
             "scheduler",
             ScenarioCreate{.group = group->name,
                            .members = group->members,
                            .site = {},
                            .timeout = {},
                            .ordinal = ordinal});
  }
}

}  // namespace

Scenario reproduce(std::span<const Recording> recordings,
                   const DiagnoseOptions& options,
                   const std::string& layout,
                   const ScenarioCut& cut) {
  const Timeline timeline{recordings, options};
  Scenario scenario;
  scenario.name = "reproduced";
  scenario.about = "cut out of what ranks recorded";
  scenario.layout = layout;
  scenario.world_size = timeline.world_size();
  const std::vector<Contract> known = builtin_contracts();
  std::ranges::copy_if(
      options.contracts, std::back_inserter(scenario.contracts), [&](const Contract& contract) {
        return find_contract(known, contract.site) == nullptr;
      });
  add_creations(timeline, cut, scenario);
  const std::uint64_t last = last_step(timeline);
  const std::uint64_t first = last - std::min(last, cut.last_steps);
  const RankLines rank_lines{timeline, cut, first};
  std::map<std::uint64_t, std::vector<std::pair<Part, std::vector<Rank>>>> steps;
  for (const Recording* recording : timeline.recordings()) {
    for (Part& part : rank_lines.of(*recording)) {
      auto& parts = steps[part.step];
      const auto same = std::ranges::find_if(
          parts, [&](const auto& known_part) { return known_part.first == part; });
      if (same == parts.end()) {
        parts.emplace_back(std::move(part), std::vector<Rank>{recording->rank});
      } else {
        add_ranks(same->second, std::array{recording->rank});
      }
    }
  }
  for (const auto& [step, parts] : steps) {
    for (const auto& [part, ranks] : parts) {
      add_line(scenario, ranks, "scheduler", ScenarioTick{});
      for (const auto& [thread, lines] : part.lines) {
        for (const ScenarioEvent& line : lines) add_line(scenario, ranks, thread, line);
      }
    }
  }
  return scenario;
}

std::set<std::string> named_groups(const Diagnosis& diagnosis) {
  std::set<std::string> groups;
  for (const WaitsFor& wait : diagnosis.waits_for) groups.insert(wait.group);
  for (const Verdict& verdict : diagnosis.verdicts) {
    groups.insert(verdict.actual_group);
    groups.insert(verdict.expected_group);
  }
  return groups;
}

}  // namespace radixbench
