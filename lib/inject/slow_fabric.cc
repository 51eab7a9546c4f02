#include "inject/slow_fabric.h"

#include "base/clock.h"

#include <utility>

namespace radixbench {
namespace {

class SlowCommunicator final : public Communicator {
 public:
  SlowCommunicator(std::unique_ptr<Communicator> inner, std::chrono::nanoseconds delay)
      : inner_{std::move(inner)}, delay_{delay} {}

  [[nodiscard]] const GroupSpec& group() const override { return inner_->group(); }
  [[nodiscard]] std::size_t index() const override { return inner_->index(); }
  Result<void> all_reduce(std::span<std::int32_t> values, ReduceOp op, const Call& call) override {
    be_busy();
    return inner_->all_reduce(values, op, call);
  }
  Result<void> all_reduce(std::span<std::int64_t> values, ReduceOp op, const Call& call) override {
    be_busy();
    return inner_->all_reduce(values, op, call);
  }
  Result<void> barrier(const Call& call) override {
    be_busy();
    return inner_->barrier(call);
  }
  Result<void> broadcast(std::span<std::int64_t> values,
                         std::size_t root,
                         const Call& call) override {
    be_busy();
    return inner_->broadcast(values, root, call);
  }
  Result<void> all_gather(std::span<const std::int64_t> mine,
                          std::span<std::int64_t> all,
                          const Call& call) override {
    be_busy();
    return inner_->all_gather(mine, all, call);
  }
  Result<void> send(std::span<const std::int64_t> values,
                    std::size_t to,
                    const Call& call) override {
    return inner_->send(values, to, call);
  }
  Result<void> recv(std::span<std::int64_t> values, std::size_t from, const Call& call) override {
    return inner_->recv(values, from, call);
  }
  Result<void> post(const Operation& operation, const Call& call) override {
    be_busy();
    return inner_->post(operation, call);
  }
  Result<bool> test() override { return inner_->test(); }
  Result<void> wait() override { return inner_->wait(); }
  [[nodiscard]] const std::optional<CallFailure>& failure() const override {
    return inner_->failure();
  }

 private:
  // Work, not sleep: a sleep would give the core away, and is a timer's grain long at least.
  void be_busy() const {
    const Deadline end = deadline_after(delay_);
    while (!has_passed(end)) {
    }
  }

  std::unique_ptr<Communicator> inner_;
  std::chrono::nanoseconds delay_;
};

class SlowFabric final : public Fabric {
 public:
  SlowFabric(Fabric& inner, std::chrono::nanoseconds delay) : inner_{inner}, delay_{delay} {}

  [[nodiscard]] Rank rank() const override { return inner_.rank(); }
  [[nodiscard]] Rank world_size() const override { return inner_.world_size(); }
  [[nodiscard]] std::string_view transport() const override { return inner_.transport(); }
  Result<std::unique_ptr<Communicator>> open(const GroupSpec& group, Deadline deadline) override {
    Result<std::unique_ptr<Communicator>> opened = inner_.open(group, deadline);
    if (!opened || group.members.size() < 2) return opened;
    return std::make_unique<SlowCommunicator>(std::move(*opened), delay_);
  }

 private:
  Fabric& inner_;
  std::chrono::nanoseconds delay_;
};

}  // namespace

std::unique_ptr<Fabric> make_slow_fabric(Fabric& inner, std::chrono::nanoseconds delay) {
  return std::make_unique<SlowFabric>(inner, delay);
}

}  // namespace radixbench
