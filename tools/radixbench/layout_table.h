#pragma once

#include "layout/describe.h"

#include <string>
#include <string_view>

namespace radixbench {

// A valid layout for people: sizes, coordinates, groups, what each rank's cache is given, and in
// words whether the cache's TP group holds everyone it must agree with. Ends with a line end.
std::string layout_table(const LayoutDescription& description, std::string_view asked_for);

}  // namespace radixbench
