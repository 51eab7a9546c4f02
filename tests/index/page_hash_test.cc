#include "index/page_hash.h"
#include "base/random.h"
#include "index/page_hash_kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <string>
#include <utility>

namespace radixbench {
namespace {

std::vector<TokenId> random_tokens(std::size_t count, std::uint64_t seed) {
  Random random{seed, "tokens"};
  std::vector<TokenId> tokens(count);
  for (TokenId& token : tokens) token = static_cast<TokenId>(random.next());
  return tokens;
}

TEST(StoragePageHashTest, GivesTheVectorsOfTheSpecification) {
  const auto first = storage_page_hash(nullptr, std::vector<TokenId>{1, 2});
  EXPECT_EQ(to_hex(first), "34fb5c825de7ca4aea6e712f19d439c1da0c92c37b423936c5f618545ca4fa1f");
  EXPECT_EQ(to_hex(storage_page_hash(&first, std::vector<TokenId>{3, 4})),
            "c57b445f90651b9a650e516ab2238c965b21af35608a31c303e6d9e407f2915c");
  const auto four = storage_page_hash(nullptr, std::vector<TokenId>{1, 2, 3, 4});
  EXPECT_EQ(to_hex(four), "cf97adeedb59e05bfd73a2b4c2a8885708c4f4f70c84c64b27120e72ab733b72");
  EXPECT_EQ(to_hex(storage_page_hash(&four, std::vector<TokenId>{5, 6, 7, 8})),
            "4ebfa8a1f3c341517621838c6e1b9aa350307e3f00b3cbd1a07ef740f54396d6");
  const auto one = storage_page_hash(nullptr, std::vector<TokenId>{1});
  EXPECT_EQ(to_hex(one), "67abdd721024f0ff4e0b3f4c2fc13bc5bad42d0b7851d456d88d203d15aaa450");
  EXPECT_EQ(to_hex(storage_page_hash(&one, std::vector<TokenId>{2})),
            "e95092c4b38d42d1363b9e9b06bc5d6377af1cd06651a9fedac8b36dc9e56114");
}

TEST(StoragePageHashTest, NamesEventsByTheFirstEightBytes) {
  EXPECT_EQ(event_hash(storage_page_hash(nullptr, std::vector<TokenId>{1, 2})),
            3817746824117602890);
  Sha256Digest negative{};
  negative[0] = 0xFF;
  EXPECT_LT(event_hash(negative), 0);
}

TEST(StoragePageHashTest, ChainsWholePagesAndLeavesTheRest) {
  std::vector<TokenId> tokens(9);
  std::iota(tokens.begin(), tokens.end(), 1U);
  const auto hashes = storage_page_hashes(nullptr, tokens, 4);
  ASSERT_EQ(hashes.size(), 2U);
  EXPECT_EQ(to_hex(hashes[1]), "4ebfa8a1f3c341517621838c6e1b9aa350307e3f00b3cbd1a07ef740f54396d6");
  const auto rest = storage_page_hashes(&hashes[0], std::span{tokens}.subspan(4), 4);
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0], hashes[1]);
}

// Under zero keys a block of equal bytes stays one, since MixColumns leaves columns of equal bytes
// alone: four steps through the S-box of FIPS 197, 00 -> 63 -> fb -> 0f -> 76.
TEST(PageHashTest, FourRoundsOfZerosGoThroughTheSBoxOfAes) {
  PageHashKeys keys{0, 4};
  std::fill(keys.words.begin(), keys.words.end(), 0U);
  const std::vector<TokenId> zeros(4, 0);
  PageHash hash;
  hash_pages_portable(keys, zeros.data(), 1, &hash);
  EXPECT_EQ(hash, (PageHash{0x7676767676767676U, 0x7676767676767676U}));
}

TEST(PageHashTest, EveryKernelOfThisMachineGivesTheSameHashes) {
  for (const std::uint32_t page_tokens : {1U,
                                          2U,
                                          3U,
                                          4U,
                                          5U,
                                          7U,
                                          8U,
                                          12U,
                                          13U,
                                          16U,
                                          20U,
                                          63U,
                                          64U,
                                          65U,
                                          100U,
                                          128U,
                                          510U,
                                          511U,
                                          512U}) {
    constexpr std::size_t kPages = 11;
    const PageHashKeys keys{42, page_tokens};
    const auto tokens = random_tokens(kPages * page_tokens, page_tokens);
    std::vector<PageHash> expected(kPages);
    hash_pages_portable(keys, tokens.data(), kPages, expected.data());
    for (const NamedPageHashKernel& kernel : page_hash_kernels()) {
      std::vector<PageHash> found(kPages);
      kernel.run(keys, tokens.data(), kPages, found.data());
      EXPECT_EQ(found, expected) << kernel.name << ", pages of " << page_tokens;
    }
  }
}

// Computed with an independent program; any other machine and version must give the same.
TEST(PageHashTest, HashesOfASeedStayWhatTheyAre) {
  const PageHasher hasher{7, 6};
  const std::vector<TokenId> tokens{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
  std::vector<PageHash> hashes(2);
  hasher.hash(tokens, hashes);
  EXPECT_EQ(hashes[0], (PageHash{0x03CF47B409ABA094U, 0x1101401E97D7269EU}));
  EXPECT_EQ(hashes[1], (PageHash{0x4B85AFA01F470FD8U, 0x51B85701DEDE5288U}));
}

TEST(PageHashTest, EveryTokenAndItsPlaceEnterTheHash) {
  constexpr std::uint32_t kPageTokens = 19;
  const PageHasher hasher{1, kPageTokens};
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
  const auto hash_of = [&](const std::vector<TokenId>& page) {
    PageHash hash;
    hasher.hash(page, {&hash, 1});
    return std::pair{hash.low, hash.high};
  };
  const std::vector<TokenId> base(kPageTokens, 5);
  seen.insert(hash_of(base));
  for (std::size_t at = 0; at < kPageTokens; ++at) {
    for (unsigned bit = 0; bit < 32; ++bit) {
      std::vector<TokenId> page = base;
      page[at] ^= 1U << bit;
      seen.insert(hash_of(page));
    }
  }
  EXPECT_EQ(seen.size(), 1 + 32 * kPageTokens);
}

// A plain XOR over equal blocks would make every page of one repeated block hash alike.
TEST(PageHashTest, EqualBlocksAtDifferentPlacesDoNotCancel) {
  const PageHasher hasher{1, 8};
  std::vector<PageHash> hashes(3);
  const std::vector<TokenId> tokens{1, 2, 3, 4, 1, 2, 3, 4, 9, 9, 9, 9,
                                    9, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8};
  hasher.hash(tokens, hashes);
  EXPECT_NE(hashes[0], hashes[1]);
  EXPECT_NE(hashes[0], (PageHash{}));
  std::vector<TokenId> swapped{5, 6, 7, 8, 1, 2, 3, 4};
  PageHash other;
  hasher.hash(swapped, {&other, 1});
  EXPECT_NE(hashes[2], other);
}

TEST(PageHashTest, SeedsGiveUnrelatedHashes) {
  const std::vector<TokenId> page(16, 3);
  PageHash left;
  PageHash right;
  PageHasher{1, 16}.hash(page, {&left, 1});
  PageHasher{2, 16}.hash(page, {&right, 1});
  EXPECT_NE(left.low, right.low);
  EXPECT_NE(left.high, right.high);
}

}  // namespace
}  // namespace radixbench
