#pragma once

#include "base/result.h"
#include "watch/recording.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace radixbench {

// What a ring holds, also while its rank writes to it: records that are being written are left out,
// the calls that threads are inside of are merged in, all in the order in which they began.
// kCorrupt naming `source` and byte where it is no ring, cut short, or says what cannot be; of
// another version it names both. `read_ns` is the time of reading only if the ring is `live`.
Result<Recording> read_ring(std::span<const std::byte> bytes,
                            std::string_view source,
                            bool is_live = false);
Result<Recording> read_ring_file(const std::string& path);

}  // namespace radixbench
