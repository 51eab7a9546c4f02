#include "base/file_text.h"

#include <fmt/format.h>

#include <unistd.h>

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

Result<void> replace_file_text(const std::string& path, std::string_view text) {
  const std::string unfinished = fmt::format("{}.{}.unfinished", path, getpid());
  const auto wrong = [&](ErrorCode code) {
    const std::string why = std::generic_category().message(errno);
    static_cast<void>(std::remove(unfinished.c_str()));
    return fail(code, fmt::format("{}: {}", path, why));
  };
  std::unique_ptr<std::FILE, Closer> file{std::fopen(unfinished.c_str(), "wbe")};
  if (file == nullptr) return wrong(ErrorCode::kCannotCreate);
  // The name must not be there before the bytes are.
  const bool is_written = std::fwrite(text.data(), 1, text.size(), file.get()) == text.size() &&
                          std::fflush(file.get()) == 0 && fsync(fileno(file.get())) == 0;
  if (!is_written) return wrong(ErrorCode::kIo);
  if (std::fclose(file.release()) != 0) return wrong(ErrorCode::kIo);
  if (std::rename(unfinished.c_str(), path.c_str()) != 0) return wrong(ErrorCode::kCannotCreate);
  return {};
}

}  // namespace radixbench
