#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>

namespace radixbench {

// Makes a closed copy of a rank file that was not closed: the rows that were acknowledged of every
// table, status "recovered". A file that was closed is copied as it is. `source` is only read, in
// the mode that lets its writer live on; `target` must not exist (kCannotCreate). Answers whether
// the source had not been closed. Errors of reading as read_hdf5_rank.
Result<bool> recover_hdf5_rank(const std::string& source, const std::string& target);

}  // namespace radixbench
