#include "watch/scenario.h"
#include "watch/scenario_events.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <type_traits>

namespace radixbench {
namespace {

std::string spell(std::chrono::nanoseconds time) {
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 3> kUnits = {
      {{"s", 1'000'000'000}, {"ms", 1'000'000}, {"us", 1'000}}};
  for (const auto& [unit, factor] : kUnits) {
    if (time.count() % factor == 0) return fmt::format("{}{}", time.count() / factor, unit);
  }
  return fmt::format("{}ns", time.count());
}

std::string spell(const ScenarioTime& time) {
  if (time.low == time.high) return spell(time.low);
  return fmt::format("{}..{}", spell(time.low), spell(time.high));
}

std::string spell(const ScenarioNumber& number) {
  const auto counted = [&](std::string_view name) {
    return number.low == 0 ? std::string{name} : fmt::format("{}{:+}", name, number.low);
  };
  switch (number.base) {
    case ScenarioNumber::Base::kFixed: break;
    case ScenarioNumber::Base::kLoop: return counted("$i");
    case ScenarioNumber::Base::kStep: return counted("$step");
    case ScenarioNumber::Base::kRank: return counted("$rank");
    case ScenarioNumber::Base::kDrawn: return fmt::format("{}..{}", number.low, number.high);
  }
  return fmt::format("{}", number.low);
}

std::string spell(const std::vector<ScenarioNumber>& numbers) {
  std::string text;
  for (const ScenarioNumber& number : numbers) {
    text += (text.empty() ? "" : ",") + spell(number);
  }
  return text;
}

std::string quoted(const std::string& text) {
  const bool has_blank = text.empty() || text.find_first_of(" \t#") != std::string::npos;
  return has_blank ? '"' + text + '"' : text;
}

std::string key_of(const ScenarioNumber& key) {
  return key == ScenarioNumber{} ? std::string{} : " key=" + spell(key);
}

std::string write_one(const ScenarioCreate& create) {
  std::string text =
      fmt::format("create {} {}", quoted(create.group), fmt::join(create.members, ","));
  if (!create.site.empty()) text += " site=" + quoted(create.site);
  if (create.timeout.count() != 0) text += " timeout=" + spell(create.timeout);
  if (create.ordinal) text += fmt::format(" as={}", *create.ordinal);
  return text;
}
std::string write_one(const ScenarioTick&) { return "tick"; }
std::string write_one(const ScenarioDecide& decide) {
  std::string text = fmt::format(
      "decide {} {} outcome={}", quoted(decide.site), quoted(decide.guard), spell(decide.outcome));
  text += key_of(decide.key);
  if (!decide.inputs.empty()) text += " inputs=" + spell(decide.inputs);
  return text;
}
std::string write_one(const ScenarioCall& call) {
  std::string text =
      fmt::format("call {} on={} {}", quoted(call.site), quoted(call.group), to_string(call.kind));
  if (call.kind == CallKind::kAllReduce) {
    const bool is_narrow = call.type == ElementType::kInt32;
    text += fmt::format(" {} {}", to_string(call.op), is_narrow ? "i32" : "i64");
  }
  if (call.kind == CallKind::kBroadcast) text += fmt::format(" root={}", call.peer);
  if (call.kind == CallKind::kSend) text += fmt::format(" to={}", call.peer);
  if (call.kind == CallKind::kRecv) text += fmt::format(" from={}", call.peer);
  text += key_of(call.key);
  if (!call.values.empty()) text += " values=" + spell(call.values);
  return text;
}
std::string write_one(const ScenarioActivity& activity) {
  return fmt::format("activity {} {}", quoted(activity.site), spell(activity.time));
}
std::string write_one(const ScenarioSleep& sleep) { return "sleep " + spell(sleep.time); }
std::string write_one(const ScenarioMark& mark) { return "mark " + quoted(mark.name); }
std::string write_one(const ScenarioAfter& after) { return "after " + quoted(after.name); }
std::string write_one(const ScenarioEnd& end) {
  switch (end) {
    case ScenarioEnd::kExit: return "exit";
    case ScenarioEnd::kRaise: return "raise";
    case ScenarioEnd::kKill: return "kill";
    case ScenarioEnd::kStall: return "stall";
  }
  return {};
}
std::string write_one(const ScenarioRepeat& repeat) {
  return fmt::format("repeat {}", repeat.count);
}
std::string write_one(const ScenarioRepeatEnd&) { return "end"; }

std::string_view prefix_of(ScenarioWhen when) {
  switch (when) {
    case ScenarioWhen::kAlways: return "";
    case ScenarioWhen::kWithFault: return "!";
    case ScenarioWhen::kWithoutFault: return "~";
  }
  return "";
}

bool is_of_no_rank(const ScenarioEvent& event) {
  return std::holds_alternative<ScenarioRepeat>(event) ||
         std::holds_alternative<ScenarioRepeatEnd>(event);
}

std::string write_line(const ScenarioLine& line) {
  std::string text{prefix_of(line.when)};
  if (!is_of_no_rank(line.event)) {
    text += line.ranks.empty() ? "*" : fmt::format("{}", fmt::join(line.ranks, ","));
    if (line.thread != "scheduler") text += "/" + quoted(line.thread);
    text += " ";
  }
  return text + write_event(line.event);
}

std::string_view spell(ContractMembers members) {
  switch (members) {
    case ContractMembers::kEveryStep: return "every_step";
    case ContractMembers::kPerKey: return "per_key";
    case ContractMembers::kOptional: return "optional";
  }
  return "";
}

std::string write_contract(const Contract& contract) {
  std::string text = fmt::format("site {}", contract.site);
  std::string axes = contract.axes;
  for (std::size_t at = axes.find(" x "); at != std::string::npos; at = axes.find(" x ")) {
    axes.replace(at, 3, "*");
  }
  if (!axes.empty()) text += " axes=" + axes;
  text += fmt::format(" members={}", spell(contract.members));
  if (!contract.thread.empty()) text += " thread=" + contract.thread;
  if (!contract.key_name.empty()) text += " key=" + contract.key_name;
  if (contract.kind) text += fmt::format(" kind={}", to_string(*contract.kind));
  if (contract.op) text += fmt::format(" op={}", to_string(*contract.op));
  if (contract.outcome) text += fmt::format(" outcome={}", *contract.outcome);
  if (contract.creates_group) text += " creates_group";
  return text;
}

std::string write_expectation(const Expectation& expectation) {
  std::string text = expectation.is_warning ? "expect_warning class=" : "expect class=";
  text += to_string(expectation.verdict);
  for (const auto& [field, value] : expectation.fields) {
    text += fmt::format(" {}={}", field, quoted(value));
  }
  return text;
}

std::string write_head(const Scenario& scenario) {
  std::string text = fmt::format("scenario {}\n", quoted(scenario.name));
  if (!scenario.about.empty()) text += fmt::format("about {}\n", scenario.about);
  text += fmt::format("layout {}\ndeadline {}\n", scenario.layout, spell(scenario.call_deadline));
  if (scenario.watchdog.count() != 0)
    text += fmt::format("watchdog {}\n", spell(scenario.watchdog));
  if (scenario.late_after.count() != 0) {
    text += fmt::format("late_after {}\n", spell(scenario.late_after));
  }
  text += fmt::format("transports {}\n", fmt::join(scenario.transports, ","));
  for (const Contract& contract : scenario.contracts) text += write_contract(contract) + "\n";
  for (const Expectation& expected : scenario.expectations) {
    text += write_expectation(expected) + "\n";
  }
  return text;
}

}  // namespace

std::string write_event(const ScenarioEvent& event) {
  return std::visit([](const auto& one) { return write_one(one); }, event);
}

std::string write_scenario(const Scenario& scenario) {
  std::string text = write_head(scenario);
  std::size_t depth = 0;
  for (const ScenarioLine& line : scenario.lines) {
    if (std::holds_alternative<ScenarioRepeatEnd>(line.event) && depth > 0) --depth;
    text += std::string(2 * depth, ' ') + write_line(line) + "\n";
    if (std::holds_alternative<ScenarioRepeat>(line.event)) ++depth;
  }
  return text;
}

}  // namespace radixbench
