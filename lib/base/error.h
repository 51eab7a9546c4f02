#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace radixbench {

// What a caller can do about it, rather than where it came from. tools/ maps each to an exit code
// (docs/errors.md).
enum class ErrorCode : std::uint8_t {
  kNotFound,         // no input: 66
  kInvalidArgument,  // usage: 64
  kConfiguration,    // options that are each fine and don't go together: 78
  kCorrupt,          // bad data: 65
  kIo,               // 74
  kCannotCreate,     // 73
  kUnsupported,      // a transport or device is not available: 69
  kTimeout,          // a deadline passed: 124
  kPeerLost,         // a peer died, left or broke the group: 124
  kMismatch,         // members of a group made different calls, or are of different versions: 76
  kInterrupted       // 130, 143
};

std::string_view to_string(ErrorCode code);

// An operating error: something the world did, which a caller can report or act on.
struct Error {
  ErrorCode code;
  std::string message;

  // The same error, with what the caller was doing put in front of it.
  Error while_doing(std::string_view activity) &&;
};

}  // namespace radixbench
