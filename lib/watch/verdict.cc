#include "watch/verdict.h"

#include "base/check.h"

#include <algorithm>
#include <array>
#include <utility>

namespace radixbench {
namespace {

using Slug = std::pair<VerdictClass, std::string_view>;
constexpr std::array<Slug, 29> kSlugs = {{
    {VerdictClass::kNone, "none"},
    {VerdictClass::kIncomplete, "incomplete"},
    {VerdictClass::kWrongGroupTooLarge, "wrong_group/too_large"},
    {VerdictClass::kWrongGroupTooSmall, "wrong_group/too_small"},
    {VerdictClass::kWrongGroupOther, "wrong_group/other"},
    {VerdictClass::kSkippedCall, "skipped_call"},
    {VerdictClass::kExtraCall, "extra_call"},
    {VerdictClass::kCallCount, "call_count"},
    {VerdictClass::kOrderInversion, "order_inversion"},
    {VerdictClass::kMismatchKind, "mismatch/kind"},
    {VerdictClass::kMismatchReduceOp, "mismatch/reduce_op"},
    {VerdictClass::kMismatchRoot, "mismatch/root"},
    {VerdictClass::kMismatchShape, "mismatch/shape"},
    {VerdictClass::kMismatchDtype, "mismatch/dtype"},
    {VerdictClass::kDecisionDivergence, "decision_divergence"},
    {VerdictClass::kRankDied, "rank_died"},
    {VerdictClass::kThreadDied, "thread_died"},
    {VerdictClass::kThreadRace, "thread_race"},
    {VerdictClass::kLateHost, "late/host"},
    {VerdictClass::kLateDevice, "late/device"},
    {VerdictClass::kLateUnknown, "late/unknown"},
    {VerdictClass::kStalledUnrecorded, "stalled_unrecorded"},
    {VerdictClass::kGroupCreateMembership, "group_create/membership"},
    {VerdictClass::kGroupCreateOrder, "group_create/order"},
    {VerdictClass::kGroupCreateCount, "group_create/count"},
    {VerdictClass::kGroupCreateName, "group_create/name"},
    {VerdictClass::kGroupNotInitialised, "group_not_initialised"},
    {VerdictClass::kTimeoutMisconfigured, "timeout_misconfigured"},
    {VerdictClass::kTransport, "transport"},
}};

constexpr bool each_class_is_its_own_position() {
  for (std::size_t i = 0; i < kSlugs.size(); ++i) {
    if (static_cast<std::size_t>(kSlugs[i].first) != i) return false;
  }
  return true;
}
static_assert(each_class_is_its_own_position());

}  // namespace

std::string_view to_string(VerdictClass verdict) {
  const auto position = static_cast<std::size_t>(verdict);
  RADIXBENCH_CHECK(position < kSlugs.size());
  return kSlugs[position].second;
}

std::optional<VerdictClass> parse_verdict_class(std::string_view slug) {
  for (const Slug& known : kSlugs) {
    if (known.second == slug) return known.first;
  }
  return std::nullopt;
}

bool is_benign(VerdictClass verdict) {
  switch (verdict) {
    case VerdictClass::kNone:
    case VerdictClass::kIncomplete:
    case VerdictClass::kLateHost:
    case VerdictClass::kLateDevice:
    case VerdictClass::kLateUnknown: return true;
    default: return false;
  }
}

bool names_fault(const Diagnosis& diagnosis) {
  return std::ranges::any_of(diagnosis.verdicts, [](const Verdict& verdict) {
    return !is_benign(verdict.verdict) && verdict.verdict != VerdictClass::kRankDied;
  });
}

std::string_view to_string(Confidence confidence) {
  switch (confidence) {
    case Confidence::kCertain: return "certain";
    case Confidence::kLikely: return "likely";
    case Confidence::kPossible: return "possible";
  }
  return "possible";
}

}  // namespace radixbench
