// check() is what fuzzing relies on: each fault planted here must be told from none.

#include "index/radix_tree_impl.h"
#include "support/tree_fixture.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace radixbench {

class RadixTreeProbe {
 public:
  static RadixTree::Impl& open(RadixTree& tree) { return *tree.impl_; }
};

namespace {

struct Fault {
  std::string name;
  std::function<void(RadixTree::Impl&, NodeId)> plant;  // on the node of {1, 2, 3, 4}
};

void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

class PlantedFaultTest : public testing::TestWithParam<Fault> {
 protected:
  // {1, 2} on both tiers above {3, 4}, which a backup holds, and {7}; {9} on the host only.
  void SetUp() override {
    cache_.back_up_path(cache_.insert({9}).node);
    cache_.evict_device(1);
    node_ = cache_.insert({1, 2, 3, 4}).node;
    cache_.insert({1, 2, 7});
    cache_.back_up_path(cache_.match({1, 2}).best_node);
    cache_.tree().begin_backup(node_, std::vector<PageId>{50, 60}, 77);
    ASSERT_EQ(cache_.tree().check(), std::nullopt);
  }

  CachedTree cache_{{.page_tokens = 1, .counts_digest = true}, 100, 40};
  NodeId node_ = kNoNode;
};

TEST_P(PlantedFaultTest, IsNoticed) {
  GetParam().plant(RadixTreeProbe::open(cache_.tree()), node_);
  EXPECT_NE(cache_.tree().check(), std::nullopt);
}

using Impl = RadixTree::Impl;

const std::vector<Fault> kFaults = {
    {"LockLost",
     [](Impl& tree, NodeId node) { tree.nodes[tree.nodes[node].parent].lock_count = 0; }},
    {"LockTooFew", [](Impl& tree, NodeId node) { ++tree.nodes[node].lock_count; }},
    {"OnNoTier", [](Impl& tree, NodeId) { tree.nodes[1].is_on_host = false; }},
    {"ParentOffDevice",
     [](Impl& tree, NodeId node) { tree.nodes[tree.nodes[node].parent].is_on_device = false; }},
    {"ParentNotBackedUp",
     [](Impl& tree, NodeId node) { tree.nodes[tree.nodes[node].parent].is_on_host = false; }},
    {"DevicePagesMiscounted", [](Impl& tree, NodeId) { ++tree.counts.device_pages; }},
    {"LockedPagesMiscounted", [](Impl& tree, NodeId) { --tree.counts.device_pages_locked; }},
    {"HostPagesMiscounted", [](Impl& tree, NodeId) { ++tree.counts.host_pages; }},
    {"NodesMiscounted", [](Impl& tree, NodeId) { ++tree.counts.node_count; }},
    {"ChildMiscounted",
     [](Impl& tree, NodeId node) { ++tree.nodes[tree.nodes[node].parent].child_count; }},
    {"DeviceChildMiscounted",
     [](Impl& tree, NodeId node) { --tree.nodes[tree.nodes[node].parent].device_child_count; }},
    {"NotInTheChildTable",
     [](Impl& tree, NodeId node) { tree.children.erase(tree.nodes[node].child_hash, node); }},
    {"WrongParent", [](Impl& tree, NodeId node) { tree.nodes[node].parent = kRootNode; }},
    {"ParentIsItsChild",
     [](Impl& tree, NodeId node) { tree.nodes[tree.nodes[node].parent].parent = node; }},
    {"CandidateParked",
     [](Impl& tree, NodeId) {
       tree.host_queue.remove(1);
       tree.nodes[1].place = QueuePlace::kParked;
     }},
    {"NotInItsQueue", [](Impl& tree, NodeId node) { tree.device_queue.remove(node); }},
    {"ReadyButNotInTheHeap",
     [](Impl& tree, NodeId node) {
       tree.device_queue.remove(node);
       tree.nodes[node].place = QueuePlace::kReady;
     }},
    {"ListedOutOfOrder",
     [](Impl& tree, NodeId node) { tree.nodes[tree.nodes[node].parent].stamp = 1; }},
    {"AccessedInTheFuture", [](Impl& tree, NodeId node) { tree.nodes[node].stamp = 1U << 20U; }},
    {"PendingForgotten", [](Impl& tree, NodeId) { tree.pending.clear(); }},
    {"PendingNotMarked", [](Impl& tree, NodeId node) { tree.nodes[node].pending_write = 0; }},
    {"ReferenceLeaked",
     [](Impl& tree, NodeId node) { PayloadArena::add_reference(tree.nodes[node].key_block); }},
    {"PayloadLeaked", [](Impl& tree, NodeId) { tree.arena.take(8); }},
    {"OtherNamespace", [](Impl& tree, NodeId node) { tree.nodes[node].name_space = 5; }},
    {"HostLockWithoutCopy",
     [](Impl& tree, NodeId node) {
       tree.nodes[node].is_on_host = false;
       tree.nodes[node].host_lock_count = 1;
     }},
    {"KeyChanged",
     [](Impl& tree, NodeId node) { tree.nodes[node].key_block->payload()[8] ^= std::byte{1}; }},
    {"DigestMissedAChange",
     [](Impl& tree, NodeId node) {
       static_cast<void>(tree.digest->value(tree.nodes));
       ++tree.nodes[node].hit_count;
     }},
};

INSTANTIATE_TEST_SUITE_P(EachInvariant,
                         PlantedFaultTest,
                         testing::ValuesIn(kFaults),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace radixbench
