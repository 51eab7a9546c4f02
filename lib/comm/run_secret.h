#pragma once

#include "base/result.h"
#include "base/sha256.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace radixbench {

// What the ranks of one run know and nobody else does: 128 bits. It is never sent: who knows it
// answers a challenge with it. Never to be put into arguments, records, logs or messages.
class RunSecret {
 public:
  static constexpr std::size_t kBytes = 16;
  using Nonce = std::array<std::uint8_t, 16>;

  // From the system's entropy; kIo where there is none.
  static Result<RunSecret> make();
  static Result<Nonce> make_nonce();
  // 32 hex digits, in either case. kConfiguration for anything else, without repeating it.
  static Result<RunSecret> parse(std::string_view hex);
  // The file's first line. kConfiguration where others than its owner may read it (any bit of
  // 0077), or it is not this user's; kNotFound where there is none.
  static Result<RunSecret> read_file(const std::string& path);

  // For the environment of ranks that are started, as RADIXBENCH_SECRET.
  [[nodiscard]] std::string to_hex() const;

  // HMAC-SHA-256 of `text` under the secret.
  [[nodiscard]] Sha256Digest prove(std::span<const std::byte> text) const;

 private:
  explicit RunSecret(const std::array<std::uint8_t, kBytes>& bytes) : bytes_{bytes} {}

  std::array<std::uint8_t, kBytes> bytes_;
};

// Takes the same time for all pairs of equal length, wherever they differ.
[[nodiscard]] bool is_equal_in_constant_time(std::span<const std::uint8_t> a,
                                             std::span<const std::uint8_t> b);

}  // namespace radixbench
