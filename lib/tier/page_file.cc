#include "tier/page_file.h"

#include "base/check.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>

namespace radixbench {
namespace {

// The line ends show a copy that went through a text mode.
constexpr std::string_view kMagic = "RBPAGE\r\n";

// Offsets in the fixed part; thirteen numbers lie at 8, 12 ... 56.
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kPageBytesAt = 16;
constexpr std::size_t kModelBytesAt = 56;
constexpr std::size_t kPageHashAt = 60;
constexpr std::size_t kChecksumAt = kPageHashAt + sizeof(Sha256Digest);
constexpr std::size_t kChecksumEnd = kChecksumAt + 4;
static_assert(kChecksumEnd == PageFile::kFixedBytes);

void put_u32(std::uint32_t value, std::span<std::byte> target, std::size_t at) {
  for (std::size_t byte = 0; byte < 4; ++byte) {
    target[at + byte] = static_cast<std::byte>(value >> (8 * byte));
  }
}

std::uint32_t get_u32(std::span<const std::byte> source, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t byte = 0; byte < 4; ++byte) {
    value |= std::to_integer<std::uint32_t>(source[at + byte]) << (8 * byte);
  }
  return value;
}

bool starts_with_magic(std::span<const std::byte> file) {
  return std::memcmp(file.data(), kMagic.data(), kMagic.size()) == 0;
}

// Of everything but the checksum itself.
std::uint32_t checksum(std::span<const std::byte> header, std::span<const std::byte> page) {
  const auto add = [](uLong sum, std::span<const std::byte> bytes) {
    if (bytes.empty()) return sum;  // zlib reads a null pointer as "start anew"
    return crc32_z(sum, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  };
  uLong sum = add(crc32_z(0, nullptr, 0), header.first(kChecksumAt));
  sum = add(sum, header.subspan(kChecksumEnd));
  return static_cast<std::uint32_t>(add(sum, page));
}

std::vector<std::byte> blank_header(const StorageIdentity& identity) {
  RADIXBENCH_CHECK(identity.model.size() <= PageFile::kModelBytesMax);
  std::vector<std::byte> header(PageFile::kFixedBytes + identity.model.size());
  std::memcpy(header.data(), kMagic.data(), kMagic.size());
  const std::array<std::uint32_t, 13> numbers = {PageFile::kVersion,
                                                 identity.page_tokens,
                                                 identity.page_bytes,
                                                 identity.tp_rank,
                                                 identity.tp_size,
                                                 identity.cp_rank,
                                                 identity.cp_size,
                                                 identity.pp_rank,
                                                 identity.pp_size,
                                                 identity.dp_rank,
                                                 identity.dp_size,
                                                 identity.name_space,
                                                 static_cast<std::uint32_t>(identity.model.size())};
  static_assert(kVersionAt + 4 * (numbers.size() - 1) == kModelBytesAt);
  for (std::size_t i = 0; i < numbers.size(); ++i) put_u32(numbers[i], header, kVersionAt + 4 * i);
  std::ranges::copy(std::as_bytes(std::span{identity.model}),
                    header.begin() + PageFile::kFixedBytes);
  return header;
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.';
}

// The name if it is plain and short, else what is plain of it and the start of its SHA-256, so that
// a/b and a-b stay two models. '~' is in no plain name, and nothing here can climb out of a folder.
std::string model_in_file_name(const std::string& model) {
  // 255 bytes (NAME_MAX) less 64 of hash, 141 of numbers and words at their longest, 1 for '_'.
  constexpr std::size_t kLengthMax = 49;
  constexpr std::size_t kDigitCount = 8;
  const bool is_usable =
      !model.empty() && model.size() <= kLengthMax && std::ranges::all_of(model, is_plain);
  if (is_usable) return model;
  std::string name = model.substr(0, kLengthMax - kDigitCount - 1);
  std::ranges::replace_if(
      name, [](char c) { return !is_plain(c); }, '-');
  const Sha256Digest digest = sha256({}, std::as_bytes(std::span{model}));
  return name + '~' + to_hex(digest).substr(0, kDigitCount);
}

}  // namespace

PageFile::PageFile(const StorageIdentity& identity)
    : page_bytes_{identity.page_bytes},
      identity_name_{fmt::format("{}_tp{}of{}_cp{}of{}_pp{}of{}_dp{}of{}_ns{}_p{}x{}",
                                 model_in_file_name(identity.model),
                                 identity.tp_rank,
                                 identity.tp_size,
                                 identity.cp_rank,
                                 identity.cp_size,
                                 identity.pp_rank,
                                 identity.pp_size,
                                 identity.dp_rank,
                                 identity.dp_size,
                                 identity.name_space,
                                 identity.page_tokens,
                                 identity.page_bytes)},
      header_{blank_header(identity)} {}

std::string PageFile::path(const Sha256Digest& hash) const {
  const std::string hex = to_hex(hash);
  return fmt::format("{}/{}/{}_{}.page", hex[0], hex[1], hex, identity_name_);
}

void PageFile::encode_header(const Sha256Digest& hash,
                             std::span<const std::byte> page,
                             std::span<std::byte> header) const {
  RADIXBENCH_CHECK(header.size() == header_.size() && page.size() == page_bytes_);
  std::ranges::copy(header_, header.begin());
  std::memcpy(header.data() + kPageHashAt, hash.data(), hash.size());
  put_u32(checksum(header, page), header, kChecksumAt);
}

PageRead PageFile::judge(const Sha256Digest& hash,
                         std::span<const std::byte> header,
                         std::span<const std::byte> page) const {
  RADIXBENCH_CHECK(header.size() == header_.size() && page.size() == page_bytes_);
  if (!starts_with_magic(header)) return PageRead::kTorn;
  if (get_u32(header, kVersionAt) != kVersion) return PageRead::kForeign;
  if (get_u32(header, kChecksumAt) != checksum(header, page)) return PageRead::kTorn;
  const bool is_ours =
      std::ranges::equal(header.first(kPageHashAt), std::span{header_}.first(kPageHashAt)) &&
      std::ranges::equal(header.subspan(kPageHashAt, hash.size()),
                         std::as_bytes(std::span{hash})) &&
      std::ranges::equal(header.subspan(kFixedBytes), std::span{header_}.subspan(kFixedBytes));
  return is_ours ? PageRead::kRead : PageRead::kForeign;
}

PageRead PageFile::judge_size(std::span<const std::byte> start, std::uint64_t file_bytes) {
  if (start.size() < kFixedBytes || !starts_with_magic(start)) return PageRead::kTorn;
  if (get_u32(start, kVersionAt) != kVersion) return PageRead::kForeign;
  const std::uint64_t stated_bytes =
      kFixedBytes + std::uint64_t{get_u32(start, kModelBytesAt)} + get_u32(start, kPageBytesAt);
  return stated_bytes == file_bytes ? PageRead::kForeign : PageRead::kTorn;
}

}  // namespace radixbench
