#pragma once

#include "base/ids.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace radixbench {

using NaivePage = std::vector<TokenId>;

struct NaiveNode {
  NaiveNode* parent = nullptr;
  std::vector<std::unique_ptr<NaiveNode>> children;
  std::uint32_t name_space = 0;
  std::vector<NaivePage> pages;
  std::optional<std::vector<PageId>> device;
  std::optional<std::vector<PageId>> host;
  std::uint32_t locks = 0;
  std::uint32_t host_locks = 0;
  std::uint32_t hits = 0;
  std::int32_t priority = 0;
  std::uint64_t pending = 0;
  double access = 0;
};

struct NaiveKey {
  std::uint32_t name_space = 0;
  std::vector<NaivePage> pages;
};

struct NaiveMatch {
  std::uint32_t device_pages = 0;
  std::uint32_t host_pages = 0;
  NaiveNode* device_node = nullptr;
  NaiveNode* best_node = nullptr;
};

// What cache-behaviour 1 says of the FULL component, word by word and without a thought for speed:
// tokens everywhere, children searched one by one, times as SGLang keeps them, the node to evict
// found by looking at all of them.
class NaiveRadixModel {
 public:
  explicit NaiveRadixModel(bool stamps_split_remainder)
      : stamps_split_remainder_{stamps_split_remainder} {
    root_.device.emplace();
  }

  NaiveNode& root() { return root_; }

  NaiveMatch match(const NaiveKey& key) {
    NaiveMatch found{0, 0, &root_, &root_};
    std::size_t at = 0;
    while (NaiveNode* child = step_down(*found.best_node, key, at)) {
      at += child->pages.size();
      found.best_node = child;
      if (!child->device) continue;
      found.device_node = child;
      found.device_pages = static_cast<std::uint32_t>(at);
    }
    found.host_pages = static_cast<std::uint32_t>(at) - found.device_pages;
    double time = tick();
    for (NaiveNode* node = found.best_node; node != &root_; node = node->parent) {
      node->access = time;
      time -= 0.00001;
    }
    return found;
  }

  struct Inserted {
    std::size_t existing = 0;
    NaiveNode* node = nullptr;
    std::vector<PageId> duplicates;
    std::vector<NaiveNode*> backups;
  };
  Inserted insert(const NaiveKey& key,
                  const std::vector<PageId>& device,
                  std::size_t private_from,
                  bool is_chunked,
                  std::int32_t priority,
                  std::uint32_t threshold) {
    Inserted done;
    done.node = &root_;
    const auto count_hit = [&](NaiveNode& node) {
      if (is_chunked) return;
      ++node.hits;
      if (threshold > 0 && node.hits >= threshold && !node.host) done.backups.push_back(&node);
    };
    while (NaiveNode* child = step_down(*done.node, key, done.existing)) {
      child->access = tick();
      child->priority = std::max(child->priority, priority);
      const std::size_t end = done.existing + child->pages.size();
      if (!child->device) {
        child->device = slice(device, done.existing, end);
      } else {
        for (std::size_t page = done.existing; page < end; ++page) {
          if (page >= private_from) done.duplicates.push_back(device[page]);
        }
      }
      count_hit(*child);
      done.existing = end;
      done.node = child;
    }
    if (done.existing < key.pages.size()) {
      done.node = &add_leaf(*done.node, key, done.existing);
      done.node->priority = priority;
      done.node->device = slice(device, done.existing, device.size());
      count_hit(*done.node);
    }
    return done;
  }

  struct HostInserted {
    std::size_t existing = 0;
    NaiveNode* node = nullptr;
    bool is_dropped = false;
  };
  HostInserted insert_host(NaiveNode& anchor,
                           const NaiveKey& key,
                           const std::vector<PageId>& host) {
    anchor.access = tick();
    HostInserted done;
    NaiveNode* last = &anchor;
    while (NaiveNode* child = step_down(*last, key, done.existing)) {
      child->access = tick();
      done.existing += child->pages.size();
      last = child;
    }
    if (done.existing == key.pages.size()) {
      if (done.existing > 0 && last->host) done.node = last;
    } else if (last != &root_ && !last->host) {
      done.is_dropped = true;
      done.existing = key.pages.size();
    } else {
      done.node = &add_leaf(*last, key, done.existing);
      done.node->priority = last->priority;
      done.node->host = slice(host, done.existing, host.size());
    }
    return done;
  }

  NaiveNode& lock(NaiveNode& node) {
    NaiveNode* first = &node;
    while (!first->device) first = first->parent;
    for (NaiveNode* up = first; up != &root_; up = up->parent) ++up->locks;
    return *first;
  }
  void unlock(NaiveNode& node) {
    for (NaiveNode* up = &node; up != &root_; up = up->parent) --up->locks;
  }

  void begin_backup(NaiveNode& node, const std::vector<PageId>& host, std::uint64_t ack) {
    node.host = host;
    node.pending = ack;
    lock(node);
  }
  std::vector<NaiveNode*> finish_backup(NaiveNode& node, std::uint64_t ack) {
    std::vector<NaiveNode*> pieces;
    for (NaiveNode* up = &node; up->pending == ack; up = up->parent) {
      pieces.insert(pieces.begin(), up);
      up->pending = 0;
    }
    unlock(node);
    return pieces;
  }

  // Pages freed, in the order of eviction; `gone` hears of nodes before they leave the tree.
  std::vector<PageId> evict_device(std::size_t pages, const std::function<void(NaiveNode*)>& gone) {
    std::vector<PageId> freed;
    while (freed.size() < pages) {
      NaiveNode* victim = oldest([](const NaiveNode& node) {
        const auto on_device = [](const auto& child) { return child->device.has_value(); };
        return node.device && node.locks == 0 &&
               std::none_of(node.children.begin(), node.children.end(), on_device);
      });
      if (victim == nullptr) break;
      freed.insert(freed.end(), victim->device->begin(), victim->device->end());
      victim->device.reset();
      if (!victim->host) remove(*victim, gone);
    }
    return freed;
  }
  std::vector<PageId> evict_host(std::size_t pages, const std::function<void(NaiveNode*)>& gone) {
    std::vector<PageId> freed;
    while (freed.size() < pages) {
      NaiveNode* victim = oldest([](const NaiveNode& node) {
        return !node.device && node.host_locks == 0 && node.children.empty();
      });
      if (victim == nullptr) break;
      freed.insert(freed.end(), victim->host->begin(), victim->host->end());
      remove(*victim, gone);
    }
    return freed;
  }

  void visit(const std::function<void(NaiveNode&)>& see) { visit_below(root_, see); }

  static std::vector<PageId> slice(const std::vector<PageId>& ids,
                                   std::size_t from,
                                   std::size_t to) {
    return {ids.begin() + static_cast<std::ptrdiff_t>(from),
            ids.begin() + static_cast<std::ptrdiff_t>(to)};
  }

 private:
  double tick() { return clock_ += 1.0; }

  NaiveNode* step_down(NaiveNode& node, const NaiveKey& key, std::size_t at) {
    if (at == key.pages.size()) return nullptr;
    for (auto& child : node.children) {
      if (child->name_space != key.name_space) continue;
      std::size_t common = 0;
      while (common < child->pages.size() && at + common < key.pages.size() &&
             child->pages[common] == key.pages[at + common]) {
        ++common;
      }
      if (common > 0) return common < child->pages.size() ? &split(child, common) : child.get();
    }
    return nullptr;
  }

  NaiveNode& split(std::unique_ptr<NaiveNode>& place, std::size_t count) {
    std::unique_ptr<NaiveNode> lower = std::move(place);
    place = std::make_unique<NaiveNode>();
    NaiveNode& upper = *place;
    upper.parent = lower->parent;
    upper.name_space = lower->name_space;
    upper.locks = lower->locks;
    upper.hits = lower->hits;
    upper.priority = lower->priority;
    upper.pending = lower->pending;
    upper.access = lower->access;
    const auto middle = lower->pages.begin() + static_cast<std::ptrdiff_t>(count);
    upper.pages.assign(lower->pages.begin(), middle);
    lower->pages.erase(lower->pages.begin(), middle);
    for (auto tier : {&NaiveNode::device, &NaiveNode::host}) {
      if (!((*lower).*tier)) continue;
      std::vector<PageId>& ids = *((*lower).*tier);
      upper.*tier = slice(ids, 0, count);
      ids.erase(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count));
    }
    lower->parent = &upper;
    if (stamps_split_remainder_) lower->access = tick();
    upper.children.push_back(std::move(lower));
    return upper;
  }

  NaiveNode& add_leaf(NaiveNode& parent, const NaiveKey& key, std::size_t at) {
    auto leaf = std::make_unique<NaiveNode>();
    leaf->parent = &parent;
    leaf->name_space = key.name_space;
    leaf->pages.assign(key.pages.begin() + static_cast<std::ptrdiff_t>(at), key.pages.end());
    leaf->access = tick();
    parent.children.push_back(std::move(leaf));
    return *parent.children.back();
  }

  NaiveNode* oldest(const std::function<bool(const NaiveNode&)>& may_go) {
    NaiveNode* found = nullptr;
    visit([&](NaiveNode& node) {
      if (may_go(node) && (found == nullptr || node.access < found->access)) found = &node;
    });
    return found;
  }

  static void remove(NaiveNode& node, const std::function<void(NaiveNode*)>& gone) {
    gone(&node);
    auto& siblings = node.parent->children;
    std::erase_if(siblings, [&](const auto& child) { return child.get() == &node; });
  }

  static void visit_below(NaiveNode& node, const std::function<void(NaiveNode&)>& see) {
    for (auto& child : node.children) {
      see(*child);
      visit_below(*child, see);
    }
  }

  bool stamps_split_remainder_;
  NaiveNode root_;
  double clock_ = 1.0;
};

}  // namespace radixbench
