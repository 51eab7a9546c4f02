#include "comm/mpi_process.h"

#include "comm/shm_waiter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <thread>
#include <utility>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// Beyond this a yield has given the core to somebody else than the awaited peer, or nobody is on
// its way. Who sleeps is put before who computes when it wakes, who yields is not: on a machine
// that is busy with something else, waits by yields alone took a hundred times as long.
constexpr std::int64_t kIdleNs = 50'000;
// Sleeps of a wait that idles are a twentieth of what it has waited, between these.
constexpr std::int64_t kSleepNsMin = 50'000;
constexpr std::int64_t kSleepNsMax = 500'000;
constexpr auto kLook = 2ms;

// For the ranks of a good run to come together once more: the first waits for the slowest to close
// its files. A rank that is known dead ends the wait.
constexpr auto kFarewell = 10s;
// Under which a rank whose calls failed says that it does not come.
constexpr int kRefusalTag = 32'700;
// For MPI to end after that.
constexpr auto kFinalize = 5s;

// A task on its own thread, and whether it is done.
struct BoundedTask {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Result<void>> answer;
};

}  // namespace

void MpiPace::pause() {
  if (looks_ <= spins_) return pause_core();
  const bool is_clock_due = is_idle_ || looks_ % kLooksPerCheck == 0;
  const std::int64_t waited = is_clock_due ? waited_ns() : 0;
  is_idle_ = waited > kIdleNs;
  if (!is_idle_) {
    sched_yield();
    return;
  }
  std::this_thread::sleep_for(
      std::chrono::nanoseconds{std::clamp(waited / 20, kSleepNsMin, kSleepNsMax)});
}

std::string mpi_text(int code) {
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  if (MPI_Error_string(code, text.data(), &length) != MPI_SUCCESS) {
    return fmt::format("error {}", code);
  }
  return {text.data(), static_cast<std::size_t>(length)};
}

int MpiProcess::card_tag(std::uint32_t ordinal) { return static_cast<int>(2 * ordinal); }
int MpiProcess::give_up_tag(std::uint32_t ordinal) { return static_cast<int>(2 * ordinal + 1); }

void MpiProcess::bring_up(Deadline deadline) {
  std::vector<Rank> world(attachment_.world_size);
  std::iota(world.begin(), world.end(), Rank{0});
  up_ = run_bounded(
      "bringing MPI up",
      [self = shared_from_this()] { return self->initialise(); },
      world,
      deadline);
  is_up_ = up_.has_value();
}

Result<void> MpiProcess::initialise() {
  int provided = MPI_THREAD_SINGLE;
  if (const int code = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided);
      code != MPI_SUCCESS) {
    return fail(ErrorCode::kUnsupported, fmt::format("MPI_Init_thread: {}", mpi_text(code)));
  }
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
  if (provided < MPI_THREAD_MULTIPLE) {
    return fail(ErrorCode::kUnsupported,
                "this MPI serves one thread at a time (no MPI_THREAD_MULTIPLE)");
  }
  int rank = -1;
  int size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (rank != static_cast<int>(attachment_.rank) ||
      size != static_cast<int>(attachment_.world_size)) {
    return fail(ErrorCode::kConfiguration,
                fmt::format("MPI says rank {} of {} where rank {} of {} was started",
                            rank,
                            size,
                            attachment_.rank,
                            attachment_.world_size));
  }
  if (const int code = MPI_Comm_dup(MPI_COMM_WORLD, &control_); code != MPI_SUCCESS) {
    return fail(ErrorCode::kPeerLost, fmt::format("MPI_Comm_dup: {}", mpi_text(code)));
  }
  MPI_Comm_set_errhandler(control_, MPI_ERRORS_RETURN);
  return {};
}

Result<void> MpiProcess::run_bounded(const std::string& what,
                                     std::function<Result<void>()> create,
                                     const std::vector<Rank>& members,
                                     Deadline deadline) {
  const auto task = std::make_shared<BoundedTask>();
  std::thread{[task, create = std::move(create)] {
    Result<void> answer = create();
    const std::lock_guard lock{task->mutex};
    task->answer = std::move(answer);
    task->changed.notify_all();
  }}.detach();
  const std::int64_t start_ns = monotonic_ns();
  std::unique_lock lock{task->mutex};
  while (!task->changed.wait_for(lock, kLook, [&] { return task->answer.has_value(); })) {
    const WorldAlarm& alarm = *attachment_.alarm;
    std::vector<Rank> dead;
    for (const Rank member : members) {
      if (alarm.is_dead(member)) dead.push_back(member);
    }
    const auto stop = [&](ErrorCode code, const std::string& why) {
      note_failure();
      return fail(code, fmt::format("{}: {}", what, why));
    };
    if (alarm.is_interrupted()) return stop(ErrorCode::kInterrupted, "interrupted");
    if (!dead.empty()) {
      return stop(
          ErrorCode::kPeerLost,
          fmt::format("rank{} {} died", dead.size() == 1 ? "" : "s", fmt::join(dead, ", ")));
    }
    if (has_passed(deadline)) {
      return stop(ErrorCode::kTimeout,
                  fmt::format("not every member came within {} ms",
                              (monotonic_ns() - start_ns) / 1'000'000));
    }
  }
  return *task->answer;
}

void MpiProcess::send_beside(std::shared_ptr<std::vector<std::byte>> bytes, Rank to, int tag) {
  MPI_Request request = MPI_REQUEST_NULL;
  const int code = MPI_Isend(bytes->data(),
                             static_cast<int>(bytes->size()),
                             MPI_BYTE,
                             static_cast<int>(to),
                             tag,
                             control_,
                             &request);
  // Nobody waits for it: who is not there to take it is told of by others.
  if (code == MPI_SUCCESS) MPI_Request_free(&request);
  keep(std::move(bytes));
}

void MpiProcess::refuse_farewell() {
  const auto nothing = std::make_shared<std::vector<std::byte>>();
  for (Rank rank = 0; rank < attachment_.world_size; ++rank) {
    if (rank != attachment_.rank) send_beside(nothing, rank, kRefusalTag);
  }
}

void MpiProcess::keep(std::any buffers) {
  const std::lock_guard lock{mutex_};
  kept_.push_back(std::move(buffers));
}

void MpiProcess::shut_down() {
  if (!is_up_) return;
  if (has_failed_) return refuse_farewell();
  if (attachment_.alarm->is_interrupted() || attachment_.alarm->has_dead()) return;
  MPI_Request request = MPI_REQUEST_NULL;
  if (MPI_Ibarrier(control_, &request) != MPI_SUCCESS) return;
  const Deadline deadline = deadline_after(kFarewell);
  MpiPace pace{deadline, attachment_.spins};
  for (int is_over = 0;; pace.pause()) {
    if (MPI_Test(&request, &is_over, MPI_STATUS_IGNORE) != MPI_SUCCESS) return;
    if (is_over != 0) break;
    if (!pace.look()) continue;
    if (pace.is_late() || attachment_.alarm->is_interrupted()) return;
    if (attachment_.alarm->has_dead()) return;
    int is_refused = 0;
    MPI_Iprobe(MPI_ANY_SOURCE, kRefusalTag, control_, &is_refused, MPI_STATUS_IGNORE);
    if (is_refused != 0) return;
  }
  static_cast<void>(run_bounded(
      "ending MPI",
      [] {
        MPI_Finalize();
        return Result<void>{};
      },
      {},
      deadline_after(kFinalize)));
}

}  // namespace radixbench
