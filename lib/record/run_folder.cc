#include "record/run_folder.h"

#include "base/sha256.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <span>

namespace radixbench {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMaster = "run.h5";
constexpr const char* kRanks = "ranks";

std::vector<std::string> rank_files_of(const fs::path& directory) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator entry{directory / kRanks, error}, end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() != ".h5") continue;
    files.push_back((fs::path{kRanks} / entry->path().filename()).string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

std::string rank_file_name(std::uint32_t rank) {
  return fmt::format("{}/rank{:05}.h5", kRanks, rank);
}

Result<RunFolder> find_run_folder(const std::string& path) {
  std::error_code ignored;
  fs::path directory{path};
  if (!fs::exists(directory, ignored)) return fail(ErrorCode::kNotFound, path + ": no such file");
  if (!fs::is_directory(directory, ignored)) {
    directory = directory.has_parent_path() ? directory.parent_path() : fs::path{"."};
  }
  RunFolder folder{.directory = directory.string(),
                   .has_master = fs::exists(directory / kMaster, ignored),
                   .rank_files = rank_files_of(directory)};
  if (folder.has_master || !folder.rank_files.empty()) return folder;
  return fail(ErrorCode::kNotFound, path + ": holds no run.h5 and no ranks/*.h5");
}

std::optional<FileDigest> digest_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  if (!file) return std::nullopt;
  constexpr std::size_t kPieceBytes = std::size_t{1} << 20U;
  std::vector<char> piece(kPieceBytes);
  FileDigest digest;
  Sha256 sum;
  while (file) {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    const auto count = static_cast<std::size_t>(file.gcount());
    sum.update(std::as_bytes(std::span{piece}.first(count)));
    digest.bytes += count;
  }
  if (file.bad()) return std::nullopt;
  digest.sha256 = to_hex(std::move(sum).digest());
  return digest;
}

}  // namespace radixbench
