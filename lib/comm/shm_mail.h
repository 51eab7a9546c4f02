#pragma once

#include "comm/shm_memory.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace radixbench {

// One member's sends and receives in a group: the steps of each, none of which waits.
class ShmMail {
 public:
  ShmMail(const GroupMemory& memory, std::size_t index, std::size_t size)
      : memory_{memory}, index_{index}, sent_(size, 0), received_(size, 0) {}

  // A send to `to`: put down, then over when it was taken. begin_*() answer the call's number among
  // those from this sender to this receiver.
  std::uint64_t begin_send(std::span<const std::int64_t> values, std::size_t to);
  [[nodiscard]] bool is_taken() const;

  // A receive from `from`: over when take() has moved what was offered.
  std::uint64_t begin_receive(std::size_t from);
  [[nodiscard]] bool is_offered(std::size_t from) const;
  void take(std::size_t from, std::span<std::int64_t> values);

  // The word that changes when the awaited side comes.
  [[nodiscard]] std::uint64_t& taken_word() const { return mine().taken; }
  [[nodiscard]] std::uint64_t& offered_word(std::size_t from) const {
    return memory_.mailboxes()[from].head;
  }

 private:
  [[nodiscard]] Mailbox& mine() const { return memory_.mailboxes()[index_]; }
  void wake(std::uint64_t& word) const;

  GroupMemory memory_;
  std::size_t index_;
  std::uint32_t ticket_ = 0;
  std::vector<std::uint64_t> sent_;  // by member
  std::vector<std::uint64_t> received_;
};

}  // namespace radixbench
