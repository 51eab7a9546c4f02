#pragma once

#include "watch/verdict.h"

#include <string>
#include <string_view>

namespace radixbench {

struct SarifOptions {
  std::string_view tool_version;
  // Where a verdict has no place in code: what was read.
  std::string_view input;
  // A prefix of the places' files to take away, so that the rest is a path in the repository.
  std::string_view source_root;
};

// SARIF 2.1.0, as code hosts take it: a rule a class, a result for each verdict but `none` and for
// each warning, at the place of the call that was made, other places beside it. `late/*` and
// `incomplete` are notes, warnings are warnings, the rest errors.
std::string diagnosis_sarif(const Diagnosis& diagnosis, const SarifOptions& options);

}  // namespace radixbench
