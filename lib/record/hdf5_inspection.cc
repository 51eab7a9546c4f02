#include "record/hdf5_inspection.h"

#include "record/hdf5_attribute.h"
#include "record/hdf5_compound.h"
#include "record/hdf5_master_schema.h"
#include "record/hdf5_open.h"
#include "record/hdf5_rank_file.h"
#include "record/hdf5_tree.h"
#include "record/run_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <string_view>

namespace radixbench {
namespace {

namespace fs = std::filesystem;

// Tables that lie beside another and have its rows (row_count).
constexpr std::array<std::string_view, 3> kTwinTables{
    "/digests", "/cache/tiers", "/groups/members"};

FileInspection inspect(hid_t file) {
  FileInspection found;
  found.is_master = read_file_kind(file) == kMasterKind;
  check_file_kind(file, found.is_master ? kMasterKind : kRankKind);
  found.schema_version = read_text(file, "schema_version");
  found.creator_version = read_text(file, "creator_version");
  found.opened = read_text(file, "file_time");
  found.closed = read_text(file, "file_update_time");
  found.identity = read_file_identity(file);
  found.tables = list_tables(file);
  if (found.is_master) {
    found.is_merged = is_merged(file);
    for (const auto& cells : read_compound_rows<RankFileCells>(file, rank_file_schema())) {
      found.rank_files.push_back(to_entry(cells));
    }
  } else {
    found.identity.rank = static_cast<Rank>(read_u64(file, "rank"));
    found.identity.local_rank = static_cast<std::uint32_t>(read_u64(file, "local_rank"));
    found.status = read_status(file);
  }
  return found;
}

// A master's rows are its rank files', which only a merged one holds itself.
std::uint64_t rows_of(const FileInspection& file) {
  std::uint64_t rows = 0;
  if (file.is_master) {
    if (!file.is_merged) return 0;
    for (const auto& entry : file.rank_files) rows += entry.rows;
    return rows;
  }
  for (const auto& table : file.tables) {
    const bool is_twin =
        std::find(kTwinTables.begin(), kTwinTables.end(), table.path) != kTwinTables.end();
    if (!is_twin) rows += table.rows_committed;
  }
  return rows;
}

class Verifier {
 public:
  Verification take() { return std::move(result_); }

  // Reads all of one file; nothing where it can't be.
  std::optional<FileInspection> read(const std::string& path) {
    Result<FileInspection> file = hdf5_guard("read", [&] {
      const Hdf5File opened = open_to_read(path);
      ++result_.files_read;
      FileInspection found = inspect(opened.id());
      read_tree(opened.id());
      return found;
    });
    if (!file) {
      find(path, file.error().message);
      return std::nullopt;
    }
    result_.rows_read += rows_of(*file);
    if (file->is_open()) {
      find(path,
           "was not closed: its writer lives or was killed; `radixbench h5 recover` makes a closed "
           "copy");
      return *file;
    }
    for (const auto& table : file->tables) {
      if (table.has_equal_columns && table.rows_stored == table.rows_committed) continue;
      find(path,
           fmt::format("'{}' holds {} rows, in columns of {} length, and says that {} are there",
                       table.path,
                       table.rows_stored,
                       table.has_equal_columns ? "equal" : "unequal",
                       table.rows_committed));
    }
    return *file;
  }

  void read_run(const RunFolder& folder) {
    std::set<std::string> listed;
    if (!folder.has_master) {
      find(folder.path(kMasterFile), "is missing; `radixbench h5 recover` makes it again");
    } else if (const auto master = read(folder.path(kMasterFile)); master && !master->is_merged) {
      for (const auto& entry : master->rank_files) {
        listed.insert(entry.file);
        compare(folder, *master, entry);
      }
    } else if (master) {
      return;
    }
    for (const auto& file : folder.rank_files) {
      if (listed.contains(file)) continue;
      if (read(folder.path(file)) && folder.has_master) {
        find(folder.path(file), "is not in the master's /rank_files");
      }
    }
  }

 private:
  void find(const std::string& file, std::string what) {
    result_.findings.push_back({file, std::move(what)});
  }

  // One file of a run against what the master says of it.
  void compare(const RunFolder& folder, const FileInspection& master, const RankFileEntry& entry) {
    const std::string path = folder.path(entry.file);
    if (!fs::exists(path)) {
      find(path, fmt::format("is missing: rank {}'s rows read as fill values", entry.rank));
      return;
    }
    if (!entry.is_readable) find(path, "could not be read when the master was made");
    const std::optional<FileDigest> digest = digest_file(path);
    if (!digest) {
      find(path, "can't be read");
      return;
    }
    if (digest->bytes != entry.bytes) {
      find(path, fmt::format("has {} bytes, the master says {}", digest->bytes, entry.bytes));
    } else if (digest->sha256 != entry.sha256) {
      find(path, "has another SHA-256 than the master says");
    }
    const std::optional<FileInspection> file = read(path);
    if (!file || !entry.is_readable) return;
    if (file->identity.run_id != master.identity.run_id) {
      find(path, "is of another run: " + file->identity.run_id);
    }
    if (file->identity.rank != entry.rank) {
      find(path, fmt::format("is rank {}'s, the master says {}", file->identity.rank, entry.rank));
    }
    if (!file->is_open() && rows_of(*file) != entry.rows) {
      find(path, fmt::format("holds {} rows, the master says {}", rows_of(*file), entry.rows));
    }
  }

  Verification result_;
};

}  // namespace

Result<FileInspection> inspect_hdf5(const std::string& path) {
  auto found = hdf5_guard(path, [&] { return inspect(open_to_read(path).id()); });
  if (!found) return found;
  std::error_code ignored;
  found->path = path;
  found->bytes = fs::file_size(path, ignored);
  return found;
}

Result<Verification> verify_hdf5(const std::string& path) {
  std::error_code ignored;
  const bool is_folder = fs::is_directory(path, ignored);
  if (!is_folder && !fs::exists(path, ignored)) {
    return fail(ErrorCode::kNotFound, path + ": no such file");
  }
  Verifier verifier;
  bool is_run = is_folder;
  if (!is_folder) {
    const Result<FileInspection> file = inspect_hdf5(path);
    is_run = file && file->is_master && !file->is_merged;
  }
  if (is_run) {
    const Result<RunFolder> folder = find_run_folder(path);
    if (!folder) return tl::unexpected(folder.error());
    verifier.read_run(*folder);
  } else {
    static_cast<void>(verifier.read(path));
  }
  return verifier.take();
}

}  // namespace radixbench
