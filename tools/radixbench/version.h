#pragma once

#include <string>

namespace radixbench {

// radixbench 0.1.0
std::string version_line();

// The tool, the versions of the forms that it writes, and what it is made of, as JSON; null where a
// part isn't built in or can't be found.
std::string version_text_json();

}  // namespace radixbench
