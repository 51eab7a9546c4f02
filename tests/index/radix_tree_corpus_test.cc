// The fuzzer's corpus, and random bytes, through its own function: no clang needed.

#include "base/random.h"
#include "support/fuzz_corpus.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace radixbench {
namespace {

TEST(RadixTreeCorpusTest, EveryFileOfTheCorpusPasses) { EXPECT_GT(run_corpus("radix_tree"), 0U); }

TEST(RadixTreeCorpusTest, RandomBytesPass) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    Random random{seed, "bytes"};
    std::vector<std::uint8_t> bytes(1 + random.below(600));
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
}

}  // namespace
}  // namespace radixbench
