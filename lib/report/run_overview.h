#pragma once

#include "record/hdf5_master.h"

#include <string>
#include <vector>

namespace radixbench {

// A run as its master tells it, for somebody who doesn't have its ranks at hand: what it was, what
// was measured, exact counts over all ranks. What a rank that can't be read would have told is
// marked as missing, never filled in.
struct RunOverview {
  MasterData run;
  std::vector<std::string> gone;  // rank files that were there when the master was made
};

// For a terminal.
std::string run_overview_text(const RunOverview& overview);

// As GitHub-flavoured Markdown, its first line <!-- radixbench:run:RUN_ID -->.
std::string run_overview_markdown(const RunOverview& overview);

}  // namespace radixbench
