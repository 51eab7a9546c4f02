#include "control/rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <utility>

namespace radixbench {
namespace {

struct Repair {
  std::string_view name;
  bool Rules::*field;
};

constexpr std::array<Repair, 5> kRepairs = {{
    {"result_sync", &Rules::syncs_results_always},
    {"load_acks", &Rules::agrees_load_acks},
    {"entry", &Rules::always_enters_checks},
    {"neutral", &Rules::contributes_neutral},
    {"examined_set", &Rules::examines_agreed_set},
}};

}  // namespace

std::string_view to_string(PrefetchPolicy policy) {
  switch (policy) {
    case PrefetchPolicy::kBestEffort: return "best_effort";
    case PrefetchPolicy::kWaitComplete: return "wait_complete";
    case PrefetchPolicy::kTimeout: return "timeout";
  }
  return "unknown";
}

Result<PrefetchPolicy> parse_prefetch_policy(std::string_view text) {
  for (const PrefetchPolicy policy :
       {PrefetchPolicy::kBestEffort, PrefetchPolicy::kWaitComplete, PrefetchPolicy::kTimeout}) {
    if (text == to_string(policy)) return policy;
  }
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format("prefetch policy '{}' is none of best_effort, wait_complete, timeout", text));
}

Result<Rules> make_rules(std::string_view name) {
  Rules rules;
  if (name == "fixed") return rules;
  if (name == "j") {
    rules.base = "j";
    for (const Repair& repair : kRepairs) rules.*repair.field = false;
    return rules;
  }
  return fail(ErrorCode::kInvalidArgument, fmt::format("rules '{}' are none of j, fixed", name));
}

const std::vector<std::string>& repair_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    all.reserve(kRepairs.size());
    for (const Repair& repair : kRepairs) all.emplace_back(repair.name);
    return all;
  }();
  return names;
}

Result<void> switch_off(Rules& rules, std::string_view repair) {
  for (const Repair& known : kRepairs) {
    if (known.name != repair) continue;
    rules.*known.field = false;
    return {};
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("repair '{}' is none of {}", repair, fmt::join(repair_names(), ", ")));
}

std::string describe(const Rules& rules) {
  if (rules.base != "fixed") return rules.base;
  std::vector<std::string_view> off;
  off.reserve(kRepairs.size());
  for (const Repair& repair : kRepairs) {
    if (!(rules.*repair.field)) off.push_back(repair.name);
  }
  return off.empty() ? rules.base : fmt::format("{} without {}", rules.base, fmt::join(off, ", "));
}

}  // namespace radixbench
