#pragma once

#include "base/result.h"
#include "watch/diagnose.h"

#include <span>
#include <string>

namespace radixbench {

// Writes the shortest scenario cut out of the recordings that, run over threads, gives the same
// first verdict: class, ranks and site. Answers what to say of it. kCannotCreate where the file
// can't be written, kUnsupported where no cut gives the verdict.
Result<std::string> write_reproducer(std::span<const Recording> recordings,
                                     const DiagnoseOptions& options,
                                     const Diagnosis& diagnosis,
                                     const std::string& path);

}  // namespace radixbench
