#include "comm/nccl_library.h"

#include "base/shared_library.h"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

namespace radixbench {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kName = "libnccl.so.2";
// ncclCommInitRankConfig and ncclCommSplit are there from here on.
constexpr int kVersionMin = 21801;

void add_matches(const std::string& pattern, std::vector<std::string>& paths) {
  glob_t found{};
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    for (std::size_t i = 0; i < found.gl_pathc; ++i) paths.emplace_back(found.gl_pathv[i]);
  }
  globfree(&found);
}

// Where wheels leave it below a Python installation's folder.
void add_wheels(const std::string& prefix, std::vector<std::string>& paths) {
  for (const char* site : {"/lib/python3*/site-packages", "/lib/python3*/dist-packages"}) {
    for (const char* package : {"/nvidia/nccl/lib/", "/torch/lib/"}) {
      add_matches(fmt::format("{}{}{}{}", prefix, site, package, kName), paths);
    }
  }
}

// The folder above bin/ of the first python3 on the PATH, as it is found and with links followed: a
// virtual environment's is the former.
void add_python_on_path(std::vector<std::string>& paths) {
  const char* const variable = std::getenv("PATH");
  std::string_view rest = variable == nullptr ? "" : variable;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const fs::path python = fs::path{rest.substr(0, end)} / "python3";
    rest.remove_prefix(std::min(end + 1, rest.size()));
    std::error_code error;
    if (!fs::exists(python, error)) continue;
    add_wheels(python.parent_path().parent_path().string(), paths);
    const fs::path real = fs::canonical(python, error);
    if (!error) add_wheels(real.parent_path().parent_path().string(), paths);
    return;
  }
}

std::vector<std::string> places(const std::string& library) {
  if (!library.empty()) return {library};
  if (const char* const chosen = std::getenv("RADIXBENCH_NCCL_LIBRARY")) return {chosen};
  std::vector<std::string> paths{std::string{kName}};
  for (const char* folder : {"/usr/local/cuda/lib64/", "/usr/local/cuda/lib/"}) {
    add_matches(fmt::format("{}{}", folder, kName), paths);
  }
  for (const char* variable : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    if (const char* const prefix = std::getenv(variable)) add_wheels(prefix, paths);
  }
  add_python_on_path(paths);
  if (const char* const home = std::getenv("HOME")) {
    add_wheels(std::string{home} + "/.local", paths);
  }
  for (const char* prefix : {"/usr/local", "/usr", "/opt/*", "/opt/*/.venv"}) {
    add_wheels(prefix, paths);
  }
  return paths;
}

bool bind_all(const SharedLibrary& library, NcclLibrary& nccl) {
  return library.bind("ncclGetVersion", nccl.get_version) &&
         library.bind("ncclGetUniqueId", nccl.get_unique_id) &&
         library.bind("ncclCommInitRankConfig", nccl.init) &&
         library.bind("ncclCommSplit", nccl.split) &&
         library.bind("ncclCommFinalize", nccl.finalize) &&
         library.bind("ncclCommDestroy", nccl.destroy) &&
         library.bind("ncclCommAbort", nccl.abort) &&
         library.bind("ncclCommGetAsyncError", nccl.async_error) &&
         library.bind("ncclGetErrorString", nccl.error_string) &&
         library.bind("ncclGetLastError", nccl.last_error) &&
         library.bind("ncclAllReduce", nccl.all_reduce) &&
         library.bind("ncclBroadcast", nccl.broadcast) &&
         library.bind("ncclAllGather", nccl.all_gather);
}

}  // namespace

Result<std::unique_ptr<const NcclLibrary>> NcclLibrary::load(const std::string& library_path) {
  Result<SharedLibrary> library = SharedLibrary::open(places(library_path));
  if (!library) return tl::unexpected(std::move(library.error()).while_doing("no NCCL"));
  auto nccl = std::make_unique<NcclLibrary>();
  nccl->path = library->path();
  const bool is_whole = bind_all(*library, *nccl);
  if (nccl->get_version != nullptr) nccl->get_version(&nccl->version);
  if (!is_whole || nccl->version < kVersionMin) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{} is NCCL {}; {} or newer is needed",
                            nccl->path,
                            nccl_version_text(nccl->version),
                            nccl_version_text(kVersionMin)));
  }
  return std::unique_ptr<const NcclLibrary>{std::move(nccl)};
}

std::string nccl_version_text(int version) {
  if (version < 10000) {
    return fmt::format("{}.{}.{}", version / 1000, version / 100 % 10, version % 100);
  }
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

}  // namespace radixbench
