#include "comm/lone_communicator.h"

#include "base/check.h"

#include <algorithm>
#include <utility>

namespace radixbench {
namespace {

class LoneCommunicator final : public Communicator {
 public:
  explicit LoneCommunicator(GroupSpec group) : group_{std::move(group)} {
    RADIXBENCH_CHECK(group_.members.size() == 1);
  }

  [[nodiscard]] const GroupSpec& group() const override { return group_; }
  [[nodiscard]] std::size_t index() const override { return 0; }

  Result<void> all_reduce(std::span<std::int32_t> values, ReduceOp, const Call&) override {
    RADIXBENCH_CHECK(values.size() <= kElementsMax);
    return {};
  }
  Result<void> all_reduce(std::span<std::int64_t> values, ReduceOp, const Call&) override {
    RADIXBENCH_CHECK(values.size() <= kElementsMax);
    return {};
  }
  Result<void> barrier(const Call&) override { return {}; }
  Result<void> broadcast(std::span<std::int64_t> values, std::size_t root, const Call&) override {
    RADIXBENCH_CHECK(values.size() <= kElementsMax && root == 0);
    return {};
  }
  Result<void> all_gather(std::span<const std::int64_t> mine,
                          std::span<std::int64_t> all,
                          const Call&) override {
    RADIXBENCH_CHECK(mine.size() <= kElementsMax && all.size() == mine.size());
    std::ranges::copy(mine, all.begin());
    return {};
  }
  Result<void> post(const Operation& operation, const Call& call) override {
    return make(operation, call);
  }
  Result<bool> test() override { return true; }
  Result<void> wait() override { return {}; }
  [[nodiscard]] const std::optional<CallFailure>& failure() const override { return failure_; }

 private:
  GroupSpec group_;
  std::optional<CallFailure> failure_;
};

}  // namespace

std::unique_ptr<Communicator> make_lone_communicator(GroupSpec group) {
  return std::make_unique<LoneCommunicator>(std::move(group));
}

}  // namespace radixbench
