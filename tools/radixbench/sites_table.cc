#include "sites_table.h"

#include "columns.h"

#include "report/json_sites.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

constexpr std::size_t kRanksInFullMax = 16;
constexpr std::size_t kListsInFullMax = 8;

std::string lists_text(const std::vector<RankList>& lists) {
  std::string text;
  for (std::size_t i = 0; i < lists.size() && i < kListsInFullMax; ++i) {
    text += (i == 0 ? "" : " ") + ranks_text(lists[i]);
  }
  if (lists.size() > kListsInFullMax) {
    text += fmt::format(" and {} more", lists.size() - kListsInFullMax);
  }
  return text;
}

std::string fit_word(const SiteFamily& family, const GroupUse& use) {
  switch (use.fit) {
    case GroupFit::kRight: return family.groups_to_use.empty() && use.is_lone ? "alone" : "right";
    case GroupFit::kTooSmall: return "TOO SMALL";
    case GroupFit::kTooLarge: return "TOO LARGE";
    case GroupFit::kOther: return "OTHER";
  }
  return "?";
}

std::string advice_text(const SiteFamily& family) {
  if (family.groups_to_use.empty()) return "nobody to ask";
  return fmt::format("{}", fmt::join(family.groups_to_use, " then "));
}

bool is_shown(const GroupUse& use, std::string_view only) {
  return only.empty() || use.group == only;
}

// A row a site, in the order of sites.
std::vector<std::vector<std::string>> rows_by_site(
    std::span<const SiteFamily> families,
    const std::function<std::vector<std::string>(const SiteFamily&, const SiteContract&)>& row_of) {
  std::map<Site, std::vector<std::string>> by_site;
  for (const SiteFamily& family : families) {
    for (const SiteContract* site : family.sites) by_site[site->site] = row_of(family, *site);
  }
  std::vector<std::vector<std::string>> rows;
  rows.reserve(by_site.size());
  for (auto& [site, row] : by_site) rows.push_back(std::move(row));
  return rows;
}

void append_table(std::vector<std::string> heading,
                  std::vector<std::vector<std::string>> rows,
                  std::string& text) {
  rows.insert(rows.begin(), std::move(heading));
  append_columns(rows, text);
}

void append_sites(std::span<const SiteFamily> families, std::string_view only, std::string& text) {
  const auto contract_row = [](const SiteFamily& family, const SiteContract& site) {
    return std::vector<std::string>{
        std::string{site.name},
        std::string{site.axes},
        advice_text(family),
        site.members == SiteMembers::kEveryStep ? "every step" : "per key"};
  };
  append_table(
      {"site", "must agree on", "use here", "called"}, rows_by_site(families, contract_row), text);
  std::vector<std::string> heading = {"with this group instead"};
  for (const GroupUse& use : families.front().uses) {
    if (is_shown(use, only)) heading.emplace_back(use.group);
  }
  const auto fit_row = [&](const SiteFamily& family, const SiteContract& site) {
    std::vector<std::string> row = {std::string{site.name}};
    for (const GroupUse& use : family.uses) {
      if (is_shown(use, only)) row.push_back(fit_word(family, use));
    }
    return row;
  };
  text += "\n";
  append_table(std::move(heading), rows_by_site(families, fit_row), text);
}

// Ranks that block in the same call for the same ranks share a line.
void append_waits(const CallOutcome& outcome, std::string& text) {
  using Wait = std::pair<RankList, RankList>;  // group, waiting for
  std::map<std::pair<ModelCall, Wait>, RankList> waits;
  for (const auto& [rank, block] : outcome.blocked) {
    waits[{block.call, {block.group, block.waiting_for}}].push_back(rank);
  }
  for (const auto& [wait, ranks] : waits) {
    const bool is_next = wait.first == ModelCall::kBroadcast;
    fmt::format_to(std::back_inserter(text),
                   "      ranks {} wait in {} on {} for ranks {}\n",
                   ranks_text(ranks),
                   is_next ? "the next iteration's broadcast" : "the site's call",
                   ranks_text(wait.second.first),
                   ranks_text(wait.second.second));
  }
}

// The first rank that goes on with a wrong value, as an example.
std::string example_of(const CallOutcome& outcome) {
  const RankList& wrong = outcome.too_large.empty() ? outcome.too_small : outcome.too_large;
  if (wrong.empty()) return "";
  const Rank rank = wrong.front();
  return fmt::format(" (rank {}, say: {} where {} is right)",
                     rank,
                     outcome.values[rank].value_or(0),
                     outcome.expected[rank].value_or(0));
}

void append_equal_counts(const SiteFamily& family, const GroupUse& use, std::string& text) {
  const CallOutcome& outcome = use.equal_counts;
  const bool is_control = family.sites[0]->is_control;
  if (!outcome.lacking.empty()) {
    const Rank rank = outcome.lacking.front();
    const RankList& agreeing = *std::ranges::find_if(family.agreeing, [&](const RankList& list) {
      return std::ranges::find(list, rank) != list.end();
    });
    fmt::format_to(std::back_inserter(text),
                   "    too small for ranks {}: rank {} must agree with {}\n"
                   "    nothing hangs at the call; parts keep values of their own{}\n",
                   ranks_text(outcome.lacking),
                   rank,
                   ranks_text(agreeing),
                   is_control ? example_of(outcome) : "");
    if (use.is_lone) text += "    one rank a group: a guard on its size leaves the call out\n";
  }
  if (outcome.exceeding.empty()) return;
  fmt::format_to(
      std::back_inserter(text),
      "    too large for ranks {}\n"
      "    with equal numbers of calls nothing hangs; values of strangers are mixed in{}\n",
      ranks_text(outcome.exceeding),
      is_control && outcome.lacking.empty() ? example_of(outcome) : "");
}

void append_unequal_counts(const SiteFamily& family, const GroupUse& use, std::string& text) {
  if (!use.unequal_counts) return;
  const bool is_per_key = family.sites[0]->members == SiteMembers::kPerKey;
  const char* when = is_per_key ? "replica 0 has a request and the others have none"
                                : "replica 0 enters the site and the others skip it";
  const bool is_hang = !use.unequal_counts->blocked.empty();
  fmt::format_to(
      std::back_inserter(text), "    when {}: {}\n", when, is_hang ? "it hangs" : "nothing hangs");
  append_waits(*use.unequal_counts, text);
  if (is_hang && family.sites[0]->thread == SiteThread::kPrefetch) {
    text += "      nobody times out soon: the call pairs with the next, unrelated prefetch there\n";
  }
}

std::string names_of(const SiteFamily& family) {
  std::vector<std::string_view> names;
  for (const SiteContract* site : family.sites) names.push_back(site->name);
  return fmt::format("{}", fmt::join(names, ", "));
}

// Sites with the same effect share a line.
void append_effects(const SiteFamily& family, GroupFit fit, std::string& text) {
  std::vector<std::pair<std::string_view, std::vector<std::string_view>>> effects;
  for (const SiteContract* site : family.sites) {
    const std::string_view effect = effect_of(site->site, fit);
    if (effects.empty() || effects.back().first != effect) effects.push_back({effect, {}});
    effects.back().second.push_back(site->name);
  }
  for (const auto& [effect, names] : effects) {
    fmt::format_to(std::back_inserter(text), "    {}: {}\n", fmt::join(names, ", "), effect);
  }
}

// Groups of the same ranks come to the same; so they are told of once.
void append_use(const SiteFamily& family,
                const GroupUse& use,
                std::string_view names,
                bool has_effects,
                std::string& text) {
  fmt::format_to(
      std::back_inserter(text), "  {} {}: {}\n", names, lists_text(use.lists), class_slug(use.fit));
  append_equal_counts(family, use, text);
  append_unequal_counts(family, use, text);
  if (has_effects) append_effects(family, use.fit, text);
}

void append_family(const SiteFamily& family, std::string_view only, std::string& text) {
  fmt::format_to(std::back_inserter(text),
                 "\n{}\n  must agree: {}; use {}\n",
                 names_of(family),
                 lists_text(family.agreeing),
                 advice_text(family));
  std::vector<std::string_view> harmless;
  for (const GroupUse& use : family.uses) {
    if (is_shown(use, only) && use.fit == GroupFit::kRight) harmless.push_back(use.group);
  }
  if (!harmless.empty()) {
    fmt::format_to(std::back_inserter(text), "  harmless: {}\n", fmt::join(harmless, ", "));
  }
  std::vector<const GroupUse*> told;
  for (const GroupUse& use : family.uses) {
    if (!is_shown(use, only) || use.fit == GroupFit::kRight) continue;
    const auto is_twin = [&](const GroupUse* other) { return other->lists == use.lists; };
    if (std::ranges::any_of(told, is_twin)) continue;
    std::vector<std::string_view> names;
    for (const GroupUse& twin : family.uses) {
      if (is_shown(twin, only) && twin.lists == use.lists) names.push_back(twin.group);
    }
    append_use(family, use, fmt::format("{}", fmt::join(names, " = ")), !only.empty(), text);
    told.push_back(&use);
  }
}

void append_rule(const Layout& layout, std::string& text) {
  text +=
      "\nThe rule. R is who must agree, G the group that is used.\n"
      "  G lacks some of R: never hangs at the call and breaks agreement; the hang comes later "
      "and\n"
      "    elsewhere. It is the one that nobody sees.\n"
      "  G exceeds R: R agrees, and progress or liveness breaks. Equal numbers of calls mix "
      "values\n"
      "    of strangers; unequal ones hang, or pair with another replica's later call.\n"
      "  G is R along two axes: safe only where every rank takes the axes in the same order.\n";
  if (layout.sizes().pp > 1) {
    text +=
        "  With pp > 1 the control sites agree within a stage: stage 0's answer must go on to the\n"
        "    later stages over pp.\n";
  }
  if (layout.attn_dp_size() > 1) {
    text +=
        "  recv_requests: under DP attention a replica's own work may travel over attention_tp, "
        "then\n"
        "    attn_cp; what is for the whole stage needs tp.\n";
  }
}

}  // namespace

std::string ranks_text(const RankList& ranks) {
  if (ranks.size() <= kRanksInFullMax) return fmt::format("[{}]", fmt::join(ranks, ","));
  std::string text;
  for (std::size_t first = 0; first < ranks.size();) {
    std::size_t last = first;
    while (last + 1 < ranks.size() && ranks[last + 1] == ranks[last] + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", ranks[first]);
    if (last > first) text += fmt::format("{}{}", last > first + 1 ? ".." : ",", ranks[last]);
    first = last + 1;
  }
  return "[" + text + "]";
}

std::string sites_table(const Layout& layout,
                        std::span<const SiteFamily> families,
                        std::string_view asked_for,
                        std::string_view only) {
  const std::string spec = layout.spec();
  std::string text = fmt::format(
      "{}{}\n{} ranks = attention TP {} x attention CP {} x attention replicas {} x stages {}\n\n",
      spec,
      asked_for == spec ? "" : fmt::format(" (asked for as {})", asked_for),
      layout.world_size(),
      layout.attn_tp_size(),
      layout.attn_cp_size(),
      layout.attn_dp_size(),
      layout.sizes().pp);
  append_sites(families, only, text);
  for (const SiteFamily& family : families) append_family(family, only, text);
  append_rule(layout, text);
  if (only.empty()) text += "\n--use GROUP tells what one group does, site by site.\n";
  return text;
}

}  // namespace radixbench
