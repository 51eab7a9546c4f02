#pragma once

#include <string>

namespace radixbench {

// What each kind of recorder file can show of each class of verdict, and under the table why not.
std::string visibility_table();

}  // namespace radixbench
