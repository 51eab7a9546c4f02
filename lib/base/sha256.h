#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace radixbench {

using Sha256Digest = std::array<std::uint8_t, 32>;

// SHA-256 of `prefix` followed by `data`; either may be empty.
Sha256Digest sha256(std::span<const std::byte> prefix, std::span<const std::byte> data);

// 64 lower-case hex digits.
std::string to_hex(const Sha256Digest& digest);

}  // namespace radixbench
