#include "comm/communicator.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace radixbench {

std::string_view to_string(ReduceOp op) {
  switch (op) {
    case ReduceOp::kMin: return "min";
    case ReduceOp::kMax: return "max";
    case ReduceOp::kSum: return "sum";
  }
  return "unknown";
}

std::string_view to_string(CallKind kind) {
  switch (kind) {
    case CallKind::kAllReduce: return "all_reduce";
    case CallKind::kBarrier: return "barrier";
    case CallKind::kBroadcast: return "broadcast";
    case CallKind::kAllGather: return "all_gather";
    case CallKind::kSend: return "send";
    case CallKind::kRecv: return "recv";
  }
  return "unknown";
}

std::string_view to_string(ElementType type) {
  switch (type) {
    case ElementType::kInt32: return "int32";
    case ElementType::kInt64: return "int64";
  }
  return "unknown";
}

std::optional<ReduceOp> parse_reduce_op(std::string_view text) {
  for (const ReduceOp op : {ReduceOp::kMin, ReduceOp::kMax, ReduceOp::kSum}) {
    if (to_string(op) == text) return op;
  }
  return std::nullopt;
}

std::optional<CallKind> parse_call_kind(std::string_view text) {
  for (const CallKind kind : {CallKind::kAllReduce,
                              CallKind::kBarrier,
                              CallKind::kBroadcast,
                              CallKind::kAllGather,
                              CallKind::kSend,
                              CallKind::kRecv}) {
    if (to_string(kind) == text) return kind;
  }
  return std::nullopt;
}

std::string describe(const GroupSpec& group) {
  return fmt::format("{}{{{}}}", group.name, fmt::join(group.members, ","));
}

namespace {

tl::unexpected<Error> refuse(CallKind kind, const GroupSpec& group) {
  return fail(ErrorCode::kUnsupported,
              fmt::format("{} on {}: this transport has no calls between two members",
                          to_string(kind),
                          describe(group)));
}

}  // namespace

Result<void> Communicator::send(std::span<const std::int64_t>, std::size_t, const Call&) {
  return refuse(CallKind::kSend, group());
}

Result<void> Communicator::recv(std::span<std::int64_t>, std::size_t, const Call&) {
  return refuse(CallKind::kRecv, group());
}

}  // namespace radixbench
