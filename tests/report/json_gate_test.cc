#include "report/json_gate.h"

#include "report/gate_text.h"
#include "report/made_up_gate.h"
#include "support/temp_directory.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

namespace radixbench {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const GateJsonContext kContext{.tool_version = "0.1.0", .exit_code = 1};

// What python3-jsonschema says of it; empty where it fits.
std::string schema_errors(const std::string& document) {
  const TempDirectory folder;
  const std::string path = (folder.path() / "gate.json").string();
  std::ofstream{path} << document;
  const std::string script = (folder.path() / "validate.py").string();
  std::ofstream{script} << R"(
import json, sys
import jsonschema
def refuse(word): raise ValueError("no JSON: " + word)
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
document = json.load(open(sys.argv[2]), parse_constant=refuse)
found = jsonschema.Draft202012Validator(schema).iter_errors(document)
errors = [f"{list(e.path)}: {e.message}" for e in found]
open(sys.argv[3], "w").write("\n".join(errors))
)";
  const std::string out = (folder.path() / "errors").string();
  const int status =
      std::system(fmt::format("/usr/bin/python3 {} {}/docs/formats/gate.schema.json {} {}",
                              script,
                              RADIXBENCH_SOURCE_DIR,
                              path,
                              out)
                      .c_str());
  if (status != 0) return fmt::format("python3 ended with {}", status);
  std::ifstream file{out};
  return {std::istreambuf_iterator<char>{file}, {}};
}

GateRule made_up_rule() {
  Result<GateRule> rule =
      parse_gate_rule("agreement_per_step@p50{tp=4|8}:5%,abs=2us", GateAction::kWarn);
  EXPECT_TRUE(rule) << rule.error().message;
  if (!rule) return {};
  rule->source = "gate.toml:12";
  rule->is_optional = true;
  return *rule;
}

TEST(JsonGateTest, LinesAreTheDocumentAsEvents) {
  const GateReport report = report_of_all_verdicts();
  const json whole = json::parse(gate_json(report, kContext));
  std::istringstream lines{gate_jsonl(report, {"0.1.0", 1, "2026-11-26T02:00:00.000Z"})};
  std::vector<json> events;
  for (std::string line; std::getline(lines, line);) events.push_back(json::parse(line));
  ASSERT_EQ(events.size(), 2 + 2 * report.cells.size());
  json again = json::array();
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i]["seq"], i);
    EXPECT_EQ(events[i]["ts"], "2026-11-26T02:00:00.000Z");
    if (events[i]["event"] == "cell") again.push_back(events[i]);
    if (events[i]["event"] == "verdict") again.back().update(events[i]);
  }
  for (json& cell : again) {
    for (const char* own : {"event", "seq", "ts"}) cell.erase(own);
  }
  EXPECT_EQ(again, whole["cells"]);
  EXPECT_EQ(events.front()["config"], whole["config"]);
  EXPECT_EQ(events.back()["summary"], whole["summary"]);
}

TEST(JsonGateTest, EveryVerdictFitsTheShippedSchema) {
  GateReport report = report_of_all_verdicts();
  report.self_check = SelfCheck{false, "wait@p50 is INCONCLUSIVE", {report.cells[5]}};
  report.warnings = {"4 ranks on 2 cores"};
  report.options.rules = {made_up_rule()};
  EXPECT_EQ(schema_errors(gate_json(report, kContext)), "");
  EXPECT_EQ(schema_errors(gate_json(made_up_report({}), {"0.1.0", 5})), "");
}

TEST(JsonGateTest, SchemaRefusesWhatIsNoReport) {
  json document = json::parse(gate_json(report_of_all_verdicts(), kContext));
  document["cells"][0]["verdict"] = "FINE";
  document["summary"].erase("worst");
  const std::string errors = schema_errors(document.dump());
  EXPECT_THAT(errors, HasSubstr("FINE"));
  EXPECT_THAT(errors, HasSubstr("worst"));
}

TEST(JsonGateTest, NumbersAreFiniteOrNullAndTimesWhole) {
  GateReport report = report_of_all_verdicts();
  report.cells[3].a[0] = std::numeric_limits<double>::quiet_NaN();
  report.cells[3].a[1] = 1234.5;
  report.cells[4].b[0] = 9007199254740994.0;
  const json document = json::parse(gate_json(report, kContext));
  const json& time = document["cells"][3];
  EXPECT_TRUE(time["a"][0].is_null());
  EXPECT_TRUE(time["a"][1].is_number_integer());
  EXPECT_EQ(document["cells"][4]["b"][0], "9007199254740994");
  EXPECT_TRUE(document["cells"][6]["estimate"]["lo"].is_null());
  EXPECT_TRUE(document["cells"][6]["mde80_percent"].is_null());
}

TEST(JsonGateTest, SummaryHasCountsWorstAndExitCode) {
  const json summary = json::parse(gate_json(report_of_all_verdicts(), kContext))["summary"];
  EXPECT_EQ(summary["counts"]["REGRESSED"], 2);
  EXPECT_EQ(summary["worst"], "ERROR");
  EXPECT_EQ(summary["end"], "worse");
  EXPECT_EQ(summary["exit_code"], 1);
}

TEST(JsonGateTest, ReadBackItIsTheSameReport) {
  GateReport report = report_of_all_verdicts();
  report.self_check = SelfCheck{true, "", {report.cells[5]}};
  report.warnings = {"one"};
  report.looks_taken = 2;
  report.options.looks = 3;
  report.options.rules = {made_up_rule()};
  report.options.across = {"agreement"};
  const std::string text = gate_json(report, kContext);
  const Result<GateReport> again = read_gate_json(text, "gate.json");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(gate_json(*again, kContext), text);
  EXPECT_EQ(gate_text(*again, {.is_verbose = true}), gate_text(report, {.is_verbose = true}));
}

TEST(JsonGateTest, OtherDocumentsAreRefusedByName) {
  const auto refusal = [](const std::string& text) {
    const Result<GateReport> read = read_gate_json(text, "x.json");
    return read ? "" : read.error().message;
  };
  const std::string text = gate_json(report_of_all_verdicts(), kContext);
  json other = json::parse(text);
  other["schema_version"] = "2.0.0";
  EXPECT_THAT(refusal(other.dump()), HasSubstr("x.json"));
  EXPECT_THAT(refusal(other.dump()), HasSubstr("version 2.0.0, and this program reads 1.0.0"));
  other["schema_version"] = "1.7.0";
  other["cells"][0]["added"] = 1;
  EXPECT_EQ(refusal(other.dump()), "");
  other.erase("config");
  EXPECT_THAT(refusal(other.dump()), HasSubstr("config"));
  EXPECT_THAT(refusal(text.substr(0, 300)), HasSubstr("x.json is no radixbench.gate document"));
  EXPECT_THAT(refusal("[]"), HasSubstr("x.json"));
}

TEST(JsonGateTest, NamesThatAreNoUtf8DoNotEndTheProgram) {
  GateReport report = report_of_all_verdicts();
  report.label_a = "runs/\xff";
  EXPECT_THAT(gate_json(report, kContext), HasSubstr("runs/\xEF\xBF\xBD"));
}

}  // namespace
}  // namespace radixbench
