#pragma once

#include "layout/layout.h"
#include "layout/site_groups.h"

#include <span>
#include <string>
#include <string_view>

namespace radixbench {

// The class of a verdict that a group's fit would get; none where it is right.
std::string_view class_slug(GroupFit fit);

// One line of JSON: each site with the groups to use and what other groups come to there, with the
// class of a verdict (none where a group is right). `only` leaves out all uses but one.
std::string sites_json(const Layout& layout,
                       std::span<const SiteFamily> families,
                       std::string_view asked_for,
                       std::string_view only);

}  // namespace radixbench
