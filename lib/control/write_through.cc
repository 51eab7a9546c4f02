#include "control/write_through.h"

#include "base/check.h"
#include "base/range.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

namespace radixbench {

WriteThrough::WriteThrough(ControlContext& context, StorageIndex* storage)
    : context_{context}, storage_{storage}, copies_{"write-through stream", context.timing} {}

void WriteThrough::back_up(std::span<const NodeId> nodes) {
  for (const NodeId node : nodes) {
    if (!back_up_one(node)) ++context_.counts.backups_refused;
  }
}

bool WriteThrough::back_up_one(NodeId node) {
  const NodeView view = context_.tree.view(node);
  if (view.is_on_host) return true;
  // A host copy under a parent without one could not be reached once the device copy is gone.
  if (view.parent != kRootNode && !back_up_one(view.parent)) return false;
  std::vector<PageId> host_pages =
      context_.host_allocator.allocate(HostUse::kBackup, view.page_count, view.page_count);
  context_.note(Guard::kBackUp,
                Site::kWritingCheck,
                next_attempt_++,
                !host_pages.empty(),
                {view.page_count, context_.host.free_count()});
  if (host_pages.empty()) return false;
  std::vector<PageId> device_pages;
  context_.tree.append_device_pages(node, device_pages);
  const std::uint64_t ack_id = next_ack_id_++;
  context_.tree.begin_backup(node, host_pages, ack_id);
  const Rank rank = context_.rank;
  PageCopier& copier = context_.copier;
  const std::int64_t duration_ns = context_.latency.write_ns(rank, ack_id, device_pages.size());
  copies_.submit(context_.now_ns,
                 duration_ns,
                 context_.latency.skew(rank).write_ack_ns,
                 [&copier, from = std::move(device_pages), to = std::move(host_pages)] {
                   const Range range{"write-through"};
                   return copier.save(from, to);
                 });
  writes_.push_back({ack_id, view.page_count});
  pages_in_flight_ += view.page_count;
  ++context_.counts.backups;
  context_.counts.pages_backed_up += view.page_count;
  return true;
}

Result<void> WriteThrough::check() {
  const bool enters = context_.rules.always_enters_checks || !writes_.empty();
  context_.note(Guard::kEnterWritingCheck, Site::kWritingCheck, 0, enters, {writes_.size()});
  if (!enters) return {};
  const Result<std::size_t> finished = copies_.finished(context_.now_ns);
  if (!finished) return tl::unexpected(finished.error());
  std::array<std::int32_t, 1> count = {static_cast<std::int32_t>(*finished)};
  if (Result<void> agreed =
          context_.agreement.reduce(Site::kWritingCheck, 0, count, ReduceOp::kMin);
      !agreed) {
    return agreed;
  }
  // Where calls were paired wrongly the count can be anything; what is not there cannot be popped.
  const std::size_t acknowledged =
      std::min(static_cast<std::size_t>(std::max(0, count[0])), *finished);
  for (std::size_t i = 0; i < acknowledged; ++i) acknowledge();
  return {};
}

void WriteThrough::acknowledge() {
  const Write write = writes_.front();
  writes_.pop_front();
  copies_.pop(1);
  pages_in_flight_ -= write.page_count;
  const std::vector<NodeId> published = context_.tree.finish_backup(write.ack_id);
  if (storage_ == nullptr) return;
  for (const NodeId node : published) store(node);
}

void WriteThrough::store(NodeId node) {
  const std::span<const Sha256Digest> hashes = context_.tree.storage_hashes(node);
  std::vector<PageId> host_pages;
  context_.tree.append_host_pages(node, host_pages);
  RADIXBENCH_CHECK(hashes.size() == host_pages.size());
  const auto page_count = static_cast<std::uint32_t>(host_pages.size());
  stores_.push_back({context_.tree.host_lock(node), page_count});
  storage_->back_up(context_.now_ns,
                    context_.latency.backup_ns(context_.rank, next_store_++, page_count),
                    {hashes.begin(), hashes.end()},
                    std::move(host_pages));
}

Result<std::size_t> WriteThrough::stored_count() {
  if (storage_ == nullptr) return std::size_t{0};
  return storage_->backups().finished(context_.now_ns);
}

void WriteThrough::pop_stored(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    context_.counts.pages_stored += stores_.front().page_count;
    context_.tree.host_unlock(stores_.front().locked);
    stores_.pop_front();
  }
  if (storage_ != nullptr) storage_->backups().pop(count);
}

}  // namespace radixbench
