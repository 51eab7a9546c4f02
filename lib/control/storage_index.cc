#include "control/storage_index.h"

#include <cstring>
#include <utility>

namespace radixbench {

StorageIndex::StorageIndex(Storage& storage, PagePool& host, BackgroundTiming timing)
    : storage_{storage}, host_{host}, backups_{"backup thread", timing} {}

void StorageIndex::back_up(std::int64_t now_ns,
                           std::int64_t duration_ns,
                           std::vector<Sha256Digest> hashes,
                           std::vector<PageId> host_pages) {
  // Held throughout: a query that ran between the write and the note of when it is to be seen would
  // see the page too early.
  const std::lock_guard lock{mutex_};
  std::vector<Sha256Digest> appearing;
  for (const Sha256Digest& hash : hashes) {
    // A page that an earlier run left stays visible throughout; only what is new appears at the
    // end.
    if (!visible_from_ns_.contains(hash) && !storage_.exists(hash)) appearing.push_back(hash);
  }
  const std::int64_t seen_ns = backups_.submit(
      now_ns, duration_ns, 0, [this, hashes = std::move(hashes), pages = std::move(host_pages)] {
        for (std::size_t i = 0; i < hashes.size(); ++i) {
          // A page that could not be kept is a later miss, which the storage counts.
          static_cast<void>(storage_.write(hashes[i], host_.payload(pages[i])));
        }
        return Result<void>{};
      });
  for (const Sha256Digest& hash : appearing) visible_from_ns_.try_emplace(hash, seen_ns);
}

Result<std::uint32_t> StorageIndex::leading_hits(std::span<const Sha256Digest> hashes,
                                                 std::int64_t at_ns,
                                                 std::uint64_t mark) {
  if (Result<void> waited = backups_.wait_for_mark(mark); !waited) {
    return tl::unexpected(waited.error());
  }
  std::uint32_t count = 0;
  for (const Sha256Digest& hash : hashes) {
    {
      const std::lock_guard lock{mutex_};
      const auto found = visible_from_ns_.find(hash);
      if (found != visible_from_ns_.end() && found->second > at_ns) break;
    }
    if (!storage_.exists(hash)) break;
    ++count;
  }
  return count;
}

std::size_t StorageIndex::DigestHash::operator()(const Sha256Digest& digest) const {
  std::size_t value = 0;
  std::memcpy(&value, digest.data(), sizeof value);
  return value;
}

}  // namespace radixbench
