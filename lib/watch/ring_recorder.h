#pragma once

#include "base/decision.h"
#include "base/result.h"
#include "comm/group_observer.h"
#include "comm/observed_communicator.h"
#include "watch/ring_format.h"
#include "watch/ring_memory.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

class RingRecorder;

// What one thread of a rank records. Belongs to that thread, or to whoever takes turns with it.
// Nothing here blocks, allocates or fails; a call costs two entries, one before it can block and
// one after it.
class RingThread final : public CallObserver, public GroupObserver, public DecisionSink {
 public:
  RingThread(RingRecorder& ring, std::uint32_t number) : ring_{ring}, number_{number} {}

  void entered(const CallRecord& record) override;
  void left(const CallRecord& record) override;

  void opening(const GroupSpec& group,
               bool is_member,
               std::uint16_t site,
               std::chrono::nanoseconds timeout) override;
  void opened(bool is_ok) override;

  // `decision.step` is taken as it is.
  void decided(const Decision& decision) override;

  // Something slow that is no call: a storage read, a kernel. They nest.
  void begin_activity(std::uint16_t site, std::uint64_t key);
  void end_activity();

  // It goes away and makes no more calls; `is_failure` where it did not mean to. The first counts.
  void ended(bool is_failure);

 private:
  struct Open {
    bool is_used = false;
    const GroupSpec* group = nullptr;  // of a call
    RingRecord record{};
  };
  struct KnownGroup {
    const GroupSpec* spec = nullptr;
    std::uint32_t ordinal = 0;
    std::uint32_t entry = 0;
  };

  [[nodiscard]] std::uint32_t entry_of(const GroupSpec& group);
  // Null where it is inside of too many; then only its end is recorded.
  Open* begin(const RingRecord& record);
  void finish(Open& open);
  [[nodiscard]] std::size_t place_of(const Open& open) const;

  RingRecorder& ring_;
  std::uint32_t number_;
  std::array<Open, kRingOpenMax> open_{};
  std::array<KnownGroup, 16> known_{};
  std::uint32_t known_next_ = 0;
  std::uint64_t known_epoch_ = 0;
  std::uint32_t opening_ = kRingNoGroup;
  std::uint32_t activities_lost_ = 0;  // begun beyond what there is room for
};

// One rank's way into its ring. Sites of lib/layout and guards of base are named from the start;
// others get names by their numbers. `memory` must outlive it, and has one recorder in its life.
class RingRecorder {
 public:
  explicit RingRecorder(const RingMemory& memory);
  ~RingRecorder();
  RingRecorder(const RingRecorder&) = delete;
  RingRecorder& operator=(const RingRecorder&) = delete;

  // kInvalidArgument for a name of more than kRingNameBytes or a number that has another name,
  // kCannotCreate where the table is full. From any thread, as thread() is.
  Result<void> name_site(std::uint16_t site, std::string_view name);
  Result<void> name_guard(Guard guard, std::string_view name);

  // The same one for the same name; lives as long as the recorder. At most kRingThreadsMax.
  RingThread& thread(std::string_view name);

  // The scheduler's step, which calls and activities of all threads are stamped with; a sign of
  // life too.
  void stepped(std::uint64_t step);
  [[nodiscard]] std::uint64_t step() const { return words_.load(kRingFieldStep); }
  // A sign of life.
  void beat();

 private:
  friend class RingThread;

  struct NumberedName {
    std::uint32_t number;
    std::string name;
  };

  std::uint32_t add_group(const GroupSpec& group);
  std::uint32_t find_or_add_group(const GroupSpec& group);
  std::uint32_t append_group(const GroupSpec& group);
  bool append_members(std::size_t at, const GroupSpec& group);
  Result<void> name(RingTable table, std::uint32_t number, std::string_view name);
  [[nodiscard]] std::uint64_t next_number() const { return words_.add(kRingFieldNumberNext, 1); }
  void write(const RingRecord& record) const;

  RingWords words_;
  RingShape shape_;
  std::atomic<std::uint64_t> group_epoch_ = 0;  // grows with each group that is made
  std::mutex mutex_;                            // of the tables
  std::vector<std::unique_ptr<RingThread>> threads_;
  std::vector<std::string> thread_names_;
  std::vector<NumberedName> site_names_;
  std::vector<NumberedName> guard_names_;
  std::vector<GroupSpec> groups_;
};

}  // namespace radixbench
