// What only shared memory promises: its limits, its traces (none) and its appetite.

#include "comm/shm_fabric.h"

#include "comm/makers.h"
#include "comm/shm_memory.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <fstream>
#include <string>
#include <thread>

namespace radixbench {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr auto kPatience = 20s;

std::unique_ptr<World> make_world(Rank world_size) { return *ShmWorld::create(world_size); }

std::chrono::nanoseconds cpu_time() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  const auto in_ns = [](const timeval& time) {
    return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
  };
  return in_ns(usage.ru_utime) + in_ns(usage.ru_stime);
}

TEST(ShmFabricTest, WorldsBeyondTheLimitAreRefused) {
  EXPECT_EQ(ShmWorld::create(0).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ShmWorld::create(kShmWorldSizeMax + 1).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(ShmWorld::create(kShmWorldSizeMax));
}

TEST(ShmFabricTest, LastOrdinalOpensAndTheNextIsRefused) {
  RankHarness harness{RankKind::kProcesses, make_world(2), 2};
  harness.run([](Fabric& fabric, SharedBoard&) {
    const std::uint32_t end = shm_groups_max(2);
    ASSERT_TRUE(fabric.open(everyone(2, end - 1), deadline_after(kPatience)));
    const auto beyond = fabric.open(everyone(2, end), deadline_after(kPatience));
    ASSERT_FALSE(beyond);
    EXPECT_EQ(beyond.error().code, ErrorCode::kCannotCreate);
    EXPECT_THAT(beyond.error().message, HasSubstr("everyone{0,1} is group 320"));
  });
}

TEST(ShmFabricTest, LongNamesAreCutInAMismatchAlone) {
  RankHarness harness{RankKind::kProcesses, make_world(2), 2};
  harness.run([](Fabric& fabric, SharedBoard&) {
    GroupSpec spec = everyone(2);
    spec.name = std::string(2000, 'x');
    ASSERT_TRUE(fabric.open(spec, deadline_after(kPatience)));
    spec.ordinal = 1;
    if (fabric.rank() == 1) spec.name.back() = 'y';
    const auto group = fabric.open(spec, deadline_after(kPatience));
    ASSERT_FALSE(group);
    EXPECT_THAT(group.error().message, HasSubstr("xxx... to rank"));
  });
}

TEST(ShmFabricTest, MappingHasNoName) {
  const auto world = make_world(16);
  std::ifstream maps{"/proc/self/maps"};
  std::string line;
  while (std::getline(maps, line)) {
    if (line.find("rw-s") == std::string::npos) continue;
    EXPECT_THAT(line, HasSubstr("/dev/zero (deleted)")) << "the kernel's word for shared anonymous";
  }
}

// The wait begins with a millisecond of yields; after that a waiter costs its few wake-ups.
TEST(ShmFabricTest, IdleWaitTakesAtMostAHundredthOfACore) {
  for (const Rank size : {Rank{2}, Rank{8}}) {
    RankHarness harness{RankKind::kProcesses, make_world(size), size};
    harness.run([](Fabric& fabric, SharedBoard&) {
      const auto group = fabric.open(everyone(fabric.world_size()), deadline_after(kPatience));
      ASSERT_TRUE(group);
      ASSERT_TRUE((*group)->barrier(call_within(kPatience)));
      if (fabric.rank() == 0) std::this_thread::sleep_for(2s);
      const std::chrono::nanoseconds before = cpu_time();
      ASSERT_TRUE((*group)->barrier(call_within(kPatience)));
      EXPECT_LE(cpu_time() - before, 20ms);
    });
  }
}

// Heads pair by their low 32 bits of sequence and by kind, whatever else they say.
TEST(CallHeadTest, PairsBySequenceAndKindAlone) {
  CallHead reduce{41, CallKind::kAllReduce};
  reduce.with(ElementType::kInt64, kElementsMax).with(ReduceOp::kSum);
  EXPECT_TRUE(reduce.pairs_with(CallHead{41, CallKind::kAllReduce}));
  EXPECT_FALSE(reduce.pairs_with(CallHead{42, CallKind::kAllReduce}));
  EXPECT_FALSE(reduce.pairs_with(CallHead{41, CallKind::kBarrier}));
  EXPECT_FALSE(CallHead{0}.pairs_with(CallHead(0, CallKind::kAllReduce)))
      << "an empty line is no call";
  EXPECT_EQ(reduce.count(), kElementsMax);
  EXPECT_EQ(reduce.op(), ReduceOp::kSum);
  EXPECT_EQ(reduce.kind(), CallKind::kAllReduce);
  CallHead broadcast{std::uint64_t{1} << 33U, CallKind::kBroadcast};
  broadcast.with_root(255);
  EXPECT_EQ(broadcast.root(), 255U);
}

TEST(BrokenTest, KeepsRankAndSequenceInOneWord) {
  const Broken broken = Broken::from_word(Broken{.rank = 0, .sequence = 123456789012}.word());
  EXPECT_EQ(broken.rank, 0U);
  EXPECT_EQ(broken.sequence, 123456789012U);
}

}  // namespace
}  // namespace radixbench
