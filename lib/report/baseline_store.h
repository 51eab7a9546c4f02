#pragma once

#include "base/result.h"
#include "stats/gate_launches.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// Baselines on disk: DIRECTORY/NAME/FINGERPRINT/UTC-COMMIT.summary.json, files of launches
// (docs/formats/launches.md), and beside them HEAD, whose one line is the entry that was accepted
// last. Files are replaced by renaming; two writers at once each leave whole files.
constexpr const char* kBaselineDirectory = ".radixbench/baselines";
constexpr const char* kNoCommit = "000000000000";

// What an entry's launches know of it, by name in LaunchSet::about.
constexpr const char* kAboutCommit = "commit";
constexpr const char* kAboutAccepted = "accepted_utc";  // empty: not yet
constexpr const char* kAboutChange = "distribution_change";

struct BaselineEntry {
  std::string name;  // UTC-COMMIT; names sort by time
  std::string path;
  LaunchSet set;

  [[nodiscard]] std::string about(std::string_view name) const;
  [[nodiscard]] std::string commit() const { return about(kAboutCommit); }
  [[nodiscard]] bool is_accepted() const { return !about(kAboutAccepted).empty(); }
};

// The entries of one environment, oldest first.
struct BaselineFolder {
  std::string fingerprint;  // its hash
  std::string path;
  std::string head;  // name of the entry accepted last; empty: none
  std::vector<BaselineEntry> entries;
};

// What the history of the program says of commits.
struct BaselineHistory {
  std::optional<std::string> merge_base;  // where this work began, if that is known
  // Whether a commit is part of this work's past; not set where there is no history to ask.
  std::function<bool(const std::string& commit)> is_ancestor;
};

class BaselineStore {
 public:
  explicit BaselineStore(std::string directory) : directory_{std::move(directory)} {}

  // In order; none where the directory isn't there.
  [[nodiscard]] std::vector<std::string> names() const;
  // kNotFound where there is no baseline of that name; kCorrupt for an entry that can't be read.
  [[nodiscard]] Result<std::vector<BaselineFolder>> folders(const std::string& name) const;

  struct Saving {
    std::string utc;     // 20261125T220000.000Z
    std::string commit;  // hex
    bool is_accepted = true;
  };
  // An entry an environment of the launches, which lose their sides and pairs. Answers the paths.
  // kInvalidArgument for a name that is no name of a folder, or a launch that failed.
  Result<std::vector<std::string>> save(const std::string& name,
                                        const LaunchSet& set,
                                        const Saving& saving) const;
  // Accepts the entries of that name, or whose name begins so, in all environments. kNotFound.
  Result<std::vector<std::string>> promote(const std::string& name,
                                           const std::string& entry,
                                           const std::string& utc) const;
  // Notes that times changed for good with the entry accepted last: what is older says nothing of
  // how much they move.
  Result<std::vector<std::string>> annotate(const std::string& name,
                                            const std::string& reason) const;
  // Removes all but the newest `keep` entries of each environment, HEAD's never. Answers the names.
  Result<std::vector<std::string>> prune(const std::string& name, std::size_t keep) const;

 private:
  [[nodiscard]] std::string path_of(const std::string& name) const;

  std::string directory_;
};

// Of the accepted ones: the entry of the merge base, else the newest of an ancestor; where no
// history can be asked, HEAD's. nullptr where there is none.
const BaselineEntry* choose_entry(const BaselineFolder& folder, const BaselineHistory& history);

// The accepted entries up to `chosen`, from the last one on that was marked as a change.
std::vector<LaunchSet> history_of(const BaselineFolder& folder, const BaselineEntry& chosen);

}  // namespace radixbench
