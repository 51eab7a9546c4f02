#include "layout/site_groups.h"

#include "base/check.h"

#include <algorithm>
#include <array>

namespace radixbench {
namespace {

struct Choice {
  std::string_view group;
  CallPolicy policy;
};
constexpr std::array<Choice, 6> kChoices = {{{"tp", CallPolicy::kTpGroup},
                                             {"tp_cache_group", CallPolicy::kTpCacheGroup},
                                             {"attention_tp", CallPolicy::kAttnTp},
                                             {"attn_cp", CallPolicy::kAttnCp},
                                             {"world", CallPolicy::kWorld},
                                             {"pp", CallPolicy::kPp}}};

constexpr std::array<std::string_view, 6> kChoiceNames = {kChoices[0].group,
                                                          kChoices[1].group,
                                                          kChoices[2].group,
                                                          kChoices[3].group,
                                                          kChoices[4].group,
                                                          kChoices[5].group};

std::string_view kind_of_choice(const Layout& layout, std::string_view group) {
  if (group != "tp_cache_group") return group;
  return layout.sizes().dp_attention ? "attention_tp" : "tp";
}

// A control site must bring its replica's stage together and may reach the replica's other stages;
// a neighbour works on exactly one kind of group.
CallQuestion question_of(const SiteContract& site) {
  CallQuestion question;
  if (!site.is_control) {
    question.required = site.axes;
    question.is_followed_by_broadcast = false;  // it is the broadcast, or has a group of its own
    return question;
  }
  question.required = "cache_stage_replica";
  question.permitted = "cache_replica";
  question.is_followed_by_broadcast = site.thread == SiteThread::kScheduler;
  return question;
}

GroupFit fit_of(CallVerdict verdict) {
  switch (verdict) {
    case CallVerdict::kRight: return GroupFit::kRight;
    case CallVerdict::kStageOnly:
    case CallVerdict::kDivergence: return GroupFit::kTooSmall;
    case CallVerdict::kCrosstalk: return GroupFit::kTooLarge;
    case CallVerdict::kCrosstalkAndDivergence:
    case CallVerdict::kHang: return GroupFit::kOther;
  }
  return GroupFit::kOther;
}

GroupUse use_at(const Layout& layout,
                const SiteContract& site,
                const Choice& choice,
                std::span<const std::int64_t> local) {
  GroupUse use;
  use.group = choice.group;
  use.lists = layout.groups(kind_of_choice(layout, choice.group));
  use.is_lone = use.lists.front().size() == 1;
  CallQuestion question = question_of(site);
  question.policy = choice.policy;
  use.equal_counts = ask(layout, question, local);
  use.fit = fit_of(use.equal_counts.verdict);
  const bool can_be_unequal = site.is_control && layout.attn_dp_size() > 1;
  if (can_be_unequal && !use.equal_counts.exceeding.empty()) {
    question.pattern = {1, 0};
    use.unequal_counts = ask(layout, question, local);
  }
  return use;
}

std::vector<std::string_view> groups_to_use(const Layout& layout, const SiteContract& site) {
  std::vector<std::string_view> groups;
  const auto add_if_it_has_peers = [&](std::string_view kind) {
    if (layout.groups(kind).front().size() > 1) groups.push_back(kind);
  };
  if (site.is_control) {
    add_if_it_has_peers("attn_cp");
    add_if_it_has_peers("attention_tp");
  } else {
    add_if_it_has_peers(site.axes);
  }
  return groups;
}

CallPolicy advised_policy(const SiteContract& site) {
  if (site.is_control) return CallPolicy::kCpThenTp;
  return site.axes == "tp" ? CallPolicy::kTpGroup : CallPolicy::kAttnTp;
}

bool are_alike(const SiteContract& left, const SiteContract& right) {
  return left.axes == right.axes && left.members == right.members && left.thread == right.thread;
}

struct Effect {
  Site site;
  std::string_view too_small;
  std::string_view too_large;
};

// In the order of Site, from kRecvRequests on.
constexpr std::array<Effect, 9> kEffects = {{
    {Site::kRecvRequests,
     "a part of the stage never hears of a request or an abort, and batches differ",
     "stages or replicas take each other's requests for their own"},
    {Site::kWritingCheck,
     "a part takes write acks that its peers have not got: locks go earlier there, eviction and "
     "trees differ",
     "an idle replica answers 0 every time: no ack is ever taken, locks and device pages stay"},
    {Site::kLoadingCheck,
     "a part takes load acks that its peers have not got: locks go earlier there, eviction and "
     "trees differ",
     "an idle replica answers 0 every time: no ack is ever taken, locks and device pages stay"},
    {Site::kCanTerminatePrefetch,
     "a part stops a prefetch that its peers go on with, and settles for what it has itself",
     "everybody waits for the slowest replica, and an abort in one stops prefetches of the others"},
    {Site::kCheckPrefetchProgress,
     "parts insert different prefixes: different extend lengths, and forward hangs on tensors of "
     "different size, far from here",
     "prefixes are cut to another replica's: consistent, but hits are lost"},
    {Site::kReleaseAbortedRequest,
     "no barrier with the missing peers: the anchor is unlocked while one of them still inserts",
     "the barrier waits for replicas that have nothing to abort"},
    {Site::kDrainStorageControlQueues,
     "a part gives host pages back earlier than its peers: allocators, then trees, differ",
     "an idle replica answers 0 every time: nothing is drained, prefetch results never come"},
    {Site::kPrefetchHitCount,
     "a part asks storage for pages that its peers will not have: prefix lengths differ",
     "the hit is cut to another replica's, or to another request's; 0 revokes the prefetch"},
    {Site::kForward,
     "a sum over a part of the shards: wrong activations, and nothing hangs",
     "a sum over shards of other requests or copies of the same one: wrong activations"},
}};

}  // namespace

std::span<const std::string_view> use_choices() { return kChoiceNames; }

std::vector<SiteFamily> site_families(const Layout& layout) {
  const std::vector<std::int64_t> local = model_values(layout.world_size());
  std::vector<SiteFamily> families;
  for (const SiteContract& site : site_contracts()) {
    const auto same = std::ranges::find_if(
        families, [&](const SiteFamily& family) { return are_alike(*family.sites[0], site); });
    if (same != families.end()) {
      same->sites.push_back(&site);
      continue;
    }
    SiteFamily& family = families.emplace_back();
    family.sites.push_back(&site);
    CallQuestion question = question_of(site);
    family.agreeing = layout.groups(question.required);
    family.groups_to_use = groups_to_use(layout, site);
    question.policy = advised_policy(site);
    family.as_advised = ask(layout, question, local);
    for (const Choice& choice : kChoices) {
      family.uses.push_back(use_at(layout, site, choice, local));
    }
  }
  return families;
}

std::string_view effect_of(Site site, GroupFit fit) {
  const auto* const effect = std::ranges::find(kEffects, site, &Effect::site);
  RADIXBENCH_CHECK(effect != kEffects.end());
  switch (fit) {
    case GroupFit::kRight: return {};
    case GroupFit::kTooSmall:
    case GroupFit::kOther: return effect->too_small;
    case GroupFit::kTooLarge: return effect->too_large;
  }
  return {};
}

}  // namespace radixbench
