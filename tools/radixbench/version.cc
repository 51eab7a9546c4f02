#include "version.h"

#include "cmd_env.h"

#include "record/hdf5_version.h"
#include "record/provenance.h"
#include "report/json_gate.h"
#include "report/json_version.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

namespace radixbench {
namespace {

std::string fmt_version() {
  return fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100);
}

std::string compiler() {
  for (const auto& [name, value] : collect_provenance()) {
    if (name == "compiler") return value;
  }
  return "";
}

// Of what `env` finds; nothing where it is not usable here.
VersionPart found(const std::vector<Provider>& providers,
                  std::string_view name,
                  const char* built) {
  VersionPart part{std::string{name}, built, {}};
  const auto provider = std::ranges::find(providers, name, &Provider::name);
  if (provider != providers.end() && provider->is_usable) part.loaded = provider->version;
  return part;
}

}  // namespace

std::string version_line() { return "radixbench " RADIXBENCH_VERSION "\n"; }

std::string version_text_json() {
  const std::vector<Provider> providers = find_providers();
  return version_json(
      {.tool = RADIXBENCH_VERSION,
       .compiler = compiler(),
       .schemas = {{"radixbench.run", hdf5_schema_version()}, {kGateSchema, kGateSchemaVersion}},
       .parts = {{"hdf5", hdf5_version_built(), hdf5_version_loaded()},
                 {"fmt", fmt_version(), fmt_version()},
                 {"cli11", CLI11_VERSION, CLI11_VERSION},
                 found(providers, "mpi", RADIXBENCH_BUILT_MPI),
                 found(providers, "gloo", RADIXBENCH_BUILT_GLOO),
                 found(providers, "cuda", RADIXBENCH_BUILT_CUDA),
                 found(providers, "nccl", RADIXBENCH_BUILT_NCCL)}});
}

}  // namespace radixbench
