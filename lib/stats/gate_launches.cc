#include "stats/gate_launches.h"

#include "base/sha256.h"

#include <fmt/format.h>

#include <span>

namespace radixbench {
namespace {

// What a replay does when it isn't told otherwise; only other values are worth space in a name.
constexpr std::string_view kRulesDefault = "fixed";
constexpr std::string_view kClockDefault = "virtual";
constexpr std::uint32_t kPageSizeDefault = 64;

constexpr std::size_t kHashDigits = 12;

}  // namespace

std::string cell_name(const CellKey& key) {
  std::string name = fmt::format(
      "{}/{}/{}/{}/{}", key.scenario, key.layout, key.agreement, key.transport, key.policy);
  if (key.rules != kRulesDefault) name += "/rules=" + key.rules;
  if (key.clock != kClockDefault) name += "/clock=" + key.clock;
  if (key.page_size != kPageSizeDefault) name += fmt::format("/page_size={}", key.page_size);
  return fmt::format("{}::{}@{}", name, key.metric, key.stat);
}

const std::vector<std::string_view>& cell_fields() {
  static const std::vector<std::string_view> fields{"scenario",
                                                    "layout",
                                                    "tp",
                                                    "cp",
                                                    "dp",
                                                    "pp",
                                                    "rules",
                                                    "agreement",
                                                    "transport",
                                                    "policy",
                                                    "clock",
                                                    "page_size"};
  return fields;
}

std::optional<std::string> field_of(const CellKey& key, std::string_view field) {
  if (field == "scenario") return key.scenario;
  if (field == "layout") return key.layout;
  if (field == "tp") return std::to_string(key.tp);
  if (field == "cp") return std::to_string(key.cp);
  if (field == "dp") return std::to_string(key.dp);
  if (field == "pp") return std::to_string(key.pp);
  if (field == "rules") return key.rules;
  if (field == "agreement") return key.agreement;
  if (field == "transport") return key.transport;
  if (field == "policy") return key.policy;
  if (field == "clock") return key.clock;
  if (field == "page_size") return std::to_string(key.page_size);
  return std::nullopt;
}

const std::vector<std::string_view>& fingerprint_fields() {
  static const std::vector<std::string_view> fields{"cpu_model",
                                                    "cores",
                                                    "kernel",
                                                    "governor",
                                                    "gpu",
                                                    "cuda",
                                                    "nccl",
                                                    "mpi",
                                                    "gloo",
                                                    "compiler",
                                                    "build_flags",
                                                    "page_size",
                                                    "layout",
                                                    "cache_state_at_start"};
  return fields;
}

std::string fingerprint_hash(const Fingerprint& fingerprint) {
  std::string text;
  for (const auto& [name, value] : fingerprint) {
    text += fmt::format("{}={}:{}\n", name, value.size(), value);
  }
  return to_hex(sha256({}, std::as_bytes(std::span{text}))).substr(0, kHashDigits);
}

std::string_view to_string(LaunchSide side) {
  switch (side) {
    case LaunchSide::kA: return "A";
    case LaunchSide::kB: return "B";
    case LaunchSide::kSelfCheck: return "A'";
  }
  return "?";
}

}  // namespace radixbench
