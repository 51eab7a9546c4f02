#pragma once

#include "record/recorder.h"

#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// Of an environment ("NAME=VALUE" each), only what tells how a run came about: NCCL_*, UCX_*,
// OMPI_MCA_*, GLOO_*, a few of SLURM's and CUDA's. Never the rest: it holds secrets. Names are
// "env.NAME".
NamedValues allowed_environment(const std::vector<std::string>& environment);
bool is_allowed_variable(std::string_view name);

// What this process can tell of itself and its machine: program and compiler, hostname, kernel,
// distribution, CPU, the cores it may use, and the allowed part of its environment.
NamedValues collect_provenance();

}  // namespace radixbench
