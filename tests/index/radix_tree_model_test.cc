// Random operations on the tree, on a twin that is given other page ids, and on the naive model:
// after each the three must agree, in what they answer and in what they hold.

#include "base/random.h"
#include "index/radix_tree.h"
#include "support/naive_radix_model.h"
#include "support/tree_fixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

namespace radixbench {
namespace {

constexpr std::uint32_t kDevicePages = 60;
constexpr std::uint32_t kHostPages = 50;
constexpr std::uint32_t kKeyPagesMax = 14;

// The twin's pages: any bijection of ids under which runs that count don't.
PageId other_id(PageId page) { return page * 7 + 1; }

std::vector<PageId> other_ids(const std::vector<PageId>& pages) {
  std::vector<PageId> other;
  for (const PageId page : pages) other.push_back(other_id(page));
  return other;
}

struct Setting {
  std::uint32_t page_tokens;
  bool stamps_split_remainder;
};

class Trio {
 public:
  Trio(const Setting& setting, std::uint64_t seed)
      : setting_{setting},
        random_{seed, "ops"},
        tree_{options()},
        twin_{options()},
        hasher_{options().hash_seed, setting.page_tokens},
        model_{setting.stamps_split_remainder} {
    for (PageId page = 0; page < kDevicePages; ++page) device_free_.push_back(page);
    for (PageId page = 0; page < kHostPages; ++page) host_free_.push_back(page);
    nodes_[kRootNode] = &model_.root();
  }

  void step() {
    switch (random_.below(12)) {
      case 0:
      case 1: return match();
      case 2:
      case 3:
      case 4: return insert();
      case 5: return unlock_one();
      case 6: return back_up_path();
      case 7: return finish_one_backup();
      case 8: return evict();
      case 9: return host_lock_or_unlock();
      case 10: return load_back();
      default: return insert_host();
    }
  }

  void compare() {
    ASSERT_EQ(tree_.check(), std::nullopt);
    ASSERT_EQ(twin_.check(), std::nullopt);
    ASSERT_EQ(tree_.digest(), twin_.digest());
    TreeCounts counted;
    model_.visit([&](NaiveNode& node) {
      ++counted.node_count;
      counted.device_pages += node.device ? node.pages.size() : 0;
      counted.device_pages_locked += node.locks > 0 ? node.pages.size() : 0;
      counted.host_pages += node.host ? node.pages.size() : 0;
    });
    const TreeCounts held = tree_.counts();
    ASSERT_EQ(held.node_count, counted.node_count);
    ASSERT_EQ(held.device_pages, counted.device_pages);
    ASSERT_EQ(held.device_pages_locked, counted.device_pages_locked);
    ASSERT_EQ(held.host_pages, counted.host_pages);
    ASSERT_EQ(tree_.evictable_device_pages(), counted.device_pages - counted.device_pages_locked);
    for (const auto& [id, node] : nodes_) compare_node(id, *node);
  }

  void release_everything() {
    while (!acks_.empty()) finish_backup(acks_.begin());
    while (!receipts_.empty()) unlock(receipts_.size() - 1);
    while (!host_receipts_.empty()) host_unlock(host_receipts_.size() - 1);
    evict_device(kDevicePages);
    evict_host(kHostPages);
    EXPECT_EQ(tree_.counts().node_count, 0U);
    EXPECT_EQ(device_free_.size(), kDevicePages);
    EXPECT_EQ(host_free_.size(), kHostPages);
  }

 private:
  struct Receipt {
    NodeId id;
    NodeId twin_id;
    NaiveNode* node;
  };
  struct Write {
    NaiveNode* node;
  };

  [[nodiscard]] TreeOptions options() const {
    return {.page_tokens = setting_.page_tokens,
            .hash_seed = 11,
            .has_storage = setting_.page_tokens == 2,
            .stamps_split_remainder = setting_.stamps_split_remainder,
            .counts_digest = true,
            .backup_threshold = 2};
  }

  // Few different pages, so that keys meet, part and end inside one another all the time.
  Tokens random_tokens(std::uint64_t pages_max) {
    Tokens tokens;
    const std::uint64_t pages = random_.below(pages_max + 1);
    for (std::uint64_t page = 0; page < pages; ++page) {
      const auto symbol = static_cast<TokenId>(random_.below(4) < 3 ? 0 : 1 + random_.below(2));
      for (std::uint32_t at = 0; at < setting_.page_tokens; ++at) {
        // Pages differ in their last token only: what looks at less confuses them.
        tokens.push_back(at + 1 == setting_.page_tokens ? symbol : 5);
      }
    }
    for (std::uint64_t rest = random_.below(setting_.page_tokens); rest > 0; --rest) {
      tokens.push_back(5);
    }
    return tokens;
  }
  [[nodiscard]] NaiveKey naive_key(const Tokens& tokens, std::uint32_t name_space) const {
    NaiveKey key{name_space, {}};
    const std::size_t page = setting_.page_tokens;
    for (std::size_t at = 0; at + page <= tokens.size(); at += page) {
      key.pages.emplace_back(tokens.begin() + static_cast<std::ptrdiff_t>(at),
                             tokens.begin() + static_cast<std::ptrdiff_t>(at + page));
    }
    return key;
  }

  std::vector<PageId> take(std::vector<PageId>& pool, std::size_t count) {
    std::vector<PageId> pages;
    // Mostly from one end, so that runs count; at times from the middle, so that they don't.
    for (; count > 0; --count) {
      const std::size_t at = random_.below(8) == 0 ? random_.below(pool.size()) : pool.size() - 1;
      pages.push_back(pool[at]);
      pool.erase(pool.begin() + static_cast<std::ptrdiff_t>(at));
    }
    return pages;
  }
  static void give_back(const std::vector<PageId>& pages, std::vector<PageId>& pool) {
    pool.insert(pool.end(), pages.begin(), pages.end());
  }

  // Splits gave the model new nodes; the trees' ids for them are found from below.
  void learn(NodeId id, NaiveNode* node) {
    while (id != kRootNode && (!nodes_.contains(id) || nodes_[id] != node)) {
      nodes_[id] = node;
      id = tree_.view(id).parent;
      node = node->parent;
    }
  }
  void learn_all() {
    // Each node that is known knows its parent; a split's upper part is one.
    const std::map<NodeId, NaiveNode*> known = nodes_;
    for (const auto& [id, node] : known) {
      if (id != kRootNode) learn(tree_.view(id).parent, node->parent);
    }
  }
  void forget(NaiveNode* node) {
    std::erase_if(nodes_, [&](const auto& entry) { return entry.second == node; });
  }

  Match match_key(const Tokens& tokens, std::uint32_t space, NodeId* twin_node, NaiveMatch* model) {
    const OwnedKey key{options(), hasher_, tokens, space};
    const Match seen = tree_.peek(key.key());
    const Match found = tree_.match(key.key());
    const Match twin = twin_.match(key.key());
    *model = model_.match(naive_key(tokens, space));
    EXPECT_EQ(seen.device_pages, found.device_pages);
    EXPECT_EQ(seen.host_pages, found.host_pages);
    EXPECT_EQ(found.device_pages, model->device_pages);
    EXPECT_EQ(found.host_pages, model->host_pages);
    EXPECT_EQ(twin.device_pages, model->device_pages);
    learn(found.best_node, model->best_node);
    learn(found.device_node, model->device_node);
    learn_all();
    *twin_node = twin.best_node;
    std::vector<PageId> pages;
    tree_.gather_device(found.device_node, pages);
    EXPECT_EQ(pages.size(), found.device_pages);
    return found;
  }

  void match() {
    NodeId twin = kNoNode;
    NaiveMatch model;
    const Match found = match_key(random_tokens(kKeyPagesMax), space(), &twin, &model);
    if (random_.below(2) == 0) return;
    const std::uint64_t before = tree_.digest();
    const NodeId id = tree_.lock(found.best_node);
    receipts_.push_back({id, twin_.lock(twin), &model_.lock(*model.best_node)});
    EXPECT_EQ(nodes_.at(id), receipts_.back().node);
    EXPECT_EQ(tree_.digest() == before, id == kRootNode);
  }

  void insert() {
    const Tokens tokens = random_tokens(kKeyPagesMax);
    const std::uint32_t name_space = space();
    const std::size_t count = tokens.size() / setting_.page_tokens;
    if (count > device_free_.size()) evict_device(count - device_free_.size());
    if (count > device_free_.size()) return;
    const OwnedKey key{options(), hasher_, tokens, name_space};
    const Match held = tree_.peek(key.key());
    const InsertOptions how{
        .private_from_page = static_cast<std::uint32_t>(random_.below(held.device_pages + 1)),
        .is_chunked = random_.below(3) == 0,
        .priority = static_cast<std::int32_t>(random_.below(3))};
    // Those before private_from_page are not ours to give: any id does.
    std::vector<PageId> pages(how.private_from_page, 9999);
    const auto fresh = take(device_free_, count - how.private_from_page);
    pages.insert(pages.end(), fresh.begin(), fresh.end());
    const auto model = model_.insert(naive_key(tokens, name_space),
                                     pages,
                                     how.private_from_page,
                                     how.is_chunked,
                                     how.priority,
                                     2);
    const Insertion done = tree_.insert(key.key(), pages, how);
    const Insertion twin = twin_.insert(key.key(), other_ids(pages), how);
    EXPECT_EQ(done.existing_pages, model.existing);
    EXPECT_EQ(done.duplicate_pages, model.duplicates);
    EXPECT_EQ(twin.duplicate_pages, other_ids(model.duplicates));
    learn(done.node, model.node);
    learn_all();
    std::vector<NaiveNode*> backups;
    for (const NodeId id : done.backups) backups.push_back(nodes_.at(id));
    EXPECT_EQ(backups, model.backups);
    give_back(done.duplicate_pages, device_free_);
  }

  void unlock_one() {
    if (!receipts_.empty()) unlock(random_.below(receipts_.size()));
  }
  void unlock(std::size_t at) {
    const Receipt receipt = receipts_[at];
    receipts_.erase(receipts_.begin() + static_cast<std::ptrdiff_t>(at));
    tree_.unlock(receipt.id);
    twin_.unlock(receipt.twin_id);
    model_.unlock(*receipt.node);
  }

  // Parent first, as far as pages and luck go.
  void back_up_path() {
    NodeId twin = kNoNode;
    NaiveMatch model;
    const Match found = match_key(random_tokens(kKeyPagesMax), space(), &twin, &model);
    std::vector<NodeId> path;
    for (NodeId id = found.device_node; id != kRootNode; id = tree_.view(id).parent) {
      path.insert(path.begin(), id);
    }
    for (const NodeId id : path) {
      NaiveNode* node = nodes_.at(id);
      if (node->host) continue;
      if (node->pages.size() > host_free_.size() || random_.below(5) == 0) return;
      const std::vector<PageId> pages = take(host_free_, node->pages.size());
      ++last_ack_;
      tree_.begin_backup(id, pages, last_ack_);
      twin_.begin_backup(twin_of(node), other_ids(pages), last_ack_);
      model_.begin_backup(*node, pages, last_ack_);
      acks_[last_ack_] = {node};
    }
  }

  void finish_one_backup() {
    if (acks_.empty()) return;
    finish_backup(
        std::next(acks_.begin(), static_cast<std::ptrdiff_t>(random_.below(acks_.size()))));
  }
  void finish_backup(std::map<std::uint64_t, Write>::iterator write) {
    const std::uint64_t ack = write->first;
    const auto pieces = model_.finish_backup(*write->second.node, ack);
    acks_.erase(write);
    std::vector<NaiveNode*> published;
    for (const NodeId id : tree_.finish_backup(ack)) published.push_back(nodes_.at(id));
    EXPECT_EQ(published, pieces);
    EXPECT_EQ(twin_.finish_backup(ack).size(), pieces.size());
  }

  void evict() {
    if (random_.below(3) == 0) return evict_host(1 + random_.below(12));
    evict_device(1 + random_.below(20));
  }
  void evict_device(std::size_t pages) {
    const auto expected = model_.evict_device(pages, [this](NaiveNode* node) { forget(node); });
    const Eviction freed = tree_.evict_device(pages);
    const Eviction twin = twin_.evict_device(pages);
    EXPECT_EQ(freed.device_pages, expected);
    EXPECT_EQ(twin.device_pages, other_ids(expected));
    EXPECT_TRUE(freed.host_pages.empty());
    give_back(expected, device_free_);
  }
  void evict_host(std::size_t pages) {
    const auto expected = model_.evict_host(pages, [this](NaiveNode* node) { forget(node); });
    EXPECT_EQ(tree_.evict_host(pages).host_pages, expected);
    EXPECT_EQ(twin_.evict_host(pages).host_pages, other_ids(expected));
    give_back(expected, host_free_);
  }

  void host_lock_or_unlock() {
    if (!host_receipts_.empty() && random_.below(2) == 0) {
      return host_unlock(random_.below(host_receipts_.size()));
    }
    NodeId twin = kNoNode;
    NaiveMatch model;
    const Match found = match_key(random_tokens(kKeyPagesMax), space(), &twin, &model);
    const NodeId receipt = tree_.host_lock(found.best_node);
    EXPECT_EQ(receipt != kNoNode, model.best_node->host.has_value());
    const NodeId twin_receipt = twin_.host_lock(twin);
    if (receipt == kNoNode) return;
    ++model.best_node->host_locks;
    host_receipts_.push_back({receipt, twin_receipt, model.best_node});
  }
  void host_unlock(std::size_t at) {
    const Receipt receipt = host_receipts_[at];
    host_receipts_.erase(host_receipts_.begin() + static_cast<std::ptrdiff_t>(at));
    tree_.host_unlock(receipt.id);
    twin_.host_unlock(receipt.twin_id);
    --receipt.node->host_locks;
  }

  void load_back() {
    NodeId twin = kNoNode;
    NaiveMatch model;
    const Match found = match_key(random_tokens(kKeyPagesMax), space(), &twin, &model);
    // Others may be used in between: the loaded nodes need not be the newest.
    if (random_.below(2) == 0) match();
    const std::vector<NodeId> path = tree_.host_only_path(found.best_node);
    if (found.host_pages > device_free_.size()) return;
    const std::vector<PageId> pages = take(device_free_, found.host_pages);
    std::size_t at = 0;
    for (const NodeId id : path) {
      NaiveNode* node = nodes_.at(id);
      node->device = NaiveRadixModel::slice(pages, at, at + node->pages.size());
      at += node->pages.size();
    }
    EXPECT_EQ(at, pages.size());
    tree_.commit_load_back(path, pages);
    twin_.commit_load_back(twin_.host_only_path(twin), other_ids(pages));
  }

  void insert_host() {
    NodeId twin = kNoNode;
    NaiveMatch model;
    const std::uint32_t name_space = space();
    const Match found = match_key(random_tokens(5), name_space, &twin, &model);
    const Tokens tokens = random_tokens(6);
    const NaiveKey naive = naive_key(tokens, name_space);
    if (naive.pages.size() > host_free_.size()) return;
    const std::vector<PageId> pages = take(host_free_, naive.pages.size());
    const OwnedKey key{options(), hasher_, tokens, name_space};
    // As prefetches do: others use the tree while the pages are on their way.
    if (random_.below(2) == 0) match();
    const auto expected = model_.insert_host(*model.best_node, naive, pages);
    const HostInsertion done = tree_.insert_host(found.best_node, key.key(), pages);
    twin_.insert_host(twin, key.key(), other_ids(pages));
    EXPECT_EQ(done.existing_pages, expected.existing);
    EXPECT_EQ(done.is_dropped, expected.is_dropped);
    EXPECT_EQ(done.node == kNoNode, expected.node == nullptr);
    if (expected.node != nullptr) learn(done.node, expected.node);
    learn_all();
    give_back(NaiveRadixModel::slice(pages, 0, expected.existing), host_free_);
  }

  // By its path: the twin need not number its nodes alike.
  NodeId twin_of(NaiveNode* node) {
    Tokens tokens;
    for (NaiveNode* up = node; up->parent != nullptr; up = up->parent) {
      for (auto page = up->pages.rbegin(); page != up->pages.rend(); ++page) {
        tokens.insert(tokens.begin(), page->begin(), page->end());
      }
    }
    return twin_.peek(OwnedKey{options(), hasher_, tokens, node->name_space}.key()).best_node;
  }

  void compare_node(NodeId id, NaiveNode& node) {
    if (id == kRootNode) return;
    const NodeView view = tree_.view(id);
    ASSERT_EQ(view.page_count, node.pages.size());
    ASSERT_EQ(view.is_on_device, node.device.has_value());
    ASSERT_EQ(view.is_on_host, node.host.has_value());
    ASSERT_EQ(view.lock_count, node.locks);
    ASSERT_EQ(view.host_lock_count, node.host_locks);
    ASSERT_EQ(view.hit_count, node.hits);
    ASSERT_EQ(view.pending_write, node.pending);
    std::vector<PageId> pages;
    if (node.device) tree_.append_device_pages(id, pages);
    ASSERT_TRUE(!node.device || without_foreign(pages) == without_foreign(*node.device));
    pages.clear();
    if (node.host) tree_.append_host_pages(id, pages);
    ASSERT_TRUE(!node.host || pages == *node.host);
  }
  static std::vector<PageId> without_foreign(std::vector<PageId> pages) {
    std::erase(pages, 9999);
    return pages;
  }

  std::uint32_t space() { return random_.below(5) == 0 ? 3 : 0; }

  Setting setting_;
  Random random_;
  RadixTree tree_;
  RadixTree twin_;
  PageHasher hasher_;
  NaiveRadixModel model_;
  std::map<NodeId, NaiveNode*> nodes_;
  std::vector<PageId> device_free_;
  std::vector<PageId> host_free_;
  std::vector<Receipt> receipts_;
  std::vector<Receipt> host_receipts_;
  std::map<std::uint64_t, Write> acks_;
  std::uint64_t last_ack_ = 0;
};

class RadixTreeModelTest : public testing::TestWithParam<Setting> {};

TEST_P(RadixTreeModelTest, AgreesWithTheModelAfterEveryStep) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Trio trio{GetParam(), seed};
    for (int step = 0; step < 1500; ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      trio.step();
      trio.compare();
      if (HasFailure()) return;
    }
    trio.release_everything();
    trio.compare();
  }
}

INSTANTIATE_TEST_SUITE_P(Settings,
                         RadixTreeModelTest,
                         testing::Values(Setting{1, false},
                                         Setting{1, true},
                                         Setting{2, false},
                                         Setting{3, true},
                                         Setting{16, false},
                                         Setting{64, true}),
                         [](const auto& row) {
                           return "Page" + std::to_string(row.param.page_tokens) +
                                  (row.param.stamps_split_remainder ? "Stamped" : "");
                         });

}  // namespace
}  // namespace radixbench
