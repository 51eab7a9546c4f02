#include "h5_table.h"

#include "report/text_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace radixbench {
namespace {

std::string kind_of(const FileInspection& file) {
  if (!file.is_master) return fmt::format("rank {}", file.identity.rank);
  return file.is_merged ? "a run, merged" : "a run's master";
}

std::string status_of(const FileInspection& file) {
  if (file.is_master) return "-";
  return file.is_open() ? "not closed: its writer lives or was killed"
                        : std::string{to_string(file.status)};
}

std::uint64_t dropped(const FileInspection& file) {
  std::uint64_t rows = 0;
  for (const TableExtent& table : file.tables) rows += table.rows_dropped;
  return rows;
}

std::uint64_t committed(const FileInspection& file) {
  std::uint64_t rows = 0;
  for (const TableExtent& table : file.tables) rows += table.rows_committed;
  return rows;
}

std::string entry(const char* label, const std::string& text) {
  return fmt::format("  {:<10}{}\n", label, text);
}

std::string run_lines(const FileInspection& file) {
  const RunVariables& run = file.identity.variables;
  std::string text = entry("run", file.identity.run_id);
  text +=
      entry("schema",
            fmt::format("{}, written by radixbench {}", file.schema_version, file.creator_version));
  text += entry("layout", fmt::format("{}: {} ranks", run.layout, file.identity.world_size));
  text +=
      entry("protocol",
            fmt::format("rules {}, agreement {}, policy {}", run.rules, run.agreement, run.policy));
  text += entry(
      "clock",
      fmt::format(
          "{}, transport {}, page size {}", file.identity.clock, run.transport, run.page_size));
  return text +
         entry("opened", fmt::format("{}, last closed or made {}", file.opened, file.closed));
}

std::string tables_of(const FileInspection& file) {
  TextTable table{{"table", "rows", "beyond", "dropped", "bytes"}};
  for (const TableExtent& extent : file.tables) {
    table.add({extent.path,
               with_separators(extent.rows_committed),
               with_separators(extent.rows_stored - extent.rows_committed),
               with_separators(extent.rows_dropped),
               with_separators(extent.bytes)});
  }
  return "\n" + table.text(0);
}

std::string rank_files_of(const FileInspection& file) {
  TextTable table{{"rank file", "status", "rows", "bytes"}};
  for (const RankFileEntry& rank : file.rank_files) {
    table.add({rank.file,
               rank.is_readable ? std::string{to_string(rank.status)} : "missing",
               with_separators(rank.rows),
               with_separators(rank.bytes)});
  }
  return "\n" + table.text(0);
}

}  // namespace

std::string file_table(const FileInspection& file) {
  std::string text =
      fmt::format("{}: {}, {} bytes\n", file.path, kind_of(file), with_separators(file.bytes));
  text += run_lines(file);
  if (!file.is_master) text += entry("status", status_of(file));
  text += tables_of(file);
  return file.is_master ? text + rank_files_of(file) : text;
}

std::string run_files_table(const RunFolder& folder, std::span<const FileInspection> files) {
  std::string text =
      fmt::format("{}: {}\n",
                  folder.directory,
                  folder.has_master ? "a run" : "a run without run.h5: it was cut off");
  if (!files.empty()) text += run_lines(files.front());
  TextTable table{{"file", "status", "rows committed", "dropped", "bytes"}};
  for (const FileInspection& file : files) {
    table.add({file.path,
               status_of(file),
               with_separators(committed(file)),
               with_separators(dropped(file)),
               with_separators(file.bytes)});
  }
  return text + "\n" + table.text(0);
}

std::string verification_text(const std::string& path, const Verification& verified) {
  const std::string read = fmt::format("{} files and {} rows read",
                                       with_separators(verified.files_read),
                                       with_separators(verified.rows_read));
  if (verified.findings.empty()) return fmt::format("{}: whole; {}\n", path, read);
  return fmt::format("{}: NOT WHOLE, {} findings; {}\n", path, verified.findings.size(), read);
}

std::string recovery_text(const std::string& target, std::span<const RecoveredRank> ranks) {
  TextTable table{{"rank file", "status", "rows"}};
  for (const RecoveredRank& rank : ranks) {
    const bool is_there = rank.failure.empty();
    table.add({rank.file,
               is_there ? std::string{to_string(rank.status)} : "not recovered",
               is_there ? with_separators(rank.rows) : "-"});
  }
  return fmt::format("made {}\n\n{}", target, table.text(0));
}

std::string merge_text(const std::string& target, const MergedRun& merged) {
  return fmt::format("made {}: {} bytes of {}\n",
                     target,
                     with_separators(merged.bytes),
                     with_separators(merged.bytes_before));
}

}  // namespace radixbench
