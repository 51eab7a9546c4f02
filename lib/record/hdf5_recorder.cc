#include "record/hdf5_recorder.h"

#include "base/check.h"
#include "base/clock.h"
#include "record/hdf5_rank_file.h"
#include "record/machine_monitor.h"
#include "record/spsc_queue.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace radixbench {
namespace {

// Long enough to cost nothing, short enough that the default queue takes three million rows a
// second meanwhile.
constexpr std::chrono::milliseconds kPollInterval{10};
// The share of each queue that has to be free before the next step of a lossless run.
constexpr std::size_t kUsedMaxDivisor = 4;

constexpr std::array<RankTable, kPhaseCount> kPhaseTables{
    RankTable::kConsensus, RankTable::kDrain, RankTable::kNeighbour, RankTable::kPrefetch};

// A queue, the tables it feeds, and how many rows found it full.
template <typename Row>
struct Feed {
  explicit Feed(std::size_t rows) : queue{rows} {}
  SpscQueue<Row> queue;
  std::atomic<std::uint64_t> dropped{0};
};

class Hdf5Recorder final : public Recorder {
 public:
  Hdf5Recorder(std::string path, std::unique_ptr<Hdf5RankFile> file, const RecorderOptions& options)
      : path_{std::move(path)},
        is_lossless_{options.is_lossless},
        monitor_interval_ns_{std::chrono::nanoseconds{options.monitor_interval}.count()},
        steps_{options.table_rows},
        requests_{options.table_rows},
        prefetches_{options.table_rows},
        file_{std::move(file)} {
    for (auto& feed : samples_) feed = std::make_unique<Feed<SampleRow>>(options.queue_rows);
    writer_ = std::thread{[this] { write_until_stopped(); }};
  }
  ~Hdf5Recorder() override {
    if (writer_.joinable()) stop_writer();
  }

  void sample(Producer producer, Phase phase, const SampleRow& row) override {
    const auto index =
        static_cast<std::size_t>(producer) * kPhaseCount + static_cast<std::size_t>(phase);
    push(*samples_[index], row);
  }
  void step(const StepRow& row) override { push(steps_, row); }
  void request(const RequestRow& row) override { push(requests_, row); }
  void prefetch(const PrefetchRow& row) override { push(prefetches_, row); }
  void group(const GroupRow& row) override {
    const std::lock_guard lock{mutex_};
    groups_.push_back(row);
  }
  Result<void> between_steps() override;
  void save(Deadline deadline) override;
  [[nodiscard]] std::uint64_t dropped_count() const override;
  Result<void> close(RankStatus status, const std::vector<CounterRow>& counters) override;

 private:
  template <typename Row>
  void push(Feed<Row>& feed, const Row& row) {
    while (!feed.queue.push(row)) {
      if (!is_lossless_) {
        feed.dropped.fetch_add(1, std::memory_order_relaxed);
        return;
      }
      std::this_thread::yield();
    }
  }
  [[nodiscard]] bool has_room() const;
  [[nodiscard]] Result<void> failure() const;

  void write_until_stopped();
  void stop_writer();
  // The rest runs on the writer's thread.
  template <typename Body>
  void attempt(Body body);
  void drain();
  template <typename Row>
  void drain(Feed<Row>& feed, std::initializer_list<RankTable> tables);
  void write_groups();
  void write_monitor();
  void write_dropped();

  const std::string path_;
  const bool is_lossless_;
  const std::int64_t monitor_interval_ns_;
  std::array<std::unique_ptr<Feed<SampleRow>>, kProducerCount * kPhaseCount> samples_;
  Feed<StepRow> steps_;
  Feed<RequestRow> requests_;
  Feed<PrefetchRow> prefetches_;

  mutable std::mutex mutex_;  // guards groups_, error_, is_stopping_, saves_wanted_, saves_done_
  std::condition_variable wake_writer_;
  std::condition_variable has_drained_;
  std::vector<GroupRow> groups_;
  std::optional<Error> error_;
  bool is_stopping_ = false;
  std::uint64_t saves_wanted_ = 0;
  std::uint64_t saves_done_ = 0;
  std::atomic<bool> has_failed_{false};

  std::unique_ptr<Hdf5RankFile> file_;  // the writer's until it has been joined
  std::uint32_t members_written_ = 0;
  std::atomic<std::uint64_t> lost_{0};  // rows taken after the file failed
  MachineMonitor monitor_;
  std::int64_t monitored_at_ns_ = 0;
  std::thread writer_;
};

bool Hdf5Recorder::has_room() const {
  const auto is_low = [](const auto& feed) {
    return feed.queue.size() <= feed.queue.capacity() / kUsedMaxDivisor;
  };
  return std::all_of(
             samples_.begin(), samples_.end(), [&](const auto& feed) { return is_low(*feed); }) &&
         is_low(steps_) && is_low(requests_) && is_low(prefetches_);
}

Result<void> Hdf5Recorder::failure() const {
  if (!has_failed_.load(std::memory_order_acquire)) return {};
  const std::lock_guard lock{mutex_};
  return tl::unexpected(*error_);
}

Result<void> Hdf5Recorder::between_steps() {
  if (is_lossless_ && !has_room()) {
    std::unique_lock lock{mutex_};
    wake_writer_.notify_one();
    has_drained_.wait(lock, [this] { return has_room(); });
  }
  return failure();
}

void Hdf5Recorder::save(Deadline deadline) {
  std::unique_lock lock{mutex_};
  const std::uint64_t wanted = ++saves_wanted_;
  wake_writer_.notify_one();
  has_drained_.wait_until(lock, deadline, [&] { return saves_done_ >= wanted || is_stopping_; });
}

std::uint64_t Hdf5Recorder::dropped_count() const {
  std::uint64_t dropped = lost_ + steps_.dropped + requests_.dropped + prefetches_.dropped;
  for (const auto& feed : samples_) dropped += feed->dropped;
  return dropped;
}

Result<void> Hdf5Recorder::close(RankStatus status, const std::vector<CounterRow>& counters) {
  RADIXBENCH_CHECK(writer_.joinable());
  stop_writer();
  std::vector<CounterCells> cells;
  cells.reserve(counters.size());
  for (const auto& counter : counters) cells.push_back(to_counter_cells(counter));
  attempt([&] {
    write_dropped();
    file_->append(RankTable::kCounters, cells.data(), cells.size());
    file_->close(status);
  });
  file_.reset();
  return failure();
}

void Hdf5Recorder::stop_writer() {
  {
    const std::lock_guard lock{mutex_};
    is_stopping_ = true;
  }
  wake_writer_.notify_one();
  writer_.join();
  hdf5_prepare_thread();
}

void Hdf5Recorder::write_until_stopped() {
  hdf5_prepare_thread();
  bool is_last = false;
  std::uint64_t saves = 0;
  while (!is_last) {
    std::uint64_t wanted = 0;
    {
      std::unique_lock lock{mutex_};
      if (!is_stopping_) wake_writer_.wait_for(lock, kPollInterval);
      is_last = is_stopping_;
      wanted = saves_wanted_;
    }
    drain();
    if (wanted > saves) attempt([this] { file_->commit(); });
    saves = wanted;
    {
      // Under the lock, or a waiter that has just looked would miss it.
      const std::lock_guard lock{mutex_};
      saves_done_ = saves;
      has_drained_.notify_all();
    }
    attempt([this] { file_->commit_due(monotonic_ns()); });
  }
  attempt([this] { file_->commit(); });
}

// The first failure is kept; from then on the queues are emptied for nothing, so that nobody waits.
template <typename Body>
void Hdf5Recorder::attempt(Body body) {
  if (has_failed_.load(std::memory_order_relaxed)) return;
  try {
    body();
  } catch (const Hdf5Failure& failure) {
    const std::lock_guard lock{mutex_};
    error_ = Error{failure.error()}.while_doing("record " + path_);
    has_failed_.store(true, std::memory_order_release);
  }
}

void Hdf5Recorder::drain() {
  attempt([this] {
    write_groups();
    write_monitor();
  });
  for (std::size_t index = 0; index < samples_.size(); ++index) {
    drain(*samples_[index], {kPhaseTables[index % kPhaseCount]});
  }
  drain(steps_, {RankTable::kSteps, RankTable::kDigests});
  drain(requests_, {RankTable::kRequests, RankTable::kTiers});
  drain(prefetches_, {RankTable::kPrefetches});
}

template <typename Row>
void Hdf5Recorder::drain(Feed<Row>& feed, std::initializer_list<RankTable> tables) {
  for (auto rows = feed.queue.front(); !rows.empty(); rows = feed.queue.front()) {
    if (has_failed_.load(std::memory_order_relaxed)) lost_ += rows.size();
    attempt([&] {
      for (const RankTable table : tables) file_->append(table, rows.data(), rows.size());
    });
    feed.queue.consume(rows.size());
  }
}

void Hdf5Recorder::write_groups() {
  std::vector<GroupRow> groups;
  {
    const std::lock_guard lock{mutex_};
    groups.swap(groups_);
  }
  for (const auto& group : groups) {
    const GroupCells cells = to_group_cells(group, members_written_);
    file_->append(RankTable::kMembers, group.members.data(), group.members.size());
    file_->append(RankTable::kGroups, &cells, 1);
    members_written_ += cells.member_count;
  }
}

void Hdf5Recorder::write_monitor() {
  const std::int64_t now_ns = monotonic_ns();
  if (monitor_interval_ns_ == 0 || now_ns - monitored_at_ns_ < monitor_interval_ns_) return;
  monitored_at_ns_ = now_ns;
  const MonitorRow row = monitor_.sample();
  file_->append(RankTable::kMonitor, &row, 1);
}

void Hdf5Recorder::write_dropped() {
  for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
    std::uint64_t dropped = 0;
    for (std::size_t producer = 0; producer < kProducerCount; ++producer) {
      dropped += samples_[producer * kPhaseCount + phase]->dropped;
    }
    file_->write_dropped(kPhaseTables[phase], dropped);
  }
  file_->write_dropped(RankTable::kSteps, steps_.dropped);
  file_->write_dropped(RankTable::kRequests, requests_.dropped);
  file_->write_dropped(RankTable::kPrefetches, prefetches_.dropped);
}

}  // namespace

Result<std::unique_ptr<Recorder>> open_hdf5_recorder(const std::string& path,
                                                     const RankIdentity& identity,
                                                     const RecorderOptions& options) {
  auto file = hdf5_guard("record " + path,
                         [&] { return std::make_unique<Hdf5RankFile>(path, identity, options); });
  if (!file) return tl::unexpected(file.error());
  return std::make_unique<Hdf5Recorder>(path, std::move(*file), options);
}

}  // namespace radixbench
