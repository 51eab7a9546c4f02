#pragma once

#include "base/error.h"
#include "base/ids.h"
#include "base/result.h"
#include "comm/rendezvous.h"
#include "replay/rank_report.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {

// What a host says of itself: HostWord::kRanks.
struct HostCard {
  std::string name;
  std::int64_t clock_ns = 0;  // its monotonic clock as it says this
  Rank world_size = 1;
  std::vector<Rank> ranks;
  // Must be equal on all hosts, in one order: version, options.
  std::vector<std::pair<std::string, std::string>> fields;
};

// HostWord::kStart.
struct HostStart {
  std::string run_id;
  std::string trace_sha256;
  // Where the ranks of the transport meet; nothing where they don't need one.
  std::optional<RendezvousAddress> meeting;
};

std::string encode(const HostCard& card);
std::string encode(const HostStart& start);
std::string encode(const RankReport& report);
// kCorrupt for what none of these writes.
Result<HostCard> decode_host_card(std::string_view payload);
Result<HostStart> decode_host_start(std::string_view payload);
Result<RankReport> decode_rank_report(std::string_view payload);

}  // namespace radixbench
