#include "watch/expectation.h"

#include "base/check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace radixbench {
namespace {

std::string spell_ranks(std::vector<Rank> ranks) {
  std::ranges::sort(ranks);
  return fmt::format("{}", fmt::join(ranks, ","));
}

std::string spell_flag(bool flag) { return flag ? "true" : "false"; }

struct Field {
  std::string_view name;
  std::string (*spell)(const Verdict& verdict);
};

constexpr std::array<Field, 15> kFields = {{
    {"culprits", [](const Verdict& v) { return spell_ranks(v.culprit_ranks); }},
    {"ambiguous", [](const Verdict& v) { return spell_flag(v.is_ambiguous); }},
    {"site", [](const Verdict& v) { return fmt::format("{}", fmt::join(v.sites, ",")); }},
    {"key", [](const Verdict& v) { return v.key; }},
    {"expected_group", [](const Verdict& v) { return v.expected_group; }},
    {"actual_group", [](const Verdict& v) { return v.actual_group; }},
    {"absent", [](const Verdict& v) { return spell_ranks(v.absent); }},
    {"hang", [](const Verdict& v) { return spell_flag(v.hang); }},
    {"after_site", [](const Verdict& v) { return v.after_site; }},
    {"expected_next", [](const Verdict& v) { return v.expected_next; }},
    {"consequence", [](const Verdict& v) { return v.consequence; }},
    {"lead_steps",
     [](const Verdict& v) { return v.lead_steps ? fmt::format("{}", *v.lead_steps) : ""; }},
    {"silent_mispair", [](const Verdict& v) { return spell_flag(v.silent_mispair); }},
    {"first_divergence", [](const Verdict& v) { return v.first_divergence; }},
    {"confidence", [](const Verdict& v) { return std::string{to_string(v.confidence)}; }},
}};

const Field* find_field(std::string_view name) {
  const auto found = std::ranges::find(kFields, name, &Field::name);
  return found == kFields.end() ? nullptr : &*found;
}

bool is_as_expected(std::string_view expected, std::string_view actual) {
  if (expected.starts_with('~')) return actual.find(expected.substr(1)) != std::string_view::npos;
  return actual == expected;
}

std::string_view noun(bool is_warning) { return is_warning ? "warning" : "verdict"; }

void compare_one(const Expectation& expected,
                 const Verdict& verdict,
                 std::size_t position,
                 std::vector<std::string>& differences) {
  const auto differs = [&](std::string_view field, std::string_view want, std::string_view got) {
    differences.push_back(fmt::format(
        "{} {}: {} is '{}', not '{}'", noun(expected.is_warning), position + 1, field, got, want));
  };
  if (verdict.verdict != expected.verdict) {
    differs("class", to_string(expected.verdict), to_string(verdict.verdict));
  }
  for (const auto& [field, value] : expected.fields) {
    const std::string actual = spell_field(verdict, field);
    if (!is_as_expected(value, actual)) differs(field, value, actual);
  }
}

void compare_list(const std::vector<Expectation>& expected,
                  std::span<const Verdict> actual,
                  bool is_warning,
                  std::vector<std::string>& differences) {
  for (std::size_t i = 0; i < std::max(expected.size(), actual.size()); ++i) {
    if (i >= actual.size()) {
      differences.push_back(fmt::format(
          "{} {}: {} is missing", noun(is_warning), i + 1, to_string(expected[i].verdict)));
    } else if (i >= expected.size()) {
      differences.push_back(fmt::format("{} {}: {} of ranks {} at {} was not expected",
                                        noun(is_warning),
                                        i + 1,
                                        to_string(actual[i].verdict),
                                        spell_ranks(actual[i].culprit_ranks),
                                        fmt::join(actual[i].sites, ",")));
    } else {
      compare_one(expected[i], actual[i], i, differences);
    }
  }
}

}  // namespace

bool is_verdict_field(std::string_view field) { return find_field(field) != nullptr; }

std::string spell_field(const Verdict& verdict, std::string_view field) {
  const Field* const known = find_field(field);
  RADIXBENCH_CHECK(known != nullptr);
  return known->spell(verdict);
}

std::vector<std::string> compare(std::span<const Expectation> expected,
                                 const Diagnosis& diagnosis) {
  std::vector<Expectation> verdicts;
  std::vector<Expectation> warnings;
  for (const Expectation& one : expected) (one.is_warning ? warnings : verdicts).push_back(one);
  if (verdicts.empty()) verdicts.emplace_back();
  std::vector<std::string> differences;
  compare_list(verdicts, diagnosis.verdicts, false, differences);
  if (!warnings.empty() || expected.empty()) {
    compare_list(warnings, diagnosis.warnings, true, differences);
  }
  return differences;
}

}  // namespace radixbench
