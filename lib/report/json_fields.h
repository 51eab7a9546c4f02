#pragma once

#include "base/check.h"
#include "base/result.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {

// Reads a document strictly: the first thing that is not as it should be is kept as the error, with
// the field's place in front, and what is read after it is of no use. Include only from json_*.cc.
class JsonFields {
 public:
  using Json = nlohmann::json;

  explicit JsonFields(std::string name) : name_{std::move(name)} {}

  // Null where the text is no JSON or has a name twice in one object.
  Json parse(std::string_view text) {
    std::vector<std::set<std::string>> names;
    const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
      if (event == Json::parse_event_t::object_start) names.emplace_back();
      if (event == Json::parse_event_t::object_end) names.pop_back();
      if (event == Json::parse_event_t::key && !names.empty() &&
          !names.back().insert(parsed.get<std::string>()).second) {
        wrong(parsed.get<std::string>(), "is there twice");
      }
      return true;
    };
    try {
      return Json::parse(text.begin(), text.end(), watch);
    } catch (const Json::parse_error& error) {
      wrong(fmt::format("byte {}", error.byte), "is where this stops being JSON");
    }
    return nullptr;
  }

  void wrong(const std::string& place, const std::string& what) {
    if (!error_) error_ = Error{ErrorCode::kCorrupt, fmt::format("{}: {} {}", name_, place, what)};
  }
  [[nodiscard]] bool is_fine() const { return !error_.has_value(); }
  [[nodiscard]] const Error& error() const { return *error_; }

  // Whether it is an object that has no other than these fields.
  bool is_object(const Json& json,
                 const std::string& place,
                 const std::vector<std::string_view>& fields) {
    if (!json.is_object()) {
      wrong(place, "is no object");
      return false;
    }
    for (const auto& [field, value] : json.items()) {
      bool is_known = false;
      for (const std::string_view known : fields) is_known = is_known || known == field;
      if (!is_known) wrong(place, fmt::format("has the unknown field '{}'", field));
    }
    return is_fine();
  }

  // An array that is there, of at most `count_max`; else an empty one.
  const Json& list(const Json& object,
                   const std::string& place,
                   const char* field,
                   std::size_t count_max) {
    static const Json none = Json::array();
    const Json* value = find(object, place, field);
    if (value == nullptr) return none;
    if (!value->is_array() || value->size() > count_max) {
      wrong(join(place, field), fmt::format("is no list of at most {}", count_max));
      return none;
    }
    return *value;
  }

  std::string text(const Json& object, const std::string& place, const char* field) {
    const Json* value = find(object, place, field);
    return value == nullptr ? std::string{} : text_of(*value, join(place, field));
  }
  std::string text_of(const Json& value, const std::string& place) {
    if (value.is_string()) return value.get<std::string>();
    wrong(place, "is no text");
    return "";
  }

  template <typename Number>
  Number whole(const Json& object,
               const std::string& place,
               const char* field,
               Number least = std::numeric_limits<Number>::min()) {
    const Json* value = find(object, place, field);
    return value == nullptr ? Number{} : whole_of<Number>(*value, join(place, field), least);
  }
  template <typename Number>
  Number whole_of(const Json& value, const std::string& place, Number least) {
    constexpr Number kMost = std::numeric_limits<Number>::max();
    if (value.is_number_unsigned() && std::cmp_less_equal(value.get<std::uint64_t>(), kMost) &&
        std::cmp_greater_equal(value.get<std::uint64_t>(), least)) {
      return static_cast<Number>(value.get<std::uint64_t>());
    }
    if (value.is_number_integer() && !value.is_number_unsigned() &&
        std::cmp_less_equal(value.get<std::int64_t>(), kMost) &&
        std::cmp_greater_equal(value.get<std::int64_t>(), least)) {
      return static_cast<Number>(value.get<std::int64_t>());
    }
    wrong(place, fmt::format("is no whole number from {} to {}", least, kMost));
    return Number{};
  }

  double number_of(const Json& value, const std::string& place) {
    if (value.is_number() && std::isfinite(value.get<double>())) return value.get<double>();
    wrong(place, "is no number");
    return 0;
  }

  const Json* find(const Json& object, const std::string& place, const char* field) {
    const auto found = object.find(field);
    if (found != object.end()) return &*found;
    wrong(place.empty() ? "it" : place, fmt::format("lacks the field '{}'", field));
    return nullptr;
  }

  static std::string join(const std::string& place, const char* field) {
    return place.empty() ? std::string{field} : fmt::format("{}.{}", place, field);
  }

 private:
  std::string name_;
  std::optional<Error> error_;
};

}  // namespace radixbench
