#include "layout/describe.h"
#include "report/json_layout.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <string>
#include <vector>

namespace radixbench {
namespace {

using Json = nlohmann::json;

Json read_vectors() {
  std::ifstream file{RADIXBENCH_SOURCE_DIR "/tests/data/vectors/parallel-groups.json"};
  return Json::parse(file);
}

std::vector<Json> sglang_layouts() {
  const Json vectors = read_vectors();
  std::vector<Json> layouts;
  for (const Json& layout : vectors["layouts"]) {
    if (layout["engine"] == "sglang") layouts.push_back(layout);
  }
  return layouts;
}

// The vector's arguments in the engine form, every key spelt out.
std::string spec_of(const Json& args) {
  std::string spec = "sglang:";
  for (const char* key : {"tp", "pp", "cp", "dp", "ep", "moe_dp", "dcp"}) {
    spec += std::string{key} + "=" + args[key].dump() + ",";
  }
  return spec + "dp_attention=" + args["dp_attention"].dump();
}

TEST(LayoutVectorsTest, EverySglangLayoutIsReproducedFieldByField) {
  const std::vector<Json> layouts = sglang_layouts();
  ASSERT_EQ(layouts.size(), 13U);
  for (const Json& expected : layouts) {
    SCOPED_TRACE(expected["name"]);
    const Result<ParsedLayout> parsed = parse_layout(spec_of(expected["args"]));
    ASSERT_TRUE(parsed) << parsed.error().message;
    const std::string name = expected["name"];
    const std::string why = expected["why"];
    const Json got = Json::parse(layout_json(describe(name, *parsed), why));
    EXPECT_EQ(Json::diff(expected, got), Json::array());
  }
}

TEST(LayoutVectorsTest, JsonNamesItsFieldsInTheVectorsOrder) {
  std::ifstream file{RADIXBENCH_SOURCE_DIR "/tests/data/vectors/parallel-groups.json"};
  const nlohmann::ordered_json vectors = nlohmann::ordered_json::parse(file);
  const nlohmann::ordered_json& expected = vectors["layouts"][0];
  const Result<ParsedLayout> parsed = parse_layout("tp4cp2");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(layout_json(describe(expected["name"], *parsed), std::string{expected["why"]}),
            expected.dump());
}

// Each fault entry carries its layout in the project's grammar; `local` has a value a rank.
TEST(LayoutVectorsTest, EveryFaultSpecParsesToAWorldOfItsSize) {
  const Json vectors = read_vectors();
  for (const Json& fault : vectors["faults"]) {
    const std::string spec = fault["spec"];
    SCOPED_TRACE(spec);
    const Result<Layout> layout = make_layout(spec);
    ASSERT_TRUE(layout) << layout.error().message;
    EXPECT_EQ(layout->world_size(), fault["local"].size());
  }
}

// Under lockstep the TP cache group keeps different values exactly where it lacks the CP peers.
TEST(LayoutVectorsTest, CacheGroupsLackPeersWhereTheFaultTableDiverges) {
  const Json vectors = read_vectors();
  std::size_t diverging = 0;
  for (const Json& fault : vectors["faults"]) {
    if (fault["policy"] != "tp_cache_group" || fault["pattern"] != "lockstep") continue;
    SCOPED_TRACE(fault["spec"]);
    const Result<Layout> layout = make_layout(std::string{fault["spec"]});
    ASSERT_TRUE(layout);
    const bool diverges = std::string{fault["verdict"]}.find("divergence") != std::string::npos;
    for (Rank rank = 0; rank < layout->world_size(); ++rank) {
      EXPECT_EQ(!cache_group_lacks(*layout, rank).empty(), diverges) << "rank " << rank;
    }
    diverging += diverges ? 1 : 0;
  }
  EXPECT_EQ(diverging, 3U);
}

}  // namespace
}  // namespace radixbench
