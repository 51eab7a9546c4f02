#pragma once

#include "base/error.h"
#include "stats/gate_report.h"

namespace radixbench {

// Every exit code that a command may end with; docs/errors.md is their home.
enum ExitCode : int {
  kExitFine = 0,
  kExitWorse = 1,  // the gate
  kExitVerdict = 3,
  kExitDiverged = 4,  // digests or bytes differ
  kExitNothingComparable = 5,
  kExitUsage = 64,
  kExitBadData = 65,
  kExitNoInput = 66,
  kExitUnavailable = 69,
  kExitBug = 70,
  kExitCannotCreate = 73,
  kExitIo = 74,
  kExitInconclusive = 75,
  kExitMismatch = 76,
  kExitConfiguration = 78,
  kExitDeadline = 124,
  kExitInterrupted = 130,
};

ExitCode exit_code_of(ErrorCode code);
ExitCode exit_code_of(GateEnd end);

// Says the error on stderr in one line, and answers its exit code.
int report_error(const Error& error);

}  // namespace radixbench
