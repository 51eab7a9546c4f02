// The checks, each with a fault planted and the same without it: a check that can't fail keeps
// nothing.

#include "tidy/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace radixbench::tidy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

SourceFile file_of(std::string path, std::vector<std::string> lines) {
  return {std::move(path), std::move(lines)};
}

TEST(TidyChecksTest, AnIncludeUpwardsOrSidewaysIsFound) {
  EXPECT_THAT(check_rooms(file_of("lib/index/a.cc", {"#include \"base/check.h\""})), IsEmpty());
  EXPECT_THAT(check_rooms(file_of("lib/index/a.cc", {"#include \"index/b.h\""})), IsEmpty());
  EXPECT_THAT(check_rooms(file_of("lib/index/a.cc", {"", "#include \"tier/b.h\""})),
              ElementsAre("lib/index/a.cc:2: index may not include tier"));
  EXPECT_THAT(check_rooms(file_of("lib/base/a.h", {"#include \"layout/layout.h\""})),
              ElementsAre(HasSubstr("base may not include layout")));
  EXPECT_THAT(check_rooms(file_of("lib/report/a.h", {"#include \"replay/plan.h\""})),
              ElementsAre(HasSubstr("report may not include replay")));
  EXPECT_THAT(check_rooms(file_of("lib/index/a.cc", {"#include \"b.h\""})),
              ElementsAre(HasSubstr("includes start at lib/")));
  EXPECT_THAT(check_rooms(file_of("lib/attic/a.cc", {})), ElementsAre(HasSubstr("has no row")));
}

TEST(TidyChecksTest, WhatStandsOutsideItsWallIsFound) {
  const struct {
    const char* line;
    const char* allowed_in;
  } cases[] = {{"#include <CLI/CLI.hpp>", "tools/radixbench/main.cc"},
               {"#include <hdf5.h>", "lib/record/hdf5_table.cc"},
               {"#include <simdjson.h>", "lib/trace/reader.cc"},
               {"#include <nlohmann/json.hpp>", "lib/report/json_run.cc"},
               {"#include <openssl/evp.h>", "lib/base/sha256.cc"},
               {"#include <gloo/context.h>", "lib/comm/gloo_fabric.cc"},
               {"#include <tl/expected.hpp>", "lib/base/result.h"},
               {"const auto now = std::chrono::steady_clock::now();", "lib/base/clock.cc"},
               {"std::random_device entropy;", "lib/base/random.cc"},
               {"return rand();", "lib/base/random.cc"},
               {"fmt::print(\"{}\", 1);", "tools/radixbench/main.cc"},
               {"std::exit(1);", "lib/base/check.cc"}};
  for (const auto& [line, allowed_in] : cases) {
    SCOPED_TRACE(line);
    EXPECT_THAT(check_walls(file_of(allowed_in, {line})), IsEmpty());
    EXPECT_THAT(check_walls(file_of("lib/stats/summary.cc", {"", line})),
                ElementsAre(HasSubstr("lib/stats/summary.cc:2: ")));
  }
  EXPECT_THAT(check_walls(file_of("lib/stats/a.cc", {"fmt::format(\"{}\", operand());"})),
              IsEmpty());
}

TEST(TidyChecksTest, ATodoOfNoKnownKindIsFound) {
  // Put together, so that this file has none itself.
  const std::string todo = std::string{"TO"} + "DO";
  EXPECT_THAT(check_walls(file_of("lib/a/a.cc", {"// " + todo + "(perf): measure"})), IsEmpty());
  EXPECT_THAT(check_walls(file_of("lib/a/a.cc", {"// " + todo + " fix"})), testing::SizeIs(1));
  EXPECT_THAT(check_walls(file_of("lib/a/a.cc", {"// " + todo + "(me): fix"})), testing::SizeIs(1));
}

TEST(TidyChecksTest, LongFilesAndLongLinesAreFound) {
  EXPECT_THAT(check_size(file_of("a.cc", std::vector<std::string>(500, std::string(100, 'x')))),
              IsEmpty());
  EXPECT_THAT(check_size(file_of("a.cc", {std::string(101, 'x')})),
              ElementsAre("a.cc:1: 101 columns"));
  EXPECT_THAT(check_size(file_of("a.cc", std::vector<std::string>(501))),
              ElementsAre("a.cc:501: 501 lines"));
  std::string wide;
  for (int i = 0; i < 100; ++i) wide += "\u00d7";
  EXPECT_THAT(check_size(file_of("a.cc", {wide})), IsEmpty()) << "letters count, not bytes";
}

TEST(TidyChecksTest, UnguardedHeadersAndForeignFirstIncludesAreFound) {
  EXPECT_THAT(check_headers(file_of("lib/a/a.h", {"// What it is.", "#pragma once"}), false),
              IsEmpty());
  EXPECT_THAT(check_headers(file_of("lib/a/a.h", {"int a;"}), false), testing::SizeIs(1));
  EXPECT_THAT(check_headers(file_of("lib/a/a.cc", {"#include \"a/a.h\""}), true), IsEmpty());
  EXPECT_THAT(check_headers(file_of("lib/a/a.cc", {"#include <map>", "#include \"a/a.h\""}), true),
              ElementsAre("lib/a/a.cc:1: its own header comes first"));
  EXPECT_THAT(check_headers(file_of("a.cc", {"using namespace std;"}), false), testing::SizeIs(1));
  EXPECT_THAT(check_headers(file_of("a.cc", {"using namespace std::chrono_literals;"}), false),
              IsEmpty());
}

TEST(TidyChecksTest, TestsThatClaimNothingAreFound) {
  EXPECT_THAT(check_test_names(file_of("a.cc", {"TEST(TreeTest, Basic) {"})), testing::SizeIs(1));
  EXPECT_THAT(check_test_names(file_of("a.cc", {"TEST_F(TreeTest, Test1) {"})), testing::SizeIs(1));
  EXPECT_THAT(check_test_names(file_of("a.cc", {"TEST(TreeTest, EvictsTheOldestLeaf) {"})),
              IsEmpty());
}

TEST(TidyChecksTest, PathsOfOneMachineAreFound) {
  const std::string home = std::string{"/ho"} + "me/ann/trace.jsonl";
  EXPECT_THAT(check_paths(file_of("README.md", {"run it on " + home})), testing::SizeIs(1));
  EXPECT_THAT(check_paths(file_of("README.md", {home})), testing::SizeIs(1));
  EXPECT_THAT(check_paths(file_of("README.md", {"../shared/data/traces/x.jsonl"})), IsEmpty());
  EXPECT_THAT(check_paths(file_of("README.md", {"see docs/" + std::string{"wo"} + "rk/plan.md"})),
              IsEmpty());
}

TEST(TidyChecksTest, AListHoldsWholeNamesOnly) {
  const SourceFile list = file_of(
      "CMakeLists.txt", {"radixbench_room(trace", "  SOURCES a.cc radix_tree.cc)", "  # left.cc"});
  EXPECT_TRUE(is_listed(list, "a.cc"));
  EXPECT_TRUE(is_listed(list, "radix_tree.cc"));
  EXPECT_FALSE(is_listed(list, "tree.cc"));
  EXPECT_FALSE(is_listed(list, "left.cc"));
}

TEST(TidyChecksTest, LinksAreRelativeOnesWithoutAnchors) {
  EXPECT_THAT(relative_links(file_of(
                  "a.md", {"[x](docs/a.md#top) [y](https://example.org/z)", "[w](../b.md)"})),
              ElementsAre("docs/a.md", "../b.md"));
}

}  // namespace
}  // namespace radixbench::tidy
