#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace radixbench {

// A path that starts this very executable again, also if its file was replaced meanwhile.
std::string own_program();

// A folder's name for what nobody named: radixbench-runs/KIND-STAMP, told apart by eight digits.
std::string new_folder(std::string_view kind);

// The SHA-256 of a file in hex. kNotFound, kIo.
Result<std::string> sha256_of_file(const std::string& path);

}  // namespace radixbench
