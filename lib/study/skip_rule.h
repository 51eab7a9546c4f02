#pragma once

#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// Values by name, as text; what reads as a count (64, 0.5, 120k, 2Mi) is a number too.
using Variables = std::map<std::string, std::string, std::less<>>;

constexpr std::size_t kSkipRuleBytesMax = 1024;

// Which cells of a sweep are left out: an expression over a cell's variables. Numbers, names, words
// in quotes; ( ) ! - * / % + < <= > >= == != && || with C's precedence; what is not 0 holds. A word
// that is no variable stands for itself beside == and != if a variable stands on the other side:
// agreement==fused. Pure: a rule only looks.
class SkipRule {
 public:
  // kInvalidArgument naming the byte where it stops making sense.
  static Result<SkipRule> parse(std::string_view text);

  // kInvalidArgument where a name is no variable, a word is calculated with, or something is
  // divided by 0.
  [[nodiscard]] Result<bool> holds(const Variables& variables) const;
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  friend class SkipRuleParser;
  friend class SkipRuleValue;

  enum class Op : std::uint8_t {
    kNumber,
    kWord,  // in quotes
    kName,
    kNot,
    kMinus,
    kTimes,
    kDivide,
    kModulo,
    kPlus,
    kSubtract,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kEqual,
    kUnequal,
    kAnd,
    kOr,
  };
  // Operands stand before their operator in nodes_.
  struct Node {
    Op op = Op::kNumber;
    double number = 0;
    std::string word;
    std::size_t left = 0, right = 0;
  };

  SkipRule() = default;

  std::string text_;
  std::vector<Node> nodes_;  // the last is the whole
};

}  // namespace radixbench
