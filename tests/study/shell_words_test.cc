#include "study/shell_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace radixbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ShellWordsTest, SplitsAsAShellWould) {
  EXPECT_THAT(*split_shell_words("--agreement fused  --skew 'storage:cp=1,+40ms'"),
              ElementsAre("--agreement", "fused", "--skew", "storage:cp=1,+40ms"));
  EXPECT_THAT(*split_shell_words(R"(a\ b "c d" 'e\f' "g\"h" '')"),
              ElementsAre("a b", "c d", "e\\f", "g\"h", ""));
  EXPECT_THAT(*split_shell_words(" \t "), IsEmpty());
  EXPECT_THAT(split_shell_words("a 'b").error().message, HasSubstr("a quote is not closed"));
}

TEST(ShellWordsTest, JoinedWordsSplitIntoThemselves) {
  const std::vector<std::string> words = {"--x=1", "a b", "it's", "", "$HOME", "\"q\"", "\\"};
  EXPECT_EQ(*split_shell_words(join_shell_words(words)), words);
  EXPECT_EQ(join_shell_words({"--x=1", "a b"}), "--x=1 'a b'");
}

TEST(ShellWordsTest, LaterOptionsReplaceEarlierOnes) {
  EXPECT_THAT(overridden({"--layout=tp2", "--seed=1", "--watch"},
                         {"--seed", "2", "--layout=tp4", "--rules=j"}),
              ElementsAre("--watch", "--seed", "2", "--layout=tp4", "--rules=j"));
  // A value that looks like another option's beginning is not one.
  EXPECT_THAT(overridden({"--seed=1"}, {"--seedling=3"}), ElementsAre("--seed=1", "--seedling=3"));
}

}  // namespace
}  // namespace radixbench
