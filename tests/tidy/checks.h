#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench::tidy {

// A file of the tree by its path under the root, with '/' between its parts.
struct SourceFile {
  std::string path;
  std::vector<std::string> lines;
};

// What is wrong, each as path:line: words. Empty where a rule holds.
using Findings = std::vector<std::string>;

// The rooms whose headers each room may include; its own are understood.
using RoomTable = std::map<std::string, std::set<std::string>, std::less<>>;
const RoomTable& room_table();

// Under `folders` of the root, the files whose names end in one of `endings`, in order of path.
// Build folders and what others wrote (bench/peers) are left out.
std::vector<SourceFile> read_tree(const std::filesystem::path& root,
                                  const std::vector<std::string>& folders,
                                  const std::vector<std::string>& endings);
// Every text file of the project.
std::vector<SourceFile> read_all_text(const std::filesystem::path& root);

// A lib file includes rooms of its row only, and every room has a row.
Findings check_rooms(const SourceFile& file);
// Third-party headers and dangerous calls stay behind their walls; TODOs are of a known kind.
Findings check_walls(const SourceFile& file);
Findings check_size(const SourceFile& file);
// #pragma once in headers, a .cc's own header first, no `using namespace` but std literals.
Findings check_headers(const SourceFile& file, bool has_own_header);
// Names of tests are claims.
Findings check_test_names(const SourceFile& file);
// No absolute path of somebody's machine.
Findings check_paths(const SourceFile& file);
// `name` stands in the CMake list as a word.
bool is_listed(const SourceFile& list, std::string_view name);
// Relative links of a Markdown file, without anchors.
std::vector<std::string> relative_links(const SourceFile& file);

}  // namespace radixbench::tidy
