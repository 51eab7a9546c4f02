// Replays and scenarios over gloo, from the outside.

#include "cli/tool.h"

#include "support/temp_directory.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace radixbench {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

class GlooReplayTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!is_transport_usable("gloo")) GTEST_SKIP() << "no gloo here; `radixbench env` says why";
  }

  [[nodiscard]] std::string output(const std::string& name) const {
    return output_.path().string() + "/" + name;
  }
  [[nodiscard]] ToolRun replay(const std::string& transport,
                               const std::string& name,
                               std::vector<std::string> more) const {
    more.insert(more.end(), {"--transport", transport, "-o", output(name)});
    return run_tool(sample_replay(more));
  }

 private:
  TempDirectory output_;
};

TEST_F(GlooReplayTest, CountsWhatThreadsAndSharedMemoryCount) {
  for (const std::string transport : {"threads", "shm", "gloo"}) {
    const ToolRun ended = replay(transport,
                                 transport,
                                 {"--layout",
                                  "tp2cp2",
                                  "--limit",
                                  "12",
                                  "--abort",
                                  "0.2",
                                  "--skew",
                                  "storage:rank=1,+20ms"});
    ASSERT_EQ(ended.exit_code, 0) << ended.err;
  }
  for (const std::string other : {"threads", "shm"}) {
    const ToolRun compared = run_tool({"compare", output(other), output("gloo")});
    EXPECT_EQ(compared.exit_code, 0) << compared.err;
    EXPECT_THAT(compared.out, HasSubstr("counts are equal"));
  }
}

TEST_F(GlooReplayTest, KilledRankEndsTheRunAndIsNamed) {
  const ToolRun ended =
      replay("gloo", "killed", {"--layout", "tp2cp2", "--inject", "kill:rank=3,at=call,n=30"});
  EXPECT_EQ(ended.exit_code, 124);
  EXPECT_THAT(ended.err, HasSubstr("rank 3 died (signal 9)"));
}

TEST_F(GlooReplayTest, WrongGroupEndsByDeadlineWithItsVerdict) {
  const ToolRun ended =
      replay("gloo",
             "wrong",
             {"--layout", "sglang:tp=4,dp=2", "--agreement", "stage_tp", "--deadline", "500ms"});
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.err, HasSubstr("wrong_group/too_large: "));
  EXPECT_THAT(ended.err, HasSubstr("did not come within 500 ms (present "));
}

// One side's vectors are half as long as the other's: gloo ends a process, whose ring still tells.
TEST_F(GlooReplayTest, RankThatGlooEndsLeavesItsWordsAndTheVerdict) {
  const ToolRun ended = run_tool({"replay",
                                  "--scenario",
                                  RADIXBENCH_SOURCE_DIR "/tests/data/scenarios/F10a.shape.scenario",
                                  "--transport",
                                  "gloo"});
  EXPECT_EQ(ended.exit_code, 3) << ended.err;
  // Which of the two hangs on whose message comes first.
  EXPECT_THAT(ended.out,
              AnyOf(HasSubstr("its library ended it, saying: [enforce fail at"),
                    HasSubstr("did not come within 500 ms")));
  EXPECT_THAT(ended.out, HasSubstr("length differs"));
}

TEST_F(GlooReplayTest, AddressThatCannotBeHadAndOneThatIsNoneAreRefused) {
  const ToolRun taken = replay("gloo", "taken", {"--layout", "tp2", "--rendezvous", "192.0.2.1:1"});
  EXPECT_EQ(taken.exit_code, 73);
  EXPECT_THAT(taken.err, HasSubstr("rendezvous at 192.0.2.1:1"));
  EXPECT_EQ(replay("gloo", "none", {"--layout", "tp2", "--rendezvous", "here"}).exit_code, 64);
}

TEST_F(GlooReplayTest, GroupsAreCheckedBeforeTheyConnectUnlessToldOtherwise) {
  const std::vector<std::string> small{"--layout", "tp2", "--limit", "2"};
  std::vector<std::string> unchecked = small;
  unchecked.insert(unchecked.end(), {"--group-check", "off"});
  EXPECT_EQ(replay("gloo", "unchecked", unchecked).exit_code, 0);
  const ToolRun over_shm = replay("shm", "shm", unchecked);
  EXPECT_EQ(over_shm.exit_code, 78);
  EXPECT_THAT(over_shm.err, HasSubstr("--group-check off is for --transport gloo"));
}

}  // namespace
}  // namespace radixbench
