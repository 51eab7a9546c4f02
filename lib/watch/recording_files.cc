#include "watch/recording_files.h"

#include "watch/ring_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

namespace radixbench {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> rings_in(const fs::path& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator entry{folder, error}, end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".ring") files.push_back(entry->path().string());
  }
  std::ranges::sort(files);
  return files;
}

Result<std::vector<std::string>> files_of(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    return fail(ErrorCode::kNotFound, fmt::format("{}: no such file or folder", path));
  }
  if (!fs::is_directory(status)) return std::vector<std::string>{path};
  std::vector<std::string> files = rings_in(path);
  if (files.empty()) files = rings_in(fs::path{path} / "rings");
  if (files.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{}: neither it nor its rings/ folder holds a *.ring file", path));
  }
  return files;
}

}  // namespace

Result<RecordingFiles> read_recording_files(std::span<const std::string> paths) {
  RecordingFiles all;
  std::optional<Error> first;
  for (const std::string& path : paths) {
    const Result<std::vector<std::string>> files = files_of(path);
    if (!files) return tl::unexpected(files.error());
    for (const std::string& file : *files) {
      Result<Recording> recording = read_ring_file(file);
      if (recording) {
        all.recordings.push_back(std::move(*recording));
        continue;
      }
      all.problems.push_back(recording.error().message);
      if (!first) first = recording.error();
    }
  }
  if (all.recordings.empty() && first) return tl::unexpected(std::move(*first));
  return all;
}

}  // namespace radixbench
