#pragma once

#include "tier/storage.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// How the pages of one identity look as files: docs/formats/page-file.md, byte by byte. Pure: it
// names, encodes and judges, and opens nothing. Immutable, so any thread may use it.
class PageFile {
 public:
  static constexpr std::uint32_t kVersion = 1;
  // What comes before the model's name.
  static constexpr std::size_t kFixedBytes = 96;
  // Real names have a tenth of it; a bound keeps a header in a page of memory.
  static constexpr std::size_t kModelBytesMax = 1'024;

  // identity.model must not be longer than kModelBytesMax.
  explicit PageFile(const StorageIdentity& identity);

  // `Qwen-Qwen3-32B~1a2b3c4d_tp0of4_cp0of1_pp0of1_dp0of1_ns0_p64x256`: a file name in any file
  // system, different for different identities.
  [[nodiscard]] const std::string& identity_name() const { return identity_name_; }
  // `3/4/34fb…_<identity_name>.page`, relative to the storage directory.
  [[nodiscard]] std::string path(const Sha256Digest& hash) const;

  // Header and model's name; the page follows at once.
  [[nodiscard]] std::size_t header_bytes() const { return header_.size(); }
  [[nodiscard]] std::size_t file_bytes() const { return header_.size() + page_bytes_; }
  // Fills `header`, of header_bytes().
  void encode_header(const Sha256Digest& hash,
                     std::span<const std::byte> page,
                     std::span<std::byte> header) const;

  // What a file of file_bytes() is, cut where this identity's header ends: kRead, or kTorn where
  // it is damaged or no page file at all, or kForeign where it is of another identity, hash or
  // version.
  [[nodiscard]] PageRead judge(const Sha256Digest& hash,
                               std::span<const std::byte> header,
                               std::span<const std::byte> page) const;
  // The same for a file of any other size, of which `start` holds the first bytes (kFixedBytes of
  // them where it has so many): kForeign where the size is the one that its own header states, and
  // kTorn else.
  [[nodiscard]] static PageRead judge_size(std::span<const std::byte> start,
                                           std::uint64_t file_bytes);

 private:
  std::size_t page_bytes_;
  std::string identity_name_;
  std::vector<std::byte> header_;  // with zeros for page hash and checksum
};

}  // namespace radixbench
