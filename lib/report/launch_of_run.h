#pragma once

#include "record/hdf5_master.h"
#include "stats/gate_launches.h"

namespace radixbench {

// What a gate needs of one run: a value of each statistic of each metric. Counts of a run on the
// wall clock hang on timing and are noisy there. p99 is left out where it would be one of fewer
// than 100 iterations; a metric without samples has no cell. Side and pair are for the caller to
// set. A run with a rank that is missing or did not come to its end failed.
Launch launch_of_run(const MasterData& run);

// The environment that times depend on.
Fingerprint fingerprint_of_run(const MasterData& run);

}  // namespace radixbench
