#include "comm/shm_mail.h"

#include "comm/shm_waiter.h"

#include <algorithm>
#include <atomic>

namespace radixbench {
namespace {

std::uint64_t load(std::uint64_t& word) {
  return std::atomic_ref{word}.load(std::memory_order_acquire);
}
void publish(std::uint64_t& word, std::uint64_t value) {
  std::atomic_ref{word}.store(value, std::memory_order_release);
}

}  // namespace

std::uint64_t ShmMail::begin_send(std::span<const std::int64_t> values, std::size_t to) {
  Mailbox& box = mine();
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::atomic_ref{box.elements.at(i)}.store(static_cast<std::uint64_t>(values[i]),
                                              std::memory_order_relaxed);
  }
  const MailHead head{.ticket = ++ticket_,
                      .to = static_cast<std::uint32_t>(to),
                      .count = static_cast<std::uint32_t>(values.size())};
  publish(box.head, head.word());
  wake(box.head);
  return sent_.at(to)++;
}

bool ShmMail::is_taken() const { return static_cast<std::uint32_t>(load(mine().taken)) == ticket_; }

std::uint64_t ShmMail::begin_receive(std::size_t from) { return received_.at(from)++; }

bool ShmMail::is_offered(std::size_t from) const {
  Mailbox& box = memory_.mailboxes()[from];
  const MailHead head = MailHead::from_word(load(box.head));
  return head.ticket != static_cast<std::uint32_t>(load(box.taken)) && head.to == index_;
}

void ShmMail::take(std::size_t from, std::span<std::int64_t> values) {
  Mailbox& box = memory_.mailboxes()[from];
  const MailHead head = MailHead::from_word(load(box.head));
  const std::size_t count = std::min<std::size_t>(head.count, values.size());
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = static_cast<std::int64_t>(
        std::atomic_ref{box.elements.at(i)}.load(std::memory_order_relaxed));
  }
  publish(box.taken, head.ticket);
  wake(box.taken);
}

// As for a call's line: whoever announces its sleep too late for this look sleeps once, briefly.
void ShmMail::wake(std::uint64_t& word) const {
  const std::atomic_ref sleepers{memory_.control().sleepers};
  if (sleepers.load(std::memory_order_relaxed) != 0) wake_sleepers(word);
}

}  // namespace radixbench
