#include "study/skip_rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>
#include <variant>

namespace radixbench {
namespace {

// Parentheses and signs in one another; a person needs three.
constexpr std::size_t kDepthMax = 64;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::optional<double> number_of(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 8> kSuffixes = {{{"", 1},
                                                                             {"k", 1e3},
                                                                             {"K", 1e3},
                                                                             {"M", 1e6},
                                                                             {"G", 1e9},
                                                                             {"Ki", 1024},
                                                                             {"Mi", 1048576},
                                                                             {"Gi", 1073741824}}};
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || !std::isfinite(value)) return {};
  const std::string_view letters{stop, static_cast<std::size_t>(end - stop)};
  for (const auto& [suffix, times] : kSuffixes) {
    if (letters == suffix) return value * times;
  }
  return {};
}

}  // namespace

class SkipRuleParser {
 public:
  explicit SkipRuleParser(std::string_view text) : text_{text} { rule_.text_ = std::string{text}; }

  Result<SkipRule> parse() {
    if (text_.size() > kSkipRuleBytesMax) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("--skip-if: longer than {} bytes", kSkipRuleBytesMax));
    }
    const Parsed whole = binary(0);
    if (!whole) return tl::unexpected(whole.error());
    skip_blanks();
    if (at_ < text_.size()) return tl::unexpected(bad("an operator or the end").value());
    return std::move(rule_);
  }

 private:
  using Op = SkipRule::Op;
  using Parsed = Result<std::size_t>;  // a node's index
  struct Operator {
    std::string_view spelling;
    Op op;
    int precedence;
  };
  // Longer spellings before their beginnings.
  static constexpr std::array<Operator, 13> kOperators = {{{"||", Op::kOr, 1},
                                                           {"&&", Op::kAnd, 2},
                                                           {"==", Op::kEqual, 3},
                                                           {"!=", Op::kUnequal, 3},
                                                           {"<=", Op::kLessEqual, 4},
                                                           {">=", Op::kGreaterEqual, 4},
                                                           {"<", Op::kLess, 4},
                                                           {">", Op::kGreater, 4},
                                                           {"+", Op::kPlus, 5},
                                                           {"-", Op::kSubtract, 5},
                                                           {"*", Op::kTimes, 6},
                                                           {"/", Op::kDivide, 6},
                                                           {"%", Op::kModulo, 6}}};

  tl::unexpected<Error> bad(std::string_view expected) const {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--skip-if '{}': at byte {}: expected {}", text_, at_ + 1, expected));
  }

  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }

  Parsed add(SkipRule::Node node) {
    rule_.nodes_.push_back(std::move(node));
    return rule_.nodes_.size() - 1;
  }

  [[nodiscard]] const Operator* operator_here() const {
    for (const Operator& known : kOperators) {
      if (text_.substr(at_).starts_with(known.spelling)) return &known;
    }
    return nullptr;
  }

  Parsed binary(int precedence_min) {
    Parsed left = unary();
    while (left) {
      skip_blanks();
      const Operator* found = operator_here();
      if (found == nullptr || found->precedence < precedence_min) return left;
      at_ += found->spelling.size();
      Parsed right = binary(found->precedence + 1);
      if (!right) return right;
      left = add({.op = found->op, .number = 0, .word = {}, .left = *left, .right = *right});
    }
    return left;
  }

  Parsed unary() {
    if (++depth_ > kDepthMax) return bad("fewer parentheses and signs in one another");
    skip_blanks();
    Parsed node = bad("a number, a name or '('");
    if (at_ < text_.size()) node = unary_from(text_[at_]);
    --depth_;
    return node;
  }

  Parsed unary_from(char first) {
    if (first == '!' || first == '-') {
      ++at_;
      Parsed operand = unary();
      if (!operand) return operand;
      const Op op = first == '!' ? Op::kNot : Op::kMinus;
      return add({.op = op, .number = 0, .word = {}, .left = *operand, .right = 0});
    }
    if (first == '(') return in_parentheses();
    if (first == '\'' || first == '"') return quoted(first);
    if (is_digit(first) || first == '.') return number();
    if (is_letter(first)) return name();
    return bad("a number, a name or '('");
  }

  Parsed in_parentheses() {
    ++at_;
    Parsed inner = binary(0);
    if (!inner) return inner;
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != ')') return bad("')'");
    ++at_;
    return inner;
  }

  Parsed quoted(char quote) {
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) return bad("a quote that is closed");
    std::string word{text_.substr(at_ + 1, end - at_ - 1)};
    at_ = end + 1;
    return add({.op = Op::kWord, .number = 0, .word = std::move(word), .left = 0, .right = 0});
  }

  Parsed number() {
    std::size_t end = at_;
    while (end < text_.size() &&
           (is_digit(text_[end]) || is_letter(text_[end]) || text_[end] == '.')) {
      ++end;
    }
    const std::optional<double> value = number_of(text_.substr(at_, end - at_));
    if (!value) return bad("a number such as 8, 0.5, 120k or 2Mi");
    at_ = end;
    return add({.op = Op::kNumber, .number = *value, .word = {}, .left = 0, .right = 0});
  }

  Parsed name() {
    std::size_t end = at_;
    while (end < text_.size() && (is_letter(text_[end]) || is_digit(text_[end]))) ++end;
    std::string word{text_.substr(at_, end - at_)};
    at_ = end;
    return add({.op = Op::kName, .number = 0, .word = std::move(word), .left = 0, .right = 0});
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  SkipRule rule_;
};

// A rule's value for one cell.
class SkipRuleValue {
 public:
  SkipRuleValue(const SkipRule& rule, const Variables& variables)
      : rule_{rule}, variables_{variables} {}

  Result<double> number(std::size_t index) const {
    const SkipRule::Node& node = rule_.nodes_[index];
    switch (node.op) {
      case Op::kNumber: return node.number;
      case Op::kWord:
      case Op::kName: return number_of_word(node);
      case Op::kEqual:
      case Op::kUnequal: return equality(node);
      case Op::kAnd:
      case Op::kOr: return logic(node);
      case Op::kNot:
      case Op::kMinus: {
        Result<double> operand = number(node.left);
        if (!operand) return operand;
        return node.op == Op::kNot ? as_number(*operand == 0) : -*operand;
      }
      default: return arithmetic(node);
    }
  }

 private:
  using Op = SkipRule::Op;

  static double as_number(bool is) { return is ? 1 : 0; }

  tl::unexpected<Error> bad(std::string_view what) const {
    return fail(ErrorCode::kInvalidArgument, fmt::format("--skip-if '{}': {}", rule_.text_, what));
  }

  // The text of a word or variable; nullptr of a name that is none.
  const std::string* text_of(const SkipRule::Node& node) const {
    if (node.op == Op::kWord) return &node.word;
    const auto place = variables_.find(node.word);
    return place == variables_.end() ? nullptr : &place->second;
  }

  Result<double> number_of_word(const SkipRule::Node& node) const {
    const std::string* text = text_of(node);
    if (text == nullptr) return unknown(node.word);
    if (const std::optional<double> value = number_of(*text)) return *value;
    if (node.op == Op::kWord) return bad(fmt::format("'{}' is no number", *text));
    return bad(fmt::format("{} is '{}', which is no number", node.word, *text));
  }

  tl::unexpected<Error> unknown(std::string_view name) const {
    std::string names;
    for (const auto& [known, value] : variables_) names += (names.empty() ? "" : ", ") + known;
    return bad(fmt::format("nothing is called {}; there are {}", name, names));
  }

  static bool is_word(const SkipRule::Node& node) {
    return node.op == Op::kWord || node.op == Op::kName;
  }

  Result<double> equality(const SkipRule::Node& node) const {
    const SkipRule::Node& left = rule_.nodes_[node.left];
    const SkipRule::Node& right = rule_.nodes_[node.right];
    if (is_word(left) && is_word(right)) return equality_of_words(node.op, left, right);
    Result<double> a = number(node.left);
    if (!a) return a;
    Result<double> b = number(node.right);
    if (!b) return b;
    return as_number((*a == *b) == (node.op == Op::kEqual));
  }

  Result<double> equality_of_words(Op op,
                                   const SkipRule::Node& left,
                                   const SkipRule::Node& right) const {
    const std::string* a = text_of(left);
    const std::string* b = text_of(right);
    if (a == nullptr && (b == nullptr || right.op == Op::kWord)) return unknown(left.word);
    if (b == nullptr && left.op == Op::kWord) return unknown(right.word);
    if (a == nullptr) a = &left.word;
    if (b == nullptr) b = &right.word;
    const std::optional<double> x = number_of(*a);
    const std::optional<double> y = number_of(*b);
    const bool is_equal = x && y ? *x == *y : *a == *b;
    return as_number(is_equal == (op == Op::kEqual));
  }

  // The right side is looked at only where it matters, as in C.
  Result<double> logic(const SkipRule::Node& node) const {
    Result<double> left = number(node.left);
    if (!left) return left;
    if ((*left != 0) == (node.op == Op::kOr)) return as_number(*left != 0);
    Result<double> right = number(node.right);
    if (!right) return right;
    return as_number(*right != 0);
  }

  Result<double> arithmetic(const SkipRule::Node& node) const {
    Result<double> a = number(node.left);
    if (!a) return a;
    Result<double> b = number(node.right);
    if (!b) return b;
    const bool divides = node.op == Op::kDivide || node.op == Op::kModulo;
    if (divides && *b == 0) return bad("something is divided by 0");
    switch (node.op) {
      case Op::kTimes: return *a * *b;
      case Op::kDivide: return *a / *b;
      case Op::kModulo: return std::fmod(*a, *b);
      case Op::kPlus: return *a + *b;
      case Op::kSubtract: return *a - *b;
      case Op::kLess: return as_number(*a < *b);
      case Op::kLessEqual: return as_number(*a <= *b);
      case Op::kGreater: return as_number(*a > *b);
      default: return as_number(*a >= *b);
    }
  }

  const SkipRule& rule_;
  const Variables& variables_;
};

Result<SkipRule> SkipRule::parse(std::string_view text) { return SkipRuleParser{text}.parse(); }

Result<bool> SkipRule::holds(const Variables& variables) const {
  const Result<double> value = SkipRuleValue{*this, variables}.number(nodes_.size() - 1);
  if (!value) return tl::unexpected(value.error());
  return *value != 0;
}

}  // namespace radixbench
