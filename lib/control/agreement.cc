#include "control/agreement.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/range.h"

#include <fmt/format.h>

namespace radixbench {
namespace {

std::size_t size_of(const Communicator* group) { return group == nullptr ? 1 : group->size(); }

Reducer attn_groups(const CacheCommunicators& groups) {
  if (groups.attn_grid != nullptr) {
    const std::array<Communicator*, 1> grid = {groups.attn_grid};
    return Reducer{grid};
  }
  const std::array<Communicator*, 2> axes = {groups.attn_cp, groups.attention_tp};
  Reducer reducer{axes};
  if (reducer.hop_count() > 0) return reducer;
  const std::array<Communicator*, 1> fallback = {groups.tp_cache};
  return Reducer{fallback};
}

Reducer moved_sites(AgreementKind kind, const CacheCommunicators& groups) {
  if (kind == AgreementKind::kAttnGroups) return attn_groups(groups);
  const std::array<Communicator*, 1> one = {kind == AgreementKind::kStageTp ? groups.tp
                                                                            : groups.tp_cache};
  return Reducer{one};
}

bool was_moved_by_the_fix(Site site) {
  return site == Site::kCanTerminatePrefetch || site == Site::kCheckPrefetchProgress ||
         site == Site::kReleaseAbortedRequest || site == Site::kDrainStorageControlQueues;
}

}  // namespace

std::string_view to_string(AgreementKind kind) {
  switch (kind) {
    case AgreementKind::kHardcodedTp: return "hardcoded_tp";
    case AgreementKind::kStageTp: return "stage_tp";
    case AgreementKind::kAttnGroups: return "attn_groups";
  }
  return "unknown";
}

Result<AgreementKind> parse_agreement(std::string_view text) {
  for (const AgreementKind kind :
       {AgreementKind::kHardcodedTp, AgreementKind::kStageTp, AgreementKind::kAttnGroups}) {
    if (text == to_string(kind)) return kind;
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("agreement '{}' is none of hardcoded_tp, stage_tp, attn_groups", text));
}

std::string_view to_string(ReduceShape shape) {
  return shape == ReduceShape::kAxes ? "axes" : "grid";
}

Result<ReduceShape> parse_reduce_shape(std::string_view text) {
  for (const ReduceShape shape : {ReduceShape::kAxes, ReduceShape::kGrid}) {
    if (text == to_string(shape)) return shape;
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("reduction '{}' is neither axes nor grid", text));
}

Reducer::Reducer(std::span<Communicator* const> hops) {
  hops_.reserve(hops.size());
  for (Communicator* hop : hops) {
    if (size_of(hop) > 1) {
      hops_.push_back(hop);
    } else if (hop != nullptr) {
      lone_ = hop;
    }
  }
}

std::span<Communicator* const> Reducer::called() const {
  if (hops_.empty() && lone_ != nullptr) return {&lone_, 1};
  return hops_;
}

Result<void> Reducer::reduce(std::span<std::int32_t> values, ReduceOp op, const Call& call) const {
  for (Communicator* hop : called()) {
    if (Result<void> done = hop->all_reduce(values, op, call); !done) return done;
  }
  return {};
}

Result<void> Reducer::barrier(const Call& call) const {
  for (Communicator* hop : called()) {
    if (Result<void> done = hop->barrier(call); !done) return done;
  }
  return {};
}

Agreement::Agreement(AgreementKind kind,
                     const CacheCommunicators& groups,
                     std::chrono::nanoseconds call_deadline)
    : moved_sites_{moved_sites(kind, groups)},
      other_sites_{attn_groups(groups)},
      tp_cache_size_{size_of(groups.tp_cache)},
      call_deadline_{call_deadline} {}

Result<void> Agreement::reduce(Site site,
                               std::uint64_t key,
                               std::span<std::int32_t> values,
                               ReduceOp op) {
  return counted(
      site, [&](const Reducer& reducer) { return reducer.reduce(values, op, call(site, key)); });
}

Result<void> Agreement::barrier(Site site, std::uint64_t key) {
  return counted(site, [&](const Reducer& reducer) { return reducer.barrier(call(site, key)); });
}

template <typename Operation>
Result<void> Agreement::counted(Site site, Operation operation) {
  const Range range{to_string(site).data()};  // a literal
  const Reducer& over = reducer(site);
  SiteCounts& counts = counts_.at(static_cast<std::size_t>(site));
  ++counts.agreements;
  counts.wire_ops += over.hop_count();
  const std::int64_t start_ns = monotonic_ns();
  Result<void> done = operation(over);
  blocked_ns_ += monotonic_ns() - start_ns;
  return done;
}

const SiteCounts& Agreement::counts(Site site) const {
  return counts_.at(static_cast<std::size_t>(site));
}

SiteCounts Agreement::total() const {
  SiteCounts sum;
  for (const SiteCounts& counts : counts_) {
    sum.agreements += counts.agreements;
    sum.wire_ops += counts.wire_ops;
  }
  return sum;
}

const Reducer& Agreement::reducer(Site site) const {
  return was_moved_by_the_fix(site) ? moved_sites_ : other_sites_;
}

Call Agreement::call(Site site, std::uint64_t key) const {
  return {.site = static_cast<std::uint16_t>(site),
          .key = key,
          .deadline = deadline_after(call_deadline_)};
}

}  // namespace radixbench
