#include "replay/killing_status.h"

#include "layout/sites.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <thread>

namespace radixbench {
namespace {

class KillingStatus final : public RankStatusSink {
 public:
  KillingStatus(RankStatusSink& inner, const FaultSpec& fault)
      : inner_{inner}, fault_{fault}, left_{fault.nth} {}

  void reached(RankPhase phase) override {
    inner_.reached(phase);
    if (phase == RankPhase::kStarting) count(FaultSpec::Moment::kRendezvous);
    if (phase == RankPhase::kOpeningGroups) count(FaultSpec::Moment::kGroups);
    if (phase == RankPhase::kClosing) count(FaultSpec::Moment::kShutdown);
  }
  void entered(const CallRecord& record) override {
    inner_.entered(record);
    const bool is_prefetch =
        contract_of(static_cast<Site>(record.call.site)).thread == SiteThread::kPrefetch;
    count(is_prefetch ? FaultSpec::Moment::kPrefetchCall : FaultSpec::Moment::kCall);
  }
  void stepped(std::uint64_t step, std::int64_t now_ns, std::uint64_t requests_ended) override {
    inner_.stepped(step, now_ns, requests_ended);
    count(FaultSpec::Moment::kStep);
  }
  void violated(const std::string& what) override { inner_.violated(what); }
  void failed(const Error& error) override { inner_.failed(error); }
  void ended_by_library(const std::string& words) override { inner_.ended_by_library(words); }
  [[nodiscard]] bool is_asked_to_end() const override { return inner_.is_asked_to_end(); }

 private:
  // One moment's calls come from one thread, so its count needs no more than that.
  void count(FaultSpec::Moment moment) {
    if (moment != fault_.moment || left_ == 0 || --left_ > 0) return;
    if (fault_.after_us == 0) {
      static_cast<void>(raise(SIGKILL));
      return;
    }
    // From another thread, so that this one goes on into what the kill is to land in.
    std::thread{[wait = std::chrono::microseconds{fault_.after_us}] {
      std::this_thread::sleep_for(wait);
      static_cast<void>(raise(SIGKILL));
    }}.detach();
  }

  RankStatusSink& inner_;
  FaultSpec fault_;
  std::uint64_t left_;
};

}  // namespace

std::unique_ptr<RankStatusSink> make_killing_status(RankStatusSink& inner, const FaultSpec& fault) {
  return std::make_unique<KillingStatus>(inner, fault);
}

}  // namespace radixbench
