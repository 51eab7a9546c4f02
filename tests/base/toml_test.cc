#include "base/toml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace radixbench {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TomlValue read(const std::string& text) {
  Result<TomlValue> value = parse_toml(text, "x.toml");
  EXPECT_TRUE(value) << value.error().message;
  return value ? *value : TomlValue{};
}

std::string refusal(const std::string& text) {
  const Result<TomlValue> value = parse_toml(text, "x.toml");
  if (value) return "";
  EXPECT_EQ(value.error().code, ErrorCode::kConfiguration);
  return value.error().message;
}

std::string text_at(const TomlValue& table, const char* name) {
  const TomlValue* value = table.find(name);
  return value == nullptr ? "(none)" : value->text;
}

TEST(TomlTest, ValuesOfEveryKindKeepTheirLine) {
  const TomlValue root = read(
      "# a comment\n"
      "a = \"x # y, z\\u00b5\\n\"  # another\n"
      "b = 'C:\\n'\r\n"
      "\"c d\" = -1_000\n"
      "e = 0x1F\n"
      "f = +6.5e-1\n"
      "g = true\n");
  EXPECT_EQ(text_at(root, "a"), "x # y, z\xC2\xB5\n");
  EXPECT_EQ(text_at(root, "b"), "C:\\n");
  EXPECT_EQ(text_at(root, "c d"), "-1000");
  EXPECT_EQ(text_at(root, "e"), "31");
  EXPECT_EQ(text_at(root, "f"), "6.5e-1");
  EXPECT_EQ(root.find("f")->kind, TomlKind::kFloat);
  EXPECT_EQ(root.find("g")->kind, TomlKind::kBoolean);
  EXPECT_EQ(root.find("e")->line, 5U);
}

TEST(TomlTest, RulesOfTheGateAreReadAsTheyAreDocumented) {
  const TomlValue root = read(R"(version = 1
preset  = "default"
[[rule]]
metric = "consensus.wall"
stat   = ["p50",
          "floor"]   # over two lines
where  = { tp = [4, 8], cp = 2 }
[[rule]]
metric = "collectives.*"
)");
  const TomlValue* rules = root.find("rule");
  ASSERT_NE(rules, nullptr);
  ASSERT_EQ(rules->items.size(), 2U);
  EXPECT_EQ(rules->items[0].find("stat")->items[1].text, "floor");
  EXPECT_EQ(rules->items[0].find("where")->find("tp")->items[1].text, "8");
  EXPECT_EQ(rules->items[1].line, 8U);
  EXPECT_EQ(text_at(rules->items[1], "metric"), "collectives.*");
}

TEST(TomlTest, DottedKeysAndHeadingsNameTheSameTables) {
  const TomlValue root = read("[a.b]\nc = 1\n[a]\nd.e = 2\nd.f = 3\n[[l]]\n[l.m]\nn = 4\n");
  EXPECT_EQ(text_at(*root.find("a")->find("b"), "c"), "1");
  EXPECT_EQ(text_at(*root.find("a")->find("d"), "f"), "3");
  EXPECT_EQ(text_at(*root.find("l")->items[0].find("m"), "n"), "4");
}

TEST(TomlTest, WhatIsGivenTwiceIsRefusedWithItsLine) {
  for (const char* text : {"a = 1\na = 2",
                           "[a]\n[a]",
                           "a = 1\n[a]",
                           "a = {b = 1}\na.c = 2",
                           "a = [1]\n[[a]]",
                           "a.b = 1\na.b = 2"}) {
    EXPECT_THAT(refusal(text), StartsWith("x.toml:2: ")) << text;
  }
}

TEST(TomlTest, WhatIsNoTomlIsRefused) {
  const std::vector<std::string> lines = {"a",
                                          "a =",
                                          "= 1",
                                          "a = 1 b = 2",
                                          "a = text",
                                          "a = 'x",
                                          "a = \"x\\q\"",
                                          "a = \"\\ud800\"",
                                          "a = \"\\u12\"",
                                          "a = [1, 2",
                                          "a = [1 2]",
                                          "a = {b = 1",
                                          "a = {b 1}",
                                          "a = 01",
                                          "a = 1__0",
                                          "a = 1.",
                                          "a = .5",
                                          "a = 0x",
                                          "a = -0x1",
                                          "a = inf",
                                          "a = 99999999999999999999",
                                          "a = 07:32:00",
                                          "a = \"\"\"x\"\"\"",
                                          "a = \"\x01\"",
                                          "[a",
                                          "[]",
                                          "a.b.",
                                          "a = \"x"};
  for (const std::string& line : lines) {
    EXPECT_THAT(refusal("ok = 1\n" + line), StartsWith("x.toml:2: ")) << line;
  }
}

TEST(TomlTest, NestingHasAnEnd) {
  EXPECT_THAT(refusal("a = " + std::string(100'000, '[')), HasSubstr("too deeply"));
  std::string keys = "a";
  for (int i = 0; i < 1000; ++i) keys += ".a";
  EXPECT_THAT(refusal(keys + " = 1"), HasSubstr("too deeply"));
}

TEST(TomlTest, QuotedTextIsReadBackAsItWas) {
  const std::string text = "a \"b\" \\ \x01\t\n# [x], \xC2\xB5";
  EXPECT_EQ(text_at(read("a = " + toml_text(text)), "a"), text);
}

}  // namespace
}  // namespace radixbench
