#include "layout/site_groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace radixbench {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const SiteFamily& family_of(const std::vector<SiteFamily>& families, Site site) {
  const auto holds = [&](const SiteFamily& family) {
    return std::ranges::any_of(family.sites, [&](const auto* one) { return one->site == site; });
  };
  return *std::ranges::find_if(families, holds);
}

const GroupUse& use_of(const SiteFamily& family, std::string_view group) {
  return *std::ranges::find(family.uses, group, &GroupUse::group);
}

std::map<std::string, GroupFit> fits(const std::string& spec, Site site) {
  const Layout layout = make_layout(spec).value();
  const std::vector<SiteFamily> families = site_families(layout);
  std::map<std::string, GroupFit> fits;
  for (const GroupUse& use : family_of(families, site).uses) {
    fits[std::string{use.group}] = use.fit;
  }
  return fits;
}

TEST(SiteGroupsTest, EverySiteIsInOneFamily) {
  std::vector<Site> sites;
  for (const SiteFamily& family : site_families(make_layout("tp2cp2dp2").value())) {
    for (const SiteContract* site : family.sites) sites.push_back(site->site);
  }
  std::ranges::sort(sites);
  EXPECT_EQ(sites.size(), site_contracts().size());
  EXPECT_EQ(std::ranges::adjacent_find(sites), sites.end());
}

TEST(SiteGroupsTest, WhatIsAdvisedIsRightInEveryLayout) {
  for (const std::string spec : {"tp1",
                                 "tp8",
                                 "tp4cp2",
                                 "cp8",
                                 "tp4dp2",
                                 "dp8",
                                 "tp2cp2dp2",
                                 "cp4dp2",
                                 "tp2cp2pp2",
                                 "tp2cp2dp2pp2"}) {
    SCOPED_TRACE(spec);
    for (const SiteFamily& family : site_families(make_layout(spec).value())) {
      EXPECT_EQ(family.as_advised.verdict, CallVerdict::kRight) << family.sites[0]->name;
      EXPECT_EQ(family.groups_to_use.empty(), family.agreeing[0].size() == 1);
    }
  }
}

TEST(SiteGroupsTest, WithOneReplicaTheHardCodedGroupsAreHarmless) {
  const auto control = fits("tp4cp2", Site::kWritingCheck);
  EXPECT_EQ(control.at("tp"), GroupFit::kRight);
  EXPECT_EQ(control.at("tp_cache_group"), GroupFit::kRight);
  EXPECT_EQ(control.at("world"), GroupFit::kRight);
  EXPECT_EQ(control.at("attention_tp"), GroupFit::kTooSmall);
  EXPECT_EQ(control.at("attn_cp"), GroupFit::kTooSmall);
  EXPECT_EQ(control.at("pp"), GroupFit::kTooSmall);
}

TEST(SiteGroupsTest, WithReplicasAndCpTheCacheGroupIsTooSmallAndTpTooLarge) {
  const auto control = fits("tp2cp2dp2", Site::kCheckPrefetchProgress);
  EXPECT_EQ(control.at("tp"), GroupFit::kTooLarge);
  EXPECT_EQ(control.at("tp_cache_group"), GroupFit::kTooSmall);
  EXPECT_EQ(control.at("world"), GroupFit::kTooLarge);
}

// The stages of one replica may be tied together; those of two may not.
TEST(SiteGroupsTest, WorldIsHarmlessOverStagesOfOneReplicaOnly) {
  EXPECT_EQ(fits("tp2cp2pp2", Site::kLoadingCheck).at("world"), GroupFit::kRight);
  EXPECT_EQ(fits("tp2cp2dp2pp2", Site::kLoadingCheck).at("world"), GroupFit::kTooLarge);
  EXPECT_EQ(fits("tp2cp2pp2", Site::kForward).at("world"), GroupFit::kTooLarge);
}

TEST(SiteGroupsTest, UnequalCountsHangAndSayWhoWaitsForWhom) {
  const Layout layout = make_layout("sglang:tp=8,cp=2,dp=2").value();
  const std::vector<SiteFamily> families = site_families(layout);
  const GroupUse& scheduler = use_of(family_of(families, Site::kCanTerminatePrefetch), "tp");
  ASSERT_TRUE(scheduler.unequal_counts);
  EXPECT_EQ(scheduler.unequal_counts->verdict, CallVerdict::kHang);
  EXPECT_EQ(scheduler.unequal_counts->blocked.size(), 8U);
  EXPECT_THAT(scheduler.unequal_counts->blocked.at(0).waiting_for, ElementsAre(4, 5, 6, 7));
  // The idle replica's prefetch thread is in no call: nobody but the asking replica waits.
  const GroupUse& prefetch = use_of(family_of(families, Site::kPrefetchHitCount), "tp");
  ASSERT_TRUE(prefetch.unequal_counts);
  EXPECT_EQ(prefetch.unequal_counts->blocked.size(), 4U);
}

TEST(SiteGroupsTest, ForwardIsOfAttentionTpAndReceivingOfTheStage) {
  const auto forward = fits("tp2cp2dp2", Site::kForward);
  EXPECT_EQ(forward.at("attention_tp"), GroupFit::kRight);
  EXPECT_EQ(forward.at("tp"), GroupFit::kTooLarge);
  EXPECT_EQ(forward.at("attn_cp"), GroupFit::kOther);
  const auto receiving = fits("tp2cp2dp2", Site::kRecvRequests);
  EXPECT_EQ(receiving.at("tp"), GroupFit::kRight);
  EXPECT_EQ(receiving.at("attention_tp"), GroupFit::kTooSmall);
}

TEST(SiteGroupsTest, AReplicaOfOneRankHasNobodyToAsk) {
  const Layout layout = make_layout("dp8").value();
  const std::vector<SiteFamily> families = site_families(layout);
  const SiteFamily& control = family_of(families, Site::kWritingCheck);
  EXPECT_THAT(control.groups_to_use, IsEmpty());
  EXPECT_TRUE(use_of(control, "tp_cache_group").is_lone);
  EXPECT_EQ(use_of(control, "tp_cache_group").fit, GroupFit::kRight);
  EXPECT_EQ(use_of(control, "tp").fit, GroupFit::kTooLarge);
}

TEST(SiteGroupsTest, EverySiteHasAnEffectOfEveryMisfit) {
  for (const SiteContract& site : site_contracts()) {
    for (const GroupFit fit : {GroupFit::kTooSmall, GroupFit::kTooLarge, GroupFit::kOther}) {
      EXPECT_FALSE(effect_of(site.site, fit).empty()) << site.name;
    }
    EXPECT_TRUE(effect_of(site.site, GroupFit::kRight).empty());
  }
}

}  // namespace
}  // namespace radixbench
