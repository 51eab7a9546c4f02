#include "trace/line_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <system_error>
#include <utility>

namespace radixbench {
namespace {

constexpr std::size_t kReadBytes = std::size_t{256} * 1024;

}  // namespace

LineReader::LineReader(std::string name, std::unique_ptr<std::FILE, Closer> file)
    : name_{std::move(name)}, file_{std::move(file)}, buffer_(kReadBytes + kLinePadding) {}

Result<LineReader> LineReader::open(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return fail(ErrorCode::kIo, fmt::format("{}: is a folder", path.string()));
  }
  std::unique_ptr<std::FILE, Closer> file{std::fopen(path.c_str(), "rbe")};
  if (file == nullptr) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{}: {}", path.string(), std::generic_category().message(errno)));
  }
  return LineReader{path.string(), std::move(file)};
}

Result<std::optional<Line>> LineReader::next() {
  std::size_t searched = 0;  // no line end in the first so many unread bytes
  while (true) {
    const char* unread = buffer_.data() + begin_;
    const std::size_t count = end_ - begin_;
    const void* newline =
        count == searched ? nullptr : std::memchr(unread + searched, '\n', count - searched);
    if (newline == nullptr && !is_at_end_) {
      searched = count;
      if (Result<void> read = refill(); !read) return tl::unexpected(std::move(read).error());
      continue;
    }
    if (newline == nullptr && count == 0) return std::optional<Line>{};
    const std::size_t length =
        newline == nullptr ? count
                           : static_cast<std::size_t>(static_cast<const char*>(newline) - unread);
    begin_ += length + (newline == nullptr ? 0 : 1);
    std::string_view text{unread, length};
    if (text.ends_with('\r')) text.remove_suffix(1);
    return std::optional{Line{text, ++lines_}};
  }
}

Result<void> LineReader::refill() {
  const auto front = buffer_.begin();
  std::copy(front + static_cast<std::ptrdiff_t>(begin_),
            front + static_cast<std::ptrdiff_t>(end_),
            front);
  end_ -= std::exchange(begin_, 0);
  if (buffer_.size() < end_ + kReadBytes + kLinePadding) buffer_.resize(2 * buffer_.size());
  const std::size_t got = std::fread(buffer_.data() + end_, 1, kReadBytes, file_.get());
  if (std::ferror(file_.get()) != 0) {
    return fail(ErrorCode::kIo,
                fmt::format("{}: {}", name_, std::generic_category().message(errno)));
  }
  is_at_end_ = got == 0;
  hash_.update(std::as_bytes(std::span{buffer_}.subspan(end_, got)));
  end_ += got;
  return {};
}

std::string LineReader::sha256_hex() && { return to_hex(std::move(hash_).digest()); }

}  // namespace radixbench
