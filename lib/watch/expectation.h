#pragma once

#include "base/result.h"
#include "watch/diagnose.h"
#include "watch/verdict.h"

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {

// What a verdict or warning must say, in the words of a scenario's `expect` line: fields and how
// each is spelt. A value that begins with `~` need only be found within.
struct Expectation {
  bool is_warning = false;
  VerdictClass verdict = VerdictClass::kNone;
  std::vector<std::pair<std::string, std::string>> fields;  // as written; class apart
  bool operator==(const Expectation&) const = default;
};

// How `expect` spells a field: culprits, ambiguous, site, key, expected_group, actual_group,
// absent, hang, after_site, expected_next, consequence, lead_steps, silent_mispair,
// first_divergence or confidence. Lists are separated by commas; what is not there is empty. A name
// that is none of them is a bug.
std::string spell_field(const Verdict& verdict, std::string_view field);
bool is_verdict_field(std::string_view field);

// In what a diagnosis is not what was expected, a sentence each; empty where it is. Verdicts are
// compared in order and none may be left over, and so are warnings where any is expected. No
// expectation at all: `none`, and no warning.
std::vector<std::string> compare(std::span<const Expectation> expected, const Diagnosis& diagnosis);

}  // namespace radixbench
