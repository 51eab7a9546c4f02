#pragma once

#include "comm/observed_communicator.h"
#include "comm/rank_harness.h"

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <tuple>
#include <utility>

namespace radixbench {

// One way to have ranks that meet: what the conformance suite runs over.
struct Maker {
  std::string_view name;
  RankKind kind;
  std::unique_ptr<World> (*make_world)(Rank world_size);
  bool is_observed;
  // What members' calls do that differ: what communicator.h says, or what its library makes of it.
  bool has_our_mismatches = true;
  bool may_pair_kinds = false;
  // Worlds take so long to start that each commit tries few sizes; RADIXBENCH_CONFORMANCE=full in
  // the environment tries all.
  bool is_slow = false;
  // How long a row of calls a test makes where more is better: of a transport that needs
  // milliseconds a call on a machine with more ranks than cores, fewer.
  std::size_t long_row = 300;
  // Why this machine has no such world, empty where it has; null where every machine has.
  std::string (*missing)() = nullptr;
};

std::span<const Maker> makers();
// Those whose ranks can be killed and stopped one at a time.
std::vector<Maker> process_makers();
// Those where calls that differ do what communicator.h says.
std::vector<Maker> lenient_makers();

// Each of the makers with each number of ranks that it is tried with.
std::vector<std::tuple<Maker, Rank>> cases(std::span<const Maker> makers,
                                           std::initializer_list<Rank> rank_counts);

// A fixture that builds a harness of the test's maker for any number of ranks.
class RanksTest : public testing::TestWithParam<std::tuple<Maker, Rank>> {
 protected:
  [[nodiscard]] static const Maker& maker() { return std::get<Maker>(GetParam()); }
  [[nodiscard]] static Rank rank_count() { return std::get<Rank>(GetParam()); }
  [[nodiscard]] static bool has_processes() { return maker().kind == RankKind::kProcesses; }

  // Skips where the maker's world is missing.
  void SetUp() override;
  static std::unique_ptr<RankHarness> make_harness(Rank world_size);
};

// Threads_8
std::string name_param(const testing::TestParamInfo<std::tuple<Maker, Rank>>& info);

// All ranks of the world in one group.
GroupSpec everyone(Rank world_size, std::uint32_t ordinal = 0);
// A call from site 4, can_terminate_prefetch, that must be over in `wait`.
Call call_within(std::chrono::milliseconds wait);

}  // namespace radixbench
