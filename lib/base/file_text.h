#pragma once

#include "base/result.h"

#include <cstddef>
#include <string>

namespace radixbench {

// All bytes of a file, of which there may be at most `bytes_max`. kNotFound where it can't be
// opened, kIo where reading fails, kCorrupt where it is longer.
Result<std::string> read_file_text(const std::string& path,
                                   std::size_t bytes_max = std::size_t{1} << 30U);

}  // namespace radixbench
