#include "study/skip_rule.h"

#include "base/random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

namespace radixbench {
namespace {

using testing::HasSubstr;

const Variables& variables() {
  static const Variables kVariables = {{"tp", "4"},
                                       {"cp", "2"},
                                       {"world", "8"},
                                       {"agreement", "fused"},
                                       {"host_tokens", "120k"},
                                       {"abort", "0.25"}};
  return kVariables;
}

bool holds(std::string_view text) {
  const Result<SkipRule> rule = SkipRule::parse(text);
  EXPECT_TRUE(rule) << (rule ? "" : rule.error().message);
  if (!rule) return false;
  const Result<bool> value = rule->holds(variables());
  EXPECT_TRUE(value) << (value ? "" : value.error().message);
  return value.value_or(false);
}

std::string error_of(std::string_view text) {
  const Result<SkipRule> rule = SkipRule::parse(text);
  if (!rule) return rule.error().message;
  const Result<bool> value = rule->holds(variables());
  EXPECT_FALSE(value) << text;
  return value ? "" : value.error().message;
}

TEST(SkipRuleTest, CalculatesWithVariables) {
  EXPECT_FALSE(holds("tp*cp>8"));
  EXPECT_TRUE(holds("tp*cp>=world"));
  EXPECT_TRUE(holds("tp * cp == 8"));
  EXPECT_TRUE(holds("tp % 3 == 1"));
  EXPECT_TRUE(holds("abort == 0.25"));
  EXPECT_TRUE(holds("host_tokens > 100k && host_tokens < 1Mi"));
  EXPECT_TRUE(holds("-tp < 0"));
  EXPECT_TRUE(holds("tp"));
  EXPECT_FALSE(holds("tp - 4"));
}

TEST(SkipRuleTest, OperatorsBindAsInC) {
  EXPECT_TRUE(holds("1 + 2 * 3 == 7"));
  EXPECT_TRUE(holds("(1 + 2) * 3 == 9"));
  EXPECT_TRUE(holds("10 - 3 - 2 == 5"));
  EXPECT_TRUE(holds("12 / 3 / 2 == 2"));
  EXPECT_TRUE(holds("1 || 0 && 0"));
  EXPECT_FALSE(holds("(1 || 0) && 0"));
  EXPECT_TRUE(holds("1 < 2 == 1"));
  EXPECT_TRUE(holds("!0 + 1 == 2"));
  EXPECT_FALSE(holds("!(tp == 4)"));
}

TEST(SkipRuleTest, WordsCompareWithAndWithoutQuotes) {
  EXPECT_TRUE(holds("agreement==fused"));
  EXPECT_TRUE(holds("fused==agreement"));
  EXPECT_TRUE(holds("agreement=='fused'"));
  EXPECT_TRUE(holds("agreement!=\"attn_groups\""));
  EXPECT_FALSE(holds("agreement==attn_groups && tp==4"));
  EXPECT_TRUE(holds("host_tokens == 120000"));
  EXPECT_TRUE(holds("host_tokens == '120k'"));
}

TEST(SkipRuleTest, TheRightSideIsLookedAtOnlyWhereItMatters) {
  EXPECT_FALSE(holds("tp == 5 && 1 / 0"));
  EXPECT_TRUE(holds("tp == 4 || 1 / 0"));
}

TEST(SkipRuleTest, ErrorsNameThePlaceOrTheName) {
  EXPECT_THAT(error_of(""), HasSubstr("at byte 1: expected a number, a name or '('"));
  EXPECT_THAT(error_of("tp*"), HasSubstr("at byte 4"));
  EXPECT_THAT(error_of("(tp"), HasSubstr("expected ')'"));
  EXPECT_THAT(error_of("tp cp"), HasSubstr("at byte 4: expected an operator or the end"));
  EXPECT_THAT(error_of("tp == 'x"), HasSubstr("a quote that is closed"));
  EXPECT_THAT(error_of("3x > 1"), HasSubstr("a number such as"));
  EXPECT_THAT(error_of("tp = 4"), HasSubstr("at byte 4"));
  EXPECT_THAT(error_of("rank > 1"),
              HasSubstr("nothing is called rank; there are abort, agreement"));
  EXPECT_THAT(error_of("rank == fused"), HasSubstr("nothing is called rank"));
  EXPECT_THAT(error_of("rank == 'fused'"), HasSubstr("nothing is called rank"));
  EXPECT_THAT(error_of("agreement > 1"), HasSubstr("agreement is 'fused', which is no number"));
  EXPECT_THAT(error_of("tp / (cp - 2)"), HasSubstr("divided by 0"));
  EXPECT_THAT(error_of("tp % 0"), HasSubstr("divided by 0"));
}

TEST(SkipRuleTest, DepthAndLengthAreBounded) {
  EXPECT_THAT(error_of(std::string(200, '(') + "1" + std::string(200, ')')),
              HasSubstr("fewer parentheses"));
  EXPECT_THAT(error_of(std::string(200, '!') + "1"), HasSubstr("fewer parentheses"));
  EXPECT_THAT(error_of(std::string(2000, '1')), HasSubstr("longer than 1024 bytes"));
  std::string sum = "1";
  while (sum.size() + 2 <= kSkipRuleBytesMax) sum += "+1";
  EXPECT_TRUE(holds(sum + ""));
}

TEST(SkipRuleTest, AnyTextIsReadOrRefused) {
  constexpr std::uint64_t kSeed = 20261123;
  SCOPED_TRACE(kSeed);
  constexpr std::array<std::string_view, 24> kPieces = {
      "tp", "cp", "fused", "agreement", "nobody", "1", "0",  "120k", "1e400", "'a'", "'", "(",
      ")",  "!",  "-",     "*",         "/",      "%", "<=", "==",   "&&",    "||",  " ", "&"};
  Random random{kSeed, "skip_rule"};
  int read = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (std::uint64_t left = 1 + random.below(9); left > 0; --left) {
      text += kPieces.at(random.below(kPieces.size()));
    }
    const Result<SkipRule> rule = SkipRule::parse(text);
    if (!rule) continue;
    ++read;
    // Twice the same, whatever it is.
    const Result<bool> once = rule->holds(variables());
    const Result<bool> again = rule->holds(variables());
    EXPECT_EQ(once.has_value(), again.has_value()) << text;
    EXPECT_EQ(once.value_or(false), again.value_or(false)) << text;
  }
  EXPECT_GT(read, 100);
}

}  // namespace
}  // namespace radixbench
