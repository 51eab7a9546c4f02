#pragma once

#include "base/result.h"
#include "layout/layout.h"
#include "record/hdf5_reader.h"
#include "stats/rank_view.h"

#include <optional>
#include <string>
#include <vector>

namespace radixbench {

// The rank files of a run, read back; a rank whose file can't be read is missing, with the reason.
struct RunData {
  std::vector<RankData> ranks;
  std::vector<std::string> missing;
};

// `paths`: one a rank. Never fails as a whole.
RunData read_run(const std::vector<std::string>& paths);

// An exact metric of a rank by name; 0 where it has none.
std::uint64_t counter(const RankData& data, const std::string& name);

// The same as stats looks at it; `data` must outlive the views.
std::vector<RankView> rank_views(const RunData& data, const Layout& layout);
std::vector<SiteInfo> site_infos();

}  // namespace radixbench
