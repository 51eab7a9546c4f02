#include "own_program.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/sha256.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <fstream>
#include <span>
#include <utility>
#include <vector>

#include <unistd.h>

namespace radixbench {

std::string own_program() { return "/proc/self/exe"; }

std::string new_folder(std::string_view kind) {
  const auto now_ns = static_cast<std::uint64_t>(wall_clock_ns());
  const std::uint64_t digits =
      draw(now_ns, "folder", static_cast<std::uint64_t>(getpid()), 0) & 0xFFFFFFFFU;
  return fmt::format("radixbench-runs/{}-{:%Y%m%dT%H%M%SZ}-{:08x}",
                     kind,
                     fmt::gmtime(static_cast<std::time_t>(now_ns / 1'000'000'000)),
                     digits);
}

Result<std::string> sha256_of_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  if (!file) {
    return fail(ErrorCode::kNotFound, fmt::format("{}: {}", path, std::strerror(errno)));
  }
  // Programs with what debuggers need are a hundred megabytes: in pieces.
  Sha256 sha256;
  std::vector<char> bytes(std::size_t{1} << 20U);
  while (file) {
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    const auto count = static_cast<std::size_t>(file.gcount());
    sha256.update(std::as_bytes(std::span{bytes.data(), count}));
  }
  if (!file.eof()) return fail(ErrorCode::kIo, fmt::format("{}: can't be read", path));
  return to_hex(std::move(sha256).digest());
}

}  // namespace radixbench
