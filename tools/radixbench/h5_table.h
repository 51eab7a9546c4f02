#pragma once

#include "record/hdf5_inspection.h"
#include "record/hdf5_merge.h"
#include "record/run_folder.h"
#include "replay/run_recovery.h"

#include <span>
#include <string>

namespace radixbench {

// What the h5 commands print on stdout.
std::string file_table(const FileInspection& file);
// `files`: those of the folder that can be read, the master first.
std::string run_files_table(const RunFolder& folder, std::span<const FileInspection> files);
std::string verification_text(const std::string& path, const Verification& verified);
std::string recovery_text(const std::string& target, std::span<const RecoveredRank> ranks);
std::string merge_text(const std::string& target, const MergedRun& merged);

}  // namespace radixbench
