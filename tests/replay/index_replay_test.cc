// The totals of data/vectors/index-replay.json (SGLang's C++ tree and an independent one agree on
// them), and those of J's stamp. The conversation trace is not ours to ship: without it these skip.
// A row takes about a second in an optimised build; with assertions or sanitizers only the rows
// marked quick run.

#include "replay/index_replay.h"
#include "trace/mooncake_reader.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace radixbench {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(NDEBUG)
constexpr bool kRunsSlowRows = false;
#else
constexpr bool kRunsSlowRows = true;
#endif

constexpr std::uint64_t kUnlimited = 0;

struct Row {
  std::uint32_t page_tokens;
  std::uint64_t device_tokens;
  bool stamps_split_remainder;
  bool is_quick;
  std::uint64_t query;
  std::uint64_t hit;
  std::uint64_t evicted;  // of the stamped rows only the hits are known
};

const Trace* conversation_trace() {
  static const std::filesystem::path path =
      RADIXBENCH_SOURCE_DIR "/../shared/data/traces/mooncake/conversation_trace.jsonl";
  static const auto trace =
      std::filesystem::exists(path) ? read_mooncake(path, {}) : Result<Trace>{Trace{}};
  return trace && !trace->requests.empty() ? &*trace : nullptr;
}

class IndexReplayTest : public testing::TestWithParam<Row> {};

TEST_P(IndexReplayTest, GivesTheTotalsToTheToken) {
  const Row& row = GetParam();
  if (!kRunsSlowRows && !row.is_quick) GTEST_SKIP() << "too slow in this build";
  const Trace* trace = conversation_trace();
  if (trace == nullptr) GTEST_SKIP() << "conversation_trace.jsonl is not here";
  IndexReplayOptions options{.page_tokens = row.page_tokens,
                             .device_tokens = {},
                             .stamps_split_remainder = row.stamps_split_remainder};
  if (row.device_tokens != kUnlimited) options.device_tokens = row.device_tokens;
  const IndexReplayTotals totals = replay_index(*trace, options);
  EXPECT_EQ(totals.query_tokens, row.query);
  EXPECT_EQ(totals.hit_tokens, row.hit);
  EXPECT_EQ(totals.inserted_tokens, row.query - row.hit);
  EXPECT_TRUE(row.stamps_split_remainder || totals.evicted_tokens == row.evicted)
      << totals.evicted_tokens;
}

constexpr std::uint64_t kQuery1 = 144'793'823;
constexpr std::uint64_t kQuery16 = 144'704'208;
constexpr std::uint64_t kQuery64 = 144'425'152;
constexpr std::uint64_t kM = 1'000'000;

INSTANTIATE_TEST_SUITE_P(
    RemainderKeepsItsAccess,
    IndexReplayTest,
    testing::Values(Row{1, 3 * kM, false, false, kQuery1, 20'432'079, 121'374'672},
                    Row{1, 10 * kM, false, false, kQuery1, 42'510'814, 92'308'893},
                    Row{1, 40 * kM, false, false, kQuery1, 53'387'755, 51'467'242},
                    Row{1, kUnlimited, false, false, kQuery1, 54'098'411, 0},
                    Row{16, 3 * kM, false, false, kQuery16, 20'461'856, 121'257'552},
                    Row{16, 10 * kM, false, false, kQuery16, 42'516'272, 92'191'504},
                    Row{16, kUnlimited, false, false, kQuery16, 54'097'552, 0},
                    Row{64, 3 * kM, false, true, kQuery64, 20'472'448, 120'955'648},
                    Row{64, 10 * kM, false, false, kQuery64, 42'560'128, 91'874'944},
                    Row{64, 40 * kM, false, false, kQuery64, 53'383'296, 51'072'192},
                    Row{64, kUnlimited, false, false, kQuery64, 54'093'952, 0}));

INSTANTIATE_TEST_SUITE_P(RemainderLooksUsed,
                         IndexReplayTest,
                         testing::Values(Row{1, 3 * kM, true, false, kQuery1, 20'247'511, 0},
                                         Row{1, 10 * kM, true, false, kQuery1, 42'236'382, 0},
                                         Row{1, 40 * kM, true, false, kQuery1, 53'361'643, 0},
                                         Row{16, 3 * kM, true, false, kQuery16, 20'249'648, 0},
                                         Row{16, 10 * kM, true, false, kQuery16, 42'235'696, 0},
                                         Row{16, 40 * kM, true, false, kQuery16, 53'360'784, 0},
                                         Row{64, 3 * kM, true, true, kQuery64, 20'257'216, 0},
                                         Row{64, 10 * kM, true, false, kQuery64, 42'236'032, 0},
                                         Row{64, 40 * kM, true, false, kQuery64, 53'374'592, 0}));

}  // namespace
}  // namespace radixbench
