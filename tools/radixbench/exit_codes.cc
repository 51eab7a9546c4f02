#include "exit_codes.h"

#include <fmt/core.h>

#include <cstdio>

namespace radixbench {

ExitCode exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument: return kExitUsage;
    case ErrorCode::kCorrupt: return kExitBadData;
    case ErrorCode::kNotFound: return kExitNoInput;
    case ErrorCode::kUnsupported: return kExitUnavailable;
    case ErrorCode::kCannotCreate: return kExitCannotCreate;
    case ErrorCode::kIo: return kExitIo;
    case ErrorCode::kMismatch: return kExitMismatch;
    case ErrorCode::kConfiguration: return kExitConfiguration;
    case ErrorCode::kTimeout:
    case ErrorCode::kPeerLost: return kExitDeadline;
    case ErrorCode::kInterrupted: return kExitInterrupted;
  }
  return kExitBug;
}

ExitCode exit_code_of(GateEnd end) {
  switch (end) {
    case GateEnd::kFine: return kExitFine;
    case GateEnd::kWorse: return kExitWorse;
    case GateEnd::kNothingComparable: return kExitNothingComparable;
    case GateEnd::kInconclusive: return kExitInconclusive;
  }
  return kExitBug;
}

int report_error(const Error& error) {
  fmt::print(stderr, "radixbench: {}\n", error.message);
  return exit_code_of(error.code);
}

}  // namespace radixbench
