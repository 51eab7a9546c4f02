#include "trace/mooncake_row.h"

#include "trace/request.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

namespace radixbench {
namespace {

namespace ondemand = simdjson::ondemand;

static_assert(kLinePadding >= simdjson::SIMDJSON_PADDING);

using Trouble = std::optional<RowError>;

constexpr std::array<std::string_view, 4> kFields = {
    "timestamp", "input_length", "output_length", "hash_ids"};

constexpr std::int64_t kNsPerMs = 1'000'000;
// Beyond it milliseconds don't fit into 64 bits of nanoseconds.
constexpr double kTimestampMsMax = 9.0e12;

// Reads the fields of one line, and knows where in it they stand.
class RowScan {
 public:
  RowScan(std::string_view text, MooncakeRow& row) : text_{text}, row_{row} {}

  Trouble read(ondemand::document& document) {
    ondemand::object object;
    const simdjson::error_code error = document.get_object().get(object);
    if (error == simdjson::INCORRECT_TYPE) return trouble_at(0, "a row must be a JSON object");
    // An object that its line doesn't close, or that something follows.
    if (error != simdjson::SUCCESS) return trouble_at(text_.size(), not_json(error));
    for (auto field : object) {
      if (field.error() != simdjson::SUCCESS) return broken(document, field.error());
      if (Trouble trouble = read_field(field)) return trouble;
    }
    // simdjson 3.0 has no at_end() here; after the object there must be no place left to be at.
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
      return broken(document, simdjson::TRAILING_CONTENT);
    }
    for (std::size_t i = 0; i < kFields.size(); ++i) {
      if (!is_seen_[i]) return trouble_at(0, fmt::format("field {} is missing", kFields[i]));
    }
    return check_block_count();
  }

  [[nodiscard]] Trouble broken(ondemand::document& document, simdjson::error_code error) const {
    const char* location = nullptr;
    const bool is_known = document.current_location().get(location) == simdjson::SUCCESS;
    return trouble_at(is_known ? offset_of(location) : text_.size(), not_json(error));
  }

  static std::string not_json(simdjson::error_code error) {
    return fmt::format("not valid JSON: {}", simdjson::error_message(error));
  }

 private:
  [[nodiscard]] std::size_t offset_of(const char* location) const {
    return std::min(static_cast<std::size_t>(location - text_.data()), text_.size());
  }

  static Trouble trouble_at(std::size_t offset, std::string what) {
    return RowError{offset + 1, std::move(what)};
  }

  Trouble read_field(simdjson::simdjson_result<ondemand::field>& field) {
    std::string_view key;
    ondemand::value value;
    const std::size_t key_offset = offset_of(field.key().value_unsafe().raw()) - 1;
    if (field.unescaped_key().get(key) != simdjson::SUCCESS) {
      return trouble_at(key_offset, "not valid JSON: the field's name");
    }
    const auto known = std::find(kFields.begin(), kFields.end(), key);
    if (known == kFields.end()) {
      row_.has_extra_fields = true;
      return {};
    }
    bool& is_seen = is_seen_[static_cast<std::size_t>(known - kFields.begin())];
    if (std::exchange(is_seen, true)) {
      return trouble_at(key_offset, fmt::format("field {} is there twice", key));
    }
    if (field.value().get(value) != simdjson::SUCCESS) {
      return trouble_at(key_offset, fmt::format("field {} has no value", *known));
    }
    return read_known(*known, value);
  }

  Trouble read_known(std::string_view name, ondemand::value& value) {
    if (name == "timestamp") return read_timestamp(value);
    if (name == "hash_ids") return read_ids(value);
    const bool is_input = name == "input_length";
    return read_length(name, value, is_input ? row_.input_tokens : row_.output_tokens);
  }

  // Milliseconds, whole or not.
  Trouble read_timestamp(ondemand::value& value) {
    const std::size_t offset = offset_of(value.raw_json_token().data());
    if (value.raw_json_token().starts_with('-')) {
      return trouble_at(offset, "timestamp is negative");
    }
    std::int64_t whole_ms = 0;
    double ms = 0;
    const bool is_whole = value.get_int64().get(whole_ms) == simdjson::SUCCESS;
    if (is_whole) {
      ms = static_cast<double>(whole_ms);
    } else if (value.get_double().get(ms) != simdjson::SUCCESS) {
      return trouble_at(offset, "timestamp must be a number of milliseconds");
    }
    if (!(ms <= kTimestampMsMax)) {
      return trouble_at(offset, "timestamp is beyond 9e12 ms: not milliseconds?");
    }
    row_.arrival_ns =
        is_whole ? whole_ms * kNsPerMs : std::llround(ms * static_cast<double>(kNsPerMs));
    return {};
  }

  Trouble read_length(std::string_view name, ondemand::value& value, std::uint32_t& length) {
    std::uint64_t wide = 0;
    if (Trouble trouble = read_whole(name, {}, value, wide)) return trouble;
    const std::size_t offset = offset_of(value.raw_json_token().data());
    if (wide > std::numeric_limits<std::uint32_t>::max()) {
      return trouble_at(offset, fmt::format("{} {} is beyond 32 bits", name, wide));
    }
    if (wide == 0 && name == "input_length") {
      return trouble_at(offset, "input_length must be at least 1");
    }
    length = static_cast<std::uint32_t>(wide);
    return {};
  }

  // An integer from 0 to 2^64 - 1; a field's, or an element's of a field that is an array.
  Trouble read_whole(std::string_view name,
                     std::optional<std::size_t> position,
                     ondemand::value& value,
                     std::uint64_t& number) {
    if (value.get_uint64().get(number) == simdjson::SUCCESS) return {};
    const std::string_view token = value.raw_json_token();
    const std::string_view what =
        token.starts_with('-') ? "is negative" : "must be a whole number below 2^64";
    const std::string place = position ? fmt::format("[{}]", *position) : std::string{};
    return trouble_at(offset_of(token.data()), fmt::format("{}{} {}", name, place, what));
  }

  Trouble read_ids(ondemand::value& value) {
    ids_offset_ = offset_of(value.raw_json_token().data());
    ondemand::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) {
      return trouble_at(ids_offset_, "hash_ids must be an array");
    }
    for (auto element : array) {
      ondemand::value id_value;
      if (element.get(id_value) != simdjson::SUCCESS) {
        return trouble_at(ids_offset_,
                          fmt::format("not valid JSON: hash_ids[{}]", row_.ids.size()));
      }
      std::uint64_t id = 0;
      if (Trouble trouble = read_whole("hash_ids", row_.ids.size(), id_value, id)) return trouble;
      row_.ids.push_back(id);
    }
    return {};
  }

  [[nodiscard]] Trouble check_block_count() const {
    const std::uint64_t needed =
        (std::uint64_t{row_.input_tokens} + kTraceBlockTokens - 1) / kTraceBlockTokens;
    if (row_.ids.size() == needed) return {};
    return trouble_at(ids_offset_,
                      fmt::format("hash_ids has {} entries, but input_length {} is {} blocks of {} "
                                  "tokens (the last one may be partial)",
                                  row_.ids.size(),
                                  row_.input_tokens,
                                  needed,
                                  kTraceBlockTokens));
  }

  std::string_view text_;
  MooncakeRow& row_;
  std::array<bool, kFields.size()> is_seen_{};
  std::size_t ids_offset_ = 0;
};

// simdjson doesn't say where UTF-8 breaks; a row has no business with any byte beyond ASCII, so the
// first of those is where to look.
std::size_t first_beyond_ascii(std::string_view text) {
  const auto found = std::find_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80U; });
  return static_cast<std::size_t>(found - text.begin());
}

}  // namespace

struct MooncakeRowParser::State {
  ondemand::parser parser;
  simdjson::dom::parser whole;
};

MooncakeRowParser::MooncakeRowParser() : state_{std::make_unique<State>()} {}
MooncakeRowParser::~MooncakeRowParser() = default;

std::optional<RowError> MooncakeRowParser::parse(const Line& line, MooncakeRow& row) {
  row.ids.clear();
  row.has_extra_fields = false;
  const simdjson::padded_string_view padded{
      line.text.data(), line.text.size(), line.text.size() + kLinePadding};
  ondemand::document document;
  const simdjson::error_code error = state_->parser.iterate(padded).get(document);
  if (error != simdjson::SUCCESS) {
    const bool is_text = error != simdjson::UTF8_ERROR;
    const std::size_t offset = is_text ? line.text.size() : first_beyond_ascii(line.text);
    return RowError{offset + 1, RowScan::not_json(error)};
  }
  if (Trouble trouble = RowScan{line.text, row}.read(document)) return trouble;
  if (!row.has_extra_fields) return {};
  // The scan steps over the values of fields that it doesn't know; this looks into them.
  const simdjson::error_code whole_error =
      state_->whole.parse(line.text.data(), line.text.size(), false).error();
  if (whole_error == simdjson::SUCCESS) return {};
  return RowError{1,
                  fmt::format("{} (in a field beside the four)", RowScan::not_json(whole_error))};
}

}  // namespace radixbench
