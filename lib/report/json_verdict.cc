#include "report/json_verdict.h"

#include <nlohmann/json.hpp>

namespace radixbench {
namespace {

using Json = nlohmann::ordered_json;

void put_text(Json& json, const char* name, const std::string& value) {
  if (!value.empty()) json[name] = value;
}

Json waits_json(const WaitsFor& wait) {
  Json json{{"rank", wait.rank},
            {"thread", wait.thread},
            {"site", wait.site},
            {"group", wait.group},
            {"sequence", wait.sequence},
            {"on", wait.on}};
  put_text(json, "key", wait.key);
  return json;
}

Json sides_json(const std::vector<CallSide>& sides) {
  Json json = Json::array();
  for (const CallSide& side : sides) {
    Json one{{"ranks", side.ranks}, {"does", side.does}, {"site", side.site}, {"call", side.call}};
    put_text(one, "file", side.file);
    if (!side.file.empty()) one["line"] = side.line;
    put_text(one, "caller", side.caller);
    json.push_back(std::move(one));
  }
  return json;
}

Json verdict_json(const Verdict& verdict) {
  Json json{{"class", to_string(verdict.verdict)},
            {"hang", verdict.hang},
            {"culprit_ranks", verdict.culprit_ranks}};
  if (verdict.is_ambiguous) json["ambiguous"] = true;
  if (verdict.sites.size() == 1) json["site"] = verdict.sites.front();
  if (verdict.sites.size() > 1) json["site"] = verdict.sites;
  put_text(json, "key", verdict.key);
  put_text(json, "expected_group", verdict.expected_group);
  put_text(json, "actual_group", verdict.actual_group);
  if (!verdict.absent.empty()) json["absent"] = verdict.absent;
  if (!verdict.missing_dumps.empty()) json["missing_dumps"] = verdict.missing_dumps;
  if (!verdict.idle.empty()) json["idle"] = verdict.idle;
  put_text(json, "after_site", verdict.after_site);
  put_text(json, "expected_next", verdict.expected_next);
  put_text(json, "consequence", verdict.consequence);
  if (verdict.lead_steps) json["lead_steps"] = *verdict.lead_steps;
  if (verdict.silent_mispair) json["silent_mispair"] = true;
  put_text(json, "first_divergence", verdict.first_divergence);
  json["confidence"] = to_string(verdict.confidence);
  put_text(json, "what_would_help", verdict.what_would_help);
  json["evidence"] = verdict.evidence;
  if (!verdict.sides.empty()) json["sides"] = sides_json(verdict.sides);
  put_text(json, "advice", verdict.advice);
  return json;
}

}  // namespace

std::string diagnosis_json(const Diagnosis& diagnosis) {
  Json json{{"schema", 1}};
  json.update(verdict_json(diagnosis.verdicts.front()));
  json["verdicts"] = Json::array();
  for (const Verdict& verdict : diagnosis.verdicts) {
    json["verdicts"].push_back(verdict_json(verdict));
  }
  json["warnings"] = Json::array();
  for (const Verdict& warning : diagnosis.warnings) {
    json["warnings"].push_back(verdict_json(warning));
  }
  json["waits_for"] = Json::array();
  for (const WaitsFor& wait : diagnosis.waits_for) json["waits_for"].push_back(waits_json(wait));
  json["not_visible"] = diagnosis.not_visible;
  if (!diagnosis.notes.empty()) json["notes"] = diagnosis.notes;
  // Names come from files, which may hold any bytes.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace radixbench
