#include "cmd_env.h"

#include "columns.h"
#include "exit_codes.h"

#include "comm/nccl_support.h"
#include "comm/transports.h"
#include "record/provenance.h"

#include <fmt/core.h>

#include <memory>
#include <string>

namespace radixbench {
namespace {

Provider find_cuda() {
  Provider cuda{.kind = "device", .name = "cuda", .is_usable = false, .version = {}, .note = {}};
  const GpuSupport support = probe_gpu_support();
  if (!support.gpus) {
    cuda.note = support.gpus.error().message;
    return cuda;
  }
  const int version = support.gpus->driver_version;
  cuda.version = fmt::format("{}.{}", version / 1000, version / 10 % 100);
  cuda.is_usable = !support.gpus->gpus.empty();
  cuda.note = cuda.is_usable ? std::string{} : "CUDA shows no GPU here";
  for (const GpuInventory::Entry& gpu : support.gpus->gpus) {
    cuda.note += fmt::format("{}{}, {} GiB, sm_{}{}",
                             cuda.note.empty() ? "" : "; ",
                             gpu.name,
                             gpu.memory_bytes >> 30U,
                             gpu.capability_major,
                             gpu.capability_minor);
  }
  return cuda;
}

std::string environment_text(const NamedValues& machine, const std::vector<Provider>& providers) {
  std::vector<std::vector<std::string>> rows{{"kind", "name", "usable", "version", "note"}};
  for (const Provider& provider : providers) {
    rows.push_back({provider.kind,
                    provider.name,
                    provider.is_usable ? "yes" : "no",
                    provider.version.empty() ? "-" : provider.version,
                    provider.note});
  }
  std::string text;
  append_columns(rows, text);
  text += "\n";
  std::vector<std::vector<std::string>> values;
  for (const auto& [name, value] : machine) values.push_back({name, value});
  append_columns(values, text);
  return text;
}

int show(bool is_json) {
  const NamedValues machine = collect_provenance();
  const std::vector<Provider> providers = find_providers();
  fmt::print("{}",
             is_json ? environment_json(RADIXBENCH_VERSION, machine, providers)
                     : environment_text(machine, providers));
  return kExitFine;
}

constexpr const char* kExamples =
    R"(Examples:
  radixbench env
  radixbench env --json

It brings nothing up: what is usable is there, and says no more than that. Exit code: 0.)";

}  // namespace

std::vector<Provider> find_providers() {
  std::vector<Provider> providers;
  for (TransportInfo& found : find_transports()) {
    providers.push_back({.kind = "transport",
                         .name = std::move(found.name),
                         .is_usable = found.is_usable,
                         .version = std::move(found.version),
                         .note = std::move(found.note)});
  }
  providers.push_back(find_cuda());
  return providers;
}

void add_env_commands(CLI::App& app, std::vector<Command>& commands) {
  CLI::App* env_app = app.add_subcommand("env", "What this machine and this build can be used for");
  const auto is_json = std::make_shared<bool>(false);
  env_app->add_flag("--json", *is_json, "One line of JSON");
  env_app->footer(kExamples);
  commands.push_back({env_app, [is_json] { return show(*is_json); }});
}

}  // namespace radixbench
