#include "comm/communicator.h"

#include "base/check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

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

Operation Operation::all_reduce(std::span<std::int32_t> values, ReduceOp op) {
  return {.kind = CallKind::kAllReduce,
          .type = ElementType::kInt32,
          .op = op,
          .mine = {},
          .values = {},
          .narrow = values};
}
Operation Operation::all_reduce(std::span<std::int64_t> values, ReduceOp op) {
  return {.kind = CallKind::kAllReduce, .op = op, .mine = {}, .values = values, .narrow = {}};
}
Operation Operation::barrier() {
  return {.kind = CallKind::kBarrier, .mine = {}, .values = {}, .narrow = {}};
}
Operation Operation::broadcast(std::span<std::int64_t> values, std::size_t root) {
  return {.kind = CallKind::kBroadcast, .peer = root, .mine = {}, .values = values, .narrow = {}};
}
Operation Operation::all_gather(std::span<const std::int64_t> mine, std::span<std::int64_t> all) {
  return {.kind = CallKind::kAllGather, .mine = mine, .values = all, .narrow = {}};
}
Operation Operation::send(std::span<const std::int64_t> values, std::size_t to) {
  return {.kind = CallKind::kSend, .peer = to, .mine = values, .values = {}, .narrow = {}};
}
Operation Operation::recv(std::span<std::int64_t> values, std::size_t from) {
  return {.kind = CallKind::kRecv, .peer = from, .mine = {}, .values = values, .narrow = {}};
}

std::size_t Operation::element_count() const {
  if (kind == CallKind::kAllGather || kind == CallKind::kSend) return mine.size();
  return type == ElementType::kInt32 ? narrow.size() : values.size();
}

std::string describe(const GroupSpec& group) {
  return fmt::format("{}{{{}}}", group.name, fmt::join(group.members, ","));
}

namespace {

tl::unexpected<Error> refuse(CallKind kind, const GroupSpec& group, std::string_view what) {
  return fail(
      ErrorCode::kUnsupported,
      fmt::format("{} on {}: this transport has no {}", to_string(kind), describe(group), what));
}

constexpr std::string_view kBetweenTwo = "calls between two members";

}  // namespace

Result<void> Communicator::send(std::span<const std::int64_t>, std::size_t, const Call&) {
  return refuse(CallKind::kSend, group(), kBetweenTwo);
}

Result<void> Communicator::recv(std::span<std::int64_t>, std::size_t, const Call&) {
  return refuse(CallKind::kRecv, group(), kBetweenTwo);
}

Result<void> Communicator::post(const Operation& operation, const Call&) {
  return refuse(operation.kind, group(), "non-blocking form");
}

Result<bool> Communicator::test() {
  return fail(ErrorCode::kUnsupported, "nothing can be posted on " + describe(group()));
}

Result<void> Communicator::wait() {
  return fail(ErrorCode::kUnsupported, "nothing can be posted on " + describe(group()));
}

Result<void> Communicator::make(const Operation& operation, const Call& call) {
  switch (operation.kind) {
    case CallKind::kAllReduce:
      return operation.type == ElementType::kInt32
                 ? all_reduce(operation.narrow, operation.op, call)
                 : all_reduce(operation.values, operation.op, call);
    case CallKind::kBarrier: return barrier(call);
    case CallKind::kBroadcast: return broadcast(operation.values, operation.peer, call);
    case CallKind::kAllGather: return all_gather(operation.mine, operation.values, call);
    case CallKind::kSend: return send(operation.mine, operation.peer, call);
    case CallKind::kRecv: return recv(operation.values, operation.peer, call);
  }
  return {};
}

Result<std::unique_ptr<Communicator>> Fabric::open_part(std::span<const GroupSpec> parts,
                                                        Deadline deadline) {
  return open(part_of(parts), deadline);
}

const GroupSpec& Fabric::part_of(std::span<const GroupSpec> parts) const {
  const auto own = std::ranges::find_if(parts, [&](const GroupSpec& part) {
    return std::ranges::find(part.members, rank()) != part.members.end();
  });
  RADIXBENCH_CHECK(own != parts.end());
  return *own;
}

}  // namespace radixbench
