// Rows with bytes changed, cut and doubled at random: whatever comes, the reader answers with an
// error that names a byte of the line, or with a row that keeps the format's promises.

#include "base/random.h"
#include "trace/mooncake_row.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <array>
#include <string>
#include <string_view>

namespace radixbench {
namespace {

constexpr std::array<std::string_view, 3> kRows = {
    R"({"timestamp": 27482, "input_length": 1100, "output_length": 52, "hash_ids": [46, 47, 48]})",
    R"({"hash_ids":[18446744073709551615],"timestamp":1.5,"input_length":5,"output_length":0})",
    R"({"timestamp": 0, "x": {"y": [1, "z\n"]}, "input_length": 512, "output_length": 1, )"
    R"("hash_ids": [0]})"};

constexpr std::string_view kBytes = "{}[]\",:0123456789.eE+- \\ntrufalse\x00\x80\xC3\xFF";

std::string mutated(std::string_view row, Random& random) {
  std::string text{row};
  for (std::uint64_t changes = 1 + random.below(4); changes > 0; --changes) {
    const std::size_t at = random.below(text.size());
    const std::size_t length = 1 + random.below(8);
    switch (random.below(4)) {
      case 0: text[at] = kBytes[random.below(kBytes.size())]; break;
      case 1: text.erase(at, length); break;
      case 2: text.insert(at, text.substr(at, length)); break;
      default: text.resize(at + 1); break;
    }
    if (text.empty()) text = " ";
  }
  return text;
}

TEST(MooncakeRowParserTest, MutatedRowsGiveAnErrorInTheLineOrASoundRow) {
  constexpr std::uint64_t kSeed = 20260822;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random{kSeed, "rows"};
  MooncakeRowParser parser;
  MooncakeRow row;
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = mutated(kRows[random.below(kRows.size())], random);
    // On the heap and exactly as long as a line may be, so that a sanitizer sees a step beyond.
    std::string padded = text + std::string(kLinePadding, '\xEE');
    padded.shrink_to_fit();
    const Line line{std::string_view{padded}.substr(0, text.size()), 1};
    if (const std::optional<RowError> error = parser.parse(line, row)) {
      ASSERT_GE(error->byte, 1U) << text;
      ASSERT_LE(error->byte, text.size() + 1) << text;
      ASSERT_FALSE(error->what.empty()) << text;
      continue;
    }
    ++accepted;
    ASSERT_TRUE(nlohmann::json::accept(text)) << text;
    ASSERT_GE(row.arrival_ns, 0) << text;
    ASSERT_EQ(row.ids.size(), (std::uint64_t{row.input_tokens} + 511) / 512) << text;
  }
  EXPECT_GT(accepted, 200) << "mutations that reach past the first checks";
}

}  // namespace
}  // namespace radixbench
