#include "watch/import_groups.h"

#include "base/file_text.h"
#include "watch/recording_files.h"
#include "watch/ring_reader.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace radixbench {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::uint64_t kVersion = 1;
constexpr std::uint64_t kOrdinalMax = 1'000'000'000;
constexpr double kTimeoutSecondsMax = 1e9;
constexpr double kNsPerSecond = 1e9;
constexpr std::size_t kFileBytesMax = std::size_t{256} << 20U;

// Reads one text, and knows where in it each value stands.
class GroupListScan {
 public:
  GroupListScan(std::string_view text, std::string_view source) : json_{text}, source_{source} {}

  Result<std::vector<GroupList>> read() {
    if (parser_.iterate(json_).get(document_) != simdjson::SUCCESS) {
      return fail(ErrorCode::kCorrupt, fmt::format("{}:1: not valid JSON: empty", source_));
    }
    ondemand::json_type type{};
    if (const auto error = document_.type().get(type); error != simdjson::SUCCESS) {
      return tl::unexpected(not_json(error));
    }
    Result<void> done;
    if (type == ondemand::json_type::array) {
      ondemand::array array;
      if (const auto error = document_.get_array().get(array); error != simdjson::SUCCESS) {
        return tl::unexpected(not_json(error));
      }
      done = read_lists(array);
    } else {
      ondemand::object object;
      if (const auto error = document_.get_object().get(object); error != simdjson::SUCCESS) {
        return tl::unexpected(error == simdjson::INCORRECT_TYPE
                                  ? wrong(0, "", "neither an object nor an array of objects")
                                  : not_json(error));
      }
      done = read_list(object, "");
    }
    if (!done) return tl::unexpected(std::move(done).error());
    if (document_.current_location().error() != simdjson::OUT_OF_BOUNDS) {
      return tl::unexpected(not_json(simdjson::TRAILING_CONTENT));
    }
    return std::move(lists_);
  }

 private:
  [[nodiscard]] std::size_t offset_of(const char* location) const {
    return std::min(static_cast<std::size_t>(location - json_.data()), json_.size());
  }

  [[nodiscard]] std::size_t offset_of(ondemand::value& value) const {
    return offset_of(value.raw_json_token().data());
  }

  Error not_json(simdjson::error_code error) {
    const char* location = nullptr;
    const bool is_known = document_.current_location().get(location) == simdjson::SUCCESS;
    return wrong(is_known ? offset_of(location) : json_.size(),
                 "",
                 fmt::format("not valid JSON: {}", simdjson::error_message(error)));
  }

  [[nodiscard]] Error wrong(std::size_t offset,
                            std::string_view field,
                            std::string_view what) const {
    return {
        ErrorCode::kCorrupt,
        fmt::format("{}:{}: {}{}{}", source_, offset + 1, field, field.empty() ? "" : ": ", what)};
  }

  Result<void> read_lists(ondemand::array& array) {
    std::size_t position = 0;
    for (auto element : array) {
      ondemand::value value;
      if (const auto error = element.get(value); error != simdjson::SUCCESS) {
        return tl::unexpected(not_json(error));
      }
      const std::string field = fmt::format("[{}]", position++);
      const std::size_t offset = offset_of(value);
      ondemand::object object;
      if (const auto error = value.get_object().get(object); error != simdjson::SUCCESS) {
        return tl::unexpected(type_error(error, offset, field, "an object"));
      }
      if (Result<void> read = read_list(object, field + "."); !read) return read;
    }
    return {};
  }

  // `read_value(key, value)` for each field.
  template <typename ReadValue>
  Result<void> for_each_field(ondemand::object& object, const ReadValue& read_value) {
    for (auto field : object) {
      std::string_view key;
      ondemand::value value;
      if (field.error() != simdjson::SUCCESS) return tl::unexpected(not_json(field.error()));
      if (const auto error = field.unescaped_key().get(key); error != simdjson::SUCCESS) {
        return tl::unexpected(not_json(error));
      }
      if (const auto error = field.value().get(value); error != simdjson::SUCCESS) {
        return tl::unexpected(not_json(error));
      }
      if (Result<void> read = read_value(key, value); !read) return read;
    }
    return {};
  }

  Result<void> read_list(ondemand::object& object, const std::string& path) {
    GroupList list;
    list.source = source_;
    bool has_groups = false;
    Result<void> done = for_each_field(object, [&](std::string_view key, ondemand::value& value) {
      has_groups = has_groups || key == "groups";
      return read_list_field(key, value, path, list);
    });
    if (!done) return done;
    if (!has_groups) return tl::unexpected(wrong(0, path + "groups", "missing"));
    lists_.push_back(std::move(list));
    return {};
  }

  Result<void> read_list_field(std::string_view key,
                               ondemand::value& value,
                               const std::string& path,
                               GroupList& list) {
    const std::string field = path + std::string{key};
    if (key == "groups") return read_groups(value, field, list);
    const bool is_rank = key == "rank";
    if (!is_rank && key != "world_size" && key != "version") return {};
    const std::size_t offset = offset_of(value);
    const Result<std::uint64_t> count =
        read_count(value, field, is_rank ? kWorldSizeMax - 1 : kWorldSizeMax);
    if (!count) return tl::unexpected(count.error());
    if (is_rank) {
      list.rank = static_cast<Rank>(*count);
    } else if (key == "world_size") {
      list.world_size = static_cast<std::uint32_t>(*count);
    } else if (*count != kVersion) {
      return tl::unexpected(wrong(offset, field, fmt::format("{} is not {}", *count, kVersion)));
    }
    return {};
  }

  Result<void> read_groups(ondemand::value& value, const std::string& field, GroupList& list) {
    const std::size_t offset = offset_of(value);
    ondemand::array array;
    if (const auto error = value.get_array().get(array); error != simdjson::SUCCESS) {
      return tl::unexpected(type_error(error, offset, field, "an array"));
    }
    for (auto element : array) {
      ondemand::value entry;
      if (const auto error = element.get(entry); error != simdjson::SUCCESS) {
        return tl::unexpected(not_json(error));
      }
      const std::string path = fmt::format("{}[{}]", field, list.groups.size());
      const std::size_t at = offset_of(entry);
      ondemand::object object;
      if (const auto error = entry.get_object().get(object); error != simdjson::SUCCESS) {
        return tl::unexpected(type_error(error, at, path, "an object"));
      }
      ToldGroup& group = list.groups.emplace_back();
      Result<void> done = for_each_field(object, [&](std::string_view key, ondemand::value& inner) {
        return read_group_field(key, inner, path + "." + std::string{key}, group);
      });
      if (!done) return done;
      if (group.members.empty())
        return tl::unexpected(wrong(at, path + ".ranks", "missing or empty"));
    }
    return {};
  }

  Result<void> read_group_field(std::string_view key,
                                ondemand::value& value,
                                const std::string& field,
                                ToldGroup& group) {
    if (key == "ranks") return read_members(value, field, group);
    const std::size_t offset = offset_of(value);
    if (key == "name") {
      std::string_view name;
      if (const auto error = value.get_string().get(name); error != simdjson::SUCCESS) {
        return tl::unexpected(type_error(error, offset, field, "a string"));
      }
      group.name = name;
    } else if (key == "ordinal") {
      const Result<std::uint64_t> ordinal = read_count(value, field, kOrdinalMax);
      if (!ordinal) return tl::unexpected(ordinal.error());
      group.ordinal = *ordinal;
    } else if (key == "timeout_s") {
      double seconds = 0;
      const auto error = value.get_double().get(seconds);
      if (error != simdjson::SUCCESS || !(seconds >= 0 && seconds <= kTimeoutSecondsMax)) {
        return tl::unexpected(wrong(offset, field, "must be a number of seconds from 0 to 1e9"));
      }
      group.timeout_ns = static_cast<std::int64_t>(seconds * kNsPerSecond);
    }
    return {};
  }

  Result<void> read_members(ondemand::value& value, const std::string& field, ToldGroup& group) {
    const std::size_t offset = offset_of(value);
    ondemand::array array;
    if (const auto error = value.get_array().get(array); error != simdjson::SUCCESS) {
      return tl::unexpected(type_error(error, offset, field, "an array"));
    }
    std::set<Rank> seen;
    group.members.clear();
    for (auto element : array) {
      ondemand::value entry;
      if (const auto error = element.get(entry); error != simdjson::SUCCESS) {
        return tl::unexpected(not_json(error));
      }
      const std::string path = fmt::format("{}[{}]", field, group.members.size());
      const std::size_t at = offset_of(entry);
      const Result<std::uint64_t> rank = read_count(entry, path, kWorldSizeMax - 1);
      if (!rank) return tl::unexpected(rank.error());
      if (!seen.insert(static_cast<Rank>(*rank)).second) {
        return tl::unexpected(wrong(at, path, fmt::format("rank {} is there twice", *rank)));
      }
      group.members.push_back(static_cast<Rank>(*rank));
    }
    return {};
  }

  Result<std::uint64_t> read_count(ondemand::value& value,
                                   const std::string& field,
                                   std::uint64_t count_max) {
    const std::size_t offset = offset_of(value);
    std::uint64_t count = 0;
    const auto error = value.get_uint64().get(count);
    if (error != simdjson::SUCCESS || count > count_max) {
      return tl::unexpected(
          wrong(offset, field, fmt::format("must be a whole number from 0 to {}", count_max)));
    }
    return count;
  }

  Error type_error(simdjson::error_code error,
                   std::size_t offset,
                   const std::string& field,
                   std::string_view wanted) {
    if (error != simdjson::INCORRECT_TYPE) return not_json(error);
    return wrong(offset, field, fmt::format("must be {}", wanted));
  }

  simdjson::padded_string json_;
  std::string source_;
  ondemand::parser parser_;
  ondemand::document document_;
  std::vector<GroupList> lists_;
};

bool is_json(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos || text[first] == '{' || text[first] == '[';
}

Result<void> read_file(const std::string& path, std::vector<GroupList>& lists) {
  const Result<std::string> text = read_file_text(path, kFileBytesMax);
  if (!text) return tl::unexpected(text.error());
  if (is_json(*text) || path.ends_with(".json")) {
    Result<std::vector<GroupList>> told = parse_group_lists(*text, path);
    if (!told) return tl::unexpected(std::move(told).error());
    std::ranges::move(*told, std::back_inserter(lists));
    return {};
  }
  const Result<Recording> recording = read_ring_file(path);
  if (!recording) return tl::unexpected(recording.error());
  lists.push_back(group_list_of(*recording));
  return {};
}

}  // namespace

Result<std::vector<GroupList>> parse_group_lists(std::string_view text, std::string_view source) {
  return GroupListScan{text, source}.read();
}

GroupList group_list_of(const Recording& recording) {
  GroupList list;
  list.rank = recording.rank;
  list.source = recording.source;
  for (const RecordedGroup& group : recording.groups) {
    list.groups.push_back({group.name, group.members, group.ordinal, std::nullopt});
  }
  for (const RecordedEvent& event : recording.events) {
    const auto* creation = std::get_if<RecordedCreation>(&event.what);
    if (creation == nullptr || creation->timeout_ns == 0) continue;
    list.groups[creation->group].timeout_ns = creation->timeout_ns;
  }
  return list;
}

Result<std::vector<GroupList>> read_group_lists(std::span<const std::string> paths) {
  std::vector<GroupList> lists;
  for (const std::string& path : paths) {
    const Result<std::vector<std::string>> files = recorder_files(path, {".json", ".ring"});
    if (!files) return tl::unexpected(files.error());
    for (const std::string& file : *files) {
      if (Result<void> read = read_file(file, lists); !read) return tl::unexpected(read.error());
    }
  }
  if (const std::optional<std::string> twice = told_twice(lists)) {
    return fail(ErrorCode::kCorrupt, *twice);
  }
  return lists;
}

}  // namespace radixbench
