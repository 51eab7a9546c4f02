#include "comm/run_secret.h"

#include "support/temp_directory.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>
#include <string>

namespace radixbench {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kHex = "000102030405060708090a0b0c0d0e0f";

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}

class SecretFileTest : public testing::Test {
 protected:
  std::string write(std::string_view text, unsigned mode) {
    const std::string path = (directory_.path() / "secret").string();
    std::ofstream{path} << text;
    chmod(path.c_str(), mode);
    return path;
  }
  TempDirectory directory_;
};

TEST(RunSecretTest, ReadsWhatItWrites) {
  const auto secret = RunSecret::make();
  ASSERT_TRUE(secret);
  const auto again = RunSecret::parse(secret->to_hex());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->to_hex(), secret->to_hex());
  EXPECT_NE(secret->to_hex(), RunSecret::make()->to_hex());
}

TEST(RunSecretTest, RefusesOtherFormsWithoutRepeatingThem) {
  for (const std::string& text : {std::string{},
                                  std::string{kHex}.substr(1),
                                  std::string{kHex} + "0",
                                  std::string(32, 'g')}) {
    const auto secret = RunSecret::parse(text);
    ASSERT_FALSE(secret) << text;
    EXPECT_EQ(secret.error().code, ErrorCode::kConfiguration);
    if (text.empty()) continue;
    EXPECT_THAT(secret.error().message, Not(HasSubstr(text)));
  }
}

// RFC 4231 has no key of 16 bytes; this value is Python's hmac.new(bytes(range(16)), b"what do ya
// want for nothing?", "sha256").
TEST(RunSecretTest, ProofIsHmacSha256) {
  const auto secret = RunSecret::parse(kHex);
  ASSERT_TRUE(secret);
  EXPECT_EQ(to_hex(secret->prove(bytes_of("what do ya want for nothing?"))),
            "d1bcfcaaf1aef8add294bca7adb4ae2fb4abdcada6c1295b422f7b9afee374dc");
}

TEST(RunSecretTest, EqualityLooksAtEveryByte) {
  std::array<std::uint8_t, 4> a{1, 2, 3, 4};
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto b = a;
    EXPECT_TRUE(is_equal_in_constant_time(a, b));
    b.at(i) ^= 0x80U;
    EXPECT_FALSE(is_equal_in_constant_time(a, b)) << i;
  }
  EXPECT_FALSE(is_equal_in_constant_time(a, std::span{a}.first(3)));
}

TEST_F(SecretFileTest, OfItsOwnerAloneIsRead) {
  const auto secret = RunSecret::read_file(write(fmt::format("{}\n", kHex), 0600));
  ASSERT_TRUE(secret) << secret.error().message;
  EXPECT_EQ(secret->to_hex(), kHex);
}

TEST_F(SecretFileTest, ThatOthersMayReadIsRefused) {
  for (const unsigned mode : {0640U, 0604U, 0660U, 0777U}) {
    const auto secret = RunSecret::read_file(write(kHex, mode));
    ASSERT_FALSE(secret) << mode;
    EXPECT_EQ(secret.error().code, ErrorCode::kConfiguration);
    EXPECT_THAT(secret.error().message, HasSubstr("wanted 0600"));
    EXPECT_THAT(secret.error().message, Not(HasSubstr(std::string{kHex})));
  }
}

TEST_F(SecretFileTest, ThatIsMissingOrOtherTextIsRefused) {
  const auto missing = RunSecret::read_file("/nowhere/secret");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  const auto longer = RunSecret::read_file(write(fmt::format("{}00", kHex), 0600));
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().code, ErrorCode::kConfiguration);
}

}  // namespace
}  // namespace radixbench
