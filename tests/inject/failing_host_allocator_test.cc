#include "inject/failing_host_allocator.h"

#include <gmock/gmock.h>

namespace radixbench {
namespace {

// Has whatever is wanted, and says for whom.
class GenerousAllocator final : public HostAllocator {
 public:
  explicit GenerousAllocator(std::vector<HostUse>& uses) : uses_{uses} {}
  std::vector<PageId> allocate(HostUse use, std::size_t wanted, std::size_t) override {
    uses_.push_back(use);
    return std::vector<PageId>(wanted, 7);
  }

 private:
  std::vector<HostUse>& uses_;
};

TEST(FailingHostAllocatorTest, OnlyTheNthAllocationForItsUseFailsAndNobodyIsAskedForIt) {
  std::vector<HostUse> uses;
  const auto allocator =
      make_failing_host_allocator(std::make_unique<GenerousAllocator>(uses), HostUse::kPrefetch, 2);
  std::vector<std::size_t> got;
  for (const HostUse use : {HostUse::kPrefetch,
                            HostUse::kBackup,
                            HostUse::kBackup,
                            HostUse::kPrefetch,
                            HostUse::kPrefetch,
                            HostUse::kBackup}) {
    got.push_back(allocator->allocate(use, 3, 1).size());
  }
  EXPECT_THAT(got, testing::ElementsAre(3U, 3U, 3U, 0U, 3U, 3U));
  EXPECT_EQ(uses.size(), 5U);
}

TEST(FailingHostAllocatorTest, FaultsStackAndEachCountsWhatReachesIt) {
  std::vector<HostUse> uses;
  auto allocator =
      make_failing_host_allocator(std::make_unique<GenerousAllocator>(uses), HostUse::kBackup, 1);
  allocator = make_failing_host_allocator(std::move(allocator), HostUse::kBackup, 1);
  EXPECT_TRUE(allocator->allocate(HostUse::kBackup, 3, 3).empty());
  EXPECT_TRUE(allocator->allocate(HostUse::kBackup, 3, 3).empty());
  EXPECT_EQ(allocator->allocate(HostUse::kBackup, 3, 3).size(), 3U);
}

}  // namespace
}  // namespace radixbench
