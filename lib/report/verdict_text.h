#pragma once

#include "watch/verdict.h"

#include <string>

namespace radixbench {

// One sentence without an end of line: class, ranks, site, the group that was used and the one that
// was meant.
std::string verdict_line(const Verdict& verdict);

// Each verdict's line with what it rests on and what to change, then who waits for whom: at most a
// screen for one verdict.
std::string diagnosis_text(const Diagnosis& diagnosis);

// Who waits for whom, a line each; "nobody waits" where that is so.
std::string waits_text(const Diagnosis& diagnosis);

// The waits as a graph for Graphviz; culprits are filled.
std::string diagnosis_dot(const Diagnosis& diagnosis);

}  // namespace radixbench
