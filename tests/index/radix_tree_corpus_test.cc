// The fuzzer's corpus, and random bytes, through its own function: no clang needed.

#include "base/random.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace radixbench {
namespace {

TEST(RadixTreeCorpusTest, EveryFileOfTheCorpusPasses) {
  std::size_t count = 0;
  const std::filesystem::path corpus = RADIXBENCH_SOURCE_DIR "/tests/data/fuzz/radix_tree";
  for (const auto& entry : std::filesystem::directory_iterator{corpus}) {
    SCOPED_TRACE(entry.path().string());
    std::ifstream file{entry.path(), std::ios::binary};
    const std::vector<char> bytes{std::istreambuf_iterator<char>{file}, {}};
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    ++count;
  }
  EXPECT_GT(count, 0U);
}

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
