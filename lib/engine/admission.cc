#include "engine/admission.h"

#include "base/check.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace radixbench {

Admission::Admission(const EngineOptions& options,
                     const Rules& rules,
                     CacheController& cache,
                     RequestCache& requests,
                     PagePool& slots)
    : options_{options}, rules_{rules}, cache_{cache}, requests_{requests}, slots_{slots} {}

bool Admission::can_ever_fit(const LiveRequest& request) const {
  return request.input > 0 && reserve_pages(request) <= cache_.context().device.page_count();
}

void Admission::enqueue(std::unique_ptr<LiveRequest> request) {
  waiting_.push_back(std::move(request));
}

bool Admission::is_waiting(RequestId request) const {
  return std::ranges::any_of(waiting_, [&](const auto& live) { return live->id == request; });
}

std::unique_ptr<LiveRequest> Admission::withdraw(RequestId request) {
  const auto found =
      std::ranges::find_if(waiting_, [&](const auto& live) { return live->id == request; });
  if (found == waiting_.end()) return nullptr;
  std::unique_ptr<LiveRequest> live = std::move(*found);
  waiting_.erase(found);
  return live;
}

void Admission::note(const PrefetchReport& report) {
  for (const auto& live : waiting_) {
    if (live->id != report.request) continue;
    live->prefetch = report;
    live->has_prefetch = true;
    return;
  }
}

Result<std::vector<PrefillChunk>> Admission::next_batch() {
  Batch batch{.tokens_left = options_.chunk_tokens, .is_closed = false, .chunks = {}};
  add_unfinished(batch);
  std::deque<std::unique_ptr<LiveRequest>> still_waiting;
  bool is_examining = true;
  while (!waiting_.empty()) {
    const bool is_shut = is_full() || batch.is_closed;
    // j stops asking when nothing more can start, which this rank alone may believe. Without votes
    // asking is stopping: a prefetch is left to run until its request can start.
    if (is_shut && (!rules_.examines_agreed_set || !cache_.has_votes())) is_examining = false;
    if (!is_examining) break;
    std::unique_ptr<LiveRequest> request = std::move(waiting_.front());
    waiting_.pop_front();
    if (is_open_question(*request)) note_examine(*request, true);
    const Result<bool> answered = is_answered(*request);
    if (!answered) return tl::unexpected(answered.error());
    if (!*answered || is_shut || !add(request, batch)) still_waiting.push_back(std::move(request));
  }
  if (!is_examining) note_not_examined();
  // Those not examined come after those that were.
  for (auto& request : waiting_) still_waiting.push_back(std::move(request));
  waiting_ = std::move(still_waiting);
  return std::move(batch.chunks);
}

bool Admission::is_open_question(const LiveRequest& request) const {
  return !request.is_answered && cache_.prefetch() != nullptr;
}

void Admission::note_examine(const LiveRequest& request, bool is_examined) const {
  cache_.context().note(
      Guard::kExamineWaiting,
      Site::kCanTerminatePrefetch,
      request.id,
      is_examined,
      {running_count_, slots_.free_count(), cache_.context().device.free_count()});
}

// The first one is enough: from it on the calls of ranks that examine differ.
void Admission::note_not_examined() const {
  const auto first = std::ranges::find_if(
      waiting_, [&](const auto& request) { return is_open_question(*request); });
  if (first != waiting_.end()) note_examine(**first, false);
}

void Admission::note_admit(const LiveRequest& request, std::uint32_t chunk) const {
  cache_.context().note(
      Guard::kAdmit,
      Site::kForward,
      request.id,
      chunk,
      {running_count_, slots_.free_count(), cache_.context().device.free_count()});
}

Result<bool> Admission::is_answered(LiveRequest& request) {
  if (!is_open_question(request)) return true;
  Result<bool> answered = cache_.prefetch()->check_progress(request.id);
  if (!answered || !*answered) return answered;
  request.is_answered = true;
  for (const PrefetchReport& report : cache_.prefetch()->reports()) {
    if (report.request != request.id) continue;
    request.prefetch = report;
    request.has_prefetch = true;
  }
  return true;
}

bool Admission::is_full() {
  if (running_count_ >= options_.running_max) return true;
  // Under the repaired rules the count of running requests is agreed, and the slots follow from it.
  return !rules_.examines_agreed_set && slots_.free_count() == 0;
}

std::uint64_t Admission::reserve_pages(const LiveRequest& request) const {
  const std::uint64_t tokens = std::uint64_t{request.input} + request.output;
  return tokens / options_.page_tokens + 2;
}

bool Admission::fits(const LiveRequest& request) const {
  if (!rules_.examines_agreed_set) {
    return cache_.device().available() >= reserve_pages(request);
  }
  // Locks that outlive their request are counted apart; all of this is agreed.
  const std::uint64_t in_flight =
      cache_.write_through().pages_in_flight() + cache_.load_back().pages_in_flight();
  return reserved_pages_ + in_flight + reserve_pages(request) <=
         cache_.context().device.page_count();
}

std::uint32_t Admission::chunk_of(const LiveRequest& request, const Batch& batch) const {
  const std::uint32_t left = request.input - request.kv_tokens;
  if (left <= batch.tokens_left) return left;
  return batch.tokens_left - batch.tokens_left % options_.page_tokens;
}

void Admission::add_unfinished(Batch& batch) {
  if (!unfinished_) return;
  const std::uint32_t chunk = chunk_of(*unfinished_, batch);
  if (!requests_.grow(*unfinished_, chunk)) {
    batch.is_closed = true;
    return;
  }
  batch.tokens_left -= chunk;
  batch.is_closed = batch.tokens_left < options_.page_tokens;
  batch.chunks.push_back({std::exchange(unfinished_, nullptr), chunk});
}

bool Admission::add(std::unique_ptr<LiveRequest>& request, Batch& batch) {
  if (!fits(*request)) {
    note_admit(*request, 0);
    batch.is_closed = true;
    return false;
  }
  requests_.admit(*request, std::numeric_limits<std::uint64_t>::max());
  const std::uint32_t chunk = chunk_of(*request, batch);
  if (chunk == 0 || !requests_.grow(*request, chunk) || !slots_.take(1, taken_slots_)) {
    requests_.retreat(*request);
    note_admit(*request, 0);
    batch.is_closed = true;
    return false;
  }
  note_admit(*request, chunk);
  request->report.admitted_ns = cache_.context().now_ns;
  request->report.admitted_step = cache_.context().step;
  reserved_pages_ += reserve_pages(*request);
  ++running_count_;
  batch.tokens_left -= chunk;
  batch.is_closed = batch.tokens_left < options_.page_tokens;
  batch.chunks.push_back({std::move(request), chunk});
  return true;
}

void Admission::go_on(std::unique_ptr<LiveRequest> request) {
  RADIXBENCH_CHECK(!unfinished_);
  unfinished_ = std::move(request);
}

void Admission::leave(const LiveRequest& request) {
  RADIXBENCH_CHECK(running_count_ > 0 && !taken_slots_.empty());
  --running_count_;
  reserved_pages_ -= reserve_pages(request);
  slots_.give_back(std::span{taken_slots_}.last(1));
  taken_slots_.pop_back();
}

}  // namespace radixbench
