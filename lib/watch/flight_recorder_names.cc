#include "watch/flight_recorder_names.h"

#include "watch/rank_limit.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

namespace radixbench {
namespace {

constexpr std::array kKinds = {
    KindOfName{"all_reduce", CallKind::kAllReduce},
    KindOfName{"allreduce", CallKind::kAllReduce},
    KindOfName{"allreduce_coalesced", CallKind::kAllReduce},
    KindOfName{"barrier", CallKind::kBarrier},
    KindOfName{"all_reduce_barrier", CallKind::kBarrier},
    KindOfName{"broadcast", CallKind::kBroadcast},
    KindOfName{"_broadcast_oop", CallKind::kBroadcast},
    KindOfName{"all_gather", CallKind::kAllGather},
    KindOfName{"allgather", CallKind::kAllGather},
    KindOfName{"all_gather_single", CallKind::kAllGather},
    KindOfName{"all_gather_v", CallKind::kAllGather},
    KindOfName{"_all_gather_base", CallKind::kAllGather},
    KindOfName{"all_gather_into_tensor_coalesced", CallKind::kAllGather},
    KindOfName{"ALLGATHER_coalesced", CallKind::kAllGather},
    KindOfName{"send", CallKind::kSend},
    KindOfName{"recv", CallKind::kRecv},
    KindOfName{"recvAnysource", CallKind::kRecv},
    KindOfName{"scatter", CallKind::kBroadcast, true},
    KindOfName{"gather", CallKind::kAllGather, true},
    KindOfName{"all_to_all", CallKind::kAllGather, true},
    KindOfName{"all_to_all_single", CallKind::kAllGather, true},
    KindOfName{"all_to_all_v_single", CallKind::kAllGather, true},
};

constexpr std::array<std::string_view, 7> kTellCompletion = {
    "nccl", "ncclx", "xccl", "rccl", "rcclx", "mccl", "hccl"};

}  // namespace

std::string_view trailing_digits(std::string_view text) {
  std::size_t start = text.size();
  while (start > 0 && text[start - 1] >= '0' && text[start - 1] <= '9') --start;
  return text.substr(start);
}

KindOfName kind_of(std::string_view name) {
  const auto* known = std::ranges::find(kKinds, name, &KindOfName::name);
  // The rest of them reduce: reduce, reduce_scatter and what is still to come.
  return known == kKinds.end() ? KindOfName{name, CallKind::kAllReduce, true} : *known;
}

bool is_uneven(std::string_view name) {
  constexpr std::array<std::string_view, 14> kUneven = {"scatter",
                                                        "gather",
                                                        "all_to_all",
                                                        "all_to_all_single",
                                                        "all_gather",
                                                        "allgather",
                                                        "all_gather_v",
                                                        "all_to_all_v_single",
                                                        "_broadcast_oop",
                                                        "_reduce_oop",
                                                        "reduce_scatter",
                                                        "reduce_scatter_v",
                                                        "barrier",
                                                        "all_reduce_barrier"};
  return std::ranges::find(kUneven, name) != kUneven.end() || name == "coalesced" ||
         name.ends_with("_coalesced") || kind_of(name).kind == CallKind::kSend ||
         kind_of(name).kind == CallKind::kRecv;
}

bool tells_completion(std::string_view backend) {
  return std::ranges::find(kTellCompletion, backend) != kTellCompletion.end();
}

std::optional<Rank> rank_of_dump(const std::string& path) {
  std::string name = std::filesystem::path{path}.filename().string();
  for (const std::string_view ending : {".json", ".pickle", ".pkl"}) {
    if (name.ends_with(ending)) name.resize(name.size() - ending.size());
  }
  const auto rank = parse_number<Rank>(trailing_digits(name));
  return rank && *rank < kRecordedRanksMax ? rank : std::nullopt;
}

std::optional<std::vector<Rank>> members_of(std::string_view text) {
  std::vector<Rank> members;
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return members;
  text = text.substr(1, text.size() - 2);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    std::string_view part = text.substr(0, end);
    part.remove_prefix(std::min(part.find_first_not_of(' '), part.size()));
    const auto rank = parse_number<std::uint64_t>(part);
    if (!rank) return std::vector<Rank>{};
    if (*rank >= kRecordedRanksMax || members.size() == kRecordedRanksMax) return std::nullopt;
    members.push_back(static_cast<Rank>(*rank));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  const std::set<Rank> distinct{members.begin(), members.end()};
  return distinct.size() == members.size() ? members : std::vector<Rank>{};
}

std::uint32_t ordinal_of(std::string_view name) {
  if (const auto number = parse_number<std::uint32_t>(name)) return *number;
  std::uint32_t hash = 2166136261U;
  for (const char letter : name) hash = (hash ^ static_cast<unsigned char>(letter)) * 16777619U;
  return hash;
}

bool is_frame_of_torch(std::string_view file) {
  constexpr std::array<std::string_view, 7> kParts = {"-packages/torch/",
                                                      "/torch/_",
                                                      "/torch/csrc/",
                                                      "/torch/distributed/",
                                                      "/torch/nn/",
                                                      "/torch/utils/",
                                                      "/contextlib.py"};
  return file.empty() || file.starts_with("torch/") || file.starts_with("??") ||
         std::ranges::any_of(kParts,
                             [&](std::string_view part) { return file.find(part) < file.size(); });
}

}  // namespace radixbench
