#include "base/error.h"

#include <fmt/format.h>

namespace radixbench {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotFound: return "not found";
    case ErrorCode::kInvalidArgument: return "invalid argument";
    case ErrorCode::kConfiguration: return "configuration";
    case ErrorCode::kCorrupt: return "corrupt";
    case ErrorCode::kIo: return "i/o";
    case ErrorCode::kCannotCreate: return "cannot create";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kTimeout: return "timeout";
    case ErrorCode::kPeerLost: return "peer lost";
    case ErrorCode::kMismatch: return "mismatch";
    case ErrorCode::kInterrupted: return "interrupted";
  }
  return "unknown";
}

Error Error::while_doing(std::string_view activity) && {
  return {code, fmt::format("{}: {}", activity, message)};
}

}  // namespace radixbench
