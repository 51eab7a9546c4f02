#pragma once

#include "base/result.h"
#include "watch/group_check.h"
#include "watch/recording.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// Reads docs/formats/groups.md: an object, or an array of them. kCorrupt naming `source`, the byte
// and the field.
Result<std::vector<GroupList>> parse_group_lists(std::string_view text, std::string_view source);

// What a recorded rank knows of groups.
GroupList group_list_of(const Recording& recording);

// Files of either kind, and folders of them: of a folder its *.json and *.ring files, or those of
// its rings/ folder. A file whose first letter begins an object or an array is JSON, any other a
// ring. kNotFound where nothing is, kCorrupt also where two speak for one rank.
Result<std::vector<GroupList>> read_group_lists(std::span<const std::string> paths);

}  // namespace radixbench
