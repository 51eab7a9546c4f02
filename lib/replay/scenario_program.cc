#include "replay/scenario_program.h"

#include "base/decision.h"
#include "layout/sites.h"
#include "watch/ring_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace radixbench {
namespace {

// Beyond the numbers that lib/layout may come to use.
constexpr std::uint16_t kFirstOwnSite = 100;

class Compiler {
 public:
  Compiler(const Scenario& scenario, bool has_fault) : scenario_{scenario}, has_fault_{has_fault} {
    for (const SiteContract& site : site_contracts()) {
      sites_.emplace(site.name, static_cast<std::uint16_t>(site.site));
    }
    program_.ranks.resize(scenario.world_size);
  }

  Result<ScenarioProgram> compile() && {
    for (const ScenarioLine& line : scenario_.lines) {
      if (auto added = add(line); !added) {
        return fail(
            ErrorCode::kCorrupt,
            fmt::format("{}, line {}: {}", scenario_.name, line.line, added.error().message));
      }
    }
    program_.group_slots = static_cast<std::uint32_t>(groups_.size());
    program_.mark_slots = static_cast<std::uint32_t>(marks_.size());
    return std::move(program_);
  }

 private:
  using Members = std::map<std::pair<Rank, std::string>, std::vector<Rank>>;

  Result<void> add(const ScenarioLine& line) {
    if (std::holds_alternative<ScenarioRepeat>(line.event)) {
      const bool takes_part = !skipped_ && is_wanted(line);
      if (!takes_part) ++skipped_;
      open_.push_back({&line, takes_part, {}});
      return {};
    }
    if (std::holds_alternative<ScenarioRepeatEnd>(line.event)) {
      close_block(line);
      return {};
    }
    if (skipped_ || !is_wanted(line)) return {};
    for (Rank rank = 0; rank < scenario_.world_size; ++rank) {
      if (!line.is_of(rank)) continue;
      if (auto added = add_to(rank, line); !added) return added;
    }
    return {};
  }

  [[nodiscard]] bool is_wanted(const ScenarioLine& line) const {
    return line.when == ScenarioWhen::kAlways ||
           (line.when == ScenarioWhen::kWithFault) == has_fault_;
  }

  Result<void> add_to(Rank rank, const ScenarioLine& line) {
    ScenarioOp op;
    op.line = &line;
    if (auto resolved = resolve(rank, line, op); !resolved) return resolved;
    ScenarioRankProgram& mine = program_.ranks[rank];
    auto found = std::ranges::find(mine.threads, line.thread, &ScenarioThread::name);
    if (found == mine.threads.end()) {
      const auto number = static_cast<std::uint32_t>(mine.threads.size());
      if (number >= kRingThreadsMax) return fail(ErrorCode::kCorrupt, "too many threads");
      if (number > 0) {
        open_blocks(rank, 0);
        mine.threads.front().ops.push_back({.target = number});
      }
      mine.threads.push_back({line.thread, {}});
      found = std::prev(mine.threads.end());
    }
    const auto thread = static_cast<std::size_t>(found - mine.threads.begin());
    open_blocks(rank, thread);
    mine.threads[thread].ops.push_back(op);
    return {};
  }

  // The repeats that this line stands in, where its thread has not begun them yet: one that has no
  // line within never does.
  void open_blocks(Rank rank, std::size_t thread) {
    std::vector<ScenarioOp>& ops = program_.ranks[rank].threads[thread].ops;
    for (Block& block : open_) {
      const auto [begun, is_new] =
          block.begun.emplace(std::pair{rank, thread}, static_cast<std::uint32_t>(ops.size()));
      if (is_new) ops.push_back({.line = block.line});
    }
  }

  void close_block(const ScenarioLine& line) {
    const Block block = std::move(open_.back());
    open_.pop_back();
    if (!block.takes_part) --skipped_;
    for (const auto& [who, begin] : block.begun) {
      std::vector<ScenarioOp>& ops = program_.ranks[who.first].threads[who.second].ops;
      ops[begin].target = static_cast<std::uint32_t>(ops.size());
      ops.push_back({.line = &line, .target = begin});
    }
  }

  Result<void> resolve(Rank rank, const ScenarioLine& line, ScenarioOp& op) {
    if (const auto* create = std::get_if<ScenarioCreate>(&line.event)) {
      op.slot = slot_of(groups_, create->group);
      const bool is_member = std::ranges::find(create->members, rank) != create->members.end();
      if (is_member) members_[{rank, create->group}] = create->members;
      return set_site(create->site, op);
    }
    if (const auto* decide = std::get_if<ScenarioDecide>(&line.event)) {
      if (auto set = set_guard(decide->guard, op); !set) return set;
      return set_site(decide->site, op);
    }
    if (const auto* call = std::get_if<ScenarioCall>(&line.event)) {
      op.slot = slot_of(groups_, call->group);
      if (auto set = set_peer(rank, *call, op); !set) return set;
      return set_site(call->site, op);
    }
    if (const auto* activity = std::get_if<ScenarioActivity>(&line.event)) {
      return set_site(activity->site, op);
    }
    if (const auto* mark = std::get_if<ScenarioMark>(&line.event)) {
      op.slot = slot_of(marks_, mark->name);
    }
    if (const auto* after = std::get_if<ScenarioAfter>(&line.event)) {
      op.slot = slot_of(marks_, after->name);
    }
    return {};
  }

  static std::uint32_t slot_of(std::map<std::string, std::uint32_t>& slots,
                               const std::string& name) {
    return slots.emplace(name, static_cast<std::uint32_t>(slots.size())).first->second;
  }

  Result<void> set_site(const std::string& name, ScenarioOp& op) {
    if (name.empty()) return {};
    const auto next = static_cast<std::uint16_t>(kFirstOwnSite + program_.sites.size());
    const auto [known, is_new] = sites_.emplace(name, next);
    op.site = known->second;
    if (!is_new) return {};
    if (next >= kRingSitesMax) return fail(ErrorCode::kCorrupt, "too many sites");
    program_.sites.push_back({next, name});
    return check_length(name);
  }

  Result<void> set_guard(const std::string& name, ScenarioOp& op) {
    const auto next = static_cast<std::uint16_t>(static_cast<std::uint16_t>(Guard::kFirstOther) +
                                                 program_.guards.size());
    const auto [known, is_new] = guards_.emplace(name, next);
    op.guard = known->second;
    if (!is_new) return {};
    program_.guards.push_back({next, name});
    return check_length(name);
  }

  static Result<void> check_length(const std::string& name) {
    if (name.size() <= kRingNameBytes) return {};
    return fail(ErrorCode::kCorrupt,
                fmt::format("the name '{}' has more than {} bytes", name, kRingNameBytes));
  }

  Result<void> set_peer(Rank rank, const ScenarioCall& call, ScenarioOp& op) {
    const bool is_of_two = call.kind == CallKind::kSend || call.kind == CallKind::kRecv;
    if (is_of_two) program_.has_calls_between_two = true;
    if (!is_of_two && call.kind != CallKind::kBroadcast) return {};
    const std::vector<Rank>& members = members_[{rank, call.group}];
    const auto found = std::ranges::find(members, call.peer);
    if (found == members.end() || (is_of_two && call.peer == rank)) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("rank {} is no peer of rank {} in {}", call.peer, rank, call.group));
    }
    op.peer = static_cast<std::uint32_t>(found - members.begin());
    return {};
  }

  // A repeat that is open at this line, and where each thread has begun it.
  struct Block {
    const ScenarioLine* line;
    bool takes_part;
    std::map<std::pair<Rank, std::size_t>, std::uint32_t> begun;
  };

  const Scenario& scenario_;
  bool has_fault_;
  ScenarioProgram program_;
  std::vector<Block> open_;
  std::size_t skipped_ = 0;  // open repeats that do not take part
  std::map<std::string, std::uint16_t, std::less<>> sites_;
  std::map<std::string, std::uint16_t> guards_;
  std::map<std::string, std::uint32_t> groups_;
  std::map<std::string, std::uint32_t> marks_;
  Members members_;  // of the group of that name that the rank made last
};

}  // namespace

Result<ScenarioProgram> compile(const Scenario& scenario, bool has_fault) {
  return Compiler{scenario, has_fault}.compile();
}

}  // namespace radixbench
