#pragma once

#include "base/ids.h"
#include "base/result.h"

#include <atomic>
#include <cstdint>
#include <memory>

namespace radixbench {

// What a supervisor tells the ranks that it started while they wait: memory without a name, mapped
// before they are forked. For transports whose own wire can't say it.
class WorldAlarm {
 public:
  // kCannotCreate where the kernel refuses.
  static Result<std::unique_ptr<WorldAlarm>> map(Rank world_size);
  ~WorldAlarm();
  WorldAlarm(const WorldAlarm&) = delete;
  WorldAlarm& operator=(const WorldAlarm&) = delete;

  [[nodiscard]] Rank world_size() const { return world_size_; }

  void interrupt() { words_[0].store(1, std::memory_order_release); }
  void mark_dead(Rank rank) {
    words_[kHeadWords + rank].store(1, std::memory_order_release);
    words_[1].fetch_add(1, std::memory_order_release);
  }

  [[nodiscard]] bool is_interrupted() const {
    return words_[0].load(std::memory_order_acquire) != 0;
  }
  [[nodiscard]] bool has_dead() const { return words_[1].load(std::memory_order_acquire) != 0; }
  [[nodiscard]] bool is_dead(Rank rank) const {
    return words_[kHeadWords + rank].load(std::memory_order_acquire) != 0;
  }

 private:
  using Word = std::atomic<std::uint32_t>;
  static constexpr std::size_t kHeadWords = 2;  // interrupted, dead; then one a rank

  WorldAlarm(Word* words, Rank world_size) : words_{words}, world_size_{world_size} {}

  Word* words_;
  Rank world_size_;
};

}  // namespace radixbench
