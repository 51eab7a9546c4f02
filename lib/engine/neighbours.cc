#include "engine/neighbours.h"

#include "base/check.h"
#include "layout/sites.h"

#include <algorithm>
#include <array>
#include <limits>

namespace radixbench {
namespace {

constexpr std::size_t kInboxHeader = 4;
using InboxWords = std::array<std::int64_t, kInboxHeader + kAbortsPerStepMax>;

InboxWords pack(const Inbox& inbox) {
  RADIXBENCH_CHECK(inbox.aborts.size() <= kAbortsPerStepMax);
  InboxWords words{};
  words[0] = inbox.now_ns;
  words[1] = static_cast<std::int64_t>(inbox.arrived_count);
  words[2] = inbox.is_stop ? 1 : 0;
  words[3] = static_cast<std::int64_t>(inbox.aborts.size());
  for (std::size_t i = 0; i < inbox.aborts.size(); ++i) {
    words.at(kInboxHeader + i) = static_cast<std::int64_t>(inbox.aborts[i]);
  }
  return words;
}

Inbox unpack(const InboxWords& words) {
  Inbox inbox{.now_ns = words[0],
              .arrived_count = static_cast<std::uint64_t>(words[1]),
              .is_stop = words[2] != 0,
              .aborts = {}};
  const auto count = std::clamp<std::int64_t>(words[3], 0, kAbortsPerStepMax);
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    inbox.aborts.push_back(static_cast<RequestId>(words.at(kInboxHeader + i)));
  }
  return inbox;
}

constexpr std::size_t kViewWords = 4;  // next now, busy, done, queue length

StageView merge(std::span<const std::int64_t> all, std::uint32_t replicas) {
  StageView view;
  view.queue_lengths.resize(replicas);
  view.is_everyone_done = true;
  std::int64_t latest_busy_ns = -1;
  std::int64_t earliest_ns = std::numeric_limits<std::int64_t>::max();
  const std::size_t rank_count = all.size() / kViewWords;
  for (std::size_t rank = 0; rank < rank_count; ++rank) {
    const auto words = all.subspan(rank * kViewWords, kViewWords);
    if (words[1] != 0) latest_busy_ns = std::max(latest_busy_ns, words[0]);
    earliest_ns = std::min(earliest_ns, words[0]);
    view.is_everyone_done = view.is_everyone_done && words[2] != 0;
    const std::size_t replica = rank / (rank_count / replicas);
    view.queue_lengths[replica] =
        std::max(view.queue_lengths[replica], static_cast<std::uint32_t>(words[3]));
  }
  view.next_now_ns = latest_busy_ns >= 0 ? latest_busy_ns : earliest_ns;
  return view;
}

}  // namespace

Neighbours::Neighbours(const Layout& layout,
                       Rank rank,
                       const RankGroups& groups,
                       std::chrono::nanoseconds call_deadline,
                       bool is_on)
    : call_deadline_{call_deadline},
      is_on_{is_on},
      is_entry_{layout.replica(rank).front() == rank},
      replica_{layout.coordinates(rank).attn_dp_rank},
      replica_count_{layout.attn_dp_size()},
      attention_tp_device_{groups.find("attention_tp.device")},
      tp_device_{replica_count_ > 1 ? groups.find("tp.device") : nullptr} {
  const std::vector<const char*> path = replica_count_ > 1
                                            ? std::vector<const char*>{"attention_tp", "attn_cp"}
                                            : std::vector<const char*>{"tp"};
  for (const char* name : path) {
    if (Communicator* hop = groups.find(name)) receive_hops_.push_back(hop);
  }
}

Result<Inbox> Neighbours::receive(const Inbox& own) {
  if (!is_on_) return own;
  InboxWords words = pack(own);
  for (Communicator* hop : receive_hops_) {
    if (Result<void> done =
            hop->broadcast(words, 0, call(static_cast<std::uint16_t>(Site::kRecvRequests)));
        !done) {
      return tl::unexpected(done.error());
    }
  }
  return unpack(words);
}

Result<StageView> Neighbours::forward(std::int64_t next_now_ns,
                                      bool is_busy,
                                      bool is_done,
                                      std::uint32_t queue_length) {
  const std::array<std::int64_t, kViewWords> mine = {
      next_now_ns, is_busy ? 1 : 0, is_done ? 1 : 0, queue_length};
  const auto site = static_cast<std::uint16_t>(Site::kForward);
  if (is_on_ && attention_tp_device_ != nullptr) {
    std::array<std::int64_t, 1> sum = {is_busy ? 1 : 0};
    if (Result<void> done = attention_tp_device_->all_reduce(sum, ReduceOp::kSum, call(site));
        !done) {
      return tl::unexpected(done.error());
    }
  }
  if (!is_on_ || tp_device_ == nullptr) {
    StageView view{.next_now_ns = next_now_ns, .is_everyone_done = is_done, .queue_lengths = {}};
    view.queue_lengths.resize(replica_count_);
    view.queue_lengths[replica_] = queue_length;
    return view;
  }
  std::vector<std::int64_t> all(kViewWords * tp_device_->size());
  if (Result<void> done = tp_device_->all_gather(mine, all, call(site)); !done) {
    return tl::unexpected(done.error());
  }
  return merge(all, replica_count_);
}

Call Neighbours::call(std::uint16_t site) const {
  return {.site = site, .key = 0, .deadline = deadline_after(call_deadline_)};
}

}  // namespace radixbench
