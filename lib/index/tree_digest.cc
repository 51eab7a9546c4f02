#include "index/tree_digest.h"

#include "base/random.h"

#include <cstring>

namespace radixbench {
namespace {

constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15ULL;
constexpr std::uint64_t kOdd = 0xD6E8FEB86659FD93ULL;

__extension__ using Wide = unsigned __int128;

std::uint64_t fold(std::uint64_t left, std::uint64_t right) {
  const Wide product = static_cast<Wide>(left) * right;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

std::uint64_t chain(std::uint64_t hash, std::uint64_t value) {
  return mix64((hash ^ value) * kOdd + kStep);
}

}  // namespace

std::uint64_t TreeDigest::prolong(std::uint64_t from,
                                  const std::uint32_t* page,
                                  std::size_t words) {
  std::uint64_t hash = from + kStep;
  for (std::size_t at = 0; at < words; ++at) {
    std::uint32_t word = 0;
    std::memcpy(&word, page + at, sizeof word);  // a page hash wasn't written as words
    hash = fold(hash ^ word, kOdd) + kStep;
  }
  return hash;
}

std::uint64_t TreeDigest::root_path(std::uint32_t name_space) { return mix64(name_space + kStep); }

void TreeDigest::add_newest(std::uint32_t node, std::uint64_t path) {
  entry_of_new(node, path);
  link_newest(node);
}

void TreeDigest::add_beside(std::uint32_t upper, std::uint32_t lower, std::uint64_t path) {
  Entry& added = entry_of_new(upper, path);
  added.older = lower;
  added.newer = entries_[lower].newer;
  (added.newer != 0 ? entries_[added.newer].older : newest_) = upper;
  entries_[lower].newer = upper;
  mark(lower);
}

void TreeDigest::remove(std::uint32_t node) {
  unlink(node);
  sum_ -= entries_[node].part;
  const bool is_marked = entries_[node].is_marked;  // marked_ names it still
  entries_[node] = Entry{};
  entries_[node].is_marked = is_marked;
}

void TreeDigest::touch(std::uint32_t node) {
  mark(node);
  if (newest_ == node) return;
  unlink(node);
  link_newest(node);
}

void TreeDigest::mark(std::uint32_t node) {
  if (entries_[node].is_marked) return;
  entries_[node].is_marked = true;
  marked_.push_back(node);
}

std::uint64_t TreeDigest::value(const NodeArray& nodes) {
  for (const std::uint32_t node : marked_) {
    Entry& entry = entries_[node];
    entry.is_marked = false;
    if (!entry.is_live) continue;
    sum_ -= entry.part;
    entry.part = part_of(nodes, node);
    sum_ += entry.part;
  }
  marked_.clear();
  return mix64(sum_ + kStep);
}

std::uint64_t TreeDigest::recomputed(const NodeArray& nodes) const {
  std::uint64_t sum = 0;
  for (std::uint32_t node = 1; node < entries_.size(); ++node) {
    if (entries_[node].is_live) sum += part_of(nodes, node);
  }
  return mix64(sum + kStep);
}

std::size_t TreeDigest::bytes() const {
  return entries_.capacity() * sizeof(Entry) + marked_.capacity() * sizeof(std::uint32_t);
}

TreeDigest::Entry& TreeDigest::entry_of_new(std::uint32_t node, std::uint64_t path) {
  if (node >= entries_.size()) entries_.resize(node + std::size_t{1});
  Entry& entry = entries_[node];
  entry.path = path;
  entry.is_live = true;
  mark(node);
  return entries_[node];
}

void TreeDigest::link_newest(std::uint32_t node) {
  entries_[node].newer = 0;
  entries_[node].older = newest_;
  if (newest_ != 0) {
    entries_[newest_].newer = node;
    mark(newest_);
  }
  newest_ = node;
}

void TreeDigest::unlink(std::uint32_t node) {
  const Entry gone = entries_[node];
  (gone.newer != 0 ? entries_[gone.newer].older : newest_) = gone.older;
  if (gone.older == 0) return;
  entries_[gone.older].newer = gone.newer;
  mark(gone.older);
}

std::uint64_t TreeDigest::part_of(const NodeArray& nodes, std::uint32_t node) const {
  const Entry& entry = entries_[node];
  const TreeNode& held = nodes[node];
  const std::uint64_t parent = held.parent == 0 ? 0 : entries_[held.parent].path;
  const std::uint64_t next = entry.newer == 0 ? 0 : entries_[entry.newer].path;
  const std::uint64_t flags = (held.is_on_device ? 1U : 0U) | (held.is_on_host ? 2U : 0U) |
                              (held.pending_write != 0 ? 4U : 0U);
  std::uint64_t part = chain(entry.path, parent);
  part = chain(part, next);
  part = chain(part, (std::uint64_t{held.lock_count} << 32U) | held.host_lock_count);
  part = chain(part,
               (std::uint64_t{held.hit_count} << 32U) | static_cast<std::uint32_t>(held.priority));
  return chain(part, flags);
}

}  // namespace radixbench
