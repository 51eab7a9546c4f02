#include "base/check.h"

#include <gtest/gtest.h>

#include <unistd.h>

namespace radixbench {
namespace {

void say_saved() { static_cast<void>(::write(STDERR_FILENO, "saved ", 6)); }

TEST(CheckDeathTest, AFailedCheckSaysWhatAndWhereAndAborts) {
  EXPECT_EXIT(RADIXBENCH_CHECK(1 + 1 == 3),
              testing::KilledBySignal(SIGABRT),
              "check_test.cc:[0-9]+: bug: expected 1 \\+ 1 == 3");
}

TEST(CheckDeathTest, TheHookRunsBeforeTheEnd) {
  EXPECT_EXIT(
      {
        set_check_hook(&say_saved);
        RADIXBENCH_CHECK(false);
      },
      testing::KilledBySignal(SIGABRT),
      "saved");
}

}  // namespace
}  // namespace radixbench
