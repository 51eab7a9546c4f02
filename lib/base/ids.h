#pragma once

#include <cstdint>

namespace radixbench {

using Rank = std::uint32_t;       // a world rank, from 0
using TokenId = std::uint32_t;    // a token of a prompt or a reply
using PageId = std::uint32_t;     // a page of a pool; at page size 1 a slot
using RequestId = std::uint64_t;  // position of a request in the trace as it is replayed, from 0

}  // namespace radixbench
