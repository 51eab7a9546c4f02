#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "watch/recording.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace radixbench {

// Of one rank's ring. The limits of its tables hold for the ring's life: what does not fit is
// refused or counted, never written elsewhere.
struct RingOptions {
  Rank rank = 0;
  Rank world_size = 1;
  std::string run_id{};                 // its first 64 bytes are kept
  std::uint32_t record_count = 16'384;  // a power of two; calls, decisions and activities
  // 0: enough for the groups of a world of this size.
  std::uint32_t group_count_max = 0;
  std::uint32_t member_count_max = 0;
};

// The memory of one rank's ring (docs/formats/ring.md): mapped before the rank starts, shared with
// a forked rank, and readable however the rank ended. All of it is there from the beginning, so
// that a disk that fills up later cannot stop the program that writes. Pages come zeroed.
class RingMemory {
 public:
  // A file of the ring's full size, which must not exist. kCannotCreate, with no file left, where
  // there is no room for it.
  static Result<RingMemory> create_file(const std::string& path, const RingOptions& options);
  // The same without a file; it is gone with the last process that has it.
  static Result<RingMemory> create_anonymous(const RingOptions& options);
  RingMemory(RingMemory&& other) noexcept;
  RingMemory& operator=(RingMemory&&) = delete;
  ~RingMemory();

  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }
  // Empty for anonymous memory.
  [[nodiscard]] const std::string& path() const { return path_; }

  // A copy made word by word from the first to the last, also while ranks write to it.
  [[nodiscard]] std::vector<std::uint64_t> copy() const;
  // Writes it to a file, also while ranks write to it.
  Result<void> save(const std::string& path) const;
  // How the rank's process stands; written by whoever supervises it. `signal` of kKilled.
  void set_fate(RankFate fate, int signal = 0) const;
  // What is in it now, also while ranks write to it.
  [[nodiscard]] Result<Recording> read() const;

 private:
  RingMemory(std::span<std::byte> bytes, std::string path);
  static Result<RingMemory> map(int file, std::string path, const RingOptions& options);

  std::span<std::byte> bytes_;
  std::string path_;
};

}  // namespace radixbench
