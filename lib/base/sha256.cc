#include "base/sha256.h"

#include "base/check.h"

#include <openssl/evp.h>

#include <memory>

namespace radixbench {
namespace {

struct ContextDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct AlgorithmDeleter {
  void operator()(EVP_MD* algorithm) const { EVP_MD_free(algorithm); }
};

// Fetched once and kept: an implicit fetch in every digest costs more than the digest of a page.
struct Hasher {
  std::unique_ptr<EVP_MD_CTX, ContextDeleter> context{EVP_MD_CTX_new()};
  std::unique_ptr<EVP_MD, AlgorithmDeleter> algorithm{EVP_MD_fetch(nullptr, "SHA256", nullptr)};
};

}  // namespace

Sha256Digest sha256(std::span<const std::byte> prefix, std::span<const std::byte> data) {
  thread_local Hasher hasher;
  Sha256Digest digest{};
  unsigned int size = 0;
  const bool done =
      EVP_DigestInit_ex2(hasher.context.get(), hasher.algorithm.get(), nullptr) == 1 &&
      EVP_DigestUpdate(hasher.context.get(), prefix.data(), prefix.size()) == 1 &&
      EVP_DigestUpdate(hasher.context.get(), data.data(), data.size()) == 1 &&
      EVP_DigestFinal_ex(hasher.context.get(), digest.data(), &size) == 1;
  RADIXBENCH_CHECK(done && size == digest.size());
  return digest;
}

struct Sha256::State : Hasher {};

Sha256::Sha256() : state_{std::make_unique<State>()} {
  RADIXBENCH_CHECK(EVP_DigestInit_ex2(state_->context.get(), state_->algorithm.get(), nullptr) ==
                   1);
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&& other) noexcept = default;
Sha256& Sha256::operator=(Sha256&& other) noexcept = default;

void Sha256::update(std::span<const std::byte> data) {
  RADIXBENCH_CHECK(EVP_DigestUpdate(state_->context.get(), data.data(), data.size()) == 1);
}

Sha256Digest Sha256::digest() && {
  Sha256Digest digest{};
  unsigned int size = 0;
  const bool done = EVP_DigestFinal_ex(state_->context.get(), digest.data(), &size) == 1;
  RADIXBENCH_CHECK(done && size == digest.size());
  return digest;
}

std::string to_hex(const Sha256Digest& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * digest.size());
  for (const std::uint8_t byte : digest) {
    hex += kDigits[byte >> 4U];
    hex += kDigits[byte & 15U];
  }
  return hex;
}

}  // namespace radixbench
