#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace radixbench {

using Sha256Digest = std::array<std::uint8_t, 32>;

// SHA-256 of `prefix` followed by `data`; either may be empty.
Sha256Digest sha256(std::span<const std::byte> prefix, std::span<const std::byte> data);

// The same over bytes that come in pieces. Not for copying; digest() ends it.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&& other) noexcept;
  Sha256& operator=(Sha256&& other) noexcept;

  void update(std::span<const std::byte> data);
  Sha256Digest digest() &&;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// 64 lower-case hex digits.
std::string to_hex(const Sha256Digest& digest);

}  // namespace radixbench
