#pragma once

#include "base/result.h"
#include "base/sha256.h"
#include "control/background.h"
#include "tier/page_pool.h"
#include "tier/storage.h"

#include <cstdint>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

namespace radixbench {

// One rank's storage as time shows it: pages that a backup of this run wrote exist from the time at
// which that backup ends, others (of an earlier run) always have. Owns the backup thread (J 3.9).
class StorageIndex {
 public:
  StorageIndex(Storage& storage, PagePool& host, BackgroundTiming timing);

  // Scheduler thread. The host pages stay as they are until the backup's ack was popped.
  void back_up(std::int64_t now_ns,
               std::int64_t duration_ns,
               std::vector<Sha256Digest> hashes,
               std::vector<PageId> host_pages);
  [[nodiscard]] SerialWorker& backups() { return backups_; }

  // Any thread: leading pages of `hashes` that exist at `at_ns`. The real backups up to `mark` are
  // waited for.
  Result<std::uint32_t> leading_hits(std::span<const Sha256Digest> hashes,
                                     std::int64_t at_ns,
                                     std::uint64_t mark);
  [[nodiscard]] Storage& storage() { return storage_; }

 private:
  struct DigestHash {
    std::size_t operator()(const Sha256Digest& digest) const;
  };

  Storage& storage_;
  PagePool& host_;
  std::mutex mutex_;
  std::unordered_map<Sha256Digest, std::int64_t, DigestHash> visible_from_ns_;
  SerialWorker backups_;
};

}  // namespace radixbench
