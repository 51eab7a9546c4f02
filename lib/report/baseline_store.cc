#include "report/baseline_store.h"

#include "base/file_text.h"
#include "report/json_launches.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

namespace radixbench {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEntryEnding = ".summary.json";
constexpr const char* kHeadFile = "HEAD";
constexpr std::size_t kHeadBytesMax = 4096;
constexpr std::size_t kCommitDigits = 12;

bool is_name(std::string_view name) {
  const auto is_fine = [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') || letter == '-' || letter == '_' || letter == '.';
  };
  return !name.empty() && name.front() != '.' && std::all_of(name.begin(), name.end(), is_fine);
}

Result<void> check_name(const std::string& name) {
  if (is_name(name)) return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("'{}' is no name of a baseline: letters, digits, - _ .", name));
}

// What a folder has, in order; nothing where it isn't there.
std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry{folder, error}; !error && entry != fs::directory_iterator{};
       entry.increment(error)) {
    found.push_back(entry->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

void set_about(LaunchSet& set, const char* name, std::string value) {
  for (auto& [known, text] : set.about) {
    if (known == name) {
      text = std::move(value);
      return;
    }
  }
  set.about.emplace_back(name, std::move(value));
}

std::string head_of(const fs::path& folder) {
  const Result<std::string> text = read_file_text((folder / kHeadFile).string(), kHeadBytesMax);
  return text ? text->substr(0, text->find('\n')) : "";
}

Result<void> set_head(const fs::path& folder, const std::string& entry) {
  return replace_file_text((folder / kHeadFile).string(), entry + "\n");
}

Result<BaselineFolder> read_folder(const fs::path& path) {
  BaselineFolder folder;
  folder.fingerprint = path.filename().string();
  folder.path = path.string();
  folder.head = head_of(path);
  for (const fs::path& file : entries_of(path)) {
    const std::string name = file.filename().string();
    if (!name.ends_with(kEntryEnding)) continue;
    Result<LaunchSet> set = read_launches(file.string());
    if (!set) return tl::unexpected(set.error());
    folder.entries.push_back(
        {name.substr(0, name.size() - kEntryEnding.size()), file.string(), std::move(*set)});
  }
  return folder;
}

// By environment; sides and pairs say nothing any more.
Result<std::map<std::string, LaunchSet>> by_fingerprint(const LaunchSet& set) {
  std::map<std::string, LaunchSet> sets;
  for (Launch launch : set.launches) {
    if (!launch.failure.empty()) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("launch {} failed ({}): that is no baseline", launch.run_id, launch.failure));
    }
    launch.side = LaunchSide::kA;
    launch.pair = -1;
    sets[fingerprint_hash(launch.fingerprint)].launches.push_back(std::move(launch));
  }
  if (sets.empty()) return fail(ErrorCode::kInvalidArgument, "no launch to make a baseline of");
  return sets;
}

}  // namespace

std::string BaselineEntry::about(std::string_view wanted) const {
  for (const auto& [known, text] : set.about) {
    if (known == wanted) return text;
  }
  return "";
}

std::string BaselineStore::path_of(const std::string& name) const {
  return (fs::path{directory_} / name).string();
}

std::vector<std::string> BaselineStore::names() const {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const fs::path& path : entries_of(directory_)) {
    if (fs::is_directory(path, ignored)) names.push_back(path.filename().string());
  }
  return names;
}

Result<std::vector<BaselineFolder>> BaselineStore::folders(const std::string& name) const {
  if (Result<void> checked = check_name(name); !checked) return tl::unexpected(checked.error());
  std::vector<BaselineFolder> folders;
  std::error_code ignored;
  for (const fs::path& path : entries_of(path_of(name))) {
    if (!fs::is_directory(path, ignored)) continue;
    Result<BaselineFolder> folder = read_folder(path);
    if (!folder) return tl::unexpected(folder.error());
    if (!folder->entries.empty()) folders.push_back(std::move(*folder));
  }
  if (!folders.empty()) return folders;
  return fail(ErrorCode::kNotFound, fmt::format("{}: no baseline of that name", path_of(name)));
}

Result<std::vector<std::string>> BaselineStore::save(const std::string& name,
                                                     const LaunchSet& set,
                                                     const Saving& saving) const {
  if (Result<void> checked = check_name(name); !checked) return tl::unexpected(checked.error());
  Result<std::map<std::string, LaunchSet>> sets = by_fingerprint(set);
  if (!sets) return tl::unexpected(sets.error());
  const std::string entry =
      fmt::format("{}-{}", saving.utc, std::string_view{saving.commit}.substr(0, kCommitDigits));
  std::vector<std::string> paths;
  for (auto& [fingerprint, part] : *sets) {
    part.label = name;
    part.about = set.about;
    set_about(part, kAboutCommit, saving.commit);
    set_about(part, kAboutAccepted, saving.is_accepted ? saving.utc : "");
    const fs::path folder = fs::path{path_of(name)} / fingerprint;
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) {
      return fail(ErrorCode::kCannotCreate,
                  fmt::format("{}: {}", folder.string(), error.message()));
    }
    const fs::path file = folder / (entry + std::string{kEntryEnding});
    if (Result<void> written = write_launches(file.string(), part); !written) {
      return tl::unexpected(written.error());
    }
    if (saving.is_accepted) {
      if (Result<void> set_it = set_head(folder, entry); !set_it) {
        return tl::unexpected(set_it.error());
      }
    }
    paths.push_back(file.string());
  }
  return paths;
}

Result<std::vector<std::string>> BaselineStore::promote(const std::string& name,
                                                        const std::string& entry,
                                                        const std::string& utc) const {
  Result<std::vector<BaselineFolder>> all = folders(name);
  if (!all) return tl::unexpected(all.error());
  std::vector<std::string> promoted;
  for (BaselineFolder& folder : *all) {
    // Names begin with their time: the newest of those that are meant.
    BaselineEntry* meant = nullptr;
    for (BaselineEntry& known : folder.entries) {
      if (known.name.starts_with(entry) || known.commit().starts_with(entry)) meant = &known;
    }
    if (meant == nullptr) continue;
    if (!meant->is_accepted()) {
      set_about(meant->set, kAboutAccepted, utc);
      if (Result<void> written = write_launches(meant->path, meant->set); !written) {
        return tl::unexpected(written.error());
      }
    }
    if (Result<void> set_it = set_head(folder.path, meant->name); !set_it) {
      return tl::unexpected(set_it.error());
    }
    promoted.push_back(meant->path);
  }
  if (!promoted.empty()) return promoted;
  return fail(ErrorCode::kNotFound, fmt::format("{}: no entry '{}'", path_of(name), entry));
}

Result<std::vector<std::string>> BaselineStore::annotate(const std::string& name,
                                                         const std::string& reason) const {
  Result<std::vector<BaselineFolder>> all = folders(name);
  if (!all) return tl::unexpected(all.error());
  std::vector<std::string> annotated;
  for (BaselineFolder& folder : *all) {
    for (BaselineEntry& entry : folder.entries) {
      if (entry.name != folder.head) continue;
      set_about(entry.set, kAboutChange, reason);
      if (Result<void> written = write_launches(entry.path, entry.set); !written) {
        return tl::unexpected(written.error());
      }
      annotated.push_back(entry.path);
    }
  }
  if (!annotated.empty()) return annotated;
  return fail(ErrorCode::kNotFound, fmt::format("{}: no accepted entry", path_of(name)));
}

Result<std::vector<std::string>> BaselineStore::prune(const std::string& name,
                                                      std::size_t keep) const {
  const Result<std::vector<BaselineFolder>> all = folders(name);
  if (!all) return tl::unexpected(all.error());
  std::vector<std::string> removed;
  for (const BaselineFolder& folder : *all) {
    const std::size_t surplus = folder.entries.size() - std::min(keep, folder.entries.size());
    for (std::size_t i = 0; i < surplus; ++i) {
      const BaselineEntry& entry = folder.entries[i];
      if (entry.name == folder.head) continue;
      std::error_code error;
      if (!fs::remove(entry.path, error)) {
        return fail(ErrorCode::kIo, fmt::format("{}: {}", entry.path, error.message()));
      }
      removed.push_back(entry.path);
    }
  }
  return removed;
}

const BaselineEntry* choose_entry(const BaselineFolder& folder, const BaselineHistory& history) {
  const BaselineEntry* newest_ancestor = nullptr;
  const BaselineEntry* head = nullptr;
  bool has_commits = false;
  for (auto entry = folder.entries.rbegin(); entry != folder.entries.rend(); ++entry) {
    if (entry->name == folder.head) head = &*entry;
    if (!entry->is_accepted()) continue;
    has_commits = has_commits || entry->commit() != kNoCommit;
    if (history.merge_base && history.merge_base->starts_with(entry->commit())) return &*entry;
    if (newest_ancestor == nullptr && history.is_ancestor && history.is_ancestor(entry->commit())) {
      newest_ancestor = &*entry;
    }
  }
  return history.is_ancestor && has_commits ? newest_ancestor : head;
}

std::vector<LaunchSet> history_of(const BaselineFolder& folder, const BaselineEntry& chosen) {
  std::vector<LaunchSet> sets;
  for (const BaselineEntry& entry : folder.entries) {
    if (!entry.is_accepted()) continue;
    if (!entry.about(kAboutChange).empty()) sets.clear();
    sets.push_back(entry.set);
    if (&entry == &chosen) break;
  }
  return sets;
}

}  // namespace radixbench
