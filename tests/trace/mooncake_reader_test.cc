#include "trace/mooncake_reader.h"

#include "trace/trace_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace radixbench {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kRow =
    R"({"timestamp": 0, "input_length": 1100, "output_length": 10, "hash_ids": [0, 1, 2]})";

using MooncakeReaderTest = TraceText;

TEST_F(MooncakeReaderTest, MalformedLinesNameFileLineByteAndWhatIsWrong) {
  const struct {
    std::string_view line, says;
  } cases[] = {
      {R"({"timestamp": 0)", ":1:16: not valid JSON"},
      {R"(nonsense)", ":1:1: a row must be a JSON object"},
      {R"([1, 2])", ":1:1: a row must be a JSON object"},
      {R"({"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": [0]} x)",
       ":1:75: not valid JSON"},
      {R"({"timestamp": 0 "input_length": 5, "output_length": 1, "hash_ids": [0]})",
       ":1:17: not valid JSON"},
      {R"({"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": [0,]})",
       ":1:72: hash_ids[1] must be a whole number"},
      {R"({"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": [0 1]})",
       "not valid JSON"},
      {R"({"input_length": 5, "output_length": 1, "hash_ids": [0]})",
       ":1:1: field timestamp is missing"},
      {R"({"timestamp": 0, "output_length": 1, "hash_ids": [0]})",
       ":1:1: field input_length is missing"},
      {R"({"timestamp": 0, "input_length": 5, "hash_ids": [0]})",
       ":1:1: field output_length is missing"},
      {R"({"timestamp": 0, "input_length": 5, "output_length": 1})",
       ":1:1: field hash_ids is missing"},
      {R"({"timestamp": null, "input_length": 5, "output_length": 1, "hash_ids": [0]})",
       ":1:15: timestamp must be a number"},
      {R"({"timestamp": "0", "input_length": 5, "output_length": 1, "hash_ids": [0]})",
       ":1:15: timestamp must be a number"},
      {R"({"timestamp": -1, "input_length": 5, "output_length": 1, "hash_ids": [0]})",
       ":1:15: timestamp is negative"},
      {R"({"timestamp": -0.5, "input_length": 5, "output_length": 1, "hash_ids": [0]})",
       ":1:15: timestamp is negative"},
      {R"({"timestamp": 1e300, "input_length": 5, "output_length": 1, "hash_ids": [0]})",
       ":1:15: timestamp is beyond"},
      {R"({"timestamp": 99999999999999999999, "input_length": 5, "output_length": 1,)"
       R"("hash_ids": [0]})",
       ":1:15: timestamp is beyond"},
      {R"({"timestamp": 0, "input_length": -5, "output_length": 1, "hash_ids": [0]})",
       ":1:34: input_length is negative"},
      {R"({"timestamp": 0, "input_length": 0, "output_length": 1, "hash_ids": []})",
       ":1:34: input_length must be at least 1"},
      {R"({"timestamp": 0, "input_length": 5.5, "output_length": 1, "hash_ids": [0]})",
       ":1:34: input_length must be a whole number"},
      {R"({"timestamp": 0, "input_length": 5, "output_length": 4294967296, "hash_ids": [0]})",
       ":1:54: output_length 4294967296 is beyond 32 bits"},
      {R"({"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": 0})",
       ":1:69: hash_ids must be an array"},
      {R"({"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": ["0"]})",
       ":1:70: hash_ids[0] must be a whole number"},
      {R"({"timestamp": 0, "input_length": 600, "output_length": 1, "hash_ids": [0, -1]})",
       ":1:75: hash_ids[1] is negative"},
      {R"({"timestamp": 0, "input_length": 5, "output_length": 1,)"
       R"("hash_ids": [18446744073709551616]})",
       "hash_ids[0] must be a whole number below 2^64"},
      {R"({"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": [[0]]})",
       ":1:70: hash_ids[0] must be a whole number"},
      {R"({"timestamp": 0, "timestamp": 0, "input_length": 5, "output_length": 1, )"
       R"("hash_ids": [0]})",
       ":1:18: field timestamp is there twice"},
      {"{\"timestamp\": 0, \"x\": \"\xC3\x28\"}", ":1:24: not valid JSON"},
      {R"({"x": [1,,2], "timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": [0]})",
       "not valid JSON"},
      {R"({"x": "open, "timestamp": 0})", "not valid JSON"},
  };
  for (const auto& [line, says] : cases) {
    SCOPED_TRACE(line);
    const std::string error = error_of(line);
    EXPECT_THAT(error, HasSubstr(says));
    EXPECT_TRUE(error.starts_with("t.jsonl:1:")) << error;
  }
}

TEST_F(MooncakeReaderTest, BlockCountMustBeThatOfTheLength) {
  for (const std::string_view ids : {"[]", "[0]", "[0, 1, 2]"}) {
    SCOPED_TRACE(ids);
    EXPECT_THAT(
        error_of(R"({"timestamp": 0, "input_length": 655, "output_length": 1, "hash_ids": )" +
                 std::string{ids} + "}"),
        HasSubstr("input_length 655 is 2 blocks of 512 tokens"));
  }
}

TEST_F(MooncakeReaderTest, ErrorsCountLinesThatAreEmptyToo) {
  EXPECT_THAT(error_of(std::string{kRow} + "\n\n\r\n{}\n"),
              HasSubstr("t.jsonl:4:1: field timestamp is missing"));
}

TEST_F(MooncakeReaderTest, SkippingBadRowsCountsThemAndNamesTheFirst) {
  const std::string text = std::string{kRow} + "\n{}\n[]\n" + std::string{kRow} + "\n";
  const Result<Trace> trace = read(text, {.skips_bad = true});
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_EQ(trace->counts.rows_read, 4U);
  EXPECT_EQ(trace->counts.emitted, 2U);
  EXPECT_EQ(trace->counts.dropped_bad, 2U);
  EXPECT_THAT(trace->warnings, Contains(HasSubstr("t.jsonl:2:1: field timestamp is missing")));
}

TEST_F(MooncakeReaderTest, AFileWithoutAGoodRowIsAnError) {
  EXPECT_THAT(error_of(""), HasSubstr("t.jsonl: holds no rows"));
  EXPECT_THAT(error_of("\n \n"), HasSubstr("holds no rows"));
  EXPECT_THAT(error_of("{}\n", {.skips_bad = true}), HasSubstr("no well-formed row"));
}

TEST_F(MooncakeReaderTest, CompressedAndForeignFilesAreRefusedInWords) {
  EXPECT_THAT(error_of("\x1F\x8B\x08\x01"), HasSubstr("gzip"));
  EXPECT_THAT(error_of("\x28\xB5\x2F\xFD\x01"), HasSubstr("zstd"));
  EXPECT_THAT(error_of("\xFF\xFE{"), HasSubstr("UTF-16"));
}

TEST(MooncakeReaderFileTest, AMissingFileIsNotFoundAndAFolderIsIo) {
  const Result<Trace> missing = read_mooncake("/nowhere/at/all.jsonl", {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  const Result<Trace> folder = read_mooncake(RADIXBENCH_SOURCE_DIR, {});
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, ErrorCode::kIo);
}

// Ids cut to 32 bits, or read as doubles, would make these three equal.
TEST_F(MooncakeReaderTest, IdsOfSixtyFourBitsStayApart) {
  const Result<Trace> trace =
      read(R"({"timestamp": 0, "input_length": 1536, "output_length": 1, )"
           R"("hash_ids": [9007199254740993, 9007199254740992, 4294967297]})"
           "\n"
           R"({"timestamp": 0, "input_length": 512, "output_length": 1, "hash_ids": [1]})"
           "\n"
           R"({"timestamp": 0, "input_length": 512, "output_length": 1,)"
           R"("hash_ids": [18446744073709551615]})");
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_EQ(trace->counts.blocks_distinct, 5U);
  EXPECT_THAT(trace->blocks, ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(MooncakeReaderTest, TimesAreMillisecondsWholeOrNot) {
  const auto row_at = [](std::string_view time) {
    return R"({"timestamp": )" + std::string{time} +
           R"(, "input_length": 5, "output_length": 0, "hash_ids": [7]})" + "\n";
  };
  const Result<Trace> trace = read(row_at("0") + row_at("1") + row_at("1.5") + row_at("2.000001") +
                                   row_at("3e0") + row_at("1700000000000"));
  ASSERT_TRUE(trace) << trace.error().message;
  std::vector<std::int64_t> arrivals;
  for (const Request& request : trace->requests) arrivals.push_back(request.arrival_ns);
  EXPECT_THAT(
      arrivals,
      ElementsAre(0, 1'000'000, 1'500'000, 2'000'001, 3'000'000, 1'700'000'000'000'000'000));
}

TEST_F(MooncakeReaderTest, LineEndsMarksAndFieldOrderDontMatter) {
  const std::string row{kRow};
  const std::string turned =
      R"({"hash_ids":[0,1,2],"output_length":10,"input_length":1100,"timestamp":0})";
  for (const std::string& text : {row,
                                  row + "\n",
                                  row + "\r\n",
                                  row + "\r",
                                  "\n\n" + row + "\n  \t\n",
                                  "\xEF\xBB\xBF" + row + "\n",
                                  "  " + turned + "  \n"}) {
    SCOPED_TRACE(text);
    const Result<Trace> trace = read(text);
    ASSERT_TRUE(trace) << trace.error().message;
    ASSERT_EQ(trace->requests.size(), 1U);
    EXPECT_EQ(trace->requests[0].input_tokens, 1100U);
    EXPECT_EQ(trace->requests[0].output_tokens, 10U);
    EXPECT_EQ(trace->requests[0].block_count, 3U);
  }
}

TEST_F(MooncakeReaderTest, BytesCountFromTheStartOfTheLineWithItsMark) {
  EXPECT_THAT(error_of("\xEF\xBB\xBF{}"), HasSubstr("t.jsonl:1:4: field"));
}

TEST_F(MooncakeReaderTest, ExtraFieldsAreCountedAndIgnored) {
  const Result<Trace> trace =
      read(R"({"session_id": "a\"b", "timestamp": 0, "input_length": 5, "nested": {"x": [1, {}]},)"
           R"("output_length": 1, "hash_ids": [0], "delay": null})"
           "\n" +
           std::string{kRow});
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_EQ(trace->counts.rows_extra_fields, 1U);
  EXPECT_EQ(trace->counts.emitted, 2U);
}

TEST_F(MooncakeReaderTest, UnsortedRowsAreSortedStablyCountedAndWarnedOf) {
  const auto row = [](int time, int input) {
    return R"({"timestamp": )" + std::to_string(time) + R"(, "input_length": )" +
           std::to_string(input) + R"(, "output_length": 1, "hash_ids": [)" +
           std::to_string(100 - input) + "]}\n";
  };
  const Result<Trace> trace = read(row(5, 1) + row(3, 2) + row(5, 3) + row(3, 4));
  ASSERT_TRUE(trace) << trace.error().message;
  std::vector<std::uint64_t> lines;
  std::vector<std::uint64_t> ids;
  for (const Request& request : trace->requests) {
    lines.push_back(request.source_line);
    ids.push_back(request.id);
  }
  EXPECT_THAT(lines, ElementsAre(2, 4, 1, 3));
  EXPECT_THAT(ids, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(trace->blocks, ElementsAre(0, 1, 2, 3)) << "numbered in the order they are used";
  EXPECT_EQ(trace->counts.rows_unsorted, 2U);
  EXPECT_THAT(trace->warnings, Contains(HasSubstr("sorted by arrival")));
}

TEST_F(MooncakeReaderTest, DuplicateRowsAreKeptAndCounted) {
  const std::string row = std::string{kRow} + "\n";
  const std::string other =
      R"({"timestamp": 0, "input_length": 1100, "output_length": 10, "hash_ids": [0, 1, 3]})"
      "\n";
  const Result<Trace> trace = read(row + other + row + row);
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->counts.rows_duplicate, 2U);
  EXPECT_EQ(trace->requests.size(), 4U);
}

TEST_F(MooncakeReaderTest, IdsWithTwoParentsOrPositionsAreCountedAndWarnedOf) {
  const auto row = [](std::string_view ids) {
    return R"({"timestamp": 0, "input_length": 1024, "output_length": 1, "hash_ids": )" +
           std::string{ids} + "}\n";
  };
  const Result<Trace> trace = read(row("[1, 2]") + row("[3, 2]") + row("[2, 1]") + row("[1, 2]"));
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->counts.id_conflicts, 3U);
  EXPECT_THAT(trace->warnings, Contains(HasSubstr("another parent or position")));
  EXPECT_EQ(read(row("[1, 2]") + row("[1, 3]"))->counts.id_conflicts, 0U);
}

TEST_F(MooncakeReaderTest, TheLimitTakesTheFirstGoodRowsAndCountsTheRest) {
  const std::string row = std::string{kRow} + "\n";
  const Result<Trace> trace =
      read("{}\n" + row + row + row + "{}\n", {.skips_bad = true, .limit = 2});
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->counts.rows_read, 5U);
  EXPECT_EQ(trace->counts.emitted, 2U);
  EXPECT_EQ(trace->counts.dropped_bad, 1U);
  EXPECT_EQ(trace->counts.dropped_beyond_limit, 2U);
}

TEST_F(MooncakeReaderTest, ATraceBeyondThirtyTwoBitsOfTokensIsRefusedWithTheReason) {
  const std::string row =
      R"({"timestamp": 0, "input_length": 5, "output_length": 3000000000, "hash_ids": [0]})"
      "\n";
  EXPECT_TRUE(read(row));
  EXPECT_THAT(error_of(row + row), HasSubstr("more token ids than the 4294967296"));
}

// A line longer than any buffer that one would think of.
TEST_F(MooncakeReaderTest, LinesMayBeMegabytesLong) {
  constexpr std::uint64_t kBlocks = 300'000;
  std::string ids;
  for (std::uint64_t i = 0; i < kBlocks; ++i) ids += (i == 0 ? "" : ", ") + std::to_string(i);
  const std::string row = R"({"timestamp": 0, "input_length": )" + std::to_string(kBlocks * 512) +
                          R"(, "output_length": 1, "hash_ids": [)" + ids + "]}\n";
  const Result<Trace> trace = read(std::string{kRow} + "\n" + row + std::string{kRow});
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_EQ(trace->requests[1].block_count, kBlocks);
  EXPECT_EQ(trace->requests.size(), 3U);
}

TEST(MooncakeReaderFileTest, TheSampleIsReadAsItWasMade) {
  const Result<Trace> trace = read_mooncake(kSampleTrace, {});
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_EQ(trace->sha256, "fe7fb82e8b35543f2ec52f4458d6c6800a88c648c632ce26e29ac707ecc237bf");
  EXPECT_EQ(trace->requests.size(), 400U);
  EXPECT_EQ(trace->blocks.size(), 2648U);
  EXPECT_EQ(trace->counts.blocks_distinct, 1395U);
  EXPECT_EQ(trace->counts.id_conflicts, 0U);
  EXPECT_THAT(trace->warnings, IsEmpty());
}

TEST(MooncakeReaderFileTest, TheConversationTraceIsReadWithItsOneDuplicateAndItsTick) {
  if (!std::filesystem::exists(kConversationTrace)) GTEST_SKIP() << "no " << kConversationTrace;
  const Result<Trace> trace = read_mooncake(kConversationTrace, {});
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_EQ(trace->counts.rows_read, 12031U);
  EXPECT_EQ(trace->counts.emitted, 12031U);
  EXPECT_EQ(trace->counts.rows_duplicate, 1U);
  EXPECT_EQ(trace->counts.id_conflicts, 0U);
  EXPECT_EQ(trace->counts.rows_unsorted, 0U);
  EXPECT_EQ(trace->blocks.size(), 288'500U);
  EXPECT_EQ(trace->counts.blocks_distinct, 182'790U);
  EXPECT_THAT(trace->warnings, Contains(HasSubstr("1180 distinct times, about 3 s apart")));
}

}  // namespace
}  // namespace radixbench
