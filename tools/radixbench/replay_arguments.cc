#include "replay_arguments.h"

#include "arguments.h"
#include "config_file.h"

#include "inject/fault_spec.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

namespace radixbench {
namespace {

tl::unexpected<Error> bad(std::string_view option,
                          std::string_view value,
                          std::string_view allowed) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} '{}' is none of {}", option, value, allowed));
}

Result<bool> choose(std::string_view option,
                    std::string_view value,
                    std::string_view no,
                    std::string_view yes) {
  if (value == no) return false;
  if (value == yes) return true;
  return bad(option, value, fmt::format("{}, {}", no, yes));
}

// Runs each step until one fails.
class Steps {
 public:
  template <typename Value, typename Target>
  Steps& set(Target& target, const Result<Value>& value) {
    if (!value) return note(value.error());
    target = static_cast<Target>(*value);
    return *this;
  }
  Steps& require(bool holds, std::string_view what) {
    return holds ? *this : note({ErrorCode::kInvalidArgument, std::string{what}});
  }
  Steps& note(const Error& error) {
    if (done_) done_ = tl::unexpected(error);
    return *this;
  }
  [[nodiscard]] const Result<void>& done() const { return done_; }

 private:
  Result<void> done_;
};

void resolve_storage(const std::string& text, ReplayOptions& options, Steps& steps) {
  constexpr std::string_view kDirectory = "dir:";
  if (text == "none")
    options.storage = StorageKind::kNone;
  else if (text == "memory")
    options.storage = StorageKind::kMemory;
  else if (text.starts_with(kDirectory) && text.size() > kDirectory.size()) {
    options.storage = StorageKind::kDirectory;
    options.storage_directory = text.substr(kDirectory.size());
  } else {
    steps.note(bad("--storage", text, "none, memory, dir:PATH").value());
  }
}

void resolve_lists(const ReplayArguments& arguments, ReplayOptions& options, Steps& steps) {
  for (const std::string& repair : arguments.without) {
    if (Result<void> off = switch_off(options.rules, repair); !off) steps.note(off.error());
  }
  for (const std::string& text : arguments.skews) {
    Result<SkewSpec> skew = parse_skew(text);
    if (skew)
      options.skews.push_back(*skew);
    else
      steps.note(skew.error());
  }
  for (const std::string& text : arguments.faults) {
    const Result<FaultSpec> fault = parse_fault(text);
    if (!fault) steps.note(fault.error());
  }
  options.faults = arguments.faults;
}

std::int64_t to_ns(double value, double unit_ns) {
  return static_cast<std::int64_t>(value * unit_ns);
}

void resolve_engine(const ReplayArguments& arguments, EngineOptions& engine, Steps& steps) {
  steps.require(arguments.page_size >= 1 && arguments.page_size <= 512, "--page-size is 1 to 512")
      .require(arguments.speedup > 0, "--speedup must be above 0")
      .require(arguments.abort_rate >= 0 && arguments.abort_rate <= 1, "--abort is a share, 0 to 1")
      .require(arguments.running_max >= 1, "--running-max is at least 1")
      .set(engine.clock, choose("--clock", arguments.clock, "virtual", "wall"))
      .set(engine.has_neighbours, choose("--neighbours", arguments.neighbours, "off", "on"))
      .set(engine.dispatch,
           choose("--dispatch", arguments.dispatch, "round_robin", "shortest_queue"))
      .set(engine.output_blocks,
           choose("--output-blocks", arguments.output_blocks, "none", "unique"))
      .set(engine.chunk_tokens, parse_count("--chunk-tokens", arguments.chunk_tokens));
  engine.page_tokens = arguments.page_size;
  engine.running_max = arguments.running_max;
  engine.cost.prefill_base_ns = to_ns(arguments.prefill_base_ms, 1e6);
  engine.cost.prefill_token_ns = to_ns(arguments.prefill_us_per_token, 1e3);
  engine.cost.decode_base_ns = to_ns(arguments.decode_base_ms, 1e6);
  engine.cost.decode_sequence_ns = to_ns(arguments.decode_us_per_sequence, 1e3);
  engine.speedup = arguments.speedup;
  engine.abort_rate = arguments.abort_rate;
  engine.seed = arguments.seed;
}

// With its default shown.
template <typename Target>
void add(CLI::App& app, const char* name, Target& target, const char* help) {
  app.add_option(name, target, help)->capture_default_str();
}

void add_protocol_options(CLI::App& app, ReplayArguments& arguments) {
  app.add_option("TRACE", arguments.trace, "A Mooncake JSONL trace");
  add(app, "--layout", arguments.layout, "tpTcpCdpD, or sglang:tp=..,cp=..,dp=..");
  add(app, "--agreement", arguments.agreement, "hardcoded_tp, stage_tp or attn_groups");
  add(app,
      "--reduce",
      arguments.reduce,
      "axes (attention CP, then TP) or grid (both at once, over a flat group)");
  add(app, "--rules", arguments.rules, "j (as the engine shipped them) or fixed");
  app.add_option("--without",
                 arguments.without,
                 "Switch a repair of `fixed` off: result_sync, load_acks, entry, neutral, "
                 "examined_set")
      ->delimiter(',')
      ->allow_extra_args(false);
  add(app, "--prefetch-policy", arguments.policy, "best_effort, wait_complete or timeout");
}

void add_transport_options(CLI::App& app, ReplayArguments& arguments) {
  add(app, "--transport", arguments.transport, "threads, shm, gloo, mpi or nccl");
  add(app,
      "--rendezvous",
      arguments.rendezvous,
      "HOST:PORT where gloo's ranks meet; port 0 is chosen, other hosts reach no loopback");
  add(app,
      "--group-check",
      arguments.group_check,
      "on or off: whether gloo's ranks compare their groups before they connect");
  app.add_flag("--share-gpu",
               arguments.shares_gpu,
               "nccl: several ranks on one GPU, in turns; their times mean nothing");
  add(app,
      "--nccl-creation",
      arguments.nccl_creation,
      "split, opening or first_call: out of what and when NCCL communicators are made");
}

void add_page_options(CLI::App& app, ReplayArguments& arguments) {
  add(app, "--clock", arguments.clock, "virtual (deterministic) or wall");
  add(app, "--page-size", arguments.page_size, "Tokens a page, 1 to 512");
  add(app, "--device", arguments.device, "simulated, or cuda: pages in a GPU's memory");
  add(app, "--device-order", arguments.device_order, "cuda: layer_first or page_first");
  add(app, "--kv-layers", arguments.kv_layers, "cuda: slices that a page's bytes are cut into");
  add(app, "--copy-method", arguments.copy_method, "cuda: pitched, batched or kernel");
  add(app, "--device-tokens", arguments.device_tokens, "Device tier of a rank");
  add(app, "--host-tokens", arguments.host_tokens, "Host tier of a rank");
  add(app, "--storage", arguments.storage, "none, memory or dir:PATH");
  add(app, "--page-bytes", arguments.page_bytes, "Payload of a page, real bytes on every tier");
  add(app, "--kv-bytes-per-token", arguments.kv_bytes_per_token, "KV of the whole model, modelled");
  add(app, "--model", arguments.model, "Name in storage identities");
  add(app, "--storage-gbps", arguments.storage_gbytes_per_s, "Modelled GB/s of a rank's storage");
  add(app, "--host-link-gbps", arguments.host_link_gbytes_per_s, "Modelled GB/s host <-> device");
  add(app, "--write-policy", arguments.write_policy, "write_through or write_through_selective");
  add(app, "--output-blocks", arguments.output_blocks, "none or unique: whether replies take room");
}

void add_scheduler_options(CLI::App& app, ReplayArguments& arguments) {
  add(app, "--neighbours", arguments.neighbours, "on or off: recv_requests and forward");
  add(app, "--dispatch", arguments.dispatch, "round_robin or shortest_queue over replicas");
  add(app, "--running-max", arguments.running_max, "Requests that run at a time on a replica");
  add(app, "--chunk-tokens", arguments.chunk_tokens, "Prefill tokens of a step");
  add(app, "--prefill-us-per-token", arguments.prefill_us_per_token, "Cost model");
  add(app, "--prefill-base-ms", arguments.prefill_base_ms, "Cost model");
  add(app, "--decode-base-ms", arguments.decode_base_ms, "Cost model");
  add(app, "--decode-us-per-sequence", arguments.decode_us_per_sequence, "Cost model");
  add(app, "--speedup", arguments.speedup, "Divides arrival times");
  add(app, "--abort", arguments.abort_rate, "Share of requests with a prefetch that are aborted");
}

void add_run_options(CLI::App& app, ReplayArguments& arguments) {
  app.add_option("--skew",
                 arguments.skews,
                 "WHAT:SELECTOR,+AMOUNT, e.g. storage:cp=1,+40ms or clock:rank=3,+5ms")
      ->allow_extra_args(false);
  app.add_option("--inject", arguments.faults, "A fault; see `radixbench inject list`")
      ->allow_extra_args(false);
  app.add_flag("--pin-ranks",
               arguments.pins_ranks,
               "Each rank on one core, in turn; times vary less where there is a core a rank");
  app.add_flag("--watch",
               arguments.is_watching,
               "Look into the ranks' recorders all along, and say the first fault at once");
  app.add_flag("--check-calls",
               arguments.is_checking_calls,
               "Members of a group compare site, kind, type and length before each call, and fail "
               "with both sides' call where they differ");
  add(app, "--deadline", arguments.deadline, "Bound on every blocking call, wall time");
  add(app, "--seed", arguments.seed, "Of every random stream");
  app.add_option("--limit", arguments.limit, "Requests at most");
  app.add_flag("--skip-bad", arguments.skips_bad, "Leave malformed rows out, and count them");
  app.add_option(
      "-o,--output", arguments.output, "Directory of the run's files [radixbench-runs/RUN_ID]");
}

}  // namespace

void add_replay_options(CLI::App& app, ReplayArguments& arguments) {
  add_protocol_options(app, arguments);
  add_transport_options(app, arguments);
  add_page_options(app, arguments);
  add_scheduler_options(app, arguments);
  add_run_options(app, arguments);
}

void add_launch_options(CLI::App& app, LaunchFlags& launch) {
  app.add_option("--launcher",
                 launch.launcher,
                 "Who started this process as a rank: auto, none, flags, radixbench, torchrun, "
                 "openmpi, mpich or slurm [auto]");
  app.add_option("--rank", launch.rank, "Of this process, of --world-size");
  app.add_option("--world-size", launch.world_size, "Processes that were started");
  app.add_option("--local-rank", launch.local_rank, "Of this process, on its host");
  app.add_option("--local-size",
                 launch.local_size,
                 "Processes that were started on this host [all of --world-size]");
  app.add_option(
      "--bind",
      launch.bind,
      "Address that the host of rank 0 listens at for other hosts [that of --rendezvous]");
  app.add_option("--secret-file",
                 launch.secret_file,
                 "A file of mode 0600 with 32 hex digits that all hosts of the run know "
                 "[RADIXBENCH_SECRET]");
}

Result<NcclOptions> resolve_nccl(const ReplayArguments& arguments) {
  const Result<NcclCreation> creation = parse_nccl_creation(arguments.nccl_creation);
  if (!creation) return tl::unexpected(creation.error());
  NcclOptions options;
  options.shares_gpu = arguments.shares_gpu;
  options.creation = *creation;
  return options;
}

Result<ReplayOptions> resolve(const ReplayArguments& arguments) {
  ReplayOptions options;
  Steps steps;
  options.trace_path = arguments.trace;
  options.trace = {.skips_bad = arguments.skips_bad, .limit = arguments.limit};
  options.layout = arguments.layout;
  options.is_watching = arguments.is_watching;
  options.pins_ranks = arguments.pins_ranks;
  options.is_checking_calls = arguments.is_checking_calls;
  Result<bool> is_selective =
      choose("--write-policy", arguments.write_policy, "write_through", "write_through_selective");
  steps.set(options.rules, make_rules(arguments.rules))
      .set(options.agreement, parse_agreement(arguments.agreement))
      .set(options.reduce, parse_reduce_shape(arguments.reduce))
      .set(options.policy, parse_prefetch_policy(arguments.policy))
      .set(options.transport, parse_transport(arguments.transport))
      .set(options.gloo.bind, parse_rendezvous_address(arguments.rendezvous))
      .set(options.gloo.checks_groups, choose("--group-check", arguments.group_check, "off", "on"))
      .set(options.nccl, resolve_nccl(arguments))
      .set(options.device.kind, choose("--device", arguments.device, "simulated", "cuda"))
      .set(options.device.order, parse_page_order(arguments.device_order))
      .set(options.device.method, parse_copy_method(arguments.copy_method))
      .require(arguments.kv_layers >= 1, "--kv-layers is at least 1")
      .set(options.device_tokens, parse_count("--device-tokens", arguments.device_tokens))
      .set(options.host_tokens, parse_count("--host-tokens", arguments.host_tokens))
      .set(options.kv_bytes_per_token,
           parse_count("--kv-bytes-per-token", arguments.kv_bytes_per_token))
      .set(options.page_bytes, parse_count32("--page-bytes", arguments.page_bytes))
      .set(options.deadline, parse_duration("--deadline", arguments.deadline))
      .require(arguments.storage_gbytes_per_s > 0, "--storage-gbps must be above 0")
      .require(arguments.host_link_gbytes_per_s > 0, "--host-link-gbps must be above 0");
  if (!is_selective) steps.note(is_selective.error());
  resolve_storage(arguments.storage, options, steps);
  resolve_lists(arguments, options, steps);
  resolve_engine(arguments, options.engine, steps);
  if (!steps.done()) return tl::unexpected(steps.done().error());
  options.backup_threshold = *is_selective ? 2 : 1;
  options.engine.call_deadline = options.deadline;
  options.device.layers = arguments.kv_layers;
  options.model = arguments.model;
  options.storage_gbytes_per_s = arguments.storage_gbytes_per_s;
  options.host_link_gbytes_per_s = arguments.host_link_gbytes_per_s;
  options.output_directory = arguments.output;
  return options;
}

NamedValues option_values(const CLI::App& app) {
  NamedValues values;
  for (const CLI::Option* option : app.get_options()) {
    if (is_about_options(*option)) continue;
    const std::string value = option->count() > 0
                                  ? fmt::format("{}", fmt::join(option->results(), " "))
                                  : option->get_default_str();
    values.emplace_back(option->get_single_name(), value);
  }
  return values;
}

}  // namespace radixbench
