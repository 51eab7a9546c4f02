#pragma once

#include "layout/layout.h"

#include <string>
#include <vector>

namespace radixbench {

// Every rule of SGLang that the sizes break (parallel groups, section 4), in words and in the
// order in which the engine checks them; empty for a layout that the engine starts.
std::vector<std::string> broken_rules(const LayoutSizes& sizes);

// What the engine starts without a word though it is hardly meant. For sizes that break no rule.
std::vector<std::string> doubtful_choices(const LayoutSizes& sizes);

}  // namespace radixbench
