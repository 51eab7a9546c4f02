#include "record/hdf5_recovery.h"

#include "record/hdf5_attribute.h"
#include "record/hdf5_open.h"
#include "record/hdf5_rank_file.h"
#include "record/hdf5_tree.h"

#include <filesystem>

namespace radixbench {
namespace {

namespace fs = std::filesystem;

// Whether the file still has to be closed.
Result<bool> is_unclosed(const std::string& path) {
  return hdf5_guard(path, [&] {
    const Hdf5File file = open_to_read(path);
    check_file_kind(file.id(), kRankKind);
    return read_status(file.id()) == RankStatus::kRunning;
  });
}

Result<void> copy_as_it_is(const std::string& source, const std::string& target) {
  std::error_code error;
  if (fs::copy_file(source, target, fs::copy_options::none, error)) return {};
  const ErrorCode code =
      error == std::errc::file_exists ? ErrorCode::kCannotCreate : ErrorCode::kIo;
  return fail(code, "copy " + source + " to " + target + ": " + error.message());
}

}  // namespace

Result<bool> recover_hdf5_rank(const std::string& source, const std::string& target) {
  Result<bool> unclosed = is_unclosed(source);
  if (!unclosed) return unclosed;
  if (!*unclosed) {
    return copy_as_it_is(source, target).map([] { return false; });
  }
  return hdf5_guard("recover " + source + " to " + target, [&] {
    const Hdf5File file = open_to_read(source);
    write_whole_file(target, Existing::kRefuse, [&](hid_t copy) {
      copy_tree(file.id(), copy, {.is_compressed = false});
      overwrite_text(copy, "file_update_time", iso_time_utc());
      overwrite_text(copy, "status", to_string(RankStatus::kRecovered));
    });
    return true;
  });
}

}  // namespace radixbench
