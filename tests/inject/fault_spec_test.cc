#include "inject/fault_spec.h"

#include <gmock/gmock.h>

#include <string>

namespace radixbench {
namespace {

using Kind = FaultSpec::Kind;
using Moment = FaultSpec::Moment;

TEST(FaultSpecTest, ReadsEveryFaultAndTheFirstTimeIsMeantUnlessTold) {
  EXPECT_EQ(parse_fault("fail_backup:rank=3")->kind, Kind::kFailBackup);
  EXPECT_EQ(parse_fault("fail_prefetch_alloc:rank=3")->kind, Kind::kFailPrefetchAlloc);
  EXPECT_EQ(parse_fault("miscount_slots:rank=3")->kind, Kind::kMiscountSlots);
  EXPECT_EQ(parse_fault("fail_backup:rank=3")->rank, 3U);
  EXPECT_EQ(parse_fault("fail_backup:rank=3")->nth, 1U);
  EXPECT_EQ(parse_fault("fail_backup:n=7,rank=3")->nth, 7U);
}

TEST(FaultSpecTest, SlowCallsTakeAShareOfAMicrosecondToo) {
  const Result<FaultSpec> slow = parse_fault("slow_calls:rank=1,us=2.5");
  ASSERT_TRUE(slow) << slow.error().message;
  EXPECT_EQ(slow->kind, Kind::kSlowCalls);
  EXPECT_EQ(slow->delay_ns, 2500);
  EXPECT_EQ(slow->rank, 1U);
}

TEST(FaultSpecTest, AKillHasAMomentAndMayComeLater) {
  const Result<FaultSpec> kill = parse_fault("kill:rank=5,at=prefetch_call,n=812,after_us=30");
  ASSERT_TRUE(kill) << kill.error().message;
  EXPECT_EQ(kill->kind, Kind::kKill);
  EXPECT_EQ(kill->moment, Moment::kPrefetchCall);
  EXPECT_EQ(kill->nth, 812U);
  EXPECT_EQ(kill->after_us, 30);
  EXPECT_EQ(parse_fault("kill:rank=5,at=rendezvous")->moment, Moment::kRendezvous);
  EXPECT_EQ(parse_fault("kill:rank=5,at=groups")->moment, Moment::kGroups);
  EXPECT_EQ(parse_fault("kill:rank=5,at=call")->moment, Moment::kCall);
  EXPECT_EQ(parse_fault("kill:rank=5,at=step")->moment, Moment::kStep);
  EXPECT_EQ(parse_fault("kill:rank=5,at=shutdown")->moment, Moment::kShutdown);
}

TEST(FaultSpecTest, RefusesWhatItCannotReadAndQuotesIt) {
  for (const char* text : {"",
                           "fail",
                           "fail_backup",
                           "fail_backup:",
                           "fail_backup:n=2",
                           "fail_backup:rank=",
                           "fail_backup:rank=x",
                           "fail_backup:rank=-1",
                           "fail_backup:rank=1,n=0",
                           "fail_backup:rank=1,at=step",
                           "fail_backup:rank=1,after_us=3",
                           "fail_backup:rank",
                           "slow_calls:rank=1",
                           "slow_calls:rank=1,us=0",
                           "slow_calls:rank=1,us=-1",
                           "slow_calls:rank=1,us=nan",
                           "slow_calls:rank=1,us=1e9",
                           "slow_calls:rank=1,us=1,n=2",
                           "kill:rank=1,at=noon",
                           "kill:at=step",
                           "kill:rank=1,at=step,after_us=-1"}) {
    const Result<FaultSpec> spec = parse_fault(text);
    ASSERT_FALSE(spec) << text;
    EXPECT_EQ(spec.error().code, ErrorCode::kInvalidArgument) << text;
    EXPECT_THAT(spec.error().message, testing::HasSubstr(std::string{"'"} + text + "'"));
  }
}

TEST(FaultSpecTest, TheListDescribesEveryFaultInTheWordsThatAreRead) {
  const std::vector<std::string> lines = describe_faults();
  EXPECT_EQ(lines.size(), 5U);
  for (const std::string& line : lines) {
    const std::string name = line.substr(0, line.find(':'));
    const std::string more = name == "kill" ? ",at=step" : name == "slow_calls" ? ",us=1" : "";
    EXPECT_TRUE(parse_fault(name + ":rank=0" + more)) << line;
  }
}

}  // namespace
}  // namespace radixbench
