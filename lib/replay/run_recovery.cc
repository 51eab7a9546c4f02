#include "replay/run_recovery.h"

#include "record/hdf5_recovery.h"
#include "record/run_folder.h"
#include "replay/run_data.h"
#include "replay/run_master.h"
#include "stats/join.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace radixbench {
namespace {

namespace fs = std::filesystem;

// Removed again unless it is kept.
class NewFolder {
 public:
  static Result<NewFolder> make(const std::string& path) {
    std::error_code error;
    if (fs::exists(path, error)) {
      return fail(ErrorCode::kCannotCreate, path + " is there already; choose another name");
    }
    fs::create_directories(path + "/ranks", error);
    if (error) {
      return fail(ErrorCode::kCannotCreate,
                  fmt::format("cannot make {}: {}", path, error.message()));
    }
    return NewFolder{path};
  }
  NewFolder(NewFolder&& other) noexcept : path_{std::exchange(other.path_, {})} {}
  NewFolder& operator=(NewFolder&&) = delete;
  ~NewFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  void keep() { path_.clear(); }

 private:
  explicit NewFolder(std::string path) : path_{std::move(path)} {}
  std::string path_;
};

Result<Layout> layout_of(const RankIdentity& identity) {
  Result<Layout> layout = make_layout(identity.variables.layout);
  if (!layout) {
    return fail(ErrorCode::kCorrupt, "the layout that was recorded: " + layout.error().message);
  }
  return layout;
}

// Ranks of one run, each in the file of its name, and none that the layout does not have.
Result<void> check_ranks(const RunData& data,
                         const std::vector<std::string>& files,
                         const Layout& layout) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    const RankIdentity& identity = data.ranks[i].identity;
    if (identity.run_id != data.ranks[0].identity.run_id) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("files of two runs lie here: {} and {}",
                              data.ranks[0].identity.run_id,
                              identity.run_id));
    }
    if (identity.world_size != layout.world_size() || identity.rank >= layout.world_size() ||
        files[i] != rank_file_name(identity.rank)) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{} holds rank {} of {}, and the layout is {}",
                              files[i],
                              identity.rank,
                              identity.world_size,
                              layout.spec()));
    }
  }
  return {};
}

Result<RunData> read_copies(const std::string& directory, const std::vector<std::string>& files) {
  std::vector<std::string> paths;
  paths.reserve(files.size());
  for (const std::string& file : files) paths.push_back(fmt::format("{}/{}", directory, file));
  RunData data = read_run(paths);
  if (!data.missing.empty()) return fail(ErrorCode::kCorrupt, data.missing[0]);
  const Result<Layout> layout = layout_of(data.ranks[0].identity);
  if (!layout) return tl::unexpected(layout.error());
  if (Result<void> fine = check_ranks(data, files, *layout); !fine) {
    return tl::unexpected(fine.error());
  }
  return data;
}

Result<void> remake_master(const std::string& directory, const RunData& data) {
  const Result<Layout> layout = layout_of(data.ranks[0].identity);
  if (!layout) return tl::unexpected(layout.error());
  const std::vector<RankView> views = rank_views(data, *layout);
  const std::vector<std::vector<JoinedColumns>> joined = join_samples(views);
  RankIdentity identity = data.ranks[0].identity;
  identity.rank = identity.local_rank = 0;
  identity.provenance.emplace_back("run_end", "recovered");
  return write_run_master(
      directory, std::move(identity), data, joined, summarise(views, joined, site_infos()));
}

// Whether a source is beyond reading; everything else is about what is being written.
bool is_unreadable(const Error& error) {
  return error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kNotFound;
}

std::vector<RecoveredRank> describe(const RunData& data, std::vector<RecoveredRank> unreadable) {
  std::vector<RecoveredRank> ranks = std::move(unreadable);
  for (const RankData& rank : data.ranks) {
    ranks.push_back({rank_file_name(rank.identity.rank), rank.status, row_count(rank)});
  }
  for (Rank rank = 0; rank < data.ranks[0].identity.world_size; ++rank) {
    const std::string file = rank_file_name(rank);
    if (std::ranges::find(ranks, file, &RecoveredRank::file) != ranks.end()) continue;
    ranks.push_back({file, RankStatus::kRunning, 0, "is missing"});
  }
  std::ranges::sort(ranks, {}, &RecoveredRank::file);
  return ranks;
}

}  // namespace

Result<std::vector<RecoveredRank>> recover_run(const std::string& run, const std::string& target) {
  const Result<RunFolder> folder = find_run_folder(run);
  if (!folder) return tl::unexpected(folder.error());
  if (folder->rank_files.empty()) {
    return fail(ErrorCode::kNotFound, run + ": has no ranks/*.h5 to recover");
  }
  Result<NewFolder> made = NewFolder::make(target);
  if (!made) return tl::unexpected(made.error());
  std::vector<std::string> files;
  std::vector<RecoveredRank> unreadable;
  for (const std::string& file : folder->rank_files) {
    const Result<bool> copied =
        recover_hdf5_rank(folder->path(file), fmt::format("{}/{}", target, file));
    if (copied) {
      files.push_back(file);
    } else if (is_unreadable(copied.error())) {
      unreadable.push_back({file, RankStatus::kRunning, 0, copied.error().message});
    } else {
      return tl::unexpected(copied.error());
    }
  }
  if (files.empty()) return fail(ErrorCode::kCorrupt, unreadable[0].failure);
  const Result<RunData> data = read_copies(target, files);
  if (!data) return tl::unexpected(data.error());
  if (Result<void> written = remake_master(target, *data); !written) {
    return tl::unexpected(written.error());
  }
  made->keep();
  return describe(*data, std::move(unreadable));
}

}  // namespace radixbench
