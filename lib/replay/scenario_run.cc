#include "replay/scenario_run.h"

#include "base/clock.h"
#include "comm/thread_fabric.h"
#include "layout/sites.h"
#include "replay/last_words.h"
#include "replay/process_world.h"
#include "replay/rank_processes.h"
#include "replay/scenario_program.h"
#include "replay/scenario_rank.h"
#include "watch/ring_memory.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <utility>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

constexpr auto kLook = 1ms;
// From the order to give up until a rank that does not obey is killed.
constexpr auto kObeyWait = 5s;
// Without a fault nobody waits in vain, so that a longer deadline costs nothing and a machine that
// is busy with something else makes no hang.
constexpr std::chrono::nanoseconds kHealthyDeadlineMin = 20s;

std::string_view site_name(std::uint16_t site) {
  const bool is_known = site <= site_contracts().size();
  return is_known ? to_string(static_cast<Site>(site)) : "a call";
}

// A board that forked ranks share, without a name.
class SharedBoard {
 public:
  static Result<SharedBoard> map(Rank world_size) {
    void* memory = mmap(
        nullptr, sizeof(ScenarioBoard), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
      return fail(ErrorCode::kCannotCreate,
                  fmt::format("memory that ranks share: {}", std::strerror(errno)));
    }
    return SharedBoard{new (memory) ScenarioBoard{world_size}};
  }
  SharedBoard(SharedBoard&& other) noexcept : board_{std::exchange(other.board_, nullptr)} {}
  SharedBoard& operator=(SharedBoard&&) = delete;
  ~SharedBoard() {
    if (board_ != nullptr) munmap(board_, sizeof(ScenarioBoard));
  }
  [[nodiscard]] ScenarioBoard& operator*() const { return *board_; }

 private:
  explicit SharedBoard(ScenarioBoard* board) : board_{board} {}
  ScenarioBoard* board_;
};

// What all ranks of a run have, whether they are threads or processes.
struct Stage {
  ScenarioProgram program;
  ScenarioPace pace;
  std::vector<RingMemory> rings;
  ScenarioBoard& board;
  Deadline end;
};

using Failures = std::vector<std::optional<Error>>;  // by rank

ScenarioPace pace_of(const Scenario& scenario, const ScenarioRunOptions& options) {
  const std::chrono::duration<double, std::nano> scaled{
      static_cast<double>(scenario.call_deadline.count()) * options.time_scale};
  ScenarioPace pace{.seed = options.seed,
                    .time_scale = options.time_scale,
                    .call_deadline = std::chrono::duration_cast<std::chrono::nanoseconds>(scaled)};
  if (!options.has_fault) pace.call_deadline = std::max(pace.call_deadline, kHealthyDeadlineMin);
  return pace;
}

Result<std::vector<RingMemory>> make_rings(Rank world_size, const ScenarioRunOptions& options) {
  std::vector<RingMemory> rings;
  for (Rank rank = 0; rank < world_size; ++rank) {
    RingOptions ring;
    ring.rank = rank;
    ring.world_size = world_size;
    ring.run_id = "scenario";
    ring.record_count = options.ring_record_count;
    ring.group_count_max = 1024;
    ring.member_count_max = 1024 * world_size;
    auto memory = RingMemory::create_anonymous(ring);
    if (!memory) return tl::unexpected(memory.error());
    rings.push_back(*std::move(memory));
  }
  return rings;
}

void run_rank(Stage& stage,
              World& world,
              Rank rank,
              std::function<void()> die,
              std::function<void(const Error&)> failed) {
  const std::unique_ptr<Fabric> fabric = world.attach(rank, site_name);
  run_scenario_rank(stage.program,
                    stage.pace,
                    {.rank = rank,
                     .fabric = *fabric,
                     .ring = stage.rings[rank],
                     .board = stage.board,
                     .kill =
                         [&stage, rank, die = std::move(die)] {
                           stage.board.kill(rank);
                           die();
                         },
                     .failed = std::move(failed)});
}

void run_in_thread(Stage& stage, World& world, Rank rank, std::optional<Error>& failure) {
  std::mutex mutex;
  run_rank(
      stage,
      world,
      rank,
      [&] { world.mark_dead(rank); },
      [&](const Error& error) {
        const std::lock_guard lock{mutex};
        if (!failure) failure = error;
      });
}

Failures run_threads(Stage& stage) {
  const auto world_size = static_cast<Rank>(stage.rings.size());
  const std::unique_ptr<World> world = make_thread_world(world_size);
  Failures failures(world_size);
  std::vector<std::jthread> threads;
  threads.reserve(world_size);
  for (Rank rank = 0; rank < world_size; ++rank) {
    threads.emplace_back([&stage, &world, rank, &failure = failures[rank]] {
      run_in_thread(stage, *world, rank, failure);
    });
  }
  while (!stage.board.is_over()) {
    if (has_passed(stage.end)) stage.board.give_up();
    std::this_thread::sleep_for(kLook);
  }
  if (stage.board.is_given_up()) world->interrupt();
  threads.clear();
  return failures;
}

int run_in_process(Stage& stage, World& world, Rank rank, RankStatusSink& status) {
  const LastWords last_words{status};
  run_rank(
      stage,
      world,
      rank,
      [] { ::kill(getpid(), SIGKILL); },
      [&](const Error& error) { status.failed(error); });
  return 0;
}

// After the end of the run's time everyone is asked to stop, and killed who does not.
void hasten(Stage& stage, World& world, const RankProcesses& ranks) {
  if (!has_passed(stage.end)) return;
  stage.board.give_up();
  world.interrupt();
  if (!has_passed(stage.end + kObeyWait)) return;
  for (Rank rank = 0; rank < stage.rings.size(); ++rank) {
    const int process = ranks.process_id(rank);
    if (process != 0) ::kill(process, SIGKILL);
  }
}

Result<Failures> run_processes(Stage& stage, const ScenarioRunOptions& options) {
  const auto world_size = static_cast<Rank>(stage.rings.size());
  const Result<Transport> transport = parse_transport(options.transport);
  if (!transport) return tl::unexpected(transport.error());
  NcclOptions nccl = options.nccl;
  if (*transport == Transport::kNccl) {
    const Result<NcclOptions> shared_out = share_out_gpus(nccl, world_size);
    if (!shared_out) return tl::unexpected(shared_out.error());
    nccl = *shared_out;
  }
  WorldOptions world_options;
  world_options.nccl = nccl;
  auto world = make_process_world(*transport, world_size, world_options);
  if (!world) return tl::unexpected(world.error());
  auto ranks = RankProcesses::start(world_size, **world, [&](Rank rank, RankStatusSink& status) {
    return run_in_process(stage, **world, rank, status);
  });
  if (!ranks) return tl::unexpected(ranks.error());
  RankProcesses::Callbacks callbacks;
  callbacks.ticked = [&] { hasten(stage, **world, **ranks); };
  // Of one that ended otherwise than it was told to, nobody need wait for more.
  callbacks.ended = [&](const RankReport& report) {
    if (report.signal || report.was_given_up) stage.board.kill(report.rank);
  };
  callbacks.stop_max = options.run_deadline;
  // Ranks end by themselves after a failure; the grace is for those that never do.
  const RanksEnd end = (*ranks)->wait(2 * options.run_deadline + kObeyWait, callbacks);
  Failures failures;
  for (const RankReport& report : end.reports) {
    failures.push_back(report.error);
    if (!report.words_of_library) continue;
    failures.back() =
        Error{ErrorCode::kPeerLost, "its library ended it, saying: " + *report.words_of_library};
  }
  return failures;
}

Result<ScenarioRun> collect(const Stage& stage, const Failures& failures) {
  ScenarioRun run;
  run.was_given_up = stage.board.is_given_up();
  const bool is_well = !stage.board.has_trouble() && !run.was_given_up;
  for (Rank rank = 0; rank < stage.rings.size(); ++rank) {
    const RingMemory& ring = stage.rings[rank];
    if (stage.board.is_killed(rank)) {
      ring.set_fate(RankFate::kKilled, SIGKILL);
    } else {
      ring.set_fate(is_well ? RankFate::kEnded : RankFate::kRunning);
    }
    Result<Recording> recording = ring.read();
    if (!recording) return tl::unexpected(recording.error());
    recording->source = fmt::format("rank {}", rank);
    run.recordings.push_back(*std::move(recording));
    if (failures[rank]) {
      run.failures.push_back(fmt::format("rank {}: {}", rank, failures[rank]->message));
    }
  }
  return run;
}

Result<void> check(const ScenarioProgram& program, const ScenarioRunOptions& options) {
  if (!parse_transport(options.transport)) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("scenarios run over threads, shm, gloo, mpi or nccl, not '{}'",
                            options.transport));
  }
  if (options.transport == "shm" && program.has_calls_between_two) {
    return fail(ErrorCode::kUnsupported,
                "shm has no calls between two members (send, recv): this scenario runs over "
                "threads");
  }
  if (options.transport == "nccl" && program.has_calls_between_two) {
    return fail(ErrorCode::kUnsupported,
                "nccl has no calls between two members (send, recv): this scenario runs over "
                "threads");
  }
  if (program.ranks.size() > ScenarioBoard::kRanksMax) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("scenarios have at most {} ranks", ScenarioBoard::kRanksMax));
  }
  return {};
}

}  // namespace

Result<ScenarioRun> run_scenario(const Scenario& scenario, const ScenarioRunOptions& options) {
  auto program = compile(scenario, options.has_fault);
  if (!program) return tl::unexpected(program.error());
  if (auto sound = check(*program, options); !sound) return tl::unexpected(sound.error());
  auto rings = make_rings(scenario.world_size, options);
  if (!rings) return tl::unexpected(rings.error());
  auto board = SharedBoard::map(scenario.world_size);
  if (!board) return tl::unexpected(board.error());
  for (Rank rank = 0; rank < scenario.world_size; ++rank) (**board).add_busy(rank);
  Stage stage{.program = *std::move(program),
              .pace = pace_of(scenario, options),
              .rings = *std::move(rings),
              .board = **board,
              .end = deadline_after(options.run_deadline)};
  Failures failures;
  if (options.transport == "threads") {
    failures = run_threads(stage);
  } else {
    auto ended = run_processes(stage, options);
    if (!ended) return tl::unexpected(ended.error());
    failures = *std::move(ended);
  }
  return collect(stage, failures);
}

}  // namespace radixbench
