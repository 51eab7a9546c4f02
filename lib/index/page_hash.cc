#include "index/page_hash.h"

#include "base/check.h"
#include "index/page_hash_kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <bit>
#include <cstring>
#include <string_view>

namespace radixbench {
namespace {

void append_little_endian(std::uint64_t value, std::size_t bytes, std::vector<std::byte>& out) {
  for (std::size_t at = 0; at < bytes; ++at) {
    out.push_back(static_cast<std::byte>(value >> (8 * at)));
  }
}

std::uint32_t load_little_endian(const std::uint8_t* bytes) {
  std::uint32_t word = 0;
  for (std::size_t at = 4; at-- > 0;) word = (word << 8U) | bytes[at];
  return word;
}

}  // namespace

PageHashKeys::PageHashKeys(std::uint64_t seed, std::uint32_t tokens) : page_tokens{tokens} {
  constexpr std::string_view kDomain = "radixbench page hash";
  const std::size_t positions = (tokens + kBlockTokens - 1) / kBlockTokens;
  const std::size_t word_count = (positions + 1) / 2 * kRounds * 8;
  for (std::uint64_t counter = 0; words.size() < word_count; ++counter) {
    std::vector<std::byte> input;
    append_little_endian(seed, 8, input);
    append_little_endian(counter, 8, input);
    const Sha256Digest digest = sha256(std::as_bytes(std::span{kDomain}), input);
    for (std::size_t at = 0; at < digest.size(); at += 4) {
      words.push_back(load_little_endian(digest.data() + at));
    }
  }
}

#if defined(__x86_64__)
namespace {

// __builtin_cpu_supports() of GCC 12 and Clang 14 does not know it: CPUID leaf 7, ECX bit 9. That
// the system saves the wide registers is what their answer on avx2 says.
bool has_vaes() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ecx & (1U << 9U)) != 0;
}

}  // namespace
#endif

struct PageHasher::Key {
  PageHashKeys keys;
  PageHashKernel run;
};

PageHasher::PageHasher(std::uint64_t seed, std::uint32_t page_tokens)
    : key_{new Key{PageHashKeys{seed, page_tokens}, page_hash_kernels().front().run}} {
  RADIXBENCH_CHECK(page_tokens > 0);
}

PageHasher::~PageHasher() = default;

std::uint32_t PageHasher::page_tokens() const { return key_->keys.page_tokens; }

void PageHasher::hash(std::span<const TokenId> tokens, std::span<PageHash> out) const {
  RADIXBENCH_CHECK(out.size() == tokens.size() / key_->keys.page_tokens);
  key_->run(key_->keys, tokens.data(), out.size(), out.data());
}

std::vector<NamedPageHashKernel> page_hash_kernels() {
  std::vector<NamedPageHashKernel> kernels;
#if defined(__x86_64__)
  const bool has_aes = __builtin_cpu_supports("aes") != 0 && __builtin_cpu_supports("sse4.1") != 0;
  if (has_aes && __builtin_cpu_supports("avx2") != 0 && has_vaes()) {
    kernels.push_back({"vaes", hash_pages_vaes});
  }
  if (has_aes) kernels.push_back({"aesni", hash_pages_aesni});
#endif
  kernels.push_back({"portable", hash_pages_portable});
  return kernels;
}

Sha256Digest storage_page_hash(const Sha256Digest* prior, std::span<const TokenId> page) {
  std::vector<std::byte> bytes;
  bytes.reserve(page.size_bytes());
  if constexpr (std::endian::native == std::endian::little) {
    bytes.resize(page.size_bytes());
    if (!page.empty()) std::memcpy(bytes.data(), page.data(), page.size_bytes());
  } else {
    for (const TokenId token : page) append_little_endian(token, 4, bytes);
  }
  const auto prefix =
      prior == nullptr ? std::span<const std::byte>{} : std::as_bytes(std::span{*prior});
  return sha256(prefix, bytes);
}

std::vector<Sha256Digest> storage_page_hashes(const Sha256Digest* prior,
                                              std::span<const TokenId> tokens,
                                              std::uint32_t page_tokens) {
  std::vector<Sha256Digest> hashes;
  hashes.reserve(tokens.size() / page_tokens);
  for (std::size_t at = 0; at + page_tokens <= tokens.size(); at += page_tokens) {
    hashes.push_back(storage_page_hash(prior, tokens.subspan(at, page_tokens)));
    prior = &hashes.back();
  }
  return hashes;
}

std::int64_t event_hash(const Sha256Digest& digest) {
  std::uint64_t value = 0;
  for (std::size_t at = 0; at < sizeof value; ++at) value = (value << 8U) | digest[at];
  return static_cast<std::int64_t>(value);
}

}  // namespace radixbench
