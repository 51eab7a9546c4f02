#pragma once

#include "record/recorder.h"

namespace radixbench {

// git_sha, git_describe and git_dirty (yes, no) of the sources that this tool was built from; empty
// where they came without git.
NamedValues source_revision();

}  // namespace radixbench
