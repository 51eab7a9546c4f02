#pragma once

#include "report/baseline_store.h"

#include <optional>
#include <string>

namespace radixbench {

// The commit that the current folder is at, 40 digits; nothing where git is not there or the folder
// is in no repository.
std::optional<std::string> current_commit();

// What the current folder's repository says, asked of git. `base`: the branch that this work is to
// be merged into; empty: the first of origin/HEAD, main, master that there is.
BaselineHistory git_history(const std::string& base);

}  // namespace radixbench
