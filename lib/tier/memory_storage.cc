#include "tier/storage.h"

#include "base/check.h"
#include "tier/storage_counters.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <optional>
#include <vector>

namespace radixbench {
namespace {

// Enough that a prefetch thread and a backup thread of one rank seldom meet.
constexpr std::size_t kShardCount = 16;
// Pages lie in blocks of about this size: few allocations, and little lost in the last one.
constexpr std::size_t kBlockBytes = 65'536;

// Digests to pages, never erased. A digest and its page lie side by side in a slot of a block; the
// table holds slot numbers, open addressing with linear steps, and at most half of it is used.
class PageTable {
 public:
  explicit PageTable(std::size_t page_bytes)
      : slot_bytes_{sizeof(Sha256Digest) + page_bytes},
        block_slots_{std::max<std::size_t>(1, kBlockBytes / slot_bytes_)} {}

  // The page's bytes, good until the table is gone; nullptr where it isn't held.
  [[nodiscard]] const std::byte* find(const Sha256Digest& hash) const {
    const std::uint32_t entry = table_[position(hash)];
    return entry == kEmpty ? nullptr : slot(entry) + hash.size();
  }

  // The digest must not be held yet.
  void insert(const Sha256Digest& hash, std::span<const std::byte> page) {
    if (2 * (std::size_t{slot_count_} + 1) > table_.size()) grow();
    if (slot_count_ % block_slots_ == 0) {
      blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(block_slots_ * slot_bytes_));
    }
    std::byte* const target = slot(slot_count_);
    std::memcpy(target, hash.data(), hash.size());
    if (!page.empty()) std::memcpy(target + hash.size(), page.data(), page.size());
    table_[position(hash)] = slot_count_++;
    RADIXBENCH_CHECK(slot_count_ != kEmpty);
  }

 private:
  static constexpr std::uint32_t kEmpty = ~std::uint32_t{0};

  [[nodiscard]] std::byte* slot(std::uint32_t number) const {
    return blocks_[number / block_slots_].get() + (number % block_slots_) * slot_bytes_;
  }

  // Where the digest is, or would be put.
  [[nodiscard]] std::size_t position(const Sha256Digest& hash) const {
    std::uint64_t bits = 0;  // any eight bytes of a digest are random already
    std::memcpy(&bits, hash.data() + 8, sizeof bits);
    const std::size_t mask = table_.size() - 1;
    std::size_t at = bits & mask;
    while (table_[at] != kEmpty && std::memcmp(slot(table_[at]), hash.data(), hash.size()) != 0) {
      at = (at + 1) & mask;
    }
    return at;
  }

  void grow() {
    table_.assign(2 * table_.size(), kEmpty);
    for (std::uint32_t number = 0; number < slot_count_; ++number) {
      Sha256Digest hash;
      std::memcpy(hash.data(), slot(number), hash.size());
      table_[position(hash)] = number;
    }
  }

  std::size_t slot_bytes_;
  std::size_t block_slots_;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::vector<std::uint32_t> table_ = std::vector<std::uint32_t>(64, kEmpty);  // a power of two
  std::uint32_t slot_count_ = 0;
};

class MemoryStorage final : public Storage {
 public:
  explicit MemoryStorage(std::size_t page_bytes) : page_bytes_{page_bytes} {
    for (auto& shard : shards_) shard.emplace(page_bytes);
  }

  [[nodiscard]] bool exists(const Sha256Digest& hash) override {
    Shard& shard = shard_of(hash);
    const std::lock_guard lock{shard.mutex};
    return shard.pages.find(hash) != nullptr;
  }

  [[nodiscard]] PageRead read(const Sha256Digest& hash, std::span<std::byte> page) override {
    RADIXBENCH_CHECK(page.size() == page_bytes_);
    Shard& shard = shard_of(hash);
    const std::lock_guard lock{shard.mutex};
    const std::byte* const held = shard.pages.find(hash);
    if (held == nullptr) return counters_.counted(PageRead::kMissing);
    if (page_bytes_ != 0) std::memcpy(page.data(), held, page_bytes_);
    return counters_.counted(PageRead::kRead);
  }

  [[nodiscard]] bool write(const Sha256Digest& hash, std::span<const std::byte> page) override {
    RADIXBENCH_CHECK(page.size() == page_bytes_);
    Shard& shard = shard_of(hash);
    const std::lock_guard lock{shard.mutex};
    if (shard.pages.find(hash) != nullptr) return true;
    shard.pages.insert(hash, page);
    counters_.count_written();
    return true;
  }

  [[nodiscard]] StorageCounts counts() const override { return counters_.counts(); }

 private:
  struct Shard {
    explicit Shard(std::size_t page_bytes) : pages{page_bytes} {}
    std::mutex mutex;
    PageTable pages;
  };

  Shard& shard_of(const Sha256Digest& hash) { return *shards_[hash[0] % kShardCount]; }

  std::size_t page_bytes_;
  std::array<std::optional<Shard>, kShardCount> shards_;
  StorageCounters counters_;
};

}  // namespace

std::unique_ptr<Storage> make_memory_storage(const StorageIdentity& identity) {
  return std::make_unique<MemoryStorage>(identity.page_bytes);
}

}  // namespace radixbench
