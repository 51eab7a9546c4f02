#pragma once

#include "support/temp_directory.h"
#include "trace/mooncake_reader.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace radixbench {

inline const std::filesystem::path kConversationTrace =
    RADIXBENCH_SOURCE_DIR "/../shared/data/traces/mooncake/conversation_trace.jsonl";
inline const std::filesystem::path kSampleTrace = RADIXBENCH_SOURCE_DIR "/traces/sample_400.jsonl";
inline const std::filesystem::path kHandTrace =
    RADIXBENCH_SOURCE_DIR "/tests/data/traces/hand6.jsonl";

inline nlohmann::json golden(const std::string& name) {
  std::ifstream file{RADIXBENCH_SOURCE_DIR "/tests/data/traces/" + name};
  return nlohmann::json::parse(file);
}

// Reads what a test wrote out as text.
class TraceText : public testing::Test {
 protected:
  Result<Trace> read(std::string_view text, const TraceOptions& options = {}) {
    std::ofstream{file(), std::ios::binary} << text;
    return read_mooncake(file(), options);
  }

  // The error's message without the folder, or what was expected to be wrong and is not.
  std::string error_of(std::string_view text, const TraceOptions& options = {}) {
    const Result<Trace> trace = read(text, options);
    if (trace) return "no error";
    EXPECT_EQ(trace.error().code, ErrorCode::kCorrupt);
    const std::string folder = folder_.path().string() + "/";
    const std::string& message = trace.error().message;
    return message.starts_with(folder) ? message.substr(folder.size()) : message;
  }

  std::filesystem::path file() const { return folder_.path() / "t.jsonl"; }

 private:
  TempDirectory folder_;
};

}  // namespace radixbench
