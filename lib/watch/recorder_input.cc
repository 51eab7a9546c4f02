#include "watch/recorder_input.h"

#include "watch/diagnose.h"
#include "watch/diagnose_histories.h"
#include "watch/flight_recorder_names.h"
#include "watch/import_flight_recorder.h"
#include "watch/recording_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace radixbench {
namespace {

namespace fs = std::filesystem;

bool is_ring_path(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return fs::path{path}.extension() == ".ring";
  return recorder_files(path, {".ring"}).has_value();
}

// A folder's files in order of rank, so that what comes of them doesn't hang on the file system.
std::vector<std::string> files_of(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return {path};
  std::vector<std::string> files;
  for (fs::directory_iterator entry{path, error}, end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored)) files.push_back(entry->path().string());
  }
  std::ranges::sort(files, {}, [](const std::string& file) {
    return std::pair{rank_of_dump(file).value_or(~Rank{0}), file};
  });
  return files;
}

// Reads files side by side and hands them on in their order.
class DumpReading {
 public:
  DumpReading(const std::vector<std::string>& files, RecorderInput& into)
      : files_{files}, into_{into} {}

  void run(std::size_t thread_count) {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < std::min(thread_count, files_.size()); ++i) {
      others.emplace_back([this] { work(); });
    }
    work();
  }

  [[nodiscard]] const std::optional<Error>& first_error() const { return first_error_; }

 private:
  void work() {
    while (true) {
      std::size_t own = 0;
      {
        const std::scoped_lock lock{mutex_};
        if (taken_ == files_.size()) return;
        own = taken_++;
      }
      Result<Recording> recording = read_flight_recorder_file(files_[own]);
      std::unique_lock lock{mutex_};
      // Whoever has the turn is reading a file, which ends.
      turn_.wait(lock, [&] { return given_ == own; });
      give(own, recording);
      ++given_;
      turn_.notify_all();
    }
  }

  void give(std::size_t number, const Result<Recording>& recording) {
    if (recording) {
      into_.histories.add(*recording);
      into_.has_histories = true;
      return;
    }
    into_.problems.push_back(recording.error().message);
    if (const auto rank = rank_of_dump(files_[number])) into_.damaged.insert(*rank);
    if (!first_error_) first_error_ = recording.error();
  }

  const std::vector<std::string>& files_;
  RecorderInput& into_;
  std::mutex mutex_;
  std::condition_variable turn_;
  std::size_t taken_ = 0;
  std::size_t given_ = 0;
  std::optional<Error> first_error_;
};

Result<std::vector<std::string>> dump_files(std::span<const std::string> paths,
                                            RecorderInput& input) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::exists(path, error)) {
      return fail(ErrorCode::kNotFound, fmt::format("{}: no such file or folder", path));
    }
    const std::size_t before = files.size();
    for (const std::string& file : files_of(path)) {
      if (rank_of_dump(file)) {
        files.push_back(file);
      } else {
        input.problems.push_back(
            fmt::format("{}: its name does not end with a rank; passed over", file));
      }
    }
    if (files.size() == before) {
      return fail(
          ErrorCode::kNotFound,
          fmt::format("{}: neither *.ring files nor files whose names end with a rank", path));
    }
  }
  return files;
}

}  // namespace

Result<RecorderInput> read_recorder_input(std::span<const std::string> paths,
                                          const Layout* layout,
                                          std::size_t thread_count) {
  RecorderInput input;
  std::vector<std::string> rings;
  std::vector<std::string> others;
  for (const std::string& path : paths) (is_ring_path(path) ? rings : others).push_back(path);
  std::optional<Error> first;
  if (!rings.empty()) {
    Result<RecordingFiles> read = read_recording_files(rings);
    if (!read && (read.error().code == ErrorCode::kNotFound || others.empty())) {
      return tl::unexpected(std::move(read).error());
    }
    if (read) {
      input.rings = std::move(read->recordings);
      input.problems = std::move(read->problems);
    } else {
      first = read.error();
      input.problems.push_back(first->message);
    }
  }
  if (others.empty()) return input;
  const Result<std::vector<std::string>> files = dump_files(others, input);
  if (!files) return tl::unexpected(files.error());
  DumpReading reading{*files, input};
  reading.run(thread_count);
  if (!first) first = reading.first_error();
  if (!input.has_histories && input.rings.empty() && first)
    return tl::unexpected(std::move(*first));
  input.histories.finish(layout);
  return input;
}

Diagnosis diagnose(const RecorderInput& input, const DiagnoseOptions& options) {
  if (!input.has_histories) return diagnose(std::span{input.rings}, options);
  Diagnosis histories = diagnose_histories(input.histories, input.damaged);
  if (input.rings.empty()) return histories;
  return merge_diagnoses(diagnose(std::span{input.rings}, options), std::move(histories));
}

}  // namespace radixbench
