#include "control/prefetch_pipeline.h"

#include "base/check.h"
#include "base/clock.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace radixbench {
namespace {

// Pages [begin, end) of an op. One without room holds none, and puts as many blanks in their place.
std::vector<PageId> pages_between(const PrefetchOp& op, std::uint32_t begin, std::uint32_t end) {
  if (begin >= end) return {};
  if (op.host_pages.empty()) return std::vector<PageId>(end - begin, kNoPage);
  return {op.host_pages.begin() + begin, op.host_pages.begin() + end};
}

std::uint32_t page_count(const PrefetchOp& op) {
  return static_cast<std::uint32_t>(op.hashes.size());
}

// When the IO thread lets go of an op that it came to at `reached_ns`.
std::int64_t io_end_ns(const PrefetchOp& op, std::int64_t reached_ns) {
  const std::int64_t hits = op.hit_pages.load();
  std::int64_t end_ns = op.io_begin_ns + hits * op.page_ns;
  if (op.has_read_failed.load()) {
    end_ns = op.io_begin_ns + (static_cast<std::int64_t>(op.read_pages.load()) + 1) * op.page_ns;
  }
  if (!op.is_terminated) return end_ns;
  if (op.terminated_ns <= reached_ns) return reached_ns;
  if (op.terminated_ns <= op.io_begin_ns) return op.terminated_ns;
  // The page that was being read is read to its end.
  const std::int64_t begun = (op.terminated_ns - op.io_begin_ns + op.page_ns - 1) / op.page_ns;
  return std::min(end_ns, op.io_begin_ns + begun * op.page_ns);
}

}  // namespace

PrefetchPipeline::PrefetchPipeline(const PipelineOptions& options,
                                   Reducer hops,
                                   StorageIndex& storage,
                                   PagePool& host,
                                   BeforeAgreement before_agreement,
                                   Ended query_ended)
    : options_{options},
      hops_{std::move(hops)},
      storage_{storage},
      host_{host},
      before_agreement_{std::move(before_agreement)},
      query_ended_{std::move(query_ended)},
      query_thread_{[this] { run_queries(); }},
      read_thread_{[this] { run_reads(); }} {}

PrefetchPipeline::~PrefetchPipeline() {
  {
    const std::lock_guard lock{mutex_};
    is_stopping_ = true;
    for (const auto& op : reading_) op->is_stopped = true;
  }
  changed_.notify_all();
  query_thread_.join();
  read_thread_.join();
}

void PrefetchPipeline::start(std::shared_ptr<PrefetchOp> op) {
  RADIXBENCH_CHECK(querying_.empty() || querying_.back()->agreed_at_ns <= op->agreed_at_ns);
  querying_.push_back(op);
  {
    const std::lock_guard lock{mutex_};
    to_query_.push_back(std::move(op));
  }
  changed_.notify_all();
}

Result<void> PrefetchPipeline::advance(std::int64_t now_ns) {
  while (!querying_.empty()) {
    const Result<bool> is_over = retire_query(*querying_.front(), now_ns);
    if (!is_over) return tl::unexpected(is_over.error());
    if (!*is_over) break;
    const std::shared_ptr<PrefetchOp> op = std::move(querying_.front());
    querying_.pop_front();
    if (op->hit_pages.load() > 0) reading_.push_back(op);
  }
  while (!reading_.empty()) {
    const Result<bool> is_over = retire_read(*reading_.front(), now_ns);
    if (!is_over) return tl::unexpected(is_over.error());
    if (!*is_over) break;
    reading_.pop_front();
  }
  return {};
}

Result<bool> PrefetchPipeline::retire_query(PrefetchOp& op, std::int64_t now_ns) {
  if (op.agreed_at_ns > now_ns) return false;
  if (options_.timing.mode == ClockMode::kWall && !op.is_query_done.load()) return false;
  if (Result<void> done = wait_until(op.is_query_done, "prefetch thread"); !done) {
    return tl::unexpected(done.error());
  }
  const std::uint32_t hits = op.hit_pages.load();
  if (hits == 0) {  // too short to be worth it (query() made it 0), so everything goes back
    revoked_.emplace(TimeKey{op.agreed_at_ns, next_sequence_++}, op.request);
    op.is_retired = true;
  }
  release(op.agreed_at_ns, pages_between(op, hits, page_count(op)));
  return true;
}

Result<bool> PrefetchPipeline::retire_read(PrefetchOp& op, std::int64_t now_ns) {
  const std::int64_t reached_ns = std::max(io_free_ns_, op.agreed_at_ns);
  if (reached_ns > now_ns) return false;
  if (op.io_begin_ns < 0) op.io_begin_ns = reached_ns + op.read_start_ns;
  const Result<std::uint32_t> completed = completed_pages(op, now_ns);
  if (!completed) return tl::unexpected(completed.error());
  const std::int64_t end_ns = io_end_ns(op, reached_ns);
  if (end_ns > now_ns) return false;
  if (options_.timing.mode == ClockMode::kWall && !op.is_io_done.load()) return false;
  if (Result<void> done = wait_until(op.is_io_done, "prefetch IO thread"); !done) {
    return tl::unexpected(done.error());
  }
  if (!op.is_terminated) op.kept_pages = *completed;
  release(end_ns, pages_between(op, op.kept_pages, op.hit_pages.load()));
  op.is_retired = true;
  io_free_ns_ = end_ns;
  return true;
}

std::uint32_t PrefetchPipeline::agreed_pages(const PrefetchOp& op, std::int64_t now_ns) {
  if (op.agreed_at_ns > now_ns || !op.is_query_done.load()) return 0;
  return op.hit_pages.load();
}

Result<std::uint32_t> PrefetchPipeline::completed_pages(PrefetchOp& op, std::int64_t now_ns) {
  if (op.is_terminated || op.is_retired) return op.kept_pages;
  if (op.io_begin_ns < 0 || now_ns < op.io_begin_ns) return 0U;
  const auto by_the_model = static_cast<std::uint32_t>(
      std::min<std::int64_t>((now_ns - op.io_begin_ns) / op.page_ns, op.hit_pages.load()));
  if (options_.timing.mode == ClockMode::kVirtual) {
    std::unique_lock lock{mutex_};
    changed_.wait_until(lock, deadline_after(options_.timing.wait_max), [&] {
      return op.read_pages.load() >= by_the_model || op.has_read_failed.load() || has_failed_;
    });
    if (has_failed_) return tl::unexpected(error_);
    if (op.read_pages.load() < by_the_model && !op.has_read_failed.load()) {
      return fail(ErrorCode::kTimeout, "prefetch IO thread: no page by the deadline");
    }
  }
  const std::uint32_t count = std::min(by_the_model, op.read_pages.load());
  if (count < by_the_model && op.has_read_failed.load()) op.is_broken = true;
  return count;
}

Result<std::uint32_t> PrefetchPipeline::terminate(PrefetchOp& op, std::int64_t now_ns) {
  if (op.is_terminated) return op.kept_pages;
  Result<std::uint32_t> completed = completed_pages(op, now_ns);
  if (!completed) return completed;
  op.kept_pages = *completed;
  op.is_terminated = true;
  op.terminated_ns = now_ns;
  op.is_stopped = true;
  return completed;
}

std::size_t PrefetchPipeline::revoked_count(std::int64_t now_ns) const {
  std::size_t count = 0;
  for (const auto& [key, request] : revoked_) {
    if (key.first > now_ns) break;
    ++count;
  }
  return count;
}

std::size_t PrefetchPipeline::released_count(std::int64_t now_ns) const {
  std::size_t count = 0;
  for (const auto& [key, pages] : released_) {
    if (key.first > now_ns) break;
    count += pages.size();
  }
  return count;
}

RequestId PrefetchPipeline::pop_revoked() {
  RADIXBENCH_CHECK(!revoked_.empty());
  const RequestId request = revoked_.begin()->second;
  revoked_.erase(revoked_.begin());
  return request;
}

std::vector<PageId> PrefetchPipeline::pop_released(std::size_t count) {
  std::vector<PageId> popped;
  popped.reserve(count);
  while (popped.size() < count) {
    RADIXBENCH_CHECK(!released_.empty());
    std::vector<PageId>& front = released_.begin()->second;
    const std::size_t take = std::min(count - popped.size(), front.size());
    popped.insert(popped.end(), front.begin(), front.begin() + static_cast<std::ptrdiff_t>(take));
    front.erase(front.begin(), front.begin() + static_cast<std::ptrdiff_t>(take));
    if (front.empty()) released_.erase(released_.begin());
  }
  return popped;
}

void PrefetchPipeline::release(std::int64_t at_ns, std::vector<PageId> pages) {
  if (pages.empty()) return;
  released_.emplace(TimeKey{at_ns, next_sequence_++}, std::move(pages));
}

bool PrefetchPipeline::is_idle() const {
  return querying_.empty() && reading_.empty() && revoked_.empty() && released_.empty();
}

Result<void> PrefetchPipeline::wait_until(const std::atomic<bool>& flag, const char* what) {
  std::unique_lock lock{mutex_};
  changed_.wait_until(
      lock, deadline_after(options_.timing.wait_max), [&] { return flag.load() || has_failed_; });
  if (flag.load()) return {};
  if (has_failed_) return tl::unexpected(error_);
  return fail(ErrorCode::kTimeout, fmt::format("{}: no answer by the deadline", what));
}

void PrefetchPipeline::run_queries() {
  Result<void> done = answer_queries();
  if (query_ended_) query_ended_(!done);
  if (!done) set_failed(std::move(done.error()));
}

Result<void> PrefetchPipeline::answer_queries() {
  for (;;) {
    std::shared_ptr<PrefetchOp> op;
    {
      std::unique_lock lock{mutex_};
      changed_.wait(lock, [&] { return is_stopping_ || !to_query_.empty(); });
      if (is_stopping_) return {};
      op = std::move(to_query_.front());
      to_query_.pop_front();
    }
    if (Result<void> agreed = query(*op); !agreed) return agreed;
    {
      const std::lock_guard lock{mutex_};
      if (op->hit_pages.load() > 0) to_read_.push_back(op);
      op->is_query_done = true;
    }
    changed_.notify_all();
  }
}

Result<void> PrefetchPipeline::query(PrefetchOp& op) {
  std::uint32_t hits = 0;
  if (!op.host_pages.empty()) {
    const Result<std::uint32_t> found =
        storage_.leading_hits(op.hashes, op.started_ns, op.backups_needed);
    if (!found) return tl::unexpected(found.error());
    hits = *found;
  }
  before_agreement_(op);
  std::array<std::int32_t, 1> tokens = {static_cast<std::int32_t>(hits * options_.page_tokens)};
  const Call call{.site = static_cast<std::uint16_t>(Site::kPrefetchHitCount),
                  .key = op.request,
                  .deadline = deadline_after(options_.call_deadline)};
  if (Result<void> agreed = hops_.reduce(tokens, ReduceOp::kMin, call); !agreed) return agreed;
  const auto agreed_tokens = static_cast<std::uint32_t>(std::max(0, tokens[0]));
  const bool is_worth_it =
      agreed_tokens >= std::max(options_.threshold_tokens, options_.page_tokens);
  op.agreed_hit_pages = agreed_tokens / options_.page_tokens;
  op.hit_pages = is_worth_it ? agreed_tokens / options_.page_tokens : 0;
  return {};
}

void PrefetchPipeline::run_reads() {
  for (;;) {
    std::shared_ptr<PrefetchOp> op;
    {
      std::unique_lock lock{mutex_};
      changed_.wait(lock, [&] { return is_stopping_ || !to_read_.empty(); });
      if (is_stopping_) return;
      op = std::move(to_read_.front());
      to_read_.pop_front();
    }
    read(*op);
    {
      const std::lock_guard lock{mutex_};
      op->is_io_done = true;
    }
    changed_.notify_all();
  }
}

void PrefetchPipeline::read(PrefetchOp& op) {
  const std::uint32_t hits = op.hit_pages.load();
  for (std::uint32_t page = 0; page < hits && !op.is_stopped.load(); ++page) {
    const bool is_read =
        storage_.storage().read(op.hashes[page], host_.payload(op.host_pages[page])) ==
        PageRead::kRead;
    {
      const std::lock_guard lock{mutex_};
      if (is_read)
        op.read_pages = page + 1;
      else
        op.has_read_failed = true;
    }
    changed_.notify_all();
    if (!is_read) return;
  }
}

void PrefetchPipeline::set_failed(Error error) {
  {
    const std::lock_guard lock{mutex_};
    if (!has_failed_) error_ = std::move(error);
    has_failed_ = true;
  }
  changed_.notify_all();
}

}  // namespace radixbench
