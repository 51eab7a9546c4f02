#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <span>
#include <vector>

namespace radixbench {

// A preallocated ring between one producer and one consumer thread. push() neither allocates, locks
// nor waits. Capacity is rounded up to a power of two.
template <typename Row>
class SpscQueue {
 public:
  explicit SpscQueue(std::size_t rows_min) : rows_(rounded(rows_min)), mask_{rows_.size() - 1} {}

  // Producer only. False when the queue is full; the row is then not taken.
  bool push(const Row& row) {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head - tail_seen_ == rows_.size()) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (head - tail_seen_ == rows_.size()) return false;
    }
    rows_[head & mask_] = row;
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

  // Consumer only. The oldest rows that lie in one piece; they stay queued until consume().
  [[nodiscard]] std::span<const Row> front() const {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    const std::size_t count = head_.load(std::memory_order_acquire) - tail;
    const std::size_t begin = tail & mask_;
    return std::span{rows_}.subspan(begin, std::min(count, rows_.size() - begin));
  }
  void consume(std::size_t count) {
    tail_.store(tail_.load(std::memory_order_relaxed) + count, std::memory_order_release);
  }

  [[nodiscard]] std::size_t capacity() const { return rows_.size(); }
  // From any thread: exact only on the thread that calls push() or consume().
  [[nodiscard]] std::size_t size() const {
    const std::size_t tail = tail_.load(std::memory_order_acquire);
    return head_.load(std::memory_order_acquire) - tail;
  }

 private:
  static std::size_t rounded(std::size_t rows_min) {
    std::size_t rows = 2;
    while (rows < rows_min) rows *= 2;
    return rows;
  }

  static constexpr std::size_t kCacheLineBytes = 64;
  // The consumer reads head_ anyway, so what never changes may lie beside it.
  alignas(kCacheLineBytes) std::atomic<std::size_t> head_{0};
  std::size_t tail_seen_ = 0;  // the producer's copy: saves it a cache miss a row
  std::vector<Row> rows_;
  std::size_t mask_;
  alignas(kCacheLineBytes) std::atomic<std::size_t> tail_{0};
};

}  // namespace radixbench
