#pragma once

#include "base/result.h"
#include "layout/layout.h"
#include "watch/call_history.h"
#include "watch/recording.h"
#include "watch/verdict.h"

#include <set>
#include <span>
#include <string>
#include <vector>

namespace radixbench {

struct DiagnoseOptions;

// What a diagnosis can be made of: our rings, and dumps of PyTorch's flight recorder.
struct RecorderInput {
  std::vector<Recording> rings;
  CallHistories histories;
  bool has_histories = false;
  std::set<Rank> damaged;             // ranks whose dump could not be read
  std::vector<std::string> problems;  // files that could not be read, a sentence each
};

// Files, and folders of them: of a folder its *.ring files, or those of its rings/ folder; where it
// has neither, every file whose name ends in a rank. Dumps are read by at most `thread_count`
// threads and given up one by one, so that memory holds what they say and not what they are. A file
// that is damaged, or has no rank in its name, is a problem and the others are read. kNotFound
// where a path is not there or a folder holds nothing to read, and the first problem where nothing
// could be read at all.
Result<RecorderInput> read_recorder_input(std::span<const std::string> paths,
                                          const Layout* layout,
                                          std::size_t thread_count);

// diagnose() of all of it.
Diagnosis diagnose(const RecorderInput& input, const DiagnoseOptions& options);

}  // namespace radixbench
