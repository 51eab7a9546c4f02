#pragma once

#include "base/result.h"
#include "replay/launch_context.h"
#include "replay/plan.h"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace radixbench {

// The words of a `replay` as typed; filling it opens and checks nothing.
struct ReplayArguments {
  std::string trace;
  std::string layout = "tp4cp2";
  std::string rules = "fixed";
  std::vector<std::string> without;
  std::string agreement = "attn_groups";
  std::string reduce = "axes";
  bool is_checking_calls = false;
  std::string policy = "timeout";
  std::string transport = "shm";
  std::string rendezvous = "127.0.0.1:0";
  std::string group_check = "on";
  bool shares_gpu = false;
  std::string nccl_creation = "split";
  std::string clock = "virtual";
  std::uint32_t page_size = 64;
  std::string device = "simulated";
  std::string device_order = "layer_first";
  std::uint32_t kv_layers = 32;
  std::string copy_method = "pitched";
  std::string device_tokens = "2M";
  std::string host_tokens = "8M";
  std::string storage = "memory";
  std::string page_bytes = "256";
  std::string kv_bytes_per_token = "131072";
  std::string model = "llama-3-8b";
  double storage_gbytes_per_s = 4;
  double host_link_gbytes_per_s = 50;
  std::string write_policy = "write_through";
  std::string output_blocks = "unique";
  std::string neighbours = "on";
  std::string dispatch = "round_robin";
  std::uint32_t running_max = 256;
  std::string chunk_tokens = "8192";
  double prefill_us_per_token = 8;
  double prefill_base_ms = 5;
  double decode_base_ms = 10;
  double decode_us_per_sequence = 20;
  double speedup = 1;
  double abort_rate = 0;
  std::vector<std::string> skews;
  std::vector<std::string> faults;
  bool is_watching = false;
  bool pins_ranks = false;
  std::string deadline = "30s";
  std::uint64_t seed = 1;
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();
  bool skips_bad = false;
  std::string output;
  LaunchFlags launch;  // of this process, where several were started
};

void add_replay_options(CLI::App& app, ReplayArguments& arguments);
void add_launch_options(CLI::App& app, LaunchFlags& launch);

// kInvalidArgument naming the option and what is wrong with it.
Result<ReplayOptions> resolve(const ReplayArguments& arguments);
// Of them what is for NCCL.
Result<NcclOptions> resolve_nccl(const ReplayArguments& arguments);

// Name and value of every option of `app`, defaults included, for the record.
NamedValues option_values(const CLI::App& app);

}  // namespace radixbench
