#include "record/hdf5_master.h"

#include "base/check.h"
#include "record/hdf5_attribute.h"
#include "record/hdf5_compound.h"
#include "record/hdf5_master_schema.h"
#include "record/hdf5_open.h"
#include "record/hdf5_rank_file.h"
#include "record/run_folder.h"

#include <fmt/format.h>

#include <map>
#include <numeric>

namespace radixbench {
namespace {

RankFileEntry describe_file(const std::string& directory, const MasterRank& rank) {
  RankFileEntry entry;
  entry.rank = rank.rank;
  entry.file = rank.file;
  if (const auto content = digest_file(directory + "/" + rank.file)) {
    entry.bytes = content->bytes;
    entry.sha256 = content->sha256;
  }
  if (rank.data == nullptr) return entry;
  entry.is_readable = true;
  entry.status = rank.data->status;
  entry.rows = row_count(*rank.data);
  return entry;
}

// A column that is written at once. `cells` are in the column's type.
Hdf5Dataset write_column(hid_t group,
                         const ColumnSchema& column,
                         const void* cells,
                         std::size_t count) {
  Hdf5Dataset dataset =
      create_column(group, column, column.offset == kRowNumber, Compression::kFull);
  const hsize_t extent = count;
  hdf5_check(H5Dset_extent(dataset.id(), &extent), "extend a dataset");
  hdf5_check(H5Dwrite(dataset.id(), file_type(column).id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, cells),
             fmt::format("write '{}'", column.name));
  return dataset;
}

// How many rows of a table each rank has.
using RowCount = std::size_t (*)(const RankData& data, Phase phase);

class MasterFile {
 public:
  MasterFile(hid_t file, const std::string& directory, const MasterContent& content)
      : file_{file}, directory_{directory}, content_{content} {}

  void write() {
    RankIdentity identity = content_.identity;
    identity.variables = content_.variables;
    write_file_identity(file_, kMasterKind, identity);
    write_text(file_, "clock", "CLOCK_MONOTONIC");
    // All ranks are processes of one host and read one clock; on several, each has an offset.
    write_i64(file_, "clock_offset_bound_ns", 0);
    write_rank_files();
    write_groups();
    for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
      write_samples(static_cast<Phase>(phase));
    }
    const auto none = Phase::kConsensus;
    write_virtual_table(
        step_schema(), none, [](const RankData& data, Phase) { return data.steps.size(); });
    write_virtual_table(
        request_schema(), none, [](const RankData& data, Phase) { return data.requests.size(); });
    write_virtual_table(prefetch_schema(), none, [](const RankData& data, Phase) {
      return data.prefetches.size();
    });
    write_real_table<StepRow>(digest_schema(), [](const RankData& data) { return data.steps; });
    write_real_table<RequestRow>(tier_schema(), [](const RankData& data) { return data.requests; });
    write_real_table<CounterCells>(counter_schema(), [](const RankData& data) {
      std::vector<CounterCells> cells;
      for (const auto& counter : data.counters) cells.push_back(to_counter_cells(counter));
      return cells;
    });
    write_cells();
  }

 private:
  void write_rank_files() {
    std::vector<RankFileCells> rows;
    for (const auto& rank : content_.ranks) {
      rows.push_back(to_cells(describe_file(directory_, rank)));
    }
    write_compound(file_, rank_file_schema(), rows.data(), rows.size());
  }

  // Each group once, from the first rank that has it; my_index is then that rank's.
  void write_groups() {
    create_table(file_, group_schema(), Compression::kFull);
    create_table(file_, member_schema(), Compression::kFull);
    Hdf5TableWriter groups{file_, group_schema()};
    Hdf5TableWriter members{file_, member_schema()};
    std::map<std::uint16_t, const GroupRow*> known;
    for (const auto& rank : content_.ranks) {
      if (rank.data == nullptr) continue;
      for (const auto& group : rank.data->groups) known.try_emplace(group.group_id, &group);
    }
    std::uint32_t offset = 0;
    for (const auto& [id, group] : known) {
      const GroupCells cells = to_group_cells(*group, offset);
      groups.append(&cells, 1);
      members.append(group->members.data(), group->members.size());
      offset += cells.member_count;
    }
    finish(groups);
    finish(members);
  }

  static void finish(Hdf5TableWriter& table) {
    table.write();
    table.commit();
  }

  [[nodiscard]] std::vector<VirtualSource> sources_of(const TableSchema& schema,
                                                      Phase phase,
                                                      RowCount count) const {
    std::vector<VirtualSource> sources;
    for (const auto& rank : content_.ranks) {
      const std::size_t rows = rank.data == nullptr ? 0 : count(*rank.data, phase);
      sources.push_back({rank.file, schema.path, rows});
    }
    return sources;
  }

  // The row's number and its rank are real; so is where each rank's rows begin, as an attribute:
  // a dataset of another length would spoil the group for pandas and xarray.
  std::vector<Hdf5Dataset> write_row_columns(hid_t group,
                                             const std::string& scale,
                                             const std::vector<VirtualSource>& sources) const {
    std::vector<Rank> ranks;
    std::vector<std::uint64_t> offsets{0};
    for (std::size_t index = 0; index < sources.size(); ++index) {
      ranks.insert(ranks.end(), sources[index].count, content_.ranks[index].rank);
      offsets.push_back(ranks.size());
    }
    std::vector<std::uint64_t> numbers(ranks.size());
    std::iota(numbers.begin(), numbers.end(), std::uint64_t{0});
    std::vector<Hdf5Dataset> columns;
    columns.push_back(write_column(group, row_column(scale), numbers.data(), numbers.size()));
    columns.push_back(write_column(group, rank_column(0), ranks.data(), ranks.size()));
    write_values(columns[1].id(), "rank_offset", H5T_STD_U64LE, offsets.data(), offsets.size());
    return columns;
  }

  std::vector<Hdf5Dataset> write_virtual_columns(hid_t group,
                                                 const TableSchema& schema,
                                                 std::vector<VirtualSource> sources) const {
    const bool is_numbered = schema.columns[0].offset == kRowNumber;
    std::vector<Hdf5Dataset> columns =
        write_row_columns(group, is_numbered ? schema.columns[0].name : "row", sources);
    for (const auto& column : schema.columns) {
      if (column.offset == kRowNumber) continue;
      for (auto& source : sources) source.dataset = schema.path + "/" + column.name;
      columns.push_back(create_virtual_column(group, column, sources));
    }
    return columns;
  }

  Hdf5Group create_group(const std::string& path) {
    const Hdf5Properties links{hdf5_check(H5Pcreate(H5P_LINK_CREATE), "create properties")};
    hdf5_check(H5Pset_create_intermediate_group(links.id(), 1), "ask for intermediate groups");
    return Hdf5Group{
        hdf5_check(H5Gcreate2(file_, path.c_str(), links.id(), H5P_DEFAULT, H5P_DEFAULT),
                   fmt::format("create group '{}'", path))};
  }

  void write_virtual_table(const TableSchema& schema, Phase phase, RowCount count) {
    const Hdf5Group group = create_group(schema.path);
    const auto columns =
        write_virtual_columns(group.id(), schema, sources_of(schema, phase, count));
    attach_scale(columns, schema.columns[0].offset == kRowNumber ? schema.columns[0].name : "row");
  }

  void write_samples(Phase phase) {
    const TableSchema schema = sample_schema(phase, site_names());
    const Hdf5Group group = create_group(schema.path);
    const auto count = [](const RankData& data, Phase of) {
      return data.samples[static_cast<std::size_t>(of)].size();
    };
    auto columns = write_virtual_columns(group.id(), schema, sources_of(schema, phase, count));
    const std::vector<ColumnSchema> joined = joined_columns();
    columns.push_back(write_joined(group.id(), joined[0], phase, &JoinedSamples::wait_ns));
    columns.push_back(write_joined(group.id(), joined[1], phase, &JoinedSamples::wire_ns));
    columns.push_back(write_joined(group.id(), joined[2], phase, &JoinedSamples::skew_ns));
    columns.push_back(write_joined(group.id(), joined[3], phase, &JoinedSamples::last_rank));
    attach_scale(columns, schema.columns[0].name);
  }

  template <typename Cell>
  Hdf5Dataset write_joined(hid_t group,
                           const ColumnSchema& column,
                           Phase phase,
                           std::vector<Cell> JoinedSamples::*cells) const {
    std::vector<Cell> all;
    for (const auto& rank : content_.ranks) {
      if (rank.data == nullptr) continue;
      const auto place = static_cast<std::size_t>(phase);
      const std::vector<Cell>& own = rank.joined[place].*cells;
      RADIXBENCH_CHECK(own.size() == rank.data->samples[place].size());
      all.insert(all.end(), own.begin(), own.end());
    }
    return write_column(group, column, all.data(), all.size());
  }

  template <typename Row, typename RowsOf>
  void write_real_table(const TableSchema& schema, RowsOf rows_of) {
    const TableSchema all = ranked<Row>(schema);
    create_table(file_, all, Compression::kFull);
    Hdf5TableWriter table{file_, all};
    for (const auto& rank : content_.ranks) {
      if (rank.data == nullptr) continue;
      std::vector<Ranked<Row>> rows;
      for (const auto& row : rows_of(*rank.data)) rows.push_back({rank.rank, row});
      table.append(rows.data(), rows.size());
    }
    finish(table);
  }

  void write_cells() {
    std::vector<SummaryCells> rows;
    for (const auto& cell : content_.cells) rows.push_back(to_cells(content_.variables, cell));
    write_compound(file_, summary_schema(), rows.data(), rows.size());
  }

  [[nodiscard]] CodeNames site_names() const {
    for (const auto& rank : content_.ranks) {
      if (rank.data != nullptr) return rank.data->sites;
    }
    return {};
  }

  hid_t file_;
  const std::string& directory_;
  const MasterContent& content_;
};

}  // namespace

Result<void> write_hdf5_master(const std::string& directory, const MasterContent& content) {
  const std::string path = directory + "/" + kMasterFile;
  return hdf5_guard("write " + path, [&] {
    write_whole_file(path, Existing::kReplace, [&](hid_t file) {
      MasterFile{file, directory, content}.write();
    });
  });
}

}  // namespace radixbench
