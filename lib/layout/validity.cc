#include "layout/validity.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <utility>

namespace radixbench {
namespace {

// Wide enough that products of two sizes can't wrap.
struct WideSizes {
  std::uint64_t tp, pp, cp, dp, ep, moe_dp, dcp;
};

WideSizes widen(const LayoutSizes& s) { return {s.tp, s.pp, s.cp, s.dp, s.ep, s.moe_dp, s.dcp}; }

// Sizes that no other rule can be asked about: zeros, and worlds beyond what is laid out here.
std::vector<std::string> impossible_sizes(const LayoutSizes& sizes) {
  const std::array<std::pair<const char*, std::uint32_t>, 7> named = {
      {{"tp_size", sizes.tp},
       {"pp_size", sizes.pp},
       {"attn_cp_size", sizes.cp},
       {"dp_size", sizes.dp},
       {"ep_size", sizes.ep},
       {"moe_dp_size", sizes.moe_dp},
       {"dcp_size", sizes.dcp}}};
  std::vector<std::string> errors;
  for (const auto& [name, size] : named) {
    if (size == 0) errors.push_back(fmt::format("{} must be at least 1", name));
    if (size > kWorldSizeMax) {
      errors.push_back(fmt::format("{} must be at most {}", name, kWorldSizeMax));
    }
  }
  if (errors.empty() && sizes.tp * sizes.pp > kWorldSizeMax) {
    errors.push_back(fmt::format("tp_size*pp_size = {} ranks: a world must be at most {}",
                                 sizes.tp * sizes.pp,
                                 kWorldSizeMax));
  }
  return errors;
}

void check_attention(const LayoutSizes& sizes, std::vector<std::string>& errors) {
  const WideSizes s = widen(sizes);
  if (s.cp > 1 && s.tp % s.cp != 0) {
    errors.emplace_back("tp_size must be divisible by attn_cp_size");
  }
  if (s.cp > 1 && s.tp % (s.dp * s.cp) != 0) {
    const bool has_worlds = s.dp > 1 && !sizes.dp_attention;
    errors.push_back(
        fmt::format("tp_size must be divisible by dp_size*attn_cp_size{}",
                    has_worlds ? " (the check uses dp_size even for separate replicas)" : ""));
  }
  if (sizes.dp_attention && s.tp % s.dp != 0) {
    errors.emplace_back("DP attention: tp_size must be divisible by dp_size");
  }
}

void check_experts(const WideSizes& s, std::vector<std::string>& errors) {
  if (s.moe_dp == 1) return;
  if (s.tp % s.moe_dp != 0) errors.emplace_back("tp_size must be divisible by moe_dp_size");
  if (s.ep * s.moe_dp > s.tp) errors.emplace_back("ep_size*moe_dp_size must not exceed tp_size");
  if (s.pp != 1) errors.emplace_back("moe_dp_size > 1 needs pp_size == 1");
  if (s.ep > 1 && s.ep * s.moe_dp != s.tp) {
    errors.emplace_back("moe_dp_size > 1 and ep_size > 1: ep_size*moe_dp_size must equal tp_size");
  }
  if (s.cp != s.moe_dp) {
    errors.emplace_back("moe_dp_size must be 1 or equal to attn_cp_size");
  }
}

void check_closure(const LayoutSizes& sizes, std::vector<std::string>& errors) {
  const WideSizes s = widen(sizes);
  const std::uint64_t attn_dp = sizes.dp_attention ? s.dp : 1;
  if (s.tp / attn_dp / s.cp * attn_dp * s.cp != s.tp) {
    errors.emplace_back("attn_tp*attn_dp*attn_cp != tp_size");
  }
  if (s.tp / s.ep / s.moe_dp * s.ep * s.moe_dp != s.tp) {
    errors.emplace_back("moe_tp*moe_ep*moe_dp != tp_size");
  }
}

}  // namespace

std::vector<std::string> broken_rules(const LayoutSizes& sizes) {
  std::vector<std::string> errors = impossible_sizes(sizes);
  if (!errors.empty()) return errors;
  check_attention(sizes, errors);
  check_experts(widen(sizes), errors);
  if (sizes.tp % sizes.dcp != 0) errors.emplace_back("tp_size must be divisible by dcp_size");
  check_closure(sizes, errors);
  return errors;
}

std::vector<std::string> doubtful_choices(const LayoutSizes& sizes) {
  const std::uint32_t attn_tp = sizes.tp / (sizes.dp_attention ? sizes.dp : 1) / sizes.cp;
  if (attn_tp % sizes.dcp == 0) return {};
  return {fmt::format(
      "dcp_size={} does not divide attn_tp_size={}: a DCP group mixes attention replicas or CP "
      "shards (upstream only checks tp_size % dcp_size)",
      sizes.dcp,
      attn_tp)};
}

}  // namespace radixbench
