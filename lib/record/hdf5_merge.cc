#include "record/hdf5_merge.h"

#include "record/hdf5_attribute.h"
#include "record/hdf5_master.h"
#include "record/hdf5_master_schema.h"
#include "record/hdf5_open.h"
#include "record/hdf5_table.h"
#include "record/hdf5_tree.h"
#include "record/run_folder.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <utility>

namespace radixbench {
namespace {

tl::unexpected<Error> refuse(const std::string& file, const std::string& what) {
  return fail(ErrorCode::kCorrupt, fmt::format("{}: {}", file, what));
}

// Where a rank has rows, they must be there: what is missing now would be missing for good.
Result<void> check_source(const RunFolder& folder, const RankFileEntry& entry, MergedRun& merged) {
  const std::string path = folder.path(entry.file);
  if (!entry.is_readable) {
    merged.notes.push_back(fmt::format("{}: was missing when the master was made", path));
    return {};
  }
  if (entry.status == RankStatus::kRunning) {
    return refuse(path, "was not closed; `radixbench h5 recover` makes a run that can be merged");
  }
  const std::optional<FileDigest> digest = digest_file(path);
  if (!digest) return refuse(path, "is missing or can't be read");
  if (digest->sha256 != entry.sha256) return refuse(path, "is not the file that the master lists");
  merged.bytes_before += digest->bytes;
  return {};
}

void write_rank_attributes(hid_t source, hid_t target, Rank rank) {
  const Hdf5Properties links{hdf5_check(H5Pcreate(H5P_LINK_CREATE), "create properties")};
  hdf5_check(H5Pset_create_intermediate_group(links.id(), 1), "ask for intermediate groups");
  const std::string path = fmt::format("/ranks/rank{:05}", rank);
  const Hdf5Group group{
      hdf5_check(H5Gcreate2(target, path.c_str(), links.id(), H5P_DEFAULT, H5P_DEFAULT),
                 fmt::format("create group '{}'", path))};
  copy_attributes(source, group.id());
}

// What the master leaves to the rank files.
void append_ranks(const RunFolder& folder, const MasterData& master, hid_t target) {
  const TableSchema schema = ranked<MonitorRow>(monitor_schema());
  create_table(target, schema, Compression::kFull);
  Hdf5TableWriter monitor{target, schema};
  for (const auto& entry : master.rank_files) {
    if (!entry.is_readable) continue;
    const Hdf5File file = open_to_read(folder.path(entry.file));
    std::vector<Ranked<MonitorRow>> rows;
    for (const auto& row : read_rows<MonitorRow>(file.id(), monitor_schema())) {
      rows.push_back({entry.rank, row});
    }
    monitor.append(rows.data(), rows.size());
    write_rank_attributes(file.id(), target, entry.rank);
  }
  monitor.write();
  monitor.commit();
}

}  // namespace

Result<MergedRun> merge_hdf5_run(const std::string& run, const std::string& target) {
  const Result<RunFolder> folder = find_run_folder(run);
  if (!folder) return tl::unexpected(folder.error());
  const std::string path = folder->path(kMasterFile);
  const Result<MasterData> master = read_hdf5_master(path);
  if (!master) return tl::unexpected(master.error());
  MergedRun merged;
  for (const auto& entry : master->rank_files) {
    if (Result<void> fine = check_source(*folder, entry, merged); !fine) {
      return tl::unexpected(fine.error());
    }
  }
  std::error_code ignored;
  merged.bytes_before += std::filesystem::file_size(path, ignored);
  const auto written = hdf5_guard("merge " + folder->directory + " into " + target, [&] {
    const Hdf5File file = open_to_read(path);
    if (is_merged(file.id())) {
      throw Hdf5Failure{{ErrorCode::kInvalidArgument, "is merged already"}};
    }
    write_whole_file(target, Existing::kRefuse, [&](hid_t copy) {
      copy_tree(file.id(), copy, {.is_compressed = true});
      write_i32(copy, kMergedAttribute, 1);
      append_ranks(*folder, *master, copy);
    });
  });
  if (!written) return tl::unexpected(written.error());
  merged.bytes = std::filesystem::file_size(target, ignored);
  return merged;
}

}  // namespace radixbench
