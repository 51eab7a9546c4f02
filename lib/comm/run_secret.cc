#include "comm/run_secret.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

namespace radixbench {
namespace {

constexpr std::size_t kBlockBytes = 64;  // of SHA-256, as HMAC pads to
constexpr std::size_t kHexDigits = 2 * RunSecret::kBytes;

Result<std::array<std::uint8_t, RunSecret::kBytes>> draw_entropy() {
  std::array<std::uint8_t, RunSecret::kBytes> bytes{};
  const ssize_t drawn = getrandom(bytes.data(), bytes.size(), 0);
  if (drawn != static_cast<ssize_t>(bytes.size())) {
    return fail(ErrorCode::kIo, fmt::format("no random numbers: {}", std::strerror(errno)));
  }
  return bytes;
}

std::optional<std::uint8_t> hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return static_cast<std::uint8_t>(digit - '0');
  if (digit >= 'a' && digit <= 'f') return static_cast<std::uint8_t>(digit - 'a' + 10);
  if (digit >= 'A' && digit <= 'F') return static_cast<std::uint8_t>(digit - 'A' + 10);
  return std::nullopt;
}

std::span<const std::byte> as_bytes_of(std::span<const std::uint8_t> numbers) {
  return std::as_bytes(numbers);
}

// A file descriptor that is closed at the end of its scope.
struct OpenFile {
  int descriptor;
  ~OpenFile() {
    if (descriptor >= 0) close(descriptor);
  }
};

// Whether the opened file is this user's alone.
Result<void> check_owner(int descriptor, const std::string& path) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0) {
    return fail(ErrorCode::kIo, fmt::format("secret file {}: {}", path, std::strerror(errno)));
  }
  if (status.st_uid != geteuid()) {
    return fail(ErrorCode::kConfiguration,
                fmt::format("secret file {}: it belongs to another user", path));
  }
  if ((status.st_mode & 0077U) != 0) {
    return fail(ErrorCode::kConfiguration,
                fmt::format("secret file {}: others than its owner may use it (mode {:04o}, wanted "
                            "0600)",
                            path,
                            status.st_mode & 07777U));
  }
  return {};
}

}  // namespace

Result<RunSecret> RunSecret::make() {
  return draw_entropy().map([](const auto& bytes) { return RunSecret{bytes}; });
}

Result<RunSecret::Nonce> RunSecret::make_nonce() { return draw_entropy(); }

Result<RunSecret> RunSecret::parse(std::string_view hex) {
  std::array<std::uint8_t, kBytes> bytes{};
  bool is_sound = hex.size() == kHexDigits;
  for (std::size_t i = 0; is_sound && i < kBytes; ++i) {
    const auto high = hex_value(hex[2 * i]);
    const auto low = hex_value(hex[2 * i + 1]);
    is_sound = high && low;
    if (is_sound) bytes[i] = static_cast<std::uint8_t>(*high * 16 + *low);
  }
  if (!is_sound) {
    return fail(ErrorCode::kConfiguration,
                fmt::format("the run's secret must be {} hex digits", kHexDigits));
  }
  return RunSecret{bytes};
}

Result<RunSecret> RunSecret::read_file(const std::string& path) {
  const OpenFile file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.descriptor < 0) {
    return fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                fmt::format("secret file {}: {}", path, std::strerror(errno)));
  }
  if (auto owned = check_owner(file.descriptor, path); !owned) {
    return tl::unexpected(owned.error());
  }
  std::array<char, kHexDigits + 2> text{};
  const ssize_t size = read(file.descriptor, text.data(), text.size());
  std::string_view line{text.data(), size < 0 ? 0U : static_cast<std::size_t>(size)};
  line = line.substr(0, line.find_first_of("\r\n"));
  Result<RunSecret> secret = parse(line);
  if (!secret) return tl::unexpected(Error{secret.error()}.while_doing("secret file " + path));
  return secret;
}

std::string RunSecret::to_hex() const {
  std::string hex;
  for (const std::uint8_t byte : bytes_) hex += fmt::format("{:02x}", byte);
  return hex;
}

Sha256Digest RunSecret::prove(std::span<const std::byte> text) const {
  std::array<std::uint8_t, kBlockBytes> inner{};
  std::array<std::uint8_t, kBlockBytes> outer{};
  std::ranges::copy(bytes_, inner.begin());
  std::ranges::copy(bytes_, outer.begin());
  for (std::uint8_t& byte : inner) byte ^= 0x36U;
  for (std::uint8_t& byte : outer) byte ^= 0x5CU;
  const Sha256Digest digest = sha256(as_bytes_of(inner), text);
  return sha256(as_bytes_of(outer), as_bytes_of(digest));
}

bool is_equal_in_constant_time(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace radixbench
