#include "report/json_sarif.h"

#include "report/verdict_text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <map>

namespace radixbench {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kSchema = "https://json.schemastore.org/sarif-2.1.0.json";

// What a reference to a file may hold as it is; the rest is written %XX.
std::string uri_of(std::string_view path) {
  std::string uri;
  for (const char letter : path) {
    const bool is_plain = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                          (letter >= '0' && letter <= '9') ||
                          std::string_view{"/._-~+"}.find(letter) != std::string_view::npos;
    uri +=
        is_plain ? std::string{letter} : fmt::format("%{:02X}", static_cast<unsigned char>(letter));
  }
  return path.starts_with('/') ? "file://" + uri : uri;
}

class SarifRun {
 public:
  SarifRun(const Diagnosis& diagnosis, const SarifOptions& options) : options_{options} {
    for (const Verdict& verdict : diagnosis.verdicts) {
      if (verdict.verdict == VerdictClass::kNone) continue;
      add(verdict, is_benign(verdict.verdict) ? "note" : "error");
    }
    for (const Verdict& warning : diagnosis.warnings) add(warning, "warning");
  }

  [[nodiscard]] Json json() const {
    Json driver{{"name", "radixbench"},
                {"version", options_.tool_version},
                {"semanticVersion", options_.tool_version},
                {"rules", rules_}};
    return {{"tool", {{"driver", std::move(driver)}}},
            {"columnKind", "utf16CodeUnits"},
            {"results", results_}};
  }

 private:
  void add(const Verdict& verdict, const char* level) {
    const std::string rule{to_string(verdict.verdict)};
    Json result{{"ruleId", rule},
                {"ruleIndex", rule_index(rule)},
                {"level", level},
                {"message", {{"text", message(verdict)}}}};
    Json places = Json::array();
    for (const CallSide& side : verdict.sides) {
      if (!side.file.empty()) places.push_back(place(side));
    }
    if (places.empty()) places.push_back(input_place());
    result["locations"] = Json::array({places.front()});
    places.erase(places.begin());
    for (std::size_t i = 0; i < places.size(); ++i) places[i]["id"] = i + 1;
    if (!places.empty()) result["relatedLocations"] = std::move(places);
    result["partialFingerprints"] = {{"verdictSite/v1", fingerprint(verdict)}};
    results_.push_back(std::move(result));
  }

  std::size_t rule_index(const std::string& rule) {
    const auto [found, is_new] = rule_indices_.try_emplace(rule, rules_.size());
    if (is_new) {
      rules_.push_back(
          {{"id", rule},
           {"name", rule},
           {"shortDescription", {{"text", "Collective calls: " + rule}}},
           {"fullDescription",
            {{"text",
              "Ranks of a job and their collective calls: " + rule + ", see docs/diagnose.md"}}},
           {"help", {{"text", "docs/diagnose.md, How to read a verdict"}}},
           {"properties", {{"tags", {"correctness", "distributed"}}}}});
    }
    return found->second;
  }

  static std::string message(const Verdict& verdict) {
    std::string text = verdict_line(verdict) + ".";
    if (!verdict.advice.empty()) text += " To change: " + verdict.advice + ".";
    return text + fmt::format(" Confidence: {}.", to_string(verdict.confidence));
  }

  [[nodiscard]] Json place(const CallSide& side) const {
    std::string_view file = side.file;
    Json artifact;
    if (!options_.source_root.empty() && file.starts_with(options_.source_root)) {
      file.remove_prefix(options_.source_root.size());
      while (file.starts_with('/')) file.remove_prefix(1);
      artifact["uriBaseId"] = "%SRCROOT%";
    }
    artifact["uri"] = uri_of(file);
    const std::int64_t line = std::max<std::int64_t>(side.line, 1);
    return {{"physicalLocation",
             {{"artifactLocation", std::move(artifact)}, {"region", {{"startLine", line}}}}},
            {"message", {{"text", fmt::format("{} here: {}", side.does, side.call)}}}};
  }
  [[nodiscard]] Json input_place() const {
    return {{"physicalLocation",
             {{"artifactLocation", {{"uri", uri_of(options_.input)}}},
              {"region", {{"startLine", 1}}}}}};
  }

  // The same for the same mistake in the same place, whichever ranks it took.
  static std::string fingerprint(const Verdict& verdict) {
    std::string text{to_string(verdict.verdict)};
    for (const std::string& site : verdict.sites) text += "\n" + site;
    for (const CallSide& side : verdict.sides) text += "\n" + side.file + "\n" + side.site;
    std::uint64_t hash = 14695981039346656037ULL;
    for (const char letter : text) {
      hash = (hash ^ static_cast<unsigned char>(letter)) * 1099511628211ULL;
    }
    return fmt::format("{:016x}", hash);
  }

  const SarifOptions& options_;
  Json rules_ = Json::array();
  Json results_ = Json::array();
  std::map<std::string, std::size_t> rule_indices_;
};

}  // namespace

std::string diagnosis_sarif(const Diagnosis& diagnosis, const SarifOptions& options) {
  const Json log{{"$schema", kSchema},
                 {"version", "2.1.0"},
                 {"runs", Json::array({SarifRun{diagnosis, options}.json()})}};
  return log.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace radixbench
