#include "report/junit_gate.h"

#include "report/made_up_gate.h"
#include "support/temp_directory.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <string>

namespace radixbench {
namespace {

using testing::HasSubstr;
using testing::Not;

// What xmllint says of it.
int validated(const std::string& xml, std::string& words) {
  const TempDirectory folder;
  const std::string path = (folder.path() / "junit.xml").string();
  std::ofstream{path} << xml;
  const std::string out = (folder.path() / "out").string();
  const int status = std::system(
      fmt::format("xmllint --noout --nonet --schema {}/tests/data/junit.xsd {} > {} 2>&1",
                  RADIXBENCH_SOURCE_DIR,
                  path,
                  out)
          .c_str());
  std::ifstream file{out};
  words.assign(std::istreambuf_iterator<char>{file}, {});
  return status;
}

std::size_t matches(const std::string& text, const std::string& pattern) {
  const std::regex regex{pattern};
  return static_cast<std::size_t>(
      std::distance(std::sregex_iterator{text.begin(), text.end(), regex}, {}));
}

TEST(JunitGateTest, EveryVerdictValidates) {
  std::string words;
  EXPECT_EQ(validated(gate_junit(report_of_all_verdicts()), words), 0) << words;
  EXPECT_EQ(validated(gate_junit(report_of_many_cells(300)), words), 0) << words;
  EXPECT_EQ(validated(gate_junit(made_up_report({})), words), 0) << words;
}

TEST(JunitGateTest, ValidationIsNoFormality) {
  std::string words;
  const std::string xml = gate_junit(report_of_all_verdicts());
  EXPECT_NE(validated(std::regex_replace(xml, std::regex{" time=\"[^\"]*\""}, ""), words), 0);
  EXPECT_NE(validated(std::regex_replace(xml, std::regex{"<skipped"}, "<passed"), words), 0);
}

TEST(JunitGateTest, WhatFailsTheGateFailsHereAndWhatIsOpenIsSkipped) {
  const std::string xml = gate_junit(report_of_all_verdicts());
  EXPECT_THAT(xml, HasSubstr(R"(tests="11" failures="4" errors="1" skipped="3")"));
  EXPECT_EQ(matches(xml, "<failure "), 4U);
  EXPECT_EQ(matches(xml, "<failure type=\"regression\""), 2U);
  EXPECT_EQ(matches(xml, "<error "), 1U);
  EXPECT_EQ(matches(xml, "<skipped "), 3U);
  EXPECT_THAT(
      xml, HasSubstr(R"(classname="sharegpt-1k.sglang:tp=8,cp=2" name="agreement_per_step@p50)"));
  EXPECT_THAT(xml, HasSubstr("REGRESSED: +14.6% [+11.1 +18.1] (212 us to 243 us), p 0.003"));
}

TEST(JunitGateTest, WhatOnlyWarnsFailsNothing) {
  GateReport report = report_of_all_verdicts();
  for (GateCell& cell : report.cells) cell.action = GateAction::kWarn;
  const std::string xml = gate_junit(report);
  EXPECT_THAT(xml, HasSubstr(R"(failures="0" errors="0" skipped="8")"));
}

TEST(JunitGateTest, TimeIsTheMedianOfBInSeconds) {
  GateCell cell = made_up_time(GateVerdict::kPass, 0);
  cell.b.assign(5, 1'500'000);
  EXPECT_THAT(gate_junit(made_up_report({cell})), HasSubstr("time=\"0.001500000\"/>"));
}

TEST(JunitGateTest, AnyBytesGiveAValidDocument) {
  GateReport report = report_of_all_verdicts();
  report.label_a = "<a href=\"x\">&amp;\n\t'";
  report.cells[0].reason = std::string("\x00\x01\x1b\xff\xc0\x80\xed\xa0\x80\xef\xbf\xbf", 12);
  report.cells[1].reason = "\xc2\xb5s \xe2\x82\xac \xf0\x9f\x98\x80";
  report.cells[2].key.scenario = "]]>";
  std::string words;
  const std::string xml = gate_junit(report);
  EXPECT_EQ(validated(xml, words), 0) << words;
  EXPECT_THAT(xml, HasSubstr("\xc2\xb5s \xe2\x82\xac \xf0\x9f\x98\x80"));
  EXPECT_THAT(xml, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace radixbench
