#pragma once

#include "base/result.h"
#include "base/sha256.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// A line without its end. At least kLinePadding readable bytes follow the text, of any value.
struct Line {
  std::string_view text;
  std::uint64_t number = 0;  // from 1
};

constexpr std::size_t kLinePadding = 64;

// A file's lines one by one, however long, in memory that grows with the longest line only. Line
// ends are LF or CRLF; the last may lack one.
class LineReader {
 public:
  // kNotFound where it can't be opened for reading, kIo for a folder.
  static Result<LineReader> open(const std::filesystem::path& path);

  // The next line, or nothing at the end. It is valid until the next call.
  Result<std::optional<Line>> next();

  // Of all bytes of the file; to be asked once, after the end.
  std::string sha256_hex() &&;

 private:
  struct Closer {
    void operator()(std::FILE* file) const { static_cast<void>(std::fclose(file)); }
  };

  LineReader(std::string name, std::unique_ptr<std::FILE, Closer> file);

  // Reads on into the buffer, whose unread part moves to its front.
  Result<void> refill();

  std::string name_;
  std::unique_ptr<std::FILE, Closer> file_;
  Sha256 hash_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what is unread
  std::size_t end_ = 0;
  std::uint64_t lines_ = 0;
  bool is_at_end_ = false;
};

}  // namespace radixbench
