#include "report/text_table.h"

#include <gtest/gtest.h>

namespace radixbench {
namespace {

TEST(TextTableTest, ColumnsAreAsWideAsTheirWidestCell) {
  TextTable table{{"name", "count"}};
  table.add({"a", "1"});
  table.add({"longer", "12,345"});
  EXPECT_EQ(table.text(2),
            "  name     count\n"
            "  a            1\n"
            "  longer  12,345\n");
}

TEST(TextTableTest, CellsThatAreEmptyLeaveNoBlanksAtTheEnd) {
  TextTable table{{"name", "count"}};
  table.add({"a", ""});
  EXPECT_EQ(table.text(0), "name  count\na\n");
}

TEST(TextTableTest, NumbersHaveSeparatorsEachThreeDigits) {
  EXPECT_EQ(with_separators(0), "0");
  EXPECT_EQ(with_separators(999), "999");
  EXPECT_EQ(with_separators(1'000), "1,000");
  EXPECT_EQ(with_separators(20'247'511), "20,247,511");
}

TEST(TextTableTest, DurationsTakeTheUnitThatSuits) {
  EXPECT_EQ(duration_text(950), "950 ns");
  EXPECT_EQ(duration_text(1'500), "1.50 us");
  EXPECT_EQ(duration_text(12'340), "12.3 us");
  EXPECT_EQ(duration_text(212'400), "212 us");
  EXPECT_EQ(duration_text(25e6), "25.0 ms");
  EXPECT_EQ(duration_text(3'600e9), "3600 s");
  EXPECT_EQ(duration_text(-1), "-");
}

TEST(TextTableTest, SharesOfNothingAreNotZero) {
  EXPECT_EQ(share_text(1, 8), "12.5 %");
  EXPECT_EQ(share_text(0, 0), "-");
}

TEST(TextTableTest, RatiosThatAreWholeShowNoDecimals) {
  EXPECT_EQ(ratio_text(3), "3");
  EXPECT_EQ(ratio_text(3.256), "3.26");
}

}  // namespace
}  // namespace radixbench
