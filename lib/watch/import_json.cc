#include "watch/import_json.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

namespace ondemand = simdjson::ondemand;
using Kind = PlainValue::Kind;

class JsonScan {
 public:
  JsonScan(std::string_view text, std::string_view source) : json_{text}, source_{source} {}

  Result<PlainTree> read() {
    ondemand::value root;
    if (const auto error = parser_.iterate(json_).get(document_); error != simdjson::SUCCESS) {
      return tl::unexpected(wrong(0, simdjson::error_message(error)));
    }
    if (const auto error = document_.get_value().get(root); error != simdjson::SUCCESS) {
      return tl::unexpected(not_json(error));
    }
    const Result<std::uint32_t> number = read_value(root, 1);
    if (!number) return tl::unexpected(number.error());
    if (document_.current_location().error() != simdjson::OUT_OF_BOUNDS) {
      return tl::unexpected(not_json(simdjson::TRAILING_CONTENT));
    }
    if (const std::optional<std::string> problem = tree_.finish(*number)) {
      return tl::unexpected(wrong(0, *problem));
    }
    return std::move(tree_);
  }

 private:
  [[nodiscard]] Error wrong(std::size_t byte, std::string_view what) const {
    return {ErrorCode::kCorrupt, fmt::format("{}: byte {}: {}", source_, byte, what)};
  }
  Error not_json(simdjson::error_code error) {
    const char* location = nullptr;
    const bool is_known = document_.current_location().get(location) == simdjson::SUCCESS;
    const std::size_t byte =
        is_known ? static_cast<std::size_t>(location - json_.data()) : json_.size();
    return wrong(std::min(byte, json_.size()),
                 fmt::format("not valid JSON: {}", simdjson::error_message(error)));
  }

  Result<std::uint32_t> add(PlainValue value) {
    const std::optional<std::uint32_t> number = tree_.add(std::move(value));
    if (number) return *number;
    return tl::unexpected(wrong(0, fmt::format("more than {} values", kPlainValuesMax)));
  }
  Result<std::uint32_t> add_text(std::string_view text) {
    PlainValue value;
    value.kind = Kind::kText;
    value.text = text;
    return add(std::move(value));
  }

  Result<std::uint32_t> read_value(ondemand::value value, std::size_t depth) {
    ondemand::json_type type{};
    if (const auto error = value.type().get(type); error != simdjson::SUCCESS) {
      return tl::unexpected(not_json(error));
    }
    if (depth > kPlainDepthMax) {
      return tl::unexpected(not_json(simdjson::DEPTH_ERROR));
    }
    switch (type) {
      case ondemand::json_type::array: return read_array(value, depth);
      case ondemand::json_type::object: return read_object(value, depth);
      case ondemand::json_type::number: return read_number(value);
      default: return read_word(value, type);
    }
  }

  Result<std::uint32_t> read_word(ondemand::value& value, ondemand::json_type type) {
    PlainValue word;
    simdjson::error_code error = simdjson::SUCCESS;
    if (type == ondemand::json_type::string) {
      std::string_view text;
      error = value.get_string().get(text);
      if (error == simdjson::SUCCESS) return add_text(text);
    } else if (type == ondemand::json_type::boolean) {
      bool is_true = false;
      error = value.get_bool().get(is_true);
      word.kind = Kind::kBool;
      word.number = is_true ? 1 : 0;
    } else {
      // Releases differ in whether this can fail.
      bool is_word = false;
      error = simdjson::simdjson_result<bool>{value.is_null()}.get(is_word);
      if (error == simdjson::SUCCESS && !is_word) error = simdjson::N_ATOM_ERROR;
    }
    if (error != simdjson::SUCCESS) return tl::unexpected(not_json(error));
    return add(std::move(word));
  }

  Result<std::uint32_t> read_number(ondemand::value& value) {
    ondemand::number number;
    if (const auto error = value.get_number().get(number); error != simdjson::SUCCESS) {
      return tl::unexpected(not_json(error));
    }
    PlainValue read;
    read.kind = number.is_int64() ? Kind::kInt : Kind::kFloat;
    if (number.is_int64()) {
      read.number = number.get_int64();
    } else {
      read.real = number.as_double();
    }
    return add(std::move(read));
  }

  Result<std::uint32_t> read_array(ondemand::value& value, std::size_t depth) {
    ondemand::array array;
    if (const auto error = value.get_array().get(array); error != simdjson::SUCCESS) {
      return tl::unexpected(not_json(error));
    }
    PlainValue list;
    list.kind = Kind::kList;
    for (auto element : array) {
      ondemand::value item;
      if (const auto error = element.get(item); error != simdjson::SUCCESS) {
        return tl::unexpected(not_json(error));
      }
      const Result<std::uint32_t> number = read_value(item, depth + 1);
      if (!number) return tl::unexpected(number.error());
      list.items.push_back(*number);
    }
    return add(std::move(list));
  }

  Result<std::uint32_t> read_object(ondemand::value& value, std::size_t depth) {
    ondemand::object object;
    if (const auto error = value.get_object().get(object); error != simdjson::SUCCESS) {
      return tl::unexpected(not_json(error));
    }
    PlainValue dict;
    dict.kind = Kind::kDict;
    for (auto field : object) {
      std::string_view name;
      ondemand::value held;
      if (field.error() != simdjson::SUCCESS) return tl::unexpected(not_json(field.error()));
      if (const auto error = field.unescaped_key().get(name); error != simdjson::SUCCESS) {
        return tl::unexpected(not_json(error));
      }
      const Result<std::uint32_t> key = add_text(name);
      if (!key) return tl::unexpected(key.error());
      if (const auto error = field.value().get(held); error != simdjson::SUCCESS) {
        return tl::unexpected(not_json(error));
      }
      const Result<std::uint32_t> number = read_value(held, depth + 1);
      if (!number) return tl::unexpected(number.error());
      dict.items.push_back(*key);
      dict.items.push_back(*number);
    }
    return add(std::move(dict));
  }

  simdjson::padded_string json_;
  std::string_view source_;
  ondemand::parser parser_;
  ondemand::document document_;
  PlainTree tree_;
};

}  // namespace

Result<PlainTree> read_json_tree(std::string_view text, std::string_view source) {
  return JsonScan{text, source}.read();
}

}  // namespace radixbench
