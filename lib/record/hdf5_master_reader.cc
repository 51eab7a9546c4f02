#include "record/hdf5_compound.h"
#include "record/hdf5_master.h"
#include "record/hdf5_master_schema.h"
#include "record/hdf5_open.h"
#include "record/hdf5_rank_file.h"
#include "record/hdf5_table.h"

#include <filesystem>

namespace radixbench {
namespace {

MasterData read_all(hid_t file) {
  check_file_kind(file, kMasterKind);
  MasterData data;
  data.identity = read_file_identity(file);
  for (const auto& cells : read_compound_rows<RankFileCells>(file, rank_file_schema())) {
    data.rank_files.push_back(to_entry(cells));
  }
  const TableSchema counters = ranked<CounterCells>(counter_schema());
  for (const auto& cells : read_rows<Ranked<CounterCells>>(file, counters)) {
    data.counters.push_back({cells.rank, to_counter_row(cells.row)});
  }
  data.variables = data.identity.variables;
  for (const auto& cells : read_compound_rows<SummaryCells>(file, summary_schema())) {
    data.variables = to_variables(cells);
    data.cells.push_back(to_cell(cells));
  }
  return data;
}

}  // namespace

Result<MasterData> read_hdf5_master(const std::string& path) {
  std::error_code ignored;
  const std::string file = std::filesystem::is_directory(path, ignored)
                               ? (std::filesystem::path{path} / kMasterFile).string()
                               : path;
  return hdf5_guard(file, [&] { return read_all(open_to_read(file).id()); });
}

}  // namespace radixbench
