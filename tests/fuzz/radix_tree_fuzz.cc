// Bytes as operations on a tree and on a twin that is given other page ids. Whatever the bytes, the
// invariants hold, the twins agree by digest, and every page comes back exactly once.

#include "base/check.h"
#include "index/page_hash.h"
#include "index/radix_tree.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace radixbench {
namespace {

constexpr std::size_t kDevicePages = 48;
constexpr std::size_t kHostPages = 40;

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_{data}, size_{size} {}
  [[nodiscard]] bool is_empty() const { return at_ == size_; }
  std::uint32_t next() { return at_ < size_ ? data_[at_++] : 0U; }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t at_ = 0;
};

std::vector<PageId> other_ids(std::vector<PageId> pages) {
  for (PageId& page : pages) page = page * 3 + 1;
  return pages;
}

// Takes from the end and from the front in turns, so that some runs count and some don't.
class Pool {
 public:
  explicit Pool(std::size_t count) : is_free_(count, true) {
    for (PageId page = 0; page < count; ++page) free_.push_back(page);
  }
  [[nodiscard]] std::size_t size() const { return free_.size(); }
  std::vector<PageId> take(std::size_t count) {
    const auto from = is_odd_ ? free_.begin() : free_.end() - static_cast<std::ptrdiff_t>(count);
    is_odd_ = !is_odd_;
    std::vector<PageId> pages(from, from + static_cast<std::ptrdiff_t>(count));
    free_.erase(from, from + static_cast<std::ptrdiff_t>(count));
    for (const PageId page : pages) is_free_[page] = false;
    return pages;
  }
  void give_back(const std::vector<PageId>& pages) {
    for (const PageId page : pages) {
      RADIXBENCH_CHECK(!is_free_.at(page));
      is_free_[page] = true;
      free_.push_back(page);
    }
  }

 private:
  std::vector<PageId> free_;
  std::vector<bool> is_free_;
  bool is_odd_ = false;
};

struct OwnKey {
  std::uint32_t name_space = 0;
  std::vector<TokenId> tokens;
  std::vector<PageHash> hashes;
  [[nodiscard]] Key key() const { return {name_space, tokens, hashes, {}}; }
  std::size_t page_count = 0;
};

class Twins {
 public:
  Twins(std::uint32_t page_tokens, bool stamps)
      : options_{.page_tokens = page_tokens,
                 .stamps_split_remainder = stamps,
                 .counts_digest = true,
                 .backup_threshold = 1},
        hasher_{0, page_tokens} {}

  void step(Bytes& bytes) {
    switch (bytes.next() % 9) {
      case 0: match(read_key(bytes)); break;
      case 1: lock(read_key(bytes)); break;
      case 2: unlock(bytes.next()); break;
      case 3: insert(read_key(bytes), bytes.next()); break;
      case 4: evict_device(bytes.next() % 32); break;
      case 5: evict_host(bytes.next() % 32); break;
      case 6: finish_backup(bytes.next()); break;
      case 7: load_back(read_key(bytes)); break;
      default: insert_host(read_key(bytes), read_key(bytes)); break;
    }
    RADIXBENCH_CHECK(!tree_.check() && !twin_.check());
    RADIXBENCH_CHECK(tree_.digest() == twin_.digest());
  }

  void release_all() {
    while (!acks_.empty()) finish_backup(0);
    while (!locks_.empty()) unlock(0);
    evict_device(kDevicePages);
    evict_host(kHostPages);
    RADIXBENCH_CHECK(tree_.counts().node_count == 0 && twin_.counts().node_count == 0);
    RADIXBENCH_CHECK(device_.size() == kDevicePages && host_.size() == kHostPages);
  }

 private:
  struct Nodes {
    NodeId tree;
    NodeId twin;
  };

  // A byte says how long and in which namespace, then two bits a page what it holds.
  OwnKey read_key(Bytes& bytes) const {
    OwnKey key;
    const std::uint32_t head = bytes.next();
    key.name_space = head >> 7U;
    key.page_count = head % 13;
    for (std::size_t page = 0; page < key.page_count; page += 4) {
      std::uint32_t symbols = bytes.next();
      for (std::size_t at = page; at < std::min(key.page_count, page + 4); ++at, symbols >>= 2U) {
        key.tokens.resize(key.tokens.size() + options_.page_tokens, 7);
        key.tokens.back() = symbols & 3U;
      }
    }
    key.hashes.resize(tree_.stores_hashes() ? key.page_count : 0);
    if (tree_.stores_hashes()) hasher_.hash(key.tokens, key.hashes);
    return key;
  }

  Match match(const OwnKey& key, Nodes* best = nullptr) {
    const Match seen = tree_.peek(key.key());
    const Match found = tree_.match(key.key());
    const Match twin = twin_.match(key.key());
    RADIXBENCH_CHECK(seen.device_pages == found.device_pages);
    RADIXBENCH_CHECK(seen.host_pages == found.host_pages);
    RADIXBENCH_CHECK(twin.device_pages == found.device_pages);
    RADIXBENCH_CHECK(twin.host_pages == found.host_pages);
    if (best != nullptr) *best = {found.best_node, twin.best_node};
    return found;
  }

  void lock(const OwnKey& key) {
    Nodes best{};
    match(key, &best);
    locks_.push_back({tree_.lock(best.tree), twin_.lock(best.twin)});
  }
  void unlock(std::uint32_t which) {
    if (locks_.empty()) return;
    const auto at = locks_.begin() + static_cast<std::ptrdiff_t>(which % locks_.size());
    tree_.unlock(at->tree);
    twin_.unlock(at->twin);
    locks_.erase(at);
  }

  void insert(const OwnKey& key, std::uint32_t how) {
    if (key.page_count > device_.size()) evict_device(key.page_count - device_.size());
    if (key.page_count > device_.size()) return;
    const std::vector<PageId> pages = device_.take(key.page_count);
    const InsertOptions options{.is_chunked = (how & 1U) != 0, .priority = 0};
    const Insertion done = tree_.insert(key.key(), pages, options);
    const Insertion twin = twin_.insert(key.key(), other_ids(pages), options);
    RADIXBENCH_CHECK(other_ids(done.duplicate_pages) == twin.duplicate_pages);
    RADIXBENCH_CHECK(done.backups.size() == twin.backups.size());
    device_.give_back(done.duplicate_pages);
    for (std::size_t at = 0; at < done.backups.size(); ++at) {
      // Some fail, and what lies below them then cannot be backed up.
      if (!begin_backup({done.backups[at], twin.backups[at]}, (how & 6U) == 2)) return;
    }
  }
  bool begin_backup(Nodes node, bool fails) {
    const NodeView view = tree_.view(node.tree);
    if (fails || view.page_count > host_.size()) return false;
    if (view.parent != kRootNode && !tree_.view(view.parent).is_on_host) return false;
    const std::vector<PageId> pages = host_.take(view.page_count);
    acks_.push_back(++last_ack_);
    tree_.begin_backup(node.tree, pages, last_ack_);
    twin_.begin_backup(node.twin, other_ids(pages), last_ack_);
    return true;
  }
  void finish_backup(std::uint32_t which) {
    if (acks_.empty()) return;
    const auto at = acks_.begin() + static_cast<std::ptrdiff_t>(which % acks_.size());
    RADIXBENCH_CHECK(tree_.finish_backup(*at).size() == twin_.finish_backup(*at).size());
    acks_.erase(at);
  }

  void evict_device(std::size_t pages) {
    const Eviction freed = tree_.evict_device(pages);
    RADIXBENCH_CHECK(twin_.evict_device(pages).device_pages == other_ids(freed.device_pages));
    RADIXBENCH_CHECK(freed.host_pages.empty());
    device_.give_back(freed.device_pages);
  }
  void evict_host(std::size_t pages) {
    const Eviction freed = tree_.evict_host(pages);
    RADIXBENCH_CHECK(twin_.evict_host(pages).host_pages == other_ids(freed.host_pages));
    host_.give_back(freed.host_pages);
  }

  void load_back(const OwnKey& key) {
    Nodes best{};
    const Match found = match(key, &best);
    if (found.host_pages > device_.size()) return;
    const std::vector<PageId> pages = device_.take(found.host_pages);
    tree_.commit_load_back(tree_.host_only_path(best.tree), pages);
    twin_.commit_load_back(twin_.host_only_path(best.twin), other_ids(pages));
  }

  void insert_host(const OwnKey& above, OwnKey key) {
    Nodes anchor{};
    match(above, &anchor);
    key.name_space = above.name_space;
    if (key.page_count > host_.size()) return;
    const std::vector<PageId> pages = host_.take(key.page_count);
    const HostInsertion done = tree_.insert_host(anchor.tree, key.key(), pages);
    const HostInsertion twin = twin_.insert_host(anchor.twin, key.key(), other_ids(pages));
    RADIXBENCH_CHECK(done.existing_pages == twin.existing_pages);
    RADIXBENCH_CHECK(done.is_dropped == twin.is_dropped);
    host_.give_back({pages.begin(), pages.begin() + done.existing_pages});
  }

  TreeOptions options_;
  PageHasher hasher_;
  RadixTree tree_{options_};
  RadixTree twin_{options_};
  Pool device_{kDevicePages};
  Pool host_{kHostPages};
  std::vector<Nodes> locks_;
  std::vector<std::uint64_t> acks_;
  std::uint64_t last_ack_ = 0;
};

}  // namespace
}  // namespace radixbench

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint32_t kPageTokens[] = {1, 2, 16, 5};
  radixbench::Bytes bytes{data, size};
  const std::uint32_t head = bytes.next();
  radixbench::Twins twins{kPageTokens[head & 3U], (head & 4U) != 0};
  while (!bytes.is_empty()) twins.step(bytes);
  twins.release_all();
  return 0;
}
