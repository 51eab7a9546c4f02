#include "base/sha256.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace radixbench {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text.data(), text.size()});
}

// The vectors of FIPS 180-2.
TEST(Sha256Test, GivesThePublishedDigests) {
  EXPECT_EQ(to_hex(sha256({}, {})),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256({}, bytes_of("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256Test, PrefixAndDataAreOneMessage) {
  EXPECT_EQ(sha256(bytes_of("a"), bytes_of("bc")), sha256({}, bytes_of("abc")));
}

TEST(Sha256Test, PiecesOfAnySizeGiveTheDigestOfTheWhole) {
  const std::string text(1000, 'x');
  for (const std::size_t piece : {1U, 7U, 64U, 999U, 1000U}) {
    Sha256 hash;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      hash.update(bytes_of(std::string_view{text}.substr(at, piece)));
    }
    EXPECT_EQ(std::move(hash).digest(), sha256({}, bytes_of(text))) << piece;
  }
}

TEST(Sha256Test, NoPiecesAreTheEmptyMessage) { EXPECT_EQ(Sha256{}.digest(), sha256({}, {})); }

}  // namespace
}  // namespace radixbench
