#include "report/verdict_text.h"

#include "report/json_sarif.h"
#include "report/json_verdict.h"
#include "report/visibility_table.h"

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

TEST(VerdictTextTest, PlacesAreToldOnBothSidesAndLongListsAsRanges) {
  Diagnosis diagnosis = example();
  Verdict& verdict = diagnosis.verdicts.front();
  verdict.sides.push_back({.ranks = {0, 1},
                           .does = "made",
                           .call = "all_reduce Int[2] on tp{0,1,2,3}",
                           .site = "writing_check",
                           .file = "/opt/sched.py",
                           .line = 17,
                           .caller = "run (sched.py:64)"});
  verdict.absent.clear();
  for (Rank rank = 2; rank < 100; ++rank) verdict.absent.push_back(rank);
  const std::string text = diagnosis_text(diagnosis);
  EXPECT_THAT(text,
              HasSubstr("ranks {0,1} made writing_check: all_reduce Int[2] on tp{0,1,2,3}\n"));
  EXPECT_THAT(text, HasSubstr(" /opt/sched.py:17, called from run (sched.py:64)\n"));
  EXPECT_THAT(text, HasSubstr("ranks {2-99}"));
}

// What a name out of a file holds must not end a label or a document.
TEST(VerdictTextTest, NamesWithQuotesAndBytesStayNames) {
  Diagnosis diagnosis = example();
  diagnosis.waits_for.front().site = "a\"b";
  diagnosis.verdicts.front().sites = {"bad\xff"};
  EXPECT_THAT(diagnosis_dot(diagnosis), HasSubstr("[label=\"a\\\"b tp{0,1,2,3}\"]"));
  EXPECT_TRUE(nlohmann::json::accept(diagnosis_json(diagnosis)));
  EXPECT_TRUE(nlohmann::json::accept(diagnosis_sarif(diagnosis, {})));
}

nlohmann::json sarif_of(const Diagnosis& diagnosis) {
  return nlohmann::json::parse(diagnosis_sarif(
      diagnosis, {.tool_version = "1.2.3", .input = "/dumps", .source_root = "/opt/app"}));
}

// What a code host refuses a file without.
TEST(SarifVerdictTest, EveryResultHasARuleAMessageAndAPlace) {
  Diagnosis diagnosis = example();
  Verdict& verdict = diagnosis.verdicts.front();
  verdict.sides.push_back({.ranks = {0},
                           .does = "made",
                           .call = "all_reduce",
                           .site = "f",
                           .file = "/opt/app/a b.py",
                           .line = 17,
                           .caller = {}});
  verdict.sides.push_back(verdict.sides.front());
  verdict.sides.back().file = "/opt/other.py";
  diagnosis.warnings.push_back(example().verdicts.front());
  diagnosis.verdicts.emplace_back().verdict = VerdictClass::kLateHost;
  const nlohmann::json log = sarif_of(diagnosis);
  EXPECT_EQ(log["version"], "2.1.0");
  EXPECT_TRUE(log.contains("$schema"));
  const nlohmann::json& run = log["runs"][0];
  const nlohmann::json& rules = run["tool"]["driver"]["rules"];
  EXPECT_EQ(run["tool"]["driver"]["name"], "radixbench");
  ASSERT_EQ(run["results"].size(), 3U);
  for (const nlohmann::json& result : run["results"]) {
    EXPECT_EQ(rules[result["ruleIndex"].get<std::size_t>()]["id"], result["ruleId"]);
    EXPECT_FALSE(result["message"]["text"].get<std::string>().empty());
    ASSERT_EQ(result["locations"].size(), 1U);
    const nlohmann::json& place = result["locations"][0]["physicalLocation"];
    EXPECT_FALSE(place["artifactLocation"]["uri"].get<std::string>().empty());
    EXPECT_GE(place["region"]["startLine"], 1);
  }
  const nlohmann::json& first = run["results"][0]["locations"][0]["physicalLocation"];
  EXPECT_EQ(first["artifactLocation"]["uri"], "a%20b.py");
  EXPECT_EQ(first["artifactLocation"]["uriBaseId"], "%SRCROOT%");
  EXPECT_EQ(first["region"]["startLine"], 17);
  EXPECT_EQ(run["results"][0]["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            "file:///opt/other.py");
  EXPECT_EQ(run["results"][0]["level"], "error");
  EXPECT_EQ(run["results"][1]["level"], "note");
  EXPECT_EQ(run["results"][2]["level"], "warning");
}

TEST(SarifVerdictTest, NothingWrongIsNoResult) {
  Diagnosis diagnosis;
  diagnosis.verdicts.emplace_back();
  EXPECT_TRUE(sarif_of(diagnosis)["runs"][0]["results"].empty());
}

TEST(VisibilityTableTest, EveryClassHasARow) {
  const std::string table = visibility_table();
  for (int i = static_cast<int>(VerdictClass::kWrongGroupTooLarge);
       i <= static_cast<int>(VerdictClass::kTransport);
       ++i) {
    const auto verdict = static_cast<VerdictClass>(i);
    if (verdict == VerdictClass::kLateUnknown) continue;  // no finder says so
    const std::string slug{to_string(verdict)};
    EXPECT_THAT(table, HasSubstr(slug.substr(std::min(slug.rfind('/'), slug.size() - 1)))) << slug;
  }
}

TEST(JsonVerdictTest, HasTheFieldsOfItsSchemaAndNoOthers) {
  std::ifstream file{std::string{RADIXBENCH_SOURCE_DIR} + "/docs/formats/verdict.schema.json"};
  const nlohmann::json schema = nlohmann::json::parse(file);
  const nlohmann::json verdict_schema = schema["$defs"]["verdict"];
  Diagnosis diagnosis = example();
  diagnosis.notes = {"members of tp are the layout's"};
  diagnosis.verdicts.front().idle = {3};
  diagnosis.verdicts.front().sides.push_back({.ranks = {0},
                                              .does = "made",
                                              .call = "all_reduce",
                                              .site = "f",
                                              .file = "a.py",
                                              .line = 1,
                                              .caller = "g (a.py:2)"});
  const nlohmann::json json = nlohmann::json::parse(diagnosis_json(diagnosis));
  for (const auto& [name, value] : json["sides"][0].items()) {
    EXPECT_TRUE(schema["$defs"]["side"]["properties"].contains(name)) << name;
  }
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
