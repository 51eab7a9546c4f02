#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// One plain value. Of its own it holds its number or text; what it contains are values of the same
// tree, by number: a dict's keys and values in turn, everything else its items.
struct PlainValue {
  enum class Kind : std::uint8_t {
    kNone,
    kBool,
    kInt,
    kFloat,
    kText,
    kBytes,
    kTuple,
    kList,
    kDict,
    kSet
  };
  Kind kind = Kind::kNone;
  std::int64_t number = 0;  // of a bool or int
  double real = 0;          // of a float
  std::string text;         // UTF-8; of bytes, as they are
  std::vector<std::uint32_t> items;
};

constexpr std::size_t kPlainValuesMax = 4'000'000;
constexpr std::size_t kPlainItemsMax = 16'000'000;
constexpr std::size_t kPlainTextBytesMax = std::size_t{256} << 20U;
constexpr std::size_t kPlainDepthMax = 64;

// Values that may share others (a stack frame that a thousand calls have in common is there once).
// A finished tree has no cycle, is at most kPlainDepthMax deep, and would hold at most
// kPlainItemsMax values and kPlainTextBytesMax of text if nothing were shared: whoever walks it, or
// copies what it finds there, needs no bounds of their own.
class PlainTree {
 public:
  [[nodiscard]] const PlainValue& root() const { return values_[root_]; }
  [[nodiscard]] const PlainValue& operator[](std::uint32_t number) const { return values_[number]; }
  // The last value under this key; nothing where `dict` has none or is no dict.
  [[nodiscard]] const PlainValue* find(const PlainValue& dict, std::string_view key) const;

  // For who fills a tree: how many values there may be.
  void expect(std::size_t count) {
    values_.reserve(count < kPlainValuesMax ? count : kPlainValuesMax);
  }
  // Nothing where it is full.
  [[nodiscard]] std::optional<std::uint32_t> add(PlainValue value);
  [[nodiscard]] PlainValue& value(std::uint32_t number) { return values_[number]; }
  [[nodiscard]] std::size_t size() const { return values_.size(); }
  // Makes it a finished tree, or says in words why it can't be one.
  [[nodiscard]] std::optional<std::string> finish(std::uint32_t root);

 private:
  std::vector<PlainValue> values_;
  std::uint32_t root_ = 0;
};

}  // namespace radixbench
