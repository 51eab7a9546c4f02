#include "replay/scenario_rank.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "watch/ring_recorder.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// How soon a thread that waits for something unrecorded looks again.
constexpr auto kLook = 100us;
constexpr auto kIdleLook = 1ms;
// What a sleeping thread may miss the end of its run by.
constexpr std::chrono::nanoseconds kSleepMax = 20ms;

// One rank's handle on a group, which several of its threads may use though they should not: they
// take turns, and each call is recorded as of the thread whose turn it is.
class SharedGroup final : public CallObserver {
 public:
  SharedGroup(const ScenarioBoard& board, Rank rank) : board_{board}, rank_{rank} {}

  void set(std::unique_ptr<Communicator> group) { group_ = observe(std::move(group), *this); }

  template <typename Make>
  Result<void> call(RingThread& thread, Make make) {
    const std::lock_guard lock{mutex_};
    turn_ = &thread;
    return make(*group_);
  }

  // Of a rank that was killed nobody hears that its calls ended.
  void entered(const CallRecord& record) override {
    if (!board_.is_killed(rank_)) turn_->entered(record);
  }
  void left(const CallRecord& record) override {
    if (!board_.is_killed(rank_)) turn_->left(record);
  }

 private:
  const ScenarioBoard& board_;
  Rank rank_;
  std::mutex mutex_;
  RingThread* turn_ = nullptr;
  std::unique_ptr<Communicator> group_;
};

// What the threads of a rank share.
struct RankState {
  RankState(const ScenarioProgram& a_program,
            const ScenarioPace& a_pace,
            const ScenarioSeat& a_seat)
      : program{a_program},
        threads{a_program.ranks[a_seat.rank].threads},
        pace{a_pace},
        seat{a_seat},
        recorder{a_seat.ring},
        groups(a_program.group_slots),
        marks(a_program.mark_slots) {}

  const ScenarioProgram& program;
  const std::vector<ScenarioThread>& threads;
  const ScenarioPace& pace;
  const ScenarioSeat& seat;
  RingRecorder recorder;
  std::atomic<std::uint64_t> step = 0;
  std::vector<std::atomic<SharedGroup*>> groups;  // by slot: the one made last
  std::vector<std::atomic<std::uint32_t>> marks;  // by slot: how often
  std::mutex mutex;                               // of the rest
  std::uint32_t creation_count = 0;
  std::deque<std::pair<GroupSpec, std::unique_ptr<SharedGroup>>> made;
};

class ThreadRun {
 public:
  using Start = std::function<void(std::uint32_t thread)>;

  ThreadRun(RankState& rank, const ScenarioThread& thread, Start start)
      : rank_{rank},
        ops_{thread.ops},
        ring_{rank.recorder.thread(thread.name)},
        start_{std::move(start)},
        passes_(ops_.size(), 0),
        seen_marks_(rank.marks.size(), 0) {
    loops_.reserve(ops_.size());
  }

  void run() {
    for (next_ = 0; next_ < ops_.size() && !must_stop();) {
      const ScenarioOp& op = ops_[next_++];
      if (op.line == nullptr) {
        start_(op.target);
        continue;
      }
      ++passes_[next_ - 1];
      const bool goes_on =
          std::visit([&](const auto& event) { return act(op, event); }, op.line->event);
      if (!goes_on) return;
    }
  }

 private:
  struct Loop {
    std::uint32_t begin = 0;
    std::uint64_t pass = 0;
  };

  [[nodiscard]] Rank rank() const { return rank_.seat.rank; }
  [[nodiscard]] ScenarioBoard& board() const { return rank_.seat.board; }
  [[nodiscard]] bool must_stop() const {
    return board().is_given_up() || board().is_killed(rank());
  }

  // Each says whether the thread goes on.
  bool act(const ScenarioOp& op, const ScenarioCreate& create) {
    SharedGroup* group = nullptr;
    const GroupSpec* spec = nullptr;
    {
      const std::lock_guard lock{rank_.mutex};
      const std::uint32_t ordinal = create.ordinal.value_or(rank_.creation_count);
      ++rank_.creation_count;
      rank_.made.emplace_back(
          GroupSpec{.name = create.group, .members = create.members, .ordinal = ordinal},
          std::make_unique<SharedGroup>(board(), rank()));
      spec = &rank_.made.back().first;
      group = rank_.made.back().second.get();
    }
    const bool is_member = std::ranges::find(create.members, rank()) != create.members.end();
    ring_.opening(*spec, is_member, op.site, create.timeout);
    if (!is_member) return true;
    auto opened = rank_.seat.fabric.open(*spec, deadline_after(rank_.pace.call_deadline));
    if (!must_stop()) ring_.opened(opened.has_value());
    if (!opened) return stop_after(opened.error());
    group->set(*std::move(opened));
    rank_.groups[op.slot] = group;
    return true;
  }

  bool act(const ScenarioOp&, const ScenarioTick&) {
    rank_.recorder.stepped(++rank_.step);
    return true;
  }

  bool act(const ScenarioOp& op, const ScenarioDecide& decide) {
    Decision decision{.guard = static_cast<Guard>(op.guard),
                      .site = op.site,
                      .step = rank_.step,
                      .key = key_of(op, decide.key),
                      .outcome = value_of(op, decide.outcome, 0)};
    for (const ScenarioNumber& input : decide.inputs) {
      const std::uint32_t position = decision.input_count++;
      decision.inputs.at(position) = value_of(op, input, 1 + position);
    }
    ring_.decided(decision);
    return true;
  }

  bool act(const ScenarioOp& op, const ScenarioCall& call) {
    std::atomic<SharedGroup*>& slot = rank_.groups[op.slot];
    if (!wait_until([&] { return slot.load() != nullptr; })) return false;
    std::array<std::int64_t, kElementsMax> values{};
    for (std::size_t i = 0; i < call.values.size(); ++i) {
      values[i] = value_of(op, call.values[i], i);
    }
    const std::span mine{values.data(), call.values.size()};
    const auto result = slot.load()->call(
        ring_, [&](Communicator& group) { return make_call(group, op, call, mine); });
    return result.has_value() || stop_after(result.error());
  }

  Result<void> make_call(Communicator& group,
                         const ScenarioOp& op,
                         const ScenarioCall& line,
                         std::span<std::int64_t> values) {
    const Call call{.site = op.site,
                    .key = key_of(op, line.key),
                    .deadline = deadline_after(rank_.pace.call_deadline)};
    switch (line.kind) {
      case CallKind::kAllReduce: break;
      case CallKind::kBarrier: return group.barrier(call);
      case CallKind::kBroadcast: return group.broadcast(values, op.peer, call);
      case CallKind::kAllGather:
        gathered_.resize(group.size() * values.size());
        return group.all_gather(values, gathered_, call);
      case CallKind::kSend: return group.send(values, op.peer, call);
      case CallKind::kRecv: return group.recv(values, op.peer, call);
    }
    if (line.type == ElementType::kInt64) return group.all_reduce(values, line.op, call);
    std::array<std::int32_t, kElementsMax> narrow{};
    std::ranges::transform(values, narrow.begin(), [](std::int64_t value) {
      return static_cast<std::int32_t>(value);
    });
    return group.all_reduce(std::span{narrow.data(), values.size()}, line.op, call);
  }

  bool act(const ScenarioOp& op, const ScenarioActivity& activity) {
    ring_.begin_activity(op.site, 0);
    const bool goes_on = sleep(op, activity.time);
    if (goes_on) ring_.end_activity();
    return goes_on;
  }
  bool act(const ScenarioOp& op, const ScenarioSleep& pause) { return sleep(op, pause.time); }

  bool act(const ScenarioOp& op, const ScenarioMark&) {
    ++rank_.marks[op.slot];
    return true;
  }
  bool act(const ScenarioOp& op, const ScenarioAfter&) {
    const std::uint32_t wanted = ++seen_marks_[op.slot];
    return wait_until([&] { return rank_.marks[op.slot].load() >= wanted; });
  }

  bool act(const ScenarioOp&, const ScenarioEnd& end) {
    switch (end) {
      case ScenarioEnd::kExit: ring_.ended(false); break;
      case ScenarioEnd::kRaise:
        board().note_trouble();
        ring_.ended(true);
        break;
      case ScenarioEnd::kKill:
        board().note_trouble();
        rank_.seat.kill();
        break;
      case ScenarioEnd::kStall: stall(); break;
    }
    return false;
  }

  bool act(const ScenarioOp& op, const ScenarioRepeat& repeat) {
    if (repeat.count == 0) {
      next_ = op.target + 1;
    } else {
      loops_.push_back({.begin = static_cast<std::uint32_t>(next_), .pass = 0});
    }
    return true;
  }
  bool act(const ScenarioOp& op, const ScenarioRepeatEnd&) {
    const auto& repeat = std::get<ScenarioRepeat>(ops_[op.target].line->event);
    if (++loops_.back().pass < repeat.count) {
      next_ = loops_.back().begin;
    } else {
      loops_.pop_back();
    }
    return true;
  }

  bool stop_after(const Error& error) {
    board().note_trouble();
    if (!must_stop()) rank_.seat.failed(error);
    return false;
  }

  // It is not what the others wait for the end of.
  void stall() {
    board().note_trouble();
    board().remove_busy(rank());
    while (!board().is_over()) std::this_thread::sleep_for(kIdleLook);
    board().add_busy(rank());
  }

  // For what another thread of this rank does; bounded, since that thread may have stopped.
  template <typename Condition>
  bool wait_until(Condition holds) {
    if (holds()) return true;
    const Deadline deadline = deadline_after(2 * rank_.pace.call_deadline);
    while (!holds()) {
      if (must_stop() || has_passed(deadline)) {
        board().note_trouble();
        return false;
      }
      std::this_thread::sleep_for(kLook);
    }
    return true;
  }

  bool sleep(const ScenarioOp& op, const ScenarioTime& time) {
    const std::uint64_t width = static_cast<std::uint64_t>((time.high - time.low).count());
    const std::int64_t drawn =
        time.low.count() + static_cast<std::int64_t>(draw_below(op, width, 0));
    const std::chrono::duration<double, std::nano> scaled{static_cast<double>(drawn) *
                                                          rank_.pace.time_scale};
    auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(scaled);
    for (; left.count() > 0 && !must_stop(); left -= kSleepMax) {
      std::this_thread::sleep_for(std::min(left, kSleepMax));
    }
    return !must_stop();
  }

  std::uint64_t key_of(const ScenarioOp& op, const ScenarioNumber& key) {
    return static_cast<std::uint64_t>(value_of(op, key, kElementsMax));
  }

  // `position` tells the numbers of a line apart.
  std::int64_t value_of(const ScenarioOp& op, const ScenarioNumber& number, std::size_t position) {
    switch (number.base) {
      case ScenarioNumber::Base::kFixed: break;
      case ScenarioNumber::Base::kLoop:
        return number.low + static_cast<std::int64_t>(loops_.empty() ? 0 : loops_.back().pass);
      case ScenarioNumber::Base::kStep:
        return number.low + static_cast<std::int64_t>(rank_.step.load());
      case ScenarioNumber::Base::kRank: return number.low + std::int64_t{rank()};
      case ScenarioNumber::Base::kDrawn:
        return number.low +
               static_cast<std::int64_t>(
                   draw_below(op, static_cast<std::uint64_t>(number.high - number.low), position));
    }
    return number.low;
  }

  // From 0 to `width`.
  std::uint64_t draw_below(const ScenarioOp& op, std::uint64_t width, std::size_t position) {
    if (width == 0) return 0;
    const std::uint64_t line = std::uint64_t{op.line->line} << 16U | std::uint64_t{rank()};
    const std::uint64_t pass = passes_[static_cast<std::size_t>(&op - ops_.data())];
    return draw(rank_.pace.seed, "scenario", line, pass << 8U | position) % (width + 1);
  }

  RankState& rank_;
  const std::vector<ScenarioOp>& ops_;
  RingThread& ring_;
  Start start_;
  std::size_t next_ = 0;
  std::vector<std::uint64_t> passes_;  // by op
  std::vector<Loop> loops_;
  std::vector<std::uint32_t> seen_marks_;
  std::vector<std::int64_t> gathered_;
};

void name_all(const ScenarioProgram& program, RingRecorder& recorder) {
  // compile() saw to it that they fit.
  for (const ScenarioName& site : program.sites) {
    RADIXBENCH_CHECK(recorder.name_site(site.number, site.name).has_value());
  }
  for (const ScenarioName& guard : program.guards) {
    RADIXBENCH_CHECK(recorder.name_guard(static_cast<Guard>(guard.number), guard.name).has_value());
  }
}

}  // namespace

bool ScenarioBoard::is_over() const {
  if (is_given_up_) return true;
  for (Rank rank = 0; rank < world_size_; ++rank) {
    if (!is_killed_[rank] && busy_[rank] != 0) return false;
  }
  return true;
}

void run_scenario_rank(const ScenarioProgram& program,
                       const ScenarioPace& pace,
                       const ScenarioSeat& seat) {
  RankState rank{program, pace, seat};
  name_all(program, rank.recorder);
  std::vector<std::jthread> others;
  std::vector<bool> is_started(rank.threads.size(), false);
  const auto start = [&](std::uint32_t number) {
    if (is_started[number]) return;
    is_started[number] = true;
    seat.board.add_busy(seat.rank);
    others.emplace_back([&rank, &thread = rank.threads[number]] {
      ThreadRun{rank, thread, [](std::uint32_t) {}}.run();
      rank.seat.board.remove_busy(rank.seat.rank);
    });
  };
  if (!rank.threads.empty()) ThreadRun{rank, rank.threads.front(), start}.run();
  seat.board.remove_busy(seat.rank);
  while (!seat.board.is_over()) {
    if (!seat.board.is_killed(seat.rank)) rank.recorder.beat();
    std::this_thread::sleep_for(kIdleLook);
  }
}

}  // namespace radixbench
