#include "watch/recording_files.h"

#include "watch/ring_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

namespace radixbench {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> files_in(const fs::path& folder, std::span<const std::string> endings) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator entry{folder, error}, end; !error && entry != end;
       entry.increment(error)) {
    const std::string ending = entry->path().extension().string();
    if (std::ranges::find(endings, ending) == endings.end()) continue;
    files.push_back(entry->path().string());
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

Result<std::vector<std::string>> recorder_files(const std::string& path,
                                                const std::vector<std::string>& endings) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return std::vector<std::string>{path};
  std::vector<std::string> files = files_in(path, endings);
  if (files.empty()) files = files_in(fs::path{path} / "rings", endings);
  if (files.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{}: neither it nor its rings/ folder holds a *{} file",
                            path,
                            fmt::join(endings, " or *")));
  }
  return files;
}

Result<RecordingFiles> read_recording_files(std::span<const std::string> paths) {
  RecordingFiles all;
  std::optional<Error> first;
  for (const std::string& path : paths) {
    const Result<std::vector<std::string>> files = recorder_files(path, {".ring"});
    if (!files) return tl::unexpected(files.error());
    for (const std::string& file : *files) {
      Result<Recording> recording = read_ring_file(file);
      if (!recording && recording.error().code == ErrorCode::kNotFound) {
        return tl::unexpected(std::move(recording).error());
      }
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
