#pragma once

#include "comm/communicator.h"
#include "comm/observed_communicator.h"
#include "control/cache_controller.h"
#include "engine/rank_groups.h"
#include "layout/layout.h"
#include "layout/sites.h"
#include "support/scripted_storage.h"
#include "support/tree_fixture.h"
#include "tier/page_pool.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace radixbench {

constexpr std::int64_t kMillisecond = 1'000'000;

// One call on a group, as it was entered.
struct HeardCall {
  Site site;
  CallKind kind;
  std::string group;
  std::vector<Rank> members;
  std::uint64_t key;
  std::uint32_t element_count;
};

class CallLog final : public CallObserver {
 public:
  void entered(const CallRecord& record) override {
    const std::lock_guard lock{mutex_};
    calls_.push_back({static_cast<Site>(record.call.site),
                      record.kind,
                      record.group->name,
                      record.group->members,
                      record.call.key,
                      record.element_count});
  }
  void left(const CallRecord&) override {}
  // Those since the last time, in order.
  std::vector<HeardCall> take() {
    const std::lock_guard lock{mutex_};
    return std::exchange(calls_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<HeardCall> calls_;
};

// What all ranks of a world are made with. Equally fast unless skewed: no jitter.
struct CacheWorldOptions {
  std::string layout = "tp1";
  AgreementKind agreement = AgreementKind::kAttnGroups;
  Rules rules{};
  PrefetchPolicy policy = PrefetchPolicy::kWaitComplete;
  std::uint32_t page_tokens = 64;
  std::size_t device_pages = 64;
  std::size_t host_pages = 256;
  LatencyOptions latency{};
  std::vector<RankSkew> skews{};  // one a rank, or none at all
  BackgroundTiming timing{ClockMode::kVirtual, std::chrono::seconds{10}};
  std::chrono::nanoseconds deadline = std::chrono::seconds{10};
  std::function<std::unique_ptr<HostAllocator>(Rank, std::unique_ptr<HostAllocator>)>
      wrap_host_allocator{};
};

// One rank with real groups, tiers and controllers, over a storage that the test fills.
class CacheRank {
 public:
  CacheRank(const CacheWorldOptions& options, const Layout& layout, Fabric& fabric);

  // Time goes on to `now_ns`, and the step's events are checked.
  Result<void> step(std::int64_t now_ns);
  // As the engine keeps a request: device pages for all of it, and copies of what is new. False
  // where the device has no room.
  bool keep(const Tokens& tokens);
  void start_prefetch(RequestId request, const Tokens& tokens);
  // Fails the test where the collectives do.
  bool check_progress(RequestId request);
  // Puts the first `pages` of `tokens` into this rank's storage.
  void store(const Tokens& tokens, std::size_t pages);
  // Tears page `page` of them.
  void tear(const Tokens& tokens, std::size_t page);
  [[nodiscard]] OwnedKey key(const Tokens& tokens) const;
  [[nodiscard]] Match peek(const Tokens& tokens) { return cache->tree().peek(key(tokens).key()); }
  // Tokens that only the host holds of it.
  [[nodiscard]] std::uint32_t host_tokens(const Tokens& tokens) {
    return peek(tokens).host_pages * page_tokens_;
  }
  [[nodiscard]] const ControlCounts& counts() const { return cache->context().counts; }

  Rank rank;
  CallLog scheduler_calls;
  CallLog prefetch_calls;
  RankGroups groups;
  ScriptedStorage storage;
  std::unique_ptr<PagePool> device;
  std::unique_ptr<PagePool> host;
  LatencyModel latency;
  Agreement agreement;
  std::unique_ptr<CacheController> cache;

 private:
  std::uint32_t page_tokens_;
  PageHasher hasher_;
  std::uint64_t step_ = 0;
};

// The ranks of a layout as threads. run() may be called again: every run is a fresh world.
class CacheWorld {
 public:
  explicit CacheWorld(CacheWorldOptions options);

  void run(const std::function<void(CacheRank& rank)>& body);
  // What `body` answers on each rank.
  template <typename Answer>
  std::vector<Answer> collect(const std::function<Answer(CacheRank& rank)>& body) {
    std::vector<Answer> answers(layout_.world_size());
    run([&](CacheRank& rank) { answers[rank.rank] = body(rank); });
    return answers;
  }
  [[nodiscard]] const Layout& layout() const { return layout_; }

 private:
  CacheWorldOptions options_;
  Layout layout_;
};

}  // namespace radixbench
