#pragma once

#include "replay/rank_report.h"
#include "replay/rank_status.h"

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <type_traits>

namespace radixbench {

// A small value with one writer, which anyone may read while it is written: readers that catch it
// half-way read again. A writer that is killed half-way leaves it unreadable, never torn.
template <typename T>
class SharedNote {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % sizeof(std::uint64_t) == 0);
  using Words = std::array<std::uint64_t, sizeof(T) / sizeof(std::uint64_t)>;

 public:
  void write(const T& value) {
    const auto words = std::bit_cast<Words>(value);
    const std::uint64_t version = version_.load(std::memory_order_relaxed);
    version_.store(version + 1, std::memory_order_relaxed);
    // Releases, so that who sees a new word sees the odd version that came before it.
    for (std::size_t i = 0; i < words.size(); ++i) {
      words_[i].store(words[i], std::memory_order_release);
    }
    version_.store(version + 2, std::memory_order_release);
  }

  // Nothing before the first write, or where the writer ended within one.
  [[nodiscard]] std::optional<T> read() const {
    constexpr int kTriesMax = 1000;  // a write takes nanoseconds
    for (int i = 0; i < kTriesMax; ++i) {
      const std::uint64_t version = version_.load(std::memory_order_acquire);
      if (version == 0) return std::nullopt;
      Words words{};
      for (std::size_t j = 0; j < words.size(); ++j) {
        words[j] = words_[j].load(std::memory_order_acquire);
      }
      const bool is_whole = version % 2 == 0 && version_.load(std::memory_order_relaxed) == version;
      if (is_whole) return std::bit_cast<T>(words);
    }
    return std::nullopt;
  }

 private:
  std::atomic<std::uint64_t> version_ = 0;
  std::array<std::atomic<std::uint64_t>, Words{}.size()> words_{};
};

// A call as a page keeps it: names and member lists beyond these sizes are cut.
struct CallNote {
  std::uint64_t sequence = 0;
  std::uint64_t key = 0;
  std::uint32_t member_count = 0;
  std::uint16_t site = 0;
  std::uint16_t name_size = 0;
  std::array<std::uint16_t, 32> members{};
  std::array<char, 40> name{};
};

// What one rank last did and said, in memory that it shares with its supervisor and that outlives
// it, however it ended. Written by the rank, through PageStatusSink, but for ask_to_end(); read at
// any time.
class RankStatusPage {
 public:
  static constexpr std::size_t kErrorBytes = 2048;
  static constexpr std::size_t kLibraryBytes = 512;
  static constexpr std::size_t kViolationsMax = 8;  // the first ones are kept
  static constexpr std::size_t kViolationBytes = 256;

  struct Progress {
    RankPhase phase = RankPhase::kStarting;
    std::uint64_t step = 0;
    std::int64_t now_ns = 0;  // the run's clock
    std::uint64_t requests_ended = 0;
  };
  [[nodiscard]] Progress progress() const;
  [[nodiscard]] bool has_failed() const { return failed_ns_.load() != 0; }
  // From the supervisor to the rank, which looks between steps.
  void ask_to_end() { is_asked_to_end_.store(true); }
  // Fills in all but how the process ended.
  void read(RankReport& report) const;

 private:
  friend class PageStatusSink;

  struct Violation {
    std::array<char, kViolationBytes> text;
  };

  std::atomic<RankPhase> phase_ = RankPhase::kStarting;
  std::atomic<std::uint64_t> step_ = 0;
  std::atomic<std::int64_t> now_ns_ = 0;
  std::atomic<std::uint64_t> requests_ended_ = 0;

  std::atomic<bool> is_asked_to_end_ = false;

  std::atomic<std::int64_t> failed_ns_ = 0;  // set once, after code and text
  ErrorCode error_code_ = ErrorCode::kTimeout;
  std::array<char, kErrorBytes> error_text_{};

  std::atomic<bool> was_ended_by_library_ = false;  // set after the text
  std::array<char, kLibraryBytes> text_of_library_{};

  std::atomic<std::size_t> violation_count_ = 0;
  std::array<Violation, kViolationsMax> violations_{};

  std::array<SharedNote<CallNote>, 2> calls_;  // by SiteThread
};

// The rank's end of its page. `page` must outlive it; any thread of the rank may call, but only one
// at a time those sites that layout gives to its thread.
class PageStatusSink final : public RankStatusSink {
 public:
  explicit PageStatusSink(RankStatusPage& page) : page_{page} {}

  void reached(RankPhase phase) override;
  void entered(const CallRecord& record) override;
  void stepped(std::uint64_t step, std::int64_t now_ns, std::uint64_t requests_ended) override;
  void violated(const std::string& what) override;
  // The first one counts: what follows it is its consequence.
  void failed(const Error& error) override;
  void ended_by_library(const std::string& words) override;
  [[nodiscard]] bool is_asked_to_end() const override { return page_.is_asked_to_end_.load(); }

 private:
  RankStatusPage& page_;
  std::mutex mutex_;  // of what the rank's threads say seldom
};

}  // namespace radixbench
