#pragma once

#include "base/result.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace radixbench {

// All bytes of a file, of which there may be at most `bytes_max`. kNotFound where it can't be
// opened, kIo where reading fails, kCorrupt where it is longer.
Result<std::string> read_file_text(const std::string& path,
                                   std::size_t bytes_max = std::size_t{1} << 30U);

// Makes the file what `text` is, in place of one that is there: at once, by renaming, so that no
// reader finds half of it, now or after a crash. kCannotCreate, kIo.
Result<void> replace_file_text(const std::string& path, std::string_view text);

}  // namespace radixbench
