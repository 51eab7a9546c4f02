#pragma once

#include "record/hdf5_handle.h"
#include "record/summary_cell.h"

namespace radixbench {

// The group /variables: an attribute for each of RunVariables, by the names that summary/cells
// gives them. Both throw Hdf5Failure.
void write_variables(hid_t file, const RunVariables& variables);
// Where a file has none, all are as a RunVariables is made.
RunVariables read_variables(hid_t file);

}  // namespace radixbench
