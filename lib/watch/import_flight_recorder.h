#pragma once

#include "base/result.h"
#include "watch/recording.h"

#include <string>
#include <string_view>

namespace radixbench {

// A dump of PyTorch's flight recorder, version 2.0 to 2.11, a pickle or JSON, of the rank whose
// number ends the file's name (before a ".json"). What it holds becomes a recording thus:
//
// - A group has its description for a name, or where that says nothing, its own name. Members come
//   from `pg_config`, and are empty where it has none (gloo's never does).
// - A collective's place is its `collective_seq_id`, from 0. A batch of coalesced ones is the call
//   that its first row is, in the state of its last; its other rows are activities. Sends and
//   receives count by peer, from the first in the dump.
// - A call that was retired and not completed has failed with a backend that can tell (nccl and its
//   kin), and has left with one that can't (gloo).
// - A collective of a kind that a recording lacks becomes the nearest that it has, with its own
//   name in the site and in `not_visible`.
// - The site is the names of the frames of the user's code from the innermost outwards, at most
//   four of them, and the innermost's place: `reduce < check < run (sched.py:7)`.
//
// Fields and types that are not known are passed over. kInvalidArgument where the name has no rank,
// kCorrupt naming the path and the byte or the field.
Result<Recording> parse_flight_recorder_dump(std::string_view bytes, const std::string& path);

// The same of a file, with the time when it was written for `read_ns`: on the clock of the calls if
// nobody copied it since, else later. kNotFound where it can't be opened.
Result<Recording> read_flight_recorder_file(const std::string& path);

}  // namespace radixbench
