// Checks of the code itself, run like any other test. A rule that is written here is kept; a rule
// that is only written in a guide isn't.

#include "tidy/checks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <string>
#include <vector>

namespace radixbench::tidy {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = RADIXBENCH_SOURCE_DIR;

void expect_clean(const Findings& findings) {
  for (const std::string& finding : findings) ADD_FAILURE() << finding;
}

SourceFile list_of(const std::string& folder) {
  std::vector<SourceFile> lists = read_tree(kRoot, {folder}, {"CMakeLists.txt"});
  std::erase_if(lists,
                [&](const SourceFile& list) { return list.path != folder + "/CMakeLists.txt"; });
  return lists.empty() ? SourceFile{folder + "/CMakeLists.txt (missing)", {}} : lists.front();
}

std::string folder_of(const SourceFile& file) {
  return fs::path{file.path}.parent_path().generic_string();
}

std::string name_of(const SourceFile& file) { return fs::path{file.path}.filename().string(); }

TEST(TidyTest, RoomsIncludeOnlyRoomsBelowThem) {
  for (const SourceFile& file : read_tree(kRoot, {"lib"}, {".h", ".cc"})) {
    expect_clean(check_rooms(file));
  }
}

TEST(TidyTest, WallsHold) {
  for (const SourceFile& file : read_tree(kRoot, {"lib", "tools", "bench"}, {".h", ".cc"})) {
    expect_clean(check_walls(file));
  }
}

TEST(TidyTest, FilesAndLinesStayShort) {
  const std::vector<std::string> folders = {"lib", "tools", "tests", "bench"};
  for (const SourceFile& file : read_tree(kRoot, folders, {".h", ".cc"})) {
    expect_clean(check_size(file));
  }
}

TEST(TidyTest, HeadersAreGuardedAndOwnHeadersComeFirst) {
  const std::vector<std::string> folders = {"lib", "tools", "tests", "bench"};
  for (const SourceFile& file : read_tree(kRoot, folders, {".h", ".cc"})) {
    const fs::path own_header = fs::path{kRoot / file.path}.replace_extension(".h");
    expect_clean(check_headers(file, file.path.ends_with(".cc") && fs::exists(own_header)));
  }
}

TEST(TidyTest, EveryLibraryAndToolSourceIsInItsFoldersList) {
  for (const SourceFile& file : read_tree(kRoot, {"lib"}, {".h", ".cc"})) {
    EXPECT_TRUE(is_listed(list_of(folder_of(file)), name_of(file)))
        << folder_of(file) << "/CMakeLists.txt leaves out " << name_of(file);
  }
  for (const SourceFile& file : read_tree(kRoot, {"tools"}, {".cc"})) {
    EXPECT_TRUE(is_listed(list_of(folder_of(file)), name_of(file)))
        << folder_of(file) << "/CMakeLists.txt leaves out " << name_of(file);
  }
}

TEST(TidyTest, EveryTestAndBenchIsBuilt) {
  const std::vector<SourceFile> test_lists = read_tree(kRoot, {"tests"}, {"CMakeLists.txt"});
  for (const SourceFile& file : read_tree(kRoot, {"tests"}, {".cc"})) {
    const bool is_shared = file.path.starts_with("tests/support/");
    const bool is_built = is_shared ? std::ranges::any_of(test_lists,
                                                          [&](const SourceFile& list) {
                                                            return is_listed(list, name_of(file));
                                                          })
                                    : is_listed(list_of(folder_of(file)), name_of(file));
    EXPECT_TRUE(is_built) << "no list builds " << file.path;
  }
  for (const SourceFile& file : read_tree(kRoot, {"bench"}, {".cc"})) {
    EXPECT_TRUE(is_listed(list_of("bench"), name_of(file))) << "no list builds " << file.path;
  }
}

TEST(TidyTest, EveryFolderWithAListIsEntered) {
  for (const std::string parent : {"lib", "tests"}) {
    for (const SourceFile& list : read_tree(kRoot, {parent}, {"CMakeLists.txt"})) {
      if (folder_of(list) == parent) continue;
      const std::string room = fs::path{folder_of(list)}.filename().string();
      EXPECT_TRUE(is_listed(list_of(parent), room))
          << parent << "/CMakeLists.txt never enters " << room;
    }
  }
}

TEST(TidyTest, EveryRoomInTheTableIsAFolderOfLib) {
  for (const auto& [room, below] : room_table()) {
    for (const std::string& other : below) EXPECT_TRUE(room_table().contains(other)) << other;
  }
  for (const auto& entry : fs::directory_iterator{kRoot / "lib"}) {
    if (!entry.is_directory()) continue;
    EXPECT_TRUE(room_table().contains(entry.path().filename().string())) << entry.path();
  }
}

TEST(TidyTest, TestNamesAreClaims) {
  for (const SourceFile& file : read_tree(kRoot, {"tests"}, {".cc"})) {
    expect_clean(check_test_names(file));
  }
}

TEST(TidyTest, NoFileNamesAPathOfOneMachine) {
  for (const SourceFile& file : read_all_text(kRoot)) expect_clean(check_paths(file));
}

TEST(TidyTest, LinksOfTheDocumentsLeadSomewhere) {
  for (const SourceFile& file : read_all_text(kRoot)) {
    if (!file.path.ends_with(".md")) continue;
    for (const std::string& link : relative_links(file)) {
      EXPECT_TRUE(fs::exists(kRoot / folder_of(file) / link)) << file.path << ": " << link;
    }
  }
}

// docs/errors.md is the home of the exit codes.
// `Suite.Claim`, and `.Claim` of the suite that was named before it.
TEST(TidyTest, TestsThatTheDocumentsNameExist) {
  std::string tests;
  for (const SourceFile& file : read_tree(kRoot, {"tests"}, {".cc"})) {
    for (const std::string& line : file.lines) tests += line + "\n";
  }
  const std::regex name{R"(`([A-Z][A-Za-z0-9]*Test)?\.([A-Z][A-Za-z0-9]*)`)"};
  std::size_t names = 0;
  std::string suite;
  for (const SourceFile& document : read_tree(kRoot, {"docs"}, {"acceptance.md"})) {
    for (const std::string& line : document.lines) {
      for (std::sregex_iterator at{line.begin(), line.end(), name}, end; at != end; ++at) {
        if ((*at)[1].matched) suite = (*at)[1];
        ++names;
        const std::string claim = suite + ", " + (*at)[2].str() + ")";
        EXPECT_NE(tests.find(claim), std::string::npos) << "no test is called " << claim;
      }
    }
  }
  EXPECT_GT(names, 20U);
}

TEST(TidyTest, EveryExitCodeIsInTheDocuments) {
  const std::vector<SourceFile> header = read_tree(kRoot, {"tools"}, {"exit_codes.h"});
  const std::vector<SourceFile> page = read_tree(kRoot, {"docs"}, {"errors.md"});
  ASSERT_EQ(header.size(), 1U);
  ASSERT_EQ(page.size(), 1U);
  static const std::regex kCode{R"(kExit\w+ = (\d+),)"};
  std::size_t codes = 0;
  for (const std::string& line : header.front().lines) {
    std::smatch match;
    if (!std::regex_search(line, match, kCode)) continue;
    ++codes;
    const std::string row = "| " + match[1].str();
    EXPECT_TRUE(std::ranges::any_of(page.front().lines,
                                    [&](const std::string& text) {
                                      return text.starts_with(row + " |") ||
                                             text.starts_with(row + ",");
                                    }))
        << "docs/errors.md has no row of " << match[1];
  }
  EXPECT_GE(codes, 16U);
}

}  // namespace
}  // namespace radixbench::tidy
