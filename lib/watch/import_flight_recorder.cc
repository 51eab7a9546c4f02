#include "watch/import_flight_recorder.h"

#include "base/file_text.h"
#include "watch/flight_recorder_fields.h"
#include "watch/flight_recorder_names.h"
#include "watch/import_json.h"
#include "watch/import_pickle.h"
#include "watch/rank_limit.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

using Kind = PlainValue::Kind;

constexpr std::size_t kFileBytesMax = std::size_t{256} << 20U;
constexpr std::size_t kMembersMax = 4'000'000;  // of all groups of a dump
constexpr std::int64_t kMinorVersionMax = 11;
constexpr std::int64_t kRecordIdMax = std::int64_t{1} << 62U;
constexpr std::size_t kSiteFramesMax = 4;
constexpr std::size_t kStackFramesMax = 64;
// Of its timeout, after which a call that "completed" was given up.
constexpr double kGivenUpShare = 0.9;
constexpr std::uint32_t kUnknownPeer = std::numeric_limits<std::uint32_t>::max();

// A row of the ring, as far as its form alone says it.
struct Row {
  std::string_view backend;
  std::string_view name;     // of the operation
  std::string_view address;  // `0->3`
  std::int64_t collective_seq_id = 0;
  bool is_p2p = false;
};

class DumpImport {
 public:
  DumpImport(const PlainTree& tree, const std::string& path, Rank rank) : tree_{tree}, path_{path} {
    recording_.rank = rank;
    recording_.source = path;
  }

  Result<Recording> read() {
    const PlainValue& dump = tree_.root();
    if (dump.kind != Kind::kDict) return wrong("", "no dump of a flight recorder");
    if (!is_known_version(text_of(tree_.find(dump, "version")))) {
      return wrong("version", fmt::format("must be 2.0 to 2.{}", kMinorVersionMax));
    }
    if (Result<void> read = read_groups(tree_.find(dump, "pg_config")); !read) {
      return tl::unexpected(std::move(read).error());
    }
    read_progress(tree_.find(dump, "pg_status"));
    const PlainValue* entries = tree_.find(dump, "entries");
    if (entries == nullptr) {
      blind_.insert("calls");
    } else if (!is_sequence(entries)) {
      return wrong("entries", "must be a list");
    } else if (Result<void> read = read_entries(*entries); !read) {
      return tl::unexpected(std::move(read).error());
    }
    finish();
    return std::move(recording_);
  }

 private:
  [[nodiscard]] tl::unexpected<Error> wrong(std::string_view field, std::string_view what) const {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: {}{}{}", path_, field, field.empty() ? "" : ": ", what));
  }

  static bool is_known_version(std::string_view version) {
    if (!version.starts_with("2.")) return false;
    const auto minor = parse_number<std::int64_t>(version.substr(2));
    return minor && *minor >= 0 && *minor <= kMinorVersionMax;
  }

  // In the order of the names, so that it doesn't hang on the order in the file.
  Result<void> read_groups(const PlainValue* config) {
    if (config == nullptr || config->kind != Kind::kDict) return {};
    std::map<std::string_view, const PlainValue*> by_name;
    for (std::size_t i = 0; i + 1 < config->items.size(); i += 2) {
      const std::string_view name = text_of(&tree_[config->items[i]]);
      if (!name.empty()) by_name[name] = &tree_[config->items[i + 1]];
    }
    std::size_t count = 0;
    for (const auto& [name, group] : by_name) {
      const std::uint32_t number = group_of(name, text_of(tree_.find(*group, "desc")));
      std::optional<std::vector<Rank>> members = members_of(text_of(tree_.find(*group, "ranks")));
      if (!members) {
        return wrong(fmt::format("pg_config: {}: ranks", name),
                     fmt::format("must be below {}, each once", kRecordedRanksMax));
      }
      recording_.groups[number].members = *std::move(members);
      count += recording_.groups[number].members.size();
      if (count > kMembersMax) {
        return wrong("pg_config", fmt::format("groups of more than {} members", kMembersMax));
      }
    }
    return {};
  }

  // In the order of the slots. A number that is no slot's belongs to a later form of the dump.
  void read_progress(const PlainValue* status) {
    if (status == nullptr || status->kind != Kind::kDict) return;
    std::map<std::uint32_t, RecordedProgress> by_slot;
    for (std::size_t i = 0; i + 1 < status->items.size(); i += 2) {
      const auto slot = parse_number<std::uint32_t>(text_of(&tree_[status->items[i]]));
      const PlainValue& at = tree_[status->items[i + 1]];
      const auto enqueued = number_of(tree_.find(at, "last_enqueued_collective"));
      const auto completed = number_of(tree_.find(at, "last_completed_collective"));
      if (slot && enqueued) by_slot[*slot] = {*slot, *enqueued, completed.value_or(-1)};
    }
    for (const auto& [slot, progress] : by_slot) recording_.progress.push_back(progress);
  }

  std::uint32_t group_of(std::string_view name, std::string_view description) {
    const auto [found, is_new] = groups_.try_emplace(
        {name, description}, static_cast<std::uint32_t>(recording_.groups.size()));
    if (is_new) {
      const bool says_something = !description.empty() && description != "undefined";
      recording_.groups.push_back({.name = std::string{says_something ? description : name},
                                   .members = {},
                                   .ordinal = ordinal_of(name),
                                   .label = std::string{name},
                                   .slot = {}});
      latest_.emplace_back();
    }
    return found->second;
  }

  Result<void> read_entries(const PlainValue& entries) {
    std::vector<std::pair<std::int64_t, const PlainValue*>> rows;
    for (const std::uint32_t item : entries.items) {
      const PlainValue& entry = tree_[item];
      const std::string field = fmt::format("entries[{}]", rows.size());
      if (entry.kind != Kind::kDict) return wrong(field, "must be a dict");
      const auto record = number_of(tree_.find(entry, "record_id"));
      const std::int64_t next = rows.empty() ? 0 : rows.back().first + 1;
      if (record.value_or(next) < 0 || record.value_or(next) > kRecordIdMax) {
        return wrong(field + ".record_id", fmt::format("must be from 0 to {}", kRecordIdMax));
      }
      rows.emplace_back(record.value_or(next), &entry);
    }
    std::ranges::stable_sort(rows, {}, &std::pair<std::int64_t, const PlainValue*>::first);
    if (rows.empty()) return {};
    recording_.lost_count = static_cast<std::uint64_t>(rows.front().first);
    for (const auto& [record, entry] : rows) {
      const bool is_next = recording_.events.empty() || recording_.events.back().number + 1 ==
                                                            static_cast<std::uint64_t>(record);
      if (!is_next) {
        blind_.insert("calls that were over");
        recording_.holds_only_unfinished = true;
      }
      if (Result<void> read = read_entry(*entry, record); !read) return read;
    }
    return {};
  }

  Result<void> read_entry(const PlainValue& entry, std::int64_t record) {
    const std::string field = fmt::format("record_id {}", record);
    const Result<Row> row = read_row(entry, field);
    if (!row) return tl::unexpected(row.error());
    RecordedEvent event;
    event.number = static_cast<std::uint64_t>(record);
    event.thread = thread_of(entry);
    read_state(entry, *row, event);
    const PlainValue* group = tree_.find(entry, "process_group");
    std::string_view name = text_of(group);
    std::string_view description;
    if (is_sequence(group) && group->items.size() == 2) {
      name = text_of(&tree_[group->items[0]]);
      description = text_of(&tree_[group->items[1]]);
    } else if (name.empty()) {
      return wrong(field + ": process_group", "must be a name and a description");
    }
    const KindOfName kind = kind_of(row->name);
    event.site = site_of(entry, kind);
    RecordedCall call = call_of(entry, *row, kind.kind, group_of(name, description));
    call.signature = signature_of(entry, row->name);
    if (const auto slot = number_of(tree_.find(entry, "pg_id")); slot && *slot >= 0) {
      recording_.groups[call.group].slot = static_cast<std::uint32_t>(*slot);
    }
    const bool is_call = add_event(event, call, *row);
    if (is_call && kind.is_nearest) blind_.insert(fmt::format("kind of {}", kind.name));
    return {};
  }

  Result<Row> read_row(const PlainValue& entry, const std::string& field) const {
    Row row;
    row.name = text_of(tree_.find(entry, "profiling_name"));
    if (row.name.empty()) return wrong(field + ": profiling_name", "must be text");
    if (const std::size_t colon = row.name.find(':'); colon != std::string_view::npos) {
      row.backend = row.name.substr(0, colon);
      row.name.remove_prefix(colon + 1);
    }
    if (const std::size_t blank = row.name.find(' '); blank != std::string_view::npos) {
      row.address = row.name.substr(blank + 1);
      row.name = row.name.substr(0, blank);
    }
    const CallKind kind = kind_of(row.name).kind;
    row.is_p2p = number_of(tree_.find(entry, "is_p2p")).value_or(0) != 0 ||
                 kind == CallKind::kSend || kind == CallKind::kRecv;
    const auto place = number_of(tree_.find(entry, "collective_seq_id"));
    if (!row.is_p2p && (!place || *place < 0)) {
      return wrong(field + ": collective_seq_id", "must be a whole number from 0");
    }
    row.collective_seq_id = place.value_or(0);
    return row;
  }

  // 0 where it is not known, which a time before the epoch is not either: differences of two always
  // fit.
  [[nodiscard]] std::int64_t time_of(const PlainValue& entry, std::string_view name) const {
    return std::max<std::int64_t>(0, number_of(tree_.find(entry, name)).value_or(0));
  }

  void read_state(const PlainValue& entry, const Row& row, RecordedEvent& event) {
    event.enter_ns = time_of(entry, "time_created_ns");
    const bool is_retired = number_of(tree_.find(entry, "retired")).value_or(0) != 0;
    event.state = EventState::kInside;
    const bool tells = tells_completion(row.backend);
    recording_.tells_completion = recording_.tells_completion || tells;
    created_ns_ = std::max(created_ns_, event.enter_ns);
    if (text_of(tree_.find(entry, "state")) == "completed") {
      event.state = EventState::kLeft;
    } else if (is_retired) {
      event.state = tells ? EventState::kFailed : EventState::kLeft;
      if (!tells) blind_.insert("failures");
    }
    if (event.state == EventState::kInside) return;
    event.exit_ns = time_of(entry, "time_discovered_completed_ns");
    if (event.exit_ns > 0) {
      // Whoever noticed a completion without retiring the call was the dump itself.
      if (!is_retired) dumped_ns_ = std::max(dumped_ns_, event.exit_ns);
      // Aborting a communicator "completes" what was stuck in it.
      const auto timeout_ms = number_of(tree_.find(entry, "timeout_ms")).value_or(0);
      const auto waited_ms = static_cast<double>(event.exit_ns - event.enter_ns) / 1e6;
      const bool is_given_up =
          timeout_ms > 0 && waited_ms >= kGivenUpShare * static_cast<double>(timeout_ms);
      if (is_given_up && tells && event.enter_ns > 0) event.state = EventState::kFailed;
      return;
    }
    event.exit_ns = event.enter_ns;
    blind_.insert("exit_times");
  }

  std::uint32_t thread_of(const PlainValue& entry) {
    const std::string_view name = text_of(tree_.find(entry, "thread_name"));
    const std::string_view id = text_of(tree_.find(entry, "thread_id"));
    const std::string thread = fmt::format("{}{}{}", name, name.empty() ? "" : " ", id);
    return intern(threads_, recording_.threads, thread.empty() ? "unknown" : thread);
  }

  // Entries share their frames, so that a place is looked at once.
  std::uint32_t site_of(const PlainValue& entry, const KindOfName& kind) {
    const PlainValue* frames = tree_.find(entry, "frames");
    std::pair<std::string, std::vector<std::uint32_t>> key;
    if (kind.is_nearest) key.first = kind.name;
    if (is_sequence(frames)) key.second = frames->items;
    const auto [known, is_new] = site_of_frames_.try_emplace(std::move(key), 0);
    if (!is_new) return known->second;
    std::string site = kind.is_nearest ? std::string{kind.name} : "";
    const std::string place = place_of(frames);
    has_sites_ = has_sites_ || !place.empty();
    if (!site.empty() && !place.empty()) site += " in ";
    site += place;
    known->second = site.empty() && place.empty() ? 0 : number_of_site(site, stack_of(frames));
    return known->second;
  }

  std::uint32_t number_of_site(const std::string& site, std::vector<RecordedFrame> stack) {
    const auto [found, is_new] =
        sites_.try_emplace({site, stack}, static_cast<std::uint32_t>(recording_.sites.size()));
    if (is_new) {
      recording_.sites.push_back(site);
      recording_.stacks.resize(recording_.sites.size());
      recording_.stacks.back() = std::move(stack);
    }
    return found->second;
  }

  [[nodiscard]] std::vector<RecordedFrame> stack_of(const PlainValue* frames) const {
    std::vector<RecordedFrame> stack;
    if (!is_sequence(frames)) return stack;
    for (const std::uint32_t item : frames->items) {
      if (stack.size() == kStackFramesMax) break;
      const PlainValue& frame = tree_[item];
      const std::string_view file = text_of(tree_.find(frame, "filename"));
      stack.push_back({.name = std::string{text_of(tree_.find(frame, "name"))},
                       .file = std::string{file},
                       .line = number_of(tree_.find(frame, "line")).value_or(0),
                       .is_library = is_frame_of_torch(file)});
    }
    return stack;
  }

  std::uint32_t signature_of(const PlainValue& entry, std::string_view kind) {
    RecordedSignature signature{.kind = std::string{kind}, .type = {}, .sizes = {}};
    if (!is_uneven(kind)) {
      signature.type = first_of(tree_, tree_.find(entry, "input_dtypes"));
      signature.sizes = sizes_text(tree_, tree_.find(entry, "input_sizes")) + "->" +
                        sizes_text(tree_, tree_.find(entry, "output_sizes"));
    }
    const auto [found, is_new] = signatures_.try_emplace(
        signature, static_cast<std::uint32_t>(recording_.signatures.size()));
    if (is_new) recording_.signatures.push_back(std::move(signature));
    return found->second;
  }

  [[nodiscard]] std::string place_of(const PlainValue* frames) const {
    if (!is_sequence(frames)) return "";
    std::string names;
    std::string place;
    std::size_t count = 0;
    for (const std::uint32_t item : frames->items) {
      const PlainValue& frame = tree_[item];
      const std::string_view file = text_of(tree_.find(frame, "filename"));
      if (is_frame_of_torch(file)) {
        if (count > 0) break;
        continue;
      }
      if (count++ == kSiteFramesMax) break;
      if (count == 1) {
        place = fmt::format(" ({}:{})", file, number_of(tree_.find(frame, "line")).value_or(0));
      }
      names += fmt::format("{}{}", count == 1 ? "" : " < ", text_of(tree_.find(frame, "name")));
    }
    return names + place;
  }

  RecordedCall call_of(const PlainValue& entry,
                       const Row& row,
                       CallKind kind,
                       std::uint32_t group) {
    RecordedCall call;
    call.group = group;
    call.kind = kind;
    if (kind == CallKind::kSend || kind == CallKind::kRecv) {
      call.root = parse_number<std::uint32_t>(trailing_digits(row.address)).value_or(kUnknownPeer);
      call.sequence = peer_counts_[{group, kind, call.root}]++;
      if (recording_.lost_count > 0) blind_.insert("sequence of sends and receives");
    } else if (row.collective_seq_id > 0) {
      call.sequence = static_cast<std::uint64_t>(row.collective_seq_id - 1);
    }
    if (kind != CallKind::kBarrier) read_elements(entry, call);
    return call;
  }

  void read_elements(const PlainValue& entry, RecordedCall& call) {
    call.element_count = count_of(tree_, tree_.find(entry, "input_sizes"));
    std::string_view type = first_of(tree_, tree_.find(entry, "input_dtypes"));
    if (call.element_count == 0) {
      call.element_count = count_of(tree_, tree_.find(entry, "output_sizes"));
      type = first_of(tree_, tree_.find(entry, "output_dtypes"));
    }
    if (type == "Long" || type == "int64") {
      call.type = ElementType::kInt64;
    } else if (type != "Int" && type != "int32") {
      blind_.insert("element_type");
    }
  }

  // Whether it became a call. A batch is one to the other members: its rows share a place.
  bool add_event(RecordedEvent event, const RecordedCall& call, const Row& row) {
    if (row.is_p2p) {
      if (call.kind == CallKind::kSend || call.kind == CallKind::kRecv) {
        event.what = call;
      } else {
        event.what = RecordedActivity{};
      }
    } else if (Latest& latest = latest_[call.group];
               latest.seq_id == row.collective_seq_id && row.collective_seq_id > 0) {
      RecordedEvent& first = recording_.events[latest.event];
      first.state = event.state;
      first.exit_ns = event.exit_ns;
      event.what = RecordedActivity{};
    } else {
      latest = {row.collective_seq_id, recording_.events.size()};
      event.what = call;
    }
    recording_.events.push_back(event);
    return std::holds_alternative<RecordedCall>(recording_.events.back().what);
  }

  static std::uint32_t intern(std::map<std::string, std::uint32_t>& numbers,
                              std::vector<std::string>& names,
                              const std::string& name) {
    const auto [found, is_new] =
        numbers.try_emplace(name, static_cast<std::uint32_t>(names.size()));
    if (is_new) names.push_back(name);
    return found->second;
  }

  void finish() {
    recording_.kind = RecordingKind::kLibraryHistory;
    recording_.stacks.resize(recording_.sites.size());
    const bool has_finished = std::ranges::any_of(
        recording_.events, [](const RecordedEvent& e) { return e.state == EventState::kLeft; });
    const bool has_progress = std::ranges::any_of(
        recording_.progress, [](const RecordedProgress& at) { return at.enqueued > 0; });
    const bool had_more = recording_.events.empty() ? has_progress : recording_.lost_count > 0;
    if (had_more && !has_finished) recording_.holds_only_unfinished = true;
    if (dumped_ns_ > 0 && created_ns_ > 0) recording_.idle_ns = dumped_ns_ - created_ns_;
    recording_.not_visible = {"results", "reduce_op", "root", "guards", "creations"};
    if (!has_sites_) blind_.insert("sites");
    const auto is_memberless = [](const RecordedGroup& group) { return group.members.empty(); };
    if (std::ranges::any_of(recording_.groups, is_memberless)) blind_.insert("members");
    recording_.not_visible.insert(recording_.not_visible.end(), blind_.begin(), blind_.end());
  }

  struct Latest {
    std::int64_t seq_id = 0;
    std::size_t event = 0;
  };

  const PlainTree& tree_;
  const std::string& path_;
  Recording recording_;
  std::map<std::pair<std::string_view, std::string_view>, std::uint32_t> groups_;
  std::vector<Latest> latest_;  // collective of each group
  std::map<std::tuple<std::uint32_t, CallKind, std::uint32_t>, std::uint64_t> peer_counts_;
  std::map<std::pair<std::string, std::vector<std::uint32_t>>, std::uint32_t> site_of_frames_;
  std::map<std::pair<std::string, std::vector<RecordedFrame>>, std::uint32_t> sites_;
  std::map<RecordedSignature, std::uint32_t> signatures_;
  std::int64_t created_ns_ = 0;  // the last call
  std::int64_t dumped_ns_ = 0;   // where that shows
  std::map<std::string, std::uint32_t> threads_;
  std::set<std::string> blind_;
  bool has_sites_ = false;
};

bool is_json(std::string_view bytes) {
  const std::size_t first = bytes.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (bytes[first] == '{' || bytes[first] == '[');
}

}  // namespace

Result<Recording> parse_flight_recorder_dump(std::string_view bytes, const std::string& path) {
  const std::optional<Rank> rank = rank_of_dump(path);
  if (!rank) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: its name does not end with a rank", path));
  }
  const Result<PlainTree> tree =
      is_json(bytes) ? read_json_tree(bytes, path) : read_pickle(bytes, path);
  if (!tree) return tl::unexpected(tree.error());
  return DumpImport{*tree, path, *rank}.read();
}

Result<Recording> read_flight_recorder_file(const std::string& path) {
  const Result<std::string> bytes = read_file_text(path, kFileBytesMax);
  if (!bytes) return tl::unexpected(bytes.error());
  Result<Recording> recording = parse_flight_recorder_dump(*bytes, path);
  std::error_code error;
  const auto written = std::filesystem::last_write_time(path, error);
  if (recording && !error) {
    recording->read_ns =
        std::chrono::nanoseconds{std::chrono::file_clock::to_sys(written).time_since_epoch()}
            .count();
  }
  return recording;
}

}  // namespace radixbench
