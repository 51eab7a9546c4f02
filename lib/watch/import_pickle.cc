#include "watch/import_pickle.h"

#include "watch/pickle_opcodes.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <iterator>
#include <limits>
#include <system_error>
#include <unordered_map>
#include <utility>

namespace radixbench {
namespace {

using Kind = PlainValue::Kind;

constexpr std::uint64_t kProtocolMax = 5;

void append_utf8(std::string& text, std::uint32_t letter) {
  const auto tail = [&](unsigned shift) {
    text += static_cast<char>(0x80U | ((letter >> shift) & 0x3FU));
  };
  if (letter < 0x80) {
    text += static_cast<char>(letter);
  } else if (letter < 0x800) {
    text += static_cast<char>(0xC0U | (letter >> 6U));
    tail(0);
  } else if (letter < 0x10000) {
    text += static_cast<char>(0xE0U | (letter >> 12U));
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xF0U | ((letter >> 18U) & 0x07U));
    tail(12);
    tail(6);
    tail(0);
  }
}

// `digits` hexadecimal ones at the start of `text`.
std::optional<std::uint32_t> hexadecimal(std::string_view text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  std::uint32_t letter = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, letter, 16);
  if (error != std::errc{} || end != text.data() + digits || letter > 0x10FFFF) return std::nullopt;
  return letter;
}

// Protocol 0 writes text in Latin-1, and of everything else the number, as \u12ab or \U00012abc.
std::optional<std::string> decode_raw_unicode(std::string_view line) {
  std::string text;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool is_short = line.substr(i).starts_with("\\u");
    if (!is_short && !line.substr(i).starts_with("\\U")) {
      append_utf8(text, static_cast<unsigned char>(line[i]));
      continue;
    }
    const std::size_t digits = is_short ? 4 : 8;
    const std::optional<std::uint32_t> letter = hexadecimal(line.substr(i + 2), digits);
    if (!letter) return std::nullopt;
    append_utf8(text, *letter);
    i += 1 + digits;
  }
  return text;
}

// What Python 2 wrote: a literal in quotes.
std::optional<std::string> decode_literal(std::string_view line) {
  if (line.size() < 2 || line.front() != line.back() ||
      (line.front() != '\'' && line.front() != '"')) {
    return std::nullopt;
  }
  line = line.substr(1, line.size() - 2);
  std::string text;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\\') {
      text += line[i];
      continue;
    }
    if (++i == line.size()) return std::nullopt;
    constexpr std::string_view kEscapes = "\\'\"ntr";
    constexpr std::string_view kMeanings = "\\'\"\n\t\r";
    if (const std::size_t at = kEscapes.find(line[i]); at != std::string_view::npos) {
      text += kMeanings[at];
      continue;
    }
    const std::optional<std::uint32_t> byte = hexadecimal(line.substr(i + 1), 2);
    if (line[i] != 'x' || !byte) return std::nullopt;
    text += static_cast<char>(*byte);
    i += 2;
  }
  return text;
}

// What a value takes in a dump, about.
constexpr std::size_t kBytesOfValue = 8;

// The first thing that goes wrong is kept and ends the reading; what is taken after it is empty.
class PickleScan {
 public:
  PickleScan(std::string_view bytes, std::string_view source) : bytes_{bytes}, source_{source} {}

  Result<PlainTree> read() {
    tree_.expect(bytes_.size() / kBytesOfValue);
    while (!error_) {
      opcode_at_ = at_;
      const auto code = static_cast<unsigned char>(take(1));
      if (error_) break;
      if (code == kPickleStop) {
        finish();
        break;
      }
      obey(code);
    }
    if (error_) return tl::unexpected(std::move(*error_));
    return std::move(tree_);
  }

 private:
  void wrong_at(std::size_t byte, std::string_view what) {
    if (error_) return;
    error_ = Error{ErrorCode::kCorrupt, fmt::format("{}: byte {}: {}", source_, byte, what)};
  }
  void wrong(std::string_view what) {
    wrong_at(opcode_at_, name_.empty() ? std::string{what} : fmt::format("{}: {}", name_, what));
  }

  void obey(unsigned char code) {
    static constexpr std::array<PickleOpcode, 256> kTable = pickle_opcode_table();
    const PickleOpcode& opcode = kTable[code];
    name_ = opcode.name;
    switch (opcode.family) {
      case PickleFamily::kUnknown:
        return wrong(fmt::format("no opcode of a pickle: {:#04x}", code));
      case PickleFamily::kRefused: return wrong("could run code, and is refused");
      case PickleFamily::kScalar: return read_scalar(code);
      case PickleFamily::kText: return read_text(code);
      case PickleFamily::kContainer: return build(code);
      case PickleFamily::kStack: return arrange(code);
      case PickleFamily::kMemo: return remember(code);
    }
  }

  void finish() {
    name_ = "STOP";
    if (at_ != bytes_.size()) {
      return wrong_at(at_, fmt::format("{} bytes after the end", bytes_.size() - at_));
    }
    if (stack_.size() != 1 || !marks_.empty()) {
      return wrong(fmt::format("{} values are left where one belongs", stack_.size()));
    }
    if (const std::optional<std::string> problem = tree_.finish(stack_.front())) wrong(*problem);
  }

  // `count` bytes as a little-endian number, at most 8.
  std::uint64_t take(std::size_t count) {
    const std::string_view part = take_bytes(count);
    std::uint64_t number = 0;
    for (std::size_t i = part.size(); i-- > 0;) {
      number = number << 8U | static_cast<unsigned char>(part[i]);
    }
    return number;
  }

  std::string_view take_bytes(std::uint64_t count) {
    if (error_) return {};
    const std::size_t left = bytes_.size() - at_;
    if (count > left) {
      wrong_at(bytes_.size(), fmt::format("ends where {} more bytes belong", count - left));
      return {};
    }
    const std::string_view part = bytes_.substr(at_, count);
    at_ += count;
    return part;
  }

  std::string_view take_line() {
    const std::size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) {
      wrong_at(bytes_.size(), "ends within a line");
      return {};
    }
    std::string_view line = take_bytes(end - at_);
    ++at_;
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  std::optional<std::int64_t> decimal(std::string_view line) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
    if (!error_ && error == std::errc::result_out_of_range) wrong("a number beyond 64 bits");
    if (error != std::errc{} || end != line.data() + line.size()) {
      wrong("no whole number");
      return std::nullopt;
    }
    return number;
  }

  void push(std::uint32_t value) {
    if (error_) return;
    if (stack_.size() == kPlainValuesMax) {
      return wrong(fmt::format("more than {} values on the stack", kPlainValuesMax));
    }
    stack_.push_back(value);
  }
  void push_new(PlainValue value) {
    if (error_) return;
    const std::optional<std::uint32_t> number = tree_.add(std::move(value));
    if (!number) return wrong(fmt::format("more than {} values", kPlainValuesMax));
    push(*number);
  }
  void push_number(Kind kind, std::int64_t number) {
    push_new({.kind = kind, .number = number, .real = 0, .text = {}, .items = {}});
  }

  // Values that an opcode may take from the stack: those above the last mark.
  [[nodiscard]] std::size_t reach() const {
    return stack_.size() - (marks_.empty() ? 0 : marks_.back());
  }

  // The `count` topmost values, in the order in which they came.
  std::vector<std::uint32_t> pop(std::size_t count) {
    if (error_) return {};
    if (count > reach()) {
      wrong(fmt::format("takes {} values where {} are", count, reach()));
      return {};
    }
    const auto first = stack_.end() - static_cast<std::ptrdiff_t>(count);
    std::vector<std::uint32_t> values{first, stack_.end()};
    stack_.erase(first, stack_.end());
    return values;
  }

  std::vector<std::uint32_t> pop_to_mark() {
    if (!error_ && marks_.empty()) wrong("without a mark");
    std::vector<std::uint32_t> values = pop(reach());
    if (!error_) marks_.pop_back();
    return values;
  }

  void read_scalar(unsigned char code) {
    switch (code) {
      case 'N': return push_new({});
      case 0x88: return push_number(Kind::kBool, 1);
      case 0x89: return push_number(Kind::kBool, 0);
      case 'K': return push_number(Kind::kInt, static_cast<std::int64_t>(take(1)));
      case 'M': return push_number(Kind::kInt, static_cast<std::int64_t>(take(2)));
      case 'J':
        return push_number(Kind::kInt,
                           static_cast<std::int32_t>(static_cast<std::uint32_t>(take(4))));
      case 0x8a: return read_long(take(1));
      case 0x8b: return read_long(take(4));
      case 'F': return read_float_line();
      case 'G': return read_float();
      default: return read_number_line(code);
    }
  }

  void read_number_line(unsigned char code) {
    std::string_view line = take_line();
    if (error_) return;
    if (code == 'I' && (line == "00" || line == "01")) {
      return push_number(Kind::kBool, line == "01" ? 1 : 0);
    }
    if (code == 'L' && line.ends_with('L')) line.remove_suffix(1);
    push_number(Kind::kInt, decimal(line).value_or(0));
  }

  // Two's complement of any width; those beyond 8 bytes must only repeat the sign.
  void read_long(std::uint64_t width) {
    const std::string_view part = take_bytes(width);
    if (error_) return;
    const bool is_negative = !part.empty() && static_cast<unsigned char>(part.back()) >= 0x80;
    std::uint64_t number = is_negative ? ~std::uint64_t{0} : 0;
    for (std::size_t i = std::min<std::size_t>(part.size(), 8); i-- > 0;) {
      number = number << 8U | static_cast<unsigned char>(part[i]);
    }
    const char sign = is_negative ? '\xff' : '\0';
    const bool is_cut =
        part.size() > 8 && ((part.substr(8).find_first_not_of(sign) != std::string_view::npos) ||
                            (number >> 63U != 0) != is_negative);
    if (is_cut) return wrong("a number beyond 64 bits");
    push_number(Kind::kInt, static_cast<std::int64_t>(number));
  }

  void push_real(double real) {
    push_new({.kind = Kind::kFloat, .number = 0, .real = real, .text = {}, .items = {}});
  }
  void read_float_line() {
    const std::string_view line = take_line();
    double real = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), real);
    if (error == std::errc::invalid_argument || end != line.data() + line.size()) {
      return wrong("no number");
    }
    push_real(real);
  }
  void read_float() {
    std::uint64_t bits = 0;
    for (const char byte : take_bytes(8)) bits = bits << 8U | static_cast<unsigned char>(byte);
    push_real(std::bit_cast<double>(bits));
  }

  void read_text(unsigned char code) {
    switch (code) {
      case 'V': return push_decoded(decode_raw_unicode(take_line()));
      case 'S': return push_decoded(decode_literal(take_line()));
      case 'X': return push_text(Kind::kText, take_bytes(take(4)));
      case 0x8c: return push_text(Kind::kText, take_bytes(take(1)));
      case 0x8d: return push_text(Kind::kText, take_bytes(take(8)));
      case 'T': return push_old_text(take_bytes(take(4)));
      case 'U': return push_old_text(take_bytes(take(1)));
      case 'B': return push_text(Kind::kBytes, take_bytes(take(4)));
      case 'C': return push_text(Kind::kBytes, take_bytes(take(1)));
      default: return push_text(Kind::kBytes, take_bytes(take(8)));
    }
  }

  void push_text(Kind kind, std::string_view text) {
    if (error_) return;
    if (kind == Kind::kText && !simdjson::validate_utf8(text.data(), text.size())) {
      return wrong("text that is not UTF-8");
    }
    push_new({.kind = kind, .number = 0, .real = 0, .text = std::string{text}, .items = {}});
  }
  // Python 2 made no difference between bytes and text.
  void push_old_text(std::string_view text) {
    const bool is_text = simdjson::validate_utf8(text.data(), text.size());
    push_text(is_text ? Kind::kText : Kind::kBytes, text);
  }
  void push_decoded(const std::optional<std::string>& text) {
    if (!text) return wrong("text with a broken escape");
    push_old_text(*text);
  }

  void push_container(Kind kind, std::vector<std::uint32_t> items) {
    item_count_ += items.size();
    if (item_count_ > kPlainItemsMax) {
      return wrong(fmt::format("more than {} items", kPlainItemsMax));
    }
    if (kind == Kind::kDict && items.size() % 2 != 0) return wrong("a key without a value");
    push_new({.kind = kind, .number = 0, .real = 0, .text = {}, .items = std::move(items)});
  }

  // Adds to the container on top of the stack.
  void extend(Kind kind, const std::vector<std::uint32_t>& items) {
    if (error_) return;
    if (reach() == 0) return wrong("nothing to add to");
    PlainValue& container = tree_.value(stack_.back());
    if (container.kind != kind) return wrong("adds to a value of another kind");
    item_count_ += items.size();
    if (item_count_ > kPlainItemsMax) {
      return wrong(fmt::format("more than {} items", kPlainItemsMax));
    }
    if (kind == Kind::kDict && items.size() % 2 != 0) return wrong("a key without a value");
    container.items.insert(container.items.end(), items.begin(), items.end());
  }

  void build(unsigned char code) {
    switch (code) {
      case ')': return push_container(Kind::kTuple, {});
      case 0x85: return push_container(Kind::kTuple, pop(1));
      case 0x86: return push_container(Kind::kTuple, pop(2));
      case 0x87: return push_container(Kind::kTuple, pop(3));
      case 't': return push_container(Kind::kTuple, pop_to_mark());
      case ']': return push_container(Kind::kList, {});
      case 'l': return push_container(Kind::kList, pop_to_mark());
      case 'a': return extend(Kind::kList, pop(1));
      case 'e': return extend(Kind::kList, pop_to_mark());
      case '}': return push_container(Kind::kDict, {});
      case 'd': return push_container(Kind::kDict, pop_to_mark());
      case 's': return extend(Kind::kDict, pop(2));
      case 'u': return extend(Kind::kDict, pop_to_mark());
      case 0x8f: return push_container(Kind::kSet, {});
      case 0x90: return extend(Kind::kSet, pop_to_mark());
      default: return push_container(Kind::kSet, pop_to_mark());
    }
  }

  void arrange(unsigned char code) {
    switch (code) {
      case '(':
        if (marks_.size() == kPlainValuesMax) return wrong("too many marks");
        return marks_.push_back(stack_.size());
      case '0': return pop_one();
      case '1': return static_cast<void>(pop_to_mark());
      case '2':
        if (reach() == 0) return wrong("nothing to copy");
        return push(stack_.back());
      case 0x95: return check_frame(take(8));
      default:
        if (const std::uint64_t protocol = take(1); protocol > kProtocolMax) {
          wrong(fmt::format(
              "protocol {}, of which this reader knows 0 to {}", protocol, kProtocolMax));
        }
    }
  }

  // Python takes a mark away, too, where no value stands above it.
  void pop_one() {
    if (reach() == 0 && !marks_.empty()) return marks_.pop_back();
    static_cast<void>(pop(1));
  }

  void check_frame(std::uint64_t length) {
    if (error_ || length <= bytes_.size() - at_) return;
    wrong_at(bytes_.size(),
             fmt::format("ends where {} more bytes belong", length - (bytes_.size() - at_)));
  }

  void remember(unsigned char code) {
    switch (code) {
      case 'p': return put(memo_number());
      case 'q': return put(take(1));
      case 'r': return put(take(4));
      case 0x94: return put(memo_.size());
      case 'g': return get(memo_number());
      case 'h': return get(take(1));
      default: return get(take(4));
    }
  }

  std::uint64_t memo_number() {
    return static_cast<std::uint64_t>(decimal(take_line()).value_or(0));
  }
  void put(std::uint64_t number) {
    if (error_) return;
    if (reach() == 0) return wrong("nothing to remember");
    if (memo_.size() == kPlainValuesMax) return wrong("too many values to remember");
    memo_[number] = stack_.back();
  }
  void get(std::uint64_t number) {
    if (error_) return;
    const auto found = memo_.find(number);
    if (found == memo_.end()) return wrong(fmt::format("nothing was remembered as {}", number));
    push(found->second);
  }

  std::string_view bytes_;
  std::string_view source_;
  std::size_t at_ = 0;
  std::size_t opcode_at_ = 0;
  std::string_view name_;  // of the opcode there
  std::optional<Error> error_;
  PlainTree tree_;
  std::vector<std::uint32_t> stack_;
  std::vector<std::size_t> marks_;  // heights of the stack
  std::unordered_map<std::uint64_t, std::uint32_t> memo_;
  std::size_t item_count_ = 0;
};

}  // namespace

Result<PlainTree> read_pickle(std::string_view bytes, std::string_view source) {
  return PickleScan{bytes, source}.read();
}

}  // namespace radixbench
