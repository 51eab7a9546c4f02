#pragma once

#include "tier/storage.h"

#include <atomic>
#include <cstdint>

namespace radixbench {

// StorageCounts that any thread may raise. Relaxed: a count orders nothing.
class StorageCounters {
 public:
  void count_written() { add(pages_written_); }
  void count_write_error() { add(write_errors_); }
  void count_read_error() { add(read_errors_); }
  // Counts the answer of a read, and hands it on.
  PageRead counted(PageRead answer) {
    switch (answer) {
      case PageRead::kRead: add(pages_read_); break;
      case PageRead::kTorn: add(pages_torn_); break;
      case PageRead::kForeign: add(pages_foreign_); break;
      case PageRead::kMissing: break;
    }
    return answer;
  }

  [[nodiscard]] StorageCounts counts() const {
    StorageCounts counts;
    counts.pages_written = value(pages_written_);
    counts.pages_read = value(pages_read_);
    counts.pages_torn = value(pages_torn_);
    counts.pages_foreign = value(pages_foreign_);
    counts.write_errors = value(write_errors_);
    counts.read_errors = value(read_errors_);
    return counts;
  }

 private:
  using Counter = std::atomic<std::uint64_t>;
  static void add(Counter& counter) { counter.fetch_add(1, std::memory_order_relaxed); }
  static std::uint64_t value(const Counter& counter) {
    return counter.load(std::memory_order_relaxed);
  }

  Counter pages_written_{0};
  Counter pages_read_{0};
  Counter pages_torn_{0};
  Counter pages_foreign_{0};
  Counter write_errors_{0};
  Counter read_errors_{0};
};

}  // namespace radixbench
