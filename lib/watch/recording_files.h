#pragma once

#include "base/result.h"
#include "watch/recording.h"

#include <span>
#include <string>
#include <vector>

namespace radixbench {

// A file as it is; of a folder its files with one of the endings (".ring"), or those of its rings/
// folder, in order. kNotFound where a folder has none.
Result<std::vector<std::string>> recorder_files(const std::string& path,
                                                const std::vector<std::string>& endings);

// What recorder files on disk hold.
struct RecordingFiles {
  std::vector<Recording> recordings;
  std::vector<std::string> problems;  // files that could not be read, a sentence each
};

// Files, and folders of them: of a folder its *.ring files, or those of its rings/ folder. A file
// that is damaged is a problem and the others are read; kNotFound where a path is not there or a
// folder holds none, and the first problem where nothing could be read at all.
Result<RecordingFiles> read_recording_files(std::span<const std::string> paths);

}  // namespace radixbench
