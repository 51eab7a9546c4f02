#pragma once

#include "tier/storage.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <vector>

namespace radixbench {

// A storage that holds what it is told to, some of it torn. Pages have no bytes of their own: a
// read fills with what was written, or leaves the page alone.
class ScriptedStorage final : public Storage {
 public:
  void hold(std::span<const Sha256Digest> hashes) {
    const std::lock_guard lock{mutex_};
    held_.insert(hashes.begin(), hashes.end());
  }
  void tear(const Sha256Digest& hash) {
    const std::lock_guard lock{mutex_};
    torn_.insert(hash);
  }
  [[nodiscard]] std::size_t size() {
    const std::lock_guard lock{mutex_};
    return held_.size();
  }

  bool exists(const Sha256Digest& hash) override {
    const std::lock_guard lock{mutex_};
    return held_.contains(hash);
  }
  PageRead read(const Sha256Digest& hash, std::span<std::byte> page) override {
    const std::lock_guard lock{mutex_};
    if (!held_.contains(hash)) return PageRead::kMissing;
    if (torn_.contains(hash)) return PageRead::kTorn;
    const auto written = bytes_.find(hash);
    if (written != bytes_.end()) std::ranges::copy(written->second, page.begin());
    return PageRead::kRead;
  }
  bool write(const Sha256Digest& hash, std::span<const std::byte> page) override {
    const std::lock_guard lock{mutex_};
    held_.insert(hash);
    bytes_.try_emplace(hash, page.begin(), page.end());
    return true;
  }
  [[nodiscard]] StorageCounts counts() const override { return {}; }

 private:
  std::mutex mutex_;
  std::set<Sha256Digest> held_;
  std::set<Sha256Digest> torn_;
  std::map<Sha256Digest, std::vector<std::byte>> bytes_;
};

}  // namespace radixbench
