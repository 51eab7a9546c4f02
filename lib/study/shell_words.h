#pragma once

#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// A line as a shell would split it into words: at blanks, but not inside '...' or "..."; a
// backslash outside '...' takes the next character as it is. Nothing else is special. An odd quote
// is kInvalidArgument.
Result<std::vector<std::string>> split_shell_words(std::string_view line);

// Words as a line that a shell splits into them again.
std::string join_shell_words(const std::vector<std::string>& words);

// `options` and after them `overriding`, each option given as one word --name=value or --name, or
// (of `overriding` alone) as --name value: of `options`, those that `overriding` names are left
// out, since most may stand on a command line only once.
std::vector<std::string> overridden(const std::vector<std::string>& options,
                                    const std::vector<std::string>& overriding);

}  // namespace radixbench
