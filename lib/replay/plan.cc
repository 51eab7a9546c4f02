#include "replay/plan.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "comm/nccl_library.h"
#include "comm/nccl_support.h"
#include "comm/transports.h"
#include "inject/fault_spec.h"
#include "record/provenance.h"
#include "replay/leading_host.h"
#include "replay/process_world.h"
#include "replay/rank_storage.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include <unistd.h>

namespace radixbench {
namespace {

namespace fs = std::filesystem;

// A UTC stamp and eight hex digits; the digits tell runs of one second apart.
std::string make_run_id() {
  const auto now = std::chrono::system_clock::to_time_t(
      std::chrono::system_clock::time_point{std::chrono::nanoseconds{wall_clock_ns()}});
  const std::uint64_t digits = draw(static_cast<std::uint64_t>(wall_clock_ns()),
                                    "run_id",
                                    static_cast<std::uint64_t>(getpid()),
                                    static_cast<std::uint64_t>(monotonic_ns()));
  return fmt::format("{:%Y%m%dT%H%M%SZ}-{:08x}", fmt::gmtime(now), digits & 0xFFFFFFFFU);
}

// The GPUs and what drives them; nothing for runs that use none. Asking takes a moment.
std::optional<GpuSupport> gpu_support_for(const ReplayOptions& options) {
  const bool uses_gpus =
      options.device.kind == DeviceKind::kCuda || options.transport == Transport::kNccl;
  return uses_gpus ? std::optional{probe_gpu_support()} : std::nullopt;
}

std::string gpu_names(const GpuInventory& inventory) {
  std::map<std::string, int> counts;
  for (const GpuInventory::Entry& gpu : inventory.gpus) ++counts[gpu.name];
  std::vector<std::string> names;
  names.reserve(counts.size());
  for (const auto& [name, count] : counts) names.push_back(fmt::format("{} {}", count, name));
  return fmt::format("{}", fmt::join(names, ", "));
}

// Versions of the libraries that this run goes through, and of no others: what a run does not use
// must not make it incomparable.
NamedValues libraries_of(const ReplayOptions& options, const std::optional<GpuSupport>& gpus) {
  NamedValues values;
  if (options.transport == Transport::kMpi)
    values.emplace_back("mpi", find_transport("mpi").version);
  if (options.transport == Transport::kGloo) values.emplace_back("gloo", RADIXBENCH_BUILT_GLOO);
  if (!gpus) return values;
  if (gpus->gpus) {
    const int driver = gpus->gpus->driver_version;
    values.emplace_back("gpu", gpu_names(*gpus->gpus));
    values.emplace_back("cuda", fmt::format("{}.{}", driver / 1000, driver / 10 % 100));
  }
  if (options.transport == Transport::kNccl && gpus->nccl) {
    values.emplace_back("nccl", nccl_version_text(gpus->nccl->version));
  }
  return values;
}

bool has_name(const NamedValues& values, std::string_view name) {
  return std::ranges::any_of(values, [&](const auto& value) { return value.first == name; });
}

NamedValues provenance_of(const Trace& trace,
                          const ReplayOptions& options,
                          const std::optional<GpuSupport>& gpus) {
  NamedValues values = collect_provenance();
  values.insert(values.end(), options.build.begin(), options.build.end());
  const NamedValues libraries = libraries_of(options, gpus);
  values.insert(values.end(), libraries.begin(), libraries.end());
  values.emplace_back("trace_path", trace.path);
  values.emplace_back("trace_name", fs::path{trace.path}.filename().string());
  values.emplace_back("trace_sha256", trace.sha256);
  values.emplace_back("seed", std::to_string(options.engine.seed));
  if (!has_name(values, "launcher")) values.emplace_back("launcher", "none");
  return values;
}

Result<void> check_sizes(const ReplayOptions& options) {
  const auto refuse = [](std::string message) {
    return fail(ErrorCode::kConfiguration, std::move(message));
  };
  const std::uint32_t page = options.engine.page_tokens;
  if (options.host_tokens < options.device_tokens) {
    return refuse(
        fmt::format("--host-tokens {} is less than --device-tokens {}: the host tier "
                    "would hold less than it backs up",
                    options.host_tokens,
                    options.device_tokens));
  }
  if (options.device_tokens < page) return refuse("--device-tokens is less than a page");
  if (options.engine.chunk_tokens < page) {
    return refuse(fmt::format(
        "--chunk-tokens {} is less than a page of {}", options.engine.chunk_tokens, page));
  }
  if (!options.engine.has_neighbours && options.engine.clock == ClockMode::kWall) {
    return refuse(
        "--neighbours off needs --clock virtual: without recv_requests the ranks would "
        "each read a clock of their own");
  }
  if (options.engine.abort_rate > 0 && options.storage == StorageKind::kNone) {
    return refuse("--abort needs a --storage: only requests with a prefetch are aborted");
  }
  if (options.transport != Transport::kNccl) {
    if (options.nccl.shares_gpu) return refuse("--share-gpu is for --transport nccl");
    if (options.nccl.creation != NcclCreation::kSplit) {
      return refuse("--nccl-creation is for --transport nccl");
    }
  }
  return {};
}

// A fault for a rank that there is not would do nothing, and nobody would know.
Result<void> check_faults(const Layout& layout, const ReplayOptions& options) {
  for (const std::string& text : options.faults) {
    const Result<FaultSpec> fault = parse_fault(text);
    if (!fault) return tl::unexpected(fault.error());
    if (fault->rank < layout.world_size()) continue;
    return fail(
        ErrorCode::kConfiguration,
        fmt::format(
            "--inject {}: {} has ranks 0 to {}", text, layout.spec(), layout.world_size() - 1));
  }
  return {};
}

Result<void> check_layout(const Layout& layout, const ReplayOptions& options) {
  if (layout.sizes().pp > 1) {
    return fail(ErrorCode::kConfiguration,
                fmt::format("{} has {} stages: no agreement of this version is right across stages "
                            "yet, so replay takes pp=1",
                            layout.spec(),
                            layout.sizes().pp));
  }
  if (layout.attn_dp_size() > 1 && !options.engine.has_neighbours &&
      options.engine.dispatch == Dispatch::kShortestQueue) {
    return fail(
        ErrorCode::kConfiguration,
        "--dispatch shortest_queue needs the neighbours: queue lengths travel with forward");
  }
  return {};
}

// A page's KV is sharded over attention TP; context parallel ranks hold all of it.
LatencyOptions latency_of(const ReplayOptions& options, const Layout& layout) {
  LatencyOptions latency;
  const double page_bytes = static_cast<double>(options.kv_bytes_per_token) *
                            options.engine.page_tokens / layout.attn_tp_size();
  const auto at = [&](double gbytes_per_s) {
    return static_cast<std::int64_t>(page_bytes / gbytes_per_s);
  };
  latency.page_read_ns = latency.backup_page_ns = at(options.storage_gbytes_per_s);
  latency.write_page_ns = latency.load_page_ns = at(options.host_link_gbytes_per_s);
  return latency;
}

Result<std::string> make_output(const ReplayOptions& options, const std::string& run_id) {
  const fs::path directory = options.output_directory.empty() ? fs::path{"radixbench-runs"} / run_id
                                                              : fs::path{options.output_directory};
  std::error_code error;
  const bool is_joined = !options.run_id.empty() && holds_run(directory.string(), run_id);
  if (is_joined) return directory.string();
  if (fs::exists(directory / "run.h5", error) || fs::exists(directory / "ranks", error) ||
      fs::exists(directory / "rings", error)) {
    return fail(ErrorCode::kCannotCreate,
                fmt::format("{} holds a run already; choose another -o or move it away",
                            directory.string()));
  }
  fs::create_directories(directory / "ranks", error);
  if (error) {
    return fail(ErrorCode::kCannotCreate,
                fmt::format("cannot make {}: {}", (directory / "ranks").string(), error.message()));
  }
  return directory.string();
}

// How many GPUs there are for pages.
Result<std::uint32_t> count_gpus(const ReplayOptions& options,
                                 const std::optional<GpuSupport>& support) {
  if (options.device.kind == DeviceKind::kSimulated) return 0;
  if (options.page_bytes % options.device.layers != 0) {
    return fail(ErrorCode::kConfiguration,
                fmt::format("--page-bytes {} is not a multiple of --kv-layers {}",
                            options.page_bytes,
                            options.device.layers));
  }
  RADIXBENCH_CHECK(support.has_value());
  if (!support->gpus) {
    return tl::unexpected(Error{support->gpus.error()}.while_doing("--device cuda"));
  }
  if (support->gpus->gpus.empty()) {
    return fail(ErrorCode::kUnsupported, "--device cuda: CUDA shows no GPU here");
  }
  return static_cast<std::uint32_t>(support->gpus->gpus.size());
}

// What check_options() promises. What is answered knows of this machine's GPUs, where they matter.
Result<NcclOptions> check_all(const ReplayOptions& options) {
  if (Result<void> fine = check_sizes(options); !fine) return tl::unexpected(fine.error());
  const Result<Layout> layout = make_layout(options.layout);
  if (!layout) return tl::unexpected(layout.error());
  if (Result<void> fine = check_layout(*layout, options); !fine) {
    return tl::unexpected(fine.error());
  }
  if (Result<void> fine = check_faults(*layout, options); !fine) {
    return tl::unexpected(fine.error());
  }
  if (options.transport != Transport::kGloo && !options.gloo.checks_groups) {
    return fail(ErrorCode::kConfiguration,
                fmt::format("--group-check off is for --transport gloo: {} always checks groups",
                            to_string(options.transport)));
  }
  const Result<std::vector<RankSkew>> skews = resolve_skews(options.skews, *layout);
  if (!skews) return tl::unexpected(skews.error());
  if (options.transport == Transport::kNccl) {
    return share_out_gpus(options.nccl, layout->world_size());
  }
  if (Result<void> there = check_transport(options.transport); !there) {
    return tl::unexpected(there.error());
  }
  return options.nccl;
}

}  // namespace

std::string_view to_string(Transport transport) {
  switch (transport) {
    case Transport::kThreads: return "threads";
    case Transport::kShm: return "shm";
    case Transport::kGloo: return "gloo";
    case Transport::kMpi: return "mpi";
    case Transport::kNccl: return "nccl";
  }
  return "unknown";
}

Result<Transport> parse_transport(std::string_view text) {
  for (const Transport transport : {Transport::kThreads,
                                    Transport::kShm,
                                    Transport::kGloo,
                                    Transport::kMpi,
                                    Transport::kNccl}) {
    if (to_string(transport) == text) return transport;
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("transport '{}' is none of threads, shm, gloo, mpi, nccl", text));
}

std::string ReplayPlan::trace_name() const { return fs::path{trace.path}.filename().string(); }

std::uint64_t ReplayPlan::device_pages() const {
  return options.device_tokens / options.engine.page_tokens;
}

std::uint64_t ReplayPlan::host_pages() const {
  return options.host_tokens / options.engine.page_tokens;
}

Result<void> check_options(const ReplayOptions& options) {
  if (const auto fine = check_all(options); !fine) return tl::unexpected(fine.error());
  return {};
}

Result<ReplayPlan> make_plan(ReplayOptions options) {
  const Result<NcclOptions> nccl = check_all(options);
  if (!nccl) return tl::unexpected(nccl.error());
  options.nccl = *nccl;
  const std::optional<GpuSupport> gpus = gpu_support_for(options);
  const Result<std::uint32_t> gpu_count = count_gpus(options, gpus);
  if (!gpu_count) return tl::unexpected(gpu_count.error());
  options.device.gpu_count = *gpu_count;
  Result<Layout> layout = make_layout(options.layout);
  if (!layout) return tl::unexpected(layout.error());
  Result<std::vector<RankSkew>> skews = resolve_skews(options.skews, *layout);
  if (!skews) return tl::unexpected(skews.error());
  Result<Trace> trace = read_mooncake(options.trace_path, options.trace);
  if (!trace) return tl::unexpected(trace.error());
  if (trace->requests.empty()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{} holds no request", options.trace_path));
  }
  const std::string run_id = options.run_id.empty() ? make_run_id() : options.run_id;
  Result<std::string> output = make_output(options, run_id);
  if (!output) return tl::unexpected(output.error());
  options.output_directory = *output;
  const LatencyOptions latency = latency_of(options, *layout);
  std::vector<TokenId> first_outputs = first_output_tokens(*trace);
  NamedValues provenance = provenance_of(*trace, options, gpus);
  ReplayPlan plan{.options = std::move(options),
                  .layout = std::move(*layout),
                  .trace = std::move(*trace),
                  .first_outputs = std::move(first_outputs),
                  .skews = std::move(*skews),
                  .latency = latency,
                  .run_id = run_id,
                  .rank_directory = *output + "/ranks",
                  .provenance = std::move(provenance)};
  if (Result<void> fine = check_storage_directory(plan); !fine) {
    return tl::unexpected(fine.error());
  }
  plan.provenance.emplace_back("cache_state_at_start", cache_state_at_start(plan));
  return plan;
}

}  // namespace radixbench
