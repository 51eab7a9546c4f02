#include "control/load_back.h"

#include "base/check.h"
#include "base/range.h"
#include "control/page_payload.h"

#include <algorithm>
#include <array>
#include <utility>

namespace radixbench {

LoadBack::LoadBack(ControlContext& context, DeviceAllocator& device)
    : context_{context}, device_{device}, copies_{"load-back stream", context.timing} {}

bool LoadBack::load(const Match& match,
                    std::uint64_t quota_pages,
                    std::span<const std::uint64_t> seeds) {
  const std::uint64_t tokens = std::uint64_t{match.host_pages} * context_.page_tokens;
  if (tokens < context_.rules.load_back_threshold_tokens || match.host_pages > quota_pages) {
    ++context_.counts.load_backs_refused;
    return false;
  }
  // Without this lock, making room could evict the device part that the host part hangs on.
  const NodeId temporary = context_.tree.lock(match.best_node);
  Load load;
  const bool has_room = device_.take(match.host_pages, load.device_pages);
  context_.tree.unlock(temporary);
  if (!has_room) {
    ++context_.counts.load_backs_refused;
    return false;
  }
  const std::vector<NodeId> nodes = context_.tree.host_only_path(match.best_node);
  for (const NodeId node : nodes) context_.tree.append_host_pages(node, load.host_pages);
  RADIXBENCH_CHECK(load.host_pages.size() == load.device_pages.size());
  context_.tree.commit_load_back(nodes, load.device_pages);
  load.locked_from = context_.tree.lock(match.best_node);
  load.seeds.assign(seeds.begin(), seeds.end());
  pages_in_flight_ += match.host_pages;
  ++context_.counts.load_backs;
  context_.counts.pages_loaded_back += match.host_pages;
  queued_.push_back(std::move(load));
  return true;
}

std::optional<std::int64_t> LoadBack::start_queued() {
  if (queued_.empty()) return std::nullopt;
  std::vector<PageId> from;
  std::vector<PageId> to;
  for (const Load& load : queued_) {
    from.insert(from.end(), load.host_pages.begin(), load.host_pages.end());
    to.insert(to.end(), load.device_pages.begin(), load.device_pages.end());
  }
  const Rank rank = context_.rank;
  const std::int64_t duration_ns = context_.latency.load_ns(rank, next_batch_++, from.size());
  PageCopier& copier = context_.copier;
  const std::int64_t seen_ns =
      copies_.submit(context_.now_ns,
                     duration_ns,
                     context_.latency.skew(rank).load_ack_ns,
                     [&copier, from = std::move(from), to = std::move(to)] {
                       const Range range{"load-back"};
                       return copier.load(from, to);
                     });
  batches_.push_back(std::exchange(queued_, {}));
  return seen_ns - context_.latency.skew(rank).load_ack_ns;
}

Result<void> LoadBack::check() {
  const bool is_agreed = context_.rules.agrees_load_acks;
  const bool enters = is_agreed && (context_.rules.always_enters_checks || !batches_.empty());
  context_.note(Guard::kEnterLoadingCheck, Site::kLoadingCheck, 0, enters, {batches_.size()});
  if (is_agreed && !enters) return {};
  const Result<std::size_t> finished = copies_.finished(context_.now_ns);
  if (!finished) return tl::unexpected(finished.error());
  std::array<std::int32_t, 1> count = {static_cast<std::int32_t>(*finished)};
  if (enters) {
    if (Result<void> agreed =
            context_.agreement.reduce(Site::kLoadingCheck, 0, count, ReduceOp::kMin);
        !agreed) {
      return agreed;
    }
  }
  const std::size_t acknowledged =
      std::min(static_cast<std::size_t>(std::max(0, count[0])), *finished);
  for (std::size_t i = 0; i < acknowledged; ++i) {
    if (Result<void> done = acknowledge(); !done) return done;
  }
  return {};
}

Result<void> LoadBack::acknowledge() {
  for (const Load& load : batches_.front()) {
    for (std::size_t i = 0; i < load.seeds.size(); ++i) {
      ++context_.counts.pages_verified;
      bytes_.resize(context_.device.page_bytes());
      if (Result<void> read = context_.copier.read(load.device_pages[i], bytes_); !read) {
        return read;
      }
      if (!has_payload(bytes_, load.seeds[i])) ++context_.counts.pages_wrong;
    }
    pages_in_flight_ -= load.device_pages.size();
    context_.tree.unlock(load.locked_from);
  }
  batches_.pop_front();
  copies_.pop(1);
  return {};
}

}  // namespace radixbench
