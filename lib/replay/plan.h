#pragma once

#include "base/result.h"
#include "comm/gloo_world.h"
#include "comm/nccl_world.h"
#include "control/agreement.h"
#include "control/latency_model.h"
#include "control/rules.h"
#include "engine/options.h"
#include "layout/layout.h"
#include "record/recorder.h"
#include "tier/device_cuda.h"
#include "trace/mooncake_reader.h"
#include "trace/request.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace radixbench {

enum class Transport : std::uint8_t { kThreads, kShm, kGloo, kMpi, kNccl };
std::string_view to_string(Transport transport);
Result<Transport> parse_transport(std::string_view text);

enum class DeviceKind : std::uint8_t { kSimulated, kCuda };
struct DeviceOptions {
  DeviceKind kind = DeviceKind::kSimulated;
  // Of pages in GPU memory. The host's are page first.
  PageOrder order = PageOrder::kLayerFirst;
  std::uint32_t layers = 32;
  CopyMethod method = CopyMethod::kPitched;
  std::uint32_t gpu_count =
      0;  // of the machine, filled in by make_plan(); rank r takes r modulo it
};

enum class StorageKind : std::uint8_t { kNone, kMemory, kDirectory };

// One --skew: which ranks (all, one, or those with a coordinate on an axis), which part, how much.
struct SkewSpec {
  enum class What : std::uint8_t { kClock, kStorage, kWriteAck, kLoadAck };
  What what = What::kStorage;
  std::optional<Rank> rank;
  std::optional<std::uint32_t> tp, cp, dp;  // coordinates on attention TP, attention CP, replicas
  std::int64_t add_ns = 0;
  double drift_ppm = 0;  // clock only
};
// what:selector=value,...,+40ms  e.g. storage:cp=1,+40ms  clock:rank=3,+5ms  clock:rank=3,+50ppm
Result<SkewSpec> parse_skew(std::string_view text);
// The skews added up for each rank. kConfiguration where one selects no rank of the layout.
Result<std::vector<RankSkew>> resolve_skews(const std::vector<SkewSpec>& specs,
                                            const Layout& layout);

// Everything a replay is told, defaults included.
struct ReplayOptions {
  std::string trace_path;
  TraceOptions trace;
  std::string layout = "tp1";
  Rules rules;
  AgreementKind agreement = AgreementKind::kAttnGroups;
  ReduceShape reduce = ReduceShape::kAxes;
  bool is_checking_calls = false;  // --check-calls
  PrefetchPolicy policy = PrefetchPolicy::kTimeout;
  Transport transport = Transport::kShm;
  GlooOptions gloo;
  NcclOptions nccl;
  EngineOptions engine;
  DeviceOptions device;
  std::uint64_t device_tokens = 2'000'000;
  std::uint64_t host_tokens = 8'000'000;
  StorageKind storage = StorageKind::kMemory;
  std::string storage_directory;
  std::uint32_t page_bytes = 256;
  std::uint64_t kv_bytes_per_token = 131'072;  // of the whole model: Llama-3-8B in bf16
  std::string model = "llama-3-8b";
  double storage_gbytes_per_s = 4;
  double host_link_gbytes_per_s = 50;
  std::uint32_t backup_threshold = 1;
  std::vector<SkewSpec> skews;
  std::vector<std::string> faults;  // --inject, as given
  bool is_watching = false;         // --watch: look into the rings all along
  bool pins_ranks = false;          // --pin-ranks: rank r on the r-th core, in turn
  std::chrono::nanoseconds deadline{std::chrono::seconds{30}};
  std::string output_directory;
  NamedValues as_text;  // name and value of each option, for the record
  NamedValues build;    // what the tool knows of its own source, for the record
  // Of a run that another host leads, whose folder this one may share; empty: a run of its own.
  std::string run_id;
};

// A replay worked out before any rank starts: what can be wrong with options, trace and layout is
// known by now.
struct ReplayPlan {
  ReplayOptions options;
  Layout layout;
  Trace trace;
  std::vector<TokenId> first_outputs;
  std::vector<RankSkew> skews;
  LatencyOptions latency;
  std::string run_id;
  std::string rank_directory;  // of the rank files
  NamedValues provenance;

  [[nodiscard]] std::string trace_name() const;  // the file's, without its folder
  [[nodiscard]] std::uint64_t device_pages() const;
  [[nodiscard]] std::uint64_t host_pages() const;
};

// What make_plan refuses without having looked at the trace or made anything.
Result<void> check_options(const ReplayOptions& options);

// Reads the trace, checks what must fit together, makes the output directory. Error codes as
// docs/errors.md maps them.
Result<ReplayPlan> make_plan(ReplayOptions options);

}  // namespace radixbench
