#include "cmd_h5.h"

#include "exit_codes.h"
#include "h5_table.h"

#include "record/hdf5_inspection.h"
#include "record/hdf5_merge.h"
#include "record/hdf5_recovery.h"
#include "record/run_folder.h"
#include "replay/run_recovery.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

namespace radixbench {
namespace {

namespace fs = std::filesystem;

struct H5Arguments {
  std::string path;
  std::string output;
};

// A path without the slashes at its end, so that a name can be made by adding to it.
std::string bare(const std::string& path) {
  const std::size_t end = path.find_last_not_of('/');
  return end == std::string::npos ? path : path.substr(0, end + 1);
}

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// A path that is not there is no empty run.
bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// What `h5 info` shows of a run: its master and rank files, or as many of them as there are.
int show_folder(const RunFolder& folder) {
  std::vector<FileInspection> files;
  int code = kExitFine;
  std::vector<std::string> paths;
  if (folder.has_master) paths.push_back(folder.path(kMasterFile));
  for (const std::string& file : folder.rank_files) paths.push_back(folder.path(file));
  for (const std::string& path : paths) {
    Result<FileInspection> file = inspect_hdf5(path);
    if (file) {
      files.push_back(std::move(*file));
    } else {
      code = report_error(file.error());
    }
  }
  fmt::print("{}", run_files_table(folder, files));
  return code;
}

int show(const std::string& path) {
  if (is_folder(path)) {
    const Result<RunFolder> folder = find_run_folder(path);
    return folder ? show_folder(*folder) : report_error(folder.error());
  }
  const Result<FileInspection> file = inspect_hdf5(path);
  if (!file) return report_error(file.error());
  fmt::print("{}", file_table(*file));
  return kExitFine;
}

int verify(const std::string& path) {
  const Result<Verification> verified = verify_hdf5(path);
  if (!verified) return report_error(verified.error());
  for (const FileFinding& finding : verified->findings) {
    fmt::print(stderr, "radixbench: {}: {}\n", finding.file, finding.what);
  }
  fmt::print("{}", verification_text(path, *verified));
  return verified->findings.empty() ? kExitFine : kExitBadData;
}

int recover_file(const std::string& source, const std::string& target) {
  const Result<bool> recovered = recover_hdf5_rank(source, target);
  if (!recovered) return report_error(recovered.error());
  const Result<FileInspection> file = inspect_hdf5(target);
  if (!file) return report_error(file.error());
  fmt::print("{}", file_table(*file));
  return kExitFine;
}

// Of a rank file rank00003.h5 a file rank00003-recovered.h5, of a run's folder RUN a folder
// RUN-recovered, unless another name is asked for.
int recover(const H5Arguments& arguments) {
  const std::string path = bare(arguments.path);
  if (!exists(path)) return report_error({ErrorCode::kNotFound, path + ": no such file"});
  const bool is_rank_file = !is_folder(path) && fs::path{path}.filename() != kMasterFile;
  std::string target = bare(arguments.output);
  if (is_rank_file) {
    if (target.empty()) {
      target = (fs::path{path}.replace_extension("").string() + "-recovered.h5");
    }
    return recover_file(path, target);
  }
  const Result<RunFolder> folder = find_run_folder(path);
  if (!folder) return report_error(folder.error());
  if (target.empty()) target = bare(folder->directory) + "-recovered";
  const Result<std::vector<RecoveredRank>> ranks = recover_run(path, target);
  if (!ranks) return report_error(ranks.error());
  fmt::print("{}", recovery_text(target, *ranks));
  int code = kExitFine;
  for (const RecoveredRank& rank : *ranks) {
    if (rank.failure.empty()) continue;
    fmt::print(stderr, "radixbench: {}: {}\n", folder->path(rank.file), rank.failure);
    code = kExitBadData;
  }
  return code;
}

int merge(const H5Arguments& arguments) {
  const Result<RunFolder> folder = find_run_folder(bare(arguments.path));
  if (!folder) return report_error(folder.error());
  const std::string target =
      arguments.output.empty() ? bare(folder->directory) + ".h5" : arguments.output;
  const Result<MergedRun> merged = merge_hdf5_run(folder->directory, target);
  if (!merged) return report_error(merged.error());
  for (const std::string& note : merged->notes) fmt::print(stderr, "radixbench: {}\n", note);
  fmt::print("{}", merge_text(target, *merged));
  return kExitFine;
}

constexpr const char* kInfoExamples =
    R"(PATH is a run's folder, its run.h5, a rank file or a merged file; files of runs that live or
were killed are read too.

Examples:
  radixbench h5 info runs/a
  radixbench h5 info runs/a/ranks/rank00003.h5

Exit codes: 65 not a file of radixbench, cut short, or of another major version; 66 no such file.)";

constexpr const char* kVerifyExamples =
    R"(Reads every chunk, so that each checksum is looked at, and holds sizes, SHA-256 and rows of
rank files against the master. One line on stderr for each thing that is wrong, with the file's
name.

Examples:
  radixbench h5 verify runs/a
  radixbench h5 verify shared.h5

Exit codes: 65 something is wrong, 66 no such file.)";

constexpr const char* kRecoverExamples =
    R"(Of a run that was cut off: a new folder with a closed copy of each rank file, cut to the rows
that were acknowledged, and the master made again. The run itself is only read. (h5clear -s would
cut the files to a size that was true when they were opened.)

Examples:
  radixbench h5 recover runs/a                       # makes runs/a-recovered
  radixbench h5 recover runs/a -o runs/b
  radixbench h5 recover runs/a/ranks/rank00003.h5    # makes rank00003-recovered.h5 beside it

Exit codes: 65 a rank file can't be read (the others are recovered), 66 no rank files, 73 the new
folder or file is there already.)";

constexpr const char* kMergeExamples =
    R"(Everything that a run's folder holds as one compressed file that needs no other: for sharing.
Readers of run.h5 read it.

Examples:
  radixbench h5 merge runs/a             # makes runs/a.h5
  radixbench h5 merge runs/a -o a.h5

Exit codes: 65 a rank file is missing, was not closed or is not what the master says, 66 no such
run, 73 the new file is there already.)";

CLI::App* add_command(CLI::App& h5,
                      const char* name,
                      const char* what,
                      const std::shared_ptr<H5Arguments>& arguments,
                      const char* examples) {
  CLI::App* command = h5.add_subcommand(name, what);
  command->add_option("PATH", arguments->path, "A run's folder, or a file of it")->required();
  command->footer(examples);
  return command;
}

}  // namespace

void add_h5_commands(CLI::App& app, std::vector<Command>& commands) {
  CLI::App* h5 = app.add_subcommand("h5", "The files of a run: show, verify, recover, merge");
  h5->require_subcommand(1);
  const auto arguments = std::make_shared<H5Arguments>();
  commands.push_back(
      {add_command(*h5, "info", "What a file or run holds", arguments, kInfoExamples),
       [arguments] { return show(bare(arguments->path)); }});
  commands.push_back(
      {add_command(*h5, "verify", "Whether all of it is there", arguments, kVerifyExamples),
       [arguments] { return verify(bare(arguments->path)); }});
  CLI::App* recover_app = add_command(
      *h5, "recover", "A closed copy of a run that was cut off", arguments, kRecoverExamples);
  recover_app->add_option("-o,--output", arguments->output, "The new folder, or file");
  commands.push_back({recover_app, [arguments] { return recover(*arguments); }});
  CLI::App* merge_app = add_command(
      *h5, "merge", "A run as one compressed file, for sharing", arguments, kMergeExamples);
  merge_app->add_option("-o,--output", arguments->output, "The new file");
  commands.push_back({merge_app, [arguments] { return merge(*arguments); }});
}

}  // namespace radixbench
