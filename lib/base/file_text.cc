#include "base/file_text.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

namespace radixbench {
namespace {

struct Closer {
  void operator()(std::FILE* file) const { static_cast<void>(std::fclose(file)); }
};

}  // namespace

Result<std::string> read_file_text(const std::string& path, std::size_t bytes_max) {
  const std::unique_ptr<std::FILE, Closer> file{std::fopen(path.c_str(), "rbe")};
  if (file == nullptr) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{}: {}", path, std::generic_category().message(errno)));
  }
  std::string text;
  std::string piece(std::size_t{256} * 1024, '\0');
  while (const std::size_t got = std::fread(piece.data(), 1, piece.size(), file.get())) {
    text.append(piece, 0, got);
    if (text.size() > bytes_max) {
      return fail(ErrorCode::kCorrupt, fmt::format("{}:{}: too long", path, bytes_max));
    }
  }
  if (std::ferror(file.get()) != 0) {
    return fail(ErrorCode::kIo,
                fmt::format("{}: {}", path, std::generic_category().message(errno)));
  }
  return text;
}

}  // namespace radixbench
