#include "report/verdict_text.h"

#include "report/json_verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <string>

namespace radixbench {
namespace {

using testing::HasSubstr;

Diagnosis example() {
  Verdict verdict;
  verdict.verdict = VerdictClass::kWrongGroupTooLarge;
  verdict.hang = true;
  verdict.culprit_ranks = {0, 1};
  verdict.sites = {"writing_check"};
  verdict.expected_group = "attention_tp{0,1}";
  verdict.actual_group = "tp{0,1,2,3}";
  verdict.absent = {2, 3};
  Diagnosis diagnosis{.verdicts = {verdict}, .warnings = {}, .waits_for = {}, .not_visible = {}};
  diagnosis.waits_for.push_back({.rank = 0,
                                 .thread = "scheduler",
                                 .site = "writing_check",
                                 .key = {},
                                 .group = "tp{0,1,2,3}",
                                 .sequence = 12,
                                 .on = {2, 3}});
  return diagnosis;
}

TEST(VerdictTextTest, OneLineNamesClassRanksSiteAndBothGroups) {
  EXPECT_EQ(verdict_line(example().verdicts.front()),
            "wrong_group/too_large: ranks {0,1} at writing_check used tp{0,1,2,3} where "
            "attention_tp{0,1} is meant");
}

TEST(VerdictTextTest, ManyWaitersStayOnOneScreen) {
  Diagnosis diagnosis = example();
  diagnosis.waits_for.resize(500, diagnosis.waits_for.front());
  const std::string text = diagnosis_text(diagnosis);
  EXPECT_LT(std::ranges::count(text, '\n'), 24);
  EXPECT_THAT(text, HasSubstr("and 492 more"));
}

TEST(VerdictTextTest, EveryClassHasASentence) {
  for (int i = 0; i <= static_cast<int>(VerdictClass::kTransport); ++i) {
    Verdict verdict = example().verdicts.front();
    verdict.verdict = static_cast<VerdictClass>(i);
    verdict.missing_dumps = {3};
    const std::string line = verdict_line(verdict);
    EXPECT_GT(line.size(), to_string(verdict.verdict).size() + 10) << line;
    EXPECT_EQ(parse_verdict_class(to_string(verdict.verdict)), verdict.verdict);
  }
}

TEST(VerdictTextTest, GraphHasAnEdgeForEachWait) {
  EXPECT_THAT(diagnosis_dot(example()), HasSubstr("0 -> 3 [label=\"writing_check tp{0,1,2,3}\"]"));
}

TEST(JsonVerdictTest, HasTheFieldsOfItsSchemaAndNoOthers) {
  std::ifstream file{std::string{RADIXBENCH_SOURCE_DIR} + "/docs/formats/verdict.schema.json"};
  const nlohmann::json schema = nlohmann::json::parse(file);
  const nlohmann::json verdict_schema = schema["$defs"]["verdict"];
  const nlohmann::json json = nlohmann::json::parse(diagnosis_json(example()));
  for (const auto& name : schema["required"]) EXPECT_TRUE(json.contains(name)) << name;
  for (const auto& [name, value] : json.items()) {
    EXPECT_TRUE(schema["properties"].contains(name) || verdict_schema["properties"].contains(name))
        << name;
  }
  for (const auto& name : verdict_schema["required"]) {
    EXPECT_TRUE(json["verdicts"][0].contains(name)) << name;
  }
  for (int i = 0; i <= static_cast<int>(VerdictClass::kTransport); ++i) {
    const std::string slug{to_string(static_cast<VerdictClass>(i))};
    const auto& known = verdict_schema["properties"]["class"]["enum"];
    EXPECT_NE(std::find(known.begin(), known.end(), slug), known.end()) << slug;
  }
  EXPECT_EQ(json["class"], "wrong_group/too_large");
  EXPECT_EQ(json["waits_for"][0]["on"], (nlohmann::json{2, 3}));
}

}  // namespace
}  // namespace radixbench
