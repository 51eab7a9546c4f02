#include "watch/scenario_events.h"

#include "watch/scenario_words.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace radixbench {
namespace {

template <typename Value, std::size_t kCount>
using Names = std::array<std::pair<std::string_view, Value>, kCount>;

constexpr Names<ElementType, 2> kTypes = {
    {{"i32", ElementType::kInt32}, {"i64", ElementType::kInt64}}};
constexpr Names<ScenarioEnd, 4> kEnds = {{{"exit", ScenarioEnd::kExit},
                                          {"raise", ScenarioEnd::kRaise},
                                          {"kill", ScenarioEnd::kKill},
                                          {"stall", ScenarioEnd::kStall}}};
constexpr std::size_t kInputsMax = 4;  // as many as a recorded decision holds

template <typename Value, std::size_t kCount>
std::optional<Value> find_value(const Names<Value, kCount>& names, std::string_view text) {
  for (const auto& [name, value] : names) {
    if (name == text) return value;
  }
  return std::nullopt;
}

// A field that is left as it is where the argument is not there.
template <typename Value, typename Parse>
Result<void> take(Arguments& arguments, std::string_view name, Parse parse, Value& into) {
  const auto text = arguments.take_named(name);
  if (!text) return {};
  auto value = parse(*text);
  if (!value) return tl::unexpected(value.error());
  into = *std::move(value);
  return {};
}

Result<ScenarioEvent> parse_create(Arguments& arguments) {
  ScenarioCreate create;
  auto group = arguments.need_word("the group's name");
  if (!group) return tl::unexpected(group.error());
  create.group = *std::move(group);
  const auto members = parse_word(arguments.need_word("the list of members"), parse_ranks);
  if (!members) return tl::unexpected(members.error());
  create.members = *members;
  create.site = arguments.take_named("site").value_or("");
  ScenarioTime timeout;
  if (auto taken = take(arguments, "timeout", parse_time, timeout); !taken) {
    return tl::unexpected(taken.error());
  }
  create.timeout = timeout.low;
  std::optional<std::uint64_t> ordinal;
  if (auto taken = take(arguments, "as", parse_count, ordinal); !taken) {
    return tl::unexpected(taken.error());
  }
  if (ordinal) create.ordinal = static_cast<std::uint32_t>(*ordinal);
  return create;
}

Result<ScenarioEvent> parse_decide(Arguments& arguments) {
  ScenarioDecide decide;
  auto site = arguments.need_word("the site");
  if (!site) return tl::unexpected(site.error());
  auto guard = arguments.need_word("the guard");
  if (!guard) return tl::unexpected(guard.error());
  decide.site = *std::move(site);
  decide.guard = *std::move(guard);
  const auto outcome = parse_word(arguments.need_named("outcome"), parse_number);
  if (!outcome) return tl::unexpected(outcome.error());
  decide.outcome = *outcome;
  if (auto taken = take(arguments, "key", parse_number, decide.key); !taken) {
    return tl::unexpected(taken.error());
  }
  if (auto taken = take(arguments, "inputs", parse_numbers, decide.inputs); !taken) {
    return tl::unexpected(taken.error());
  }
  if (decide.inputs.size() > kInputsMax) {
    return fail(ErrorCode::kCorrupt, fmt::format("more than {} inputs", kInputsMax));
  }
  return decide;
}

// all_reduce min i32: the words of a call that have no name.
Result<void> take_kind(Arguments& arguments, ScenarioCall& call) {
  const auto kind = arguments.need_word("what kind of call it is");
  if (!kind) return tl::unexpected(kind.error());
  const auto known = parse_call_kind(*kind);
  if (!known) return fail(ErrorCode::kCorrupt, fmt::format("'{}' is no kind of call", *kind));
  call.kind = *known;
  if (call.kind != CallKind::kAllReduce) return {};
  for (auto word = arguments.take_word(); word; word = arguments.take_word()) {
    const auto op = parse_reduce_op(*word);
    const auto type = find_value(kTypes, *word);
    if (!op && !type) {
      return fail(ErrorCode::kCorrupt, fmt::format("'{}' does not belong to an all_reduce", *word));
    }
    if (op) call.op = *op;
    if (type) call.type = *type;
  }
  return {};
}

std::string_view peer_word(CallKind kind) {
  switch (kind) {
    case CallKind::kBroadcast: return "root";
    case CallKind::kSend: return "to";
    case CallKind::kRecv: return "from";
    default: return {};
  }
}

Result<void> take_peer(Arguments& arguments, ScenarioCall& call) {
  const std::string_view name = peer_word(call.kind);
  if (name.empty()) return {};
  const auto peer = parse_word(arguments.need_named(name), parse_ranks);
  if (!peer) return tl::unexpected(peer.error());
  if (peer->size() != 1) return fail(ErrorCode::kCorrupt, fmt::format("{}= takes one rank", name));
  call.peer = peer->front();
  return {};
}

// values=1,2 n=4 is 1,2,2,2; n=4 alone is four zeros.
Result<void> take_values(Arguments& arguments, ScenarioCall& call) {
  std::optional<std::uint64_t> count;
  if (auto taken = take(arguments, "values", parse_numbers, call.values); !taken) return taken;
  if (auto taken = take(arguments, "n", parse_count, count); !taken) return taken;
  if (count.value_or(0) > kElementsMax || call.values.size() > kElementsMax) {
    return fail(ErrorCode::kCorrupt, fmt::format("more than {} values", kElementsMax));
  }
  if (count) {
    call.values.resize(static_cast<std::size_t>(*count),
                       call.values.empty() ? ScenarioNumber{} : call.values.back());
  }
  const bool has_none = call.values.empty() && call.kind != CallKind::kBarrier;
  if (has_none) return fail(ErrorCode::kCorrupt, "values= or n= is missing");
  return {};
}

Result<ScenarioEvent> parse_call(Arguments& arguments) {
  ScenarioCall call;
  auto site = arguments.need_word("the site");
  if (!site) return tl::unexpected(site.error());
  auto group = arguments.need_named("on");
  if (!group) return tl::unexpected(group.error());
  call.site = *std::move(site);
  call.group = *std::move(group);
  if (auto taken = take_kind(arguments, call); !taken) return tl::unexpected(taken.error());
  if (auto taken = take_peer(arguments, call); !taken) return tl::unexpected(taken.error());
  if (auto taken = take_values(arguments, call); !taken) return tl::unexpected(taken.error());
  if (auto taken = take(arguments, "key", parse_number, call.key); !taken) {
    return tl::unexpected(taken.error());
  }
  return call;
}

template <typename Timed>
Result<ScenarioEvent> parse_timed(Arguments& arguments, Timed timed) {
  const auto time = parse_word(arguments.need_word("how long"), parse_time);
  if (!time) return tl::unexpected(time.error());
  timed.time = *time;
  return timed;
}

Result<ScenarioEvent> parse_any(std::string_view verb, Arguments& arguments) {
  if (verb == "create") return parse_create(arguments);
  if (verb == "tick") return ScenarioTick{};
  if (verb == "decide") return parse_decide(arguments);
  if (verb == "call") return parse_call(arguments);
  if (verb == "sleep") return parse_timed(arguments, ScenarioSleep{});
  if (verb == "activity") {
    auto site = arguments.need_word("the site");
    if (!site) return tl::unexpected(site.error());
    return parse_timed(arguments, ScenarioActivity{.site = *std::move(site), .time = {}});
  }
  if (verb == "mark" || verb == "after") {
    auto name = arguments.need_word("a name");
    if (!name) return tl::unexpected(name.error());
    if (verb == "mark") return ScenarioMark{*std::move(name)};
    return ScenarioAfter{*std::move(name)};
  }
  if (const auto end = find_value(kEnds, verb)) return *end;
  return fail(ErrorCode::kCorrupt, fmt::format("'{}' is nothing that a rank can do", verb));
}

}  // namespace

Result<ScenarioEvent> parse_event(std::string_view verb, std::vector<std::string> words) {
  Arguments arguments{std::move(words)};
  auto event = parse_any(verb, arguments);
  if (!event) return event;
  if (auto empty = arguments.check_empty(); !empty) return tl::unexpected(empty.error());
  return event;
}

}  // namespace radixbench
