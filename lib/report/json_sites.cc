#include "report/json_sites.h"

#include "watch/verdict.h"

#include <nlohmann/json.hpp>

#include <map>
#include <optional>
#include <vector>

namespace radixbench {
namespace {

using Json = nlohmann::ordered_json;

Json values_json(const std::vector<std::optional<std::int64_t>>& values) {
  Json json = Json::array();
  for (const auto& value : values) json.push_back(value ? Json(*value) : Json());
  return json;
}

Json outcome_json(const CallOutcome& outcome) {
  Json blocked = Json::object();
  for (const auto& [rank, block] : outcome.blocked) {
    blocked[std::to_string(rank)] = {
        {"in", to_string(block.call)}, {"group", block.group}, {"waiting_for", block.waiting_for}};
  }
  return {{"verdict", to_string(outcome.verdict)},
          {"hang", !outcome.blocked.empty()},
          {"lacking", outcome.lacking},
          {"exceeding", outcome.exceeding},
          {"values", values_json(outcome.values)},
          {"expected", values_json(outcome.expected)},
          {"blocked", std::move(blocked)}};
}

Json use_json(const GroupUse& use, Site site) {
  Json json = {{"group", use.group},
               {"class", class_slug(use.fit)},
               {"one_rank", use.is_lone},
               {"ranks", use.lists},
               {"effect", effect_of(site, use.fit)},
               {"equal_counts", outcome_json(use.equal_counts)}};
  if (use.unequal_counts) json["unequal_counts"] = outcome_json(*use.unequal_counts);
  return json;
}

Json site_json(const SiteContract& site, const SiteFamily& family, std::string_view only) {
  Json uses = Json::array();
  for (const GroupUse& use : family.uses) {
    if (only.empty() || use.group == only) uses.push_back(use_json(use, site.site));
  }
  return {{"site", site.name},
          {"axes", site.axes},
          {"members", site.members == SiteMembers::kEveryStep ? "every_step" : "per_key"},
          {"thread", site.thread == SiteThread::kScheduler ? "scheduler" : "prefetch"},
          {"agree", family.agreeing},
          {"use", family.groups_to_use},
          {"uses", std::move(uses)}};
}

}  // namespace

std::string_view class_slug(GroupFit fit) {
  switch (fit) {
    case GroupFit::kRight: return to_string(VerdictClass::kNone);
    case GroupFit::kTooSmall: return to_string(VerdictClass::kWrongGroupTooSmall);
    case GroupFit::kTooLarge: return to_string(VerdictClass::kWrongGroupTooLarge);
    case GroupFit::kOther: return to_string(VerdictClass::kWrongGroupOther);
  }
  return to_string(VerdictClass::kNone);
}

std::string sites_json(const Layout& layout,
                       std::span<const SiteFamily> families,
                       std::string_view asked_for,
                       std::string_view only) {
  std::map<Site, Json> by_site;
  for (const SiteFamily& family : families) {
    for (const SiteContract* site : family.sites) {
      by_site.emplace(site->site, site_json(*site, family, only));
    }
  }
  Json json = {{"layout", layout.spec()},
               {"asked_for", asked_for},
               {"world_size", layout.world_size()},
               {"sites", Json::array()}};
  for (auto& [site, entry] : by_site) json["sites"].push_back(std::move(entry));
  return json.dump();
}

}  // namespace radixbench
