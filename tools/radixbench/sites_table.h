#pragma once

#include "layout/layout.h"
#include "layout/site_groups.h"

#include <span>
#include <string>
#include <string_view>

namespace radixbench {

// For people: each site with who must agree and what to use, a cell for each other group, then what
// the wrong ones do, which ranks wait for which. `only`, one of use_choices(), leaves out the other
// groups; empty shows all. Ends with a line end.
std::string sites_table(const Layout& layout,
                        std::span<const SiteFamily> families,
                        std::string_view asked_for,
                        std::string_view only);

// [0,1,2,5], and of lists longer than sixteen the runs: [0..255,512].
std::string ranks_text(const RankList& ranks);

}  // namespace radixbench
