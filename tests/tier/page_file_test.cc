#include "tier/page_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace radixbench {
namespace {

// The example of docs/formats/page-file.md, its checksum from Python's zlib.
StorageIdentity example_identity() {
  StorageIdentity identity;
  identity.model = "a/b";
  identity.page_tokens = 64;
  identity.page_bytes = 4;
  identity.tp_rank = 1, identity.tp_size = 4;
  identity.cp_rank = 0, identity.cp_size = 2;
  identity.pp_rank = 0x01020304, identity.pp_size = 0x05060708;
  identity.dp_rank = 2, identity.dp_size = 3;
  identity.name_space = 7;
  return identity;
}
Sha256Digest example_hash() {
  Sha256Digest hash{};
  std::iota(hash.begin(), hash.end(), std::uint8_t{0xA0});
  return hash;
}
const std::vector<std::byte> kExamplePage = {
    std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
const std::vector<std::uint8_t> kExampleHeader = {
    0x52, 0x42, 0x50, 0x41, 0x47, 0x45, 0x0d, 0x0a,  // magic
    0x01, 0x00, 0x00, 0x00,                          // version
    0x40, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00,  // tokens and bytes of a page
    0x01, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00,  // tp
    0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00,  // cp
    0x04, 0x03, 0x02, 0x01, 0x08, 0x07, 0x06, 0x05,  // pp
    0x02, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00,  // dp
    0x07, 0x00, 0x00, 0x00,                          // namespace
    0x03, 0x00, 0x00, 0x00,                          // bytes of the model's name
    0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab,
    0xac, 0xad, 0xae, 0xaf, 0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7,
    0xb8, 0xb9, 0xba, 0xbb, 0xbc, 0xbd, 0xbe, 0xbf, 0x8d, 0x15, 0x86, 0x76,  // checksum
    0x61, 0x2f, 0x62                                                         // a/b
};

std::vector<std::byte> encoded(const PageFile& format) {
  std::vector<std::byte> header(format.header_bytes());
  format.encode_header(example_hash(), kExamplePage, header);
  return header;
}

std::string file_name(const PageFile& format) {
  return format.path(example_hash()).substr(4);  // after a/0/
}

TEST(PageFileTest, HeaderIsTheDocumentedBytes) {
  const std::vector<std::byte> header = encoded(PageFile{example_identity()});
  EXPECT_TRUE(std::ranges::equal(header, std::as_bytes(std::span{kExampleHeader})));
}

TEST(PageFileTest, OwnFileIsReadAndEveryFlippedBitIsNot) {
  const PageFile format{example_identity()};
  const std::vector<std::byte> header = encoded(format);
  EXPECT_EQ(format.judge(example_hash(), header, kExamplePage), PageRead::kRead);
  for (std::size_t bit = 0; bit < 8 * format.file_bytes(); ++bit) {
    std::vector<std::byte> file = header;
    file.insert(file.end(), kExamplePage.begin(), kExamplePage.end());
    file[bit / 8] ^= std::byte{1} << (bit % 8);
    const std::span whole{file};
    const PageRead answer =
        format.judge(example_hash(), whole.first(header.size()), whole.subspan(header.size()));
    // A file of another version is not ours to check; any other bit is caught by the checksum.
    const bool is_version = bit / 8 >= 8 && bit / 8 < 12;
    EXPECT_EQ(answer, is_version ? PageRead::kForeign : PageRead::kTorn) << "bit " << bit;
  }
}

TEST(PageFileTest, EveryFieldOfTheIdentityMakesAFileForeign) {
  const std::vector<void (*)(StorageIdentity&)> changes = {
      [](StorageIdentity& other) { other.model = "a/c"; },
      [](StorageIdentity& other) { ++other.page_tokens; },
      [](StorageIdentity& other) { ++other.tp_rank; },
      [](StorageIdentity& other) { ++other.tp_size; },
      [](StorageIdentity& other) { ++other.cp_rank; },
      [](StorageIdentity& other) { ++other.cp_size; },
      [](StorageIdentity& other) { ++other.pp_rank; },
      [](StorageIdentity& other) { ++other.pp_size; },
      [](StorageIdentity& other) { ++other.dp_rank; },
      [](StorageIdentity& other) { ++other.dp_size; },
      [](StorageIdentity& other) { ++other.name_space; }};
  const PageFile ours{example_identity()};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    SCOPED_TRACE(i);
    StorageIdentity identity = example_identity();
    changes[i](identity);
    const PageFile theirs{identity};
    EXPECT_EQ(ours.judge(example_hash(), encoded(theirs), kExamplePage), PageRead::kForeign);
    EXPECT_NE(ours.path(example_hash()), theirs.path(example_hash()));
  }
}

TEST(PageFileTest, HashOfAnotherPageIsForeign) {
  const PageFile format{example_identity()};
  Sha256Digest other = example_hash();
  other[31] ^= 1U;
  EXPECT_EQ(format.judge(other, encoded(format), kExamplePage), PageRead::kForeign);
}

TEST(PageFileTest, OtherSizeIsForeignOnlyIfItsHeaderSaysSo) {
  const std::vector<std::byte> header = encoded(PageFile{example_identity()});
  EXPECT_EQ(PageFile::judge_size(header, 103), PageRead::kForeign);
  EXPECT_EQ(PageFile::judge_size(header, 102), PageRead::kTorn);
  EXPECT_EQ(PageFile::judge_size(header, 104), PageRead::kTorn);
  EXPECT_EQ(PageFile::judge_size(std::span{header}.first(95), 95), PageRead::kTorn);
  EXPECT_EQ(PageFile::judge_size({}, 0), PageRead::kTorn);
  const std::vector<std::byte> zeros(96);
  EXPECT_EQ(PageFile::judge_size(zeros, 96), PageRead::kTorn);
}

TEST(PageFileTest, PathSpreadsByHashAndCarriesTheIdentity) {
  EXPECT_EQ(PageFile{example_identity()}.path(example_hash()),
            "a/0/a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf_"
            "a-b~c14cddc0_tp1of4_cp0of2_pp16909060of84281096_dp2of3_ns7_p64x4.page");
}

TEST(PageFileTest, PlainModelNameStaysAsItIs) {
  StorageIdentity identity = example_identity();
  identity.model = "Qwen3-32B.v2";
  EXPECT_TRUE(PageFile{identity}.identity_name().starts_with("Qwen3-32B.v2_tp1of4_"));
}

TEST(PageFileTest, ModelsThatLookAlikeInAFileNameStayApart) {
  StorageIdentity identity = example_identity();
  std::vector<std::string> names;
  const std::string long_name(200, 'x');
  for (const std::string& model : std::vector<std::string>{
           "a/b", "a-b", "a b", "a_b", "", "-", "..", "a\nb", long_name + "1", long_name + "2"}) {
    identity.model = model;
    names.push_back(PageFile{identity}.identity_name());
  }
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

TEST(PageFileTest, NoModelNameLeavesItsFolder) {
  StorageIdentity identity = example_identity();
  for (const std::string& model : std::vector<std::string>{
           "../../etc/passwd", "/", "..", std::string(1, '\0'), "\xff\xfe", "a\\b:c*?\"<>|"}) {
    identity.model = model;
    const std::string name = file_name(PageFile{identity});
    EXPECT_TRUE(std::ranges::all_of(name, [](char c) {
      return std::string_view{"-._~"}.find(c) != std::string_view::npos || (c >= '0' && c <= '9') ||
             (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    })) << name;
  }
}

TEST(PageFileTest, LongestFileNameFitsEveryFileSystem) {
  constexpr std::uint32_t kMost = ~std::uint32_t{0};
  StorageIdentity identity{std::string(PageFile::kModelBytesMax, '/'), kMost, kMost};
  identity.tp_rank = identity.tp_size = identity.cp_rank = identity.cp_size = kMost;
  identity.pp_rank = identity.pp_size = identity.dp_rank = identity.dp_size = kMost;
  identity.name_space = kMost;
  EXPECT_EQ(file_name(PageFile{identity}).size(), 255U);
}

}  // namespace
}  // namespace radixbench
