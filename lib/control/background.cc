#include "control/background.h"

#include "base/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace radixbench {

void Progress::add(std::uint64_t count) {
  {
    const std::lock_guard lock{mutex_};
    done_ += count;
  }
  changed_.notify_all();
}

void Progress::set_failed(Error error) {
  {
    const std::lock_guard lock{mutex_};
    if (has_failed_) return;
    has_failed_ = true;
    error_ = std::move(error);
  }
  changed_.notify_all();
}

std::uint64_t Progress::done() const {
  const std::lock_guard lock{mutex_};
  return done_;
}

Result<void> Progress::wait_for(std::uint64_t count, Deadline deadline, const char* what) {
  std::unique_lock lock{mutex_};
  changed_.wait_until(lock, deadline, [&] { return done_ >= count || has_failed_; });
  if (done_ >= count) return {};
  if (has_failed_) return tl::unexpected(error_);
  return fail(ErrorCode::kTimeout,
              fmt::format("{}: {} of {} jobs done by the deadline", what, done_, count));
}

SerialWorker::SerialWorker(const char* name, BackgroundTiming timing)
    : name_{name}, timing_{timing}, thread_{[this] { run(); }} {}

SerialWorker::~SerialWorker() {
  {
    const std::lock_guard lock{mutex_};
    is_stopping_ = true;
  }
  has_work_.notify_all();
  thread_.join();
}

std::int64_t SerialWorker::submit(std::int64_t now_ns,
                                  std::int64_t duration_ns,
                                  std::int64_t seen_late_ns,
                                  Job work) {
  end_of_last_ns_ = std::max(now_ns, end_of_last_ns_) + duration_ns;
  const std::int64_t seen_ns = end_of_last_ns_ + seen_late_ns;
  RADIXBENCH_CHECK(seen_at_ns_.empty() || seen_at_ns_.back() <= seen_ns);
  seen_at_ns_.push_back(seen_ns);
  {
    const std::lock_guard lock{mutex_};
    jobs_.push_back(std::move(work));
  }
  has_work_.notify_one();
  return seen_ns;
}

Result<std::size_t> SerialWorker::finished(std::int64_t now_ns) {
  const std::uint64_t by_the_model = mark(now_ns);
  if (timing_.mode == ClockMode::kVirtual) {
    if (Result<void> waited = wait_for_mark(by_the_model); !waited) {
      return tl::unexpected(waited.error());
    }
    return static_cast<std::size_t>(by_the_model - popped_count_);
  }
  return static_cast<std::size_t>(std::min(by_the_model, progress_.done()) - popped_count_);
}

void SerialWorker::pop(std::size_t count) {
  RADIXBENCH_CHECK(count <= seen_at_ns_.size());
  seen_at_ns_.erase(seen_at_ns_.begin(), seen_at_ns_.begin() + static_cast<std::ptrdiff_t>(count));
  popped_count_ += count;
}

std::uint64_t SerialWorker::mark(std::int64_t now_ns) const {
  const auto beyond = std::upper_bound(seen_at_ns_.begin(), seen_at_ns_.end(), now_ns);
  return popped_count_ + static_cast<std::uint64_t>(beyond - seen_at_ns_.begin());
}

Result<void> SerialWorker::wait_for_mark(std::uint64_t mark) {
  return progress_.wait_for(mark, deadline_after(timing_.wait_max), name_);
}

void SerialWorker::run() {
  for (;;) {
    Job job;
    {
      std::unique_lock lock{mutex_};
      has_work_.wait(lock, [&] { return is_stopping_ || !jobs_.empty(); });
      if (is_stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    if (Result<void> done = job(); !done) return progress_.set_failed(done.error());
    progress_.add(1);
  }
}

}  // namespace radixbench
