#include "report/baseline_store.h"

#include <gmock/gmock.h>

#include <set>

namespace radixbench {
namespace {

BaselineEntry entry(const std::string& name,
                    const std::string& commit,
                    const std::string& accepted = "yes",
                    const std::string& change = "") {
  BaselineEntry made{name, name, {}};
  made.set.label = name;
  made.set.about = {{kAboutCommit, commit}, {kAboutAccepted, accepted}, {kAboutChange, change}};
  return made;
}

// Oldest first; d was never accepted.
BaselineFolder made_up_folder() {
  BaselineFolder folder;
  folder.entries = {entry("1", "aaaaaaa"),
                    entry("2", "bbbbbbb"),
                    entry("3", "ccccccc"),
                    entry("4", "ddddddd", ""),
                    entry("5", "eeeeeee")};
  folder.head = "2";
  return folder;
}

BaselineHistory history(const std::set<std::string>& ancestors,
                        const std::string& merge_base = "") {
  BaselineHistory made;
  if (!merge_base.empty()) made.merge_base = merge_base;
  made.is_ancestor = [ancestors](const std::string& commit) { return ancestors.contains(commit); };
  return made;
}

std::string chosen(const BaselineFolder& folder, const BaselineHistory& with) {
  const BaselineEntry* found = choose_entry(folder, with);
  return found == nullptr ? "none" : found->name;
}

TEST(BaselineStoreTest, TheMergeBaseIsChosenBeforeNewerAncestors) {
  const BaselineFolder folder = made_up_folder();
  EXPECT_EQ(chosen(folder, history({"aaaaaaa", "bbbbbbb", "ccccccc"}, "bbbbbbb0123456789")), "2");
  EXPECT_EQ(chosen(folder, history({"aaaaaaa", "bbbbbbb", "ccccccc"}, "fffffff")), "3");
}

TEST(BaselineStoreTest, OnlyAcceptedEntriesOfAncestorsAreChosen) {
  const BaselineFolder folder = made_up_folder();
  EXPECT_EQ(chosen(folder, history({"aaaaaaa", "ddddddd"})), "1");
  EXPECT_EQ(chosen(folder, history({"ddddddd"})), "none");
}

TEST(BaselineStoreTest, WithoutHistoryOrCommitsHeadIsChosen) {
  BaselineFolder folder = made_up_folder();
  EXPECT_EQ(chosen(folder, {}), "2");
  folder.entries = {entry("1", kNoCommit), entry("2", kNoCommit), entry("3", kNoCommit)};
  EXPECT_EQ(chosen(folder, history({"aaaaaaa"})), "2");
  folder.head = "";
  EXPECT_EQ(chosen(folder, {}), "none");
}

TEST(BaselineStoreTest, HistoryBeginsAtTheLastChangeAndEndsAtTheChosen) {
  const auto labels = [](const BaselineFolder& folder, std::size_t last) {
    std::vector<std::string> names;
    for (const LaunchSet& set : history_of(folder, folder.entries[last]))
      names.push_back(set.label);
    return names;
  };
  BaselineFolder folder = made_up_folder();
  EXPECT_THAT(labels(folder, 2), testing::ElementsAre("1", "2", "3"));
  EXPECT_THAT(labels(folder, 4), testing::ElementsAre("1", "2", "3", "5"));
  folder.entries[1] = entry("2", "bbbbbbb", "yes", "new host");
  EXPECT_THAT(labels(folder, 4), testing::ElementsAre("2", "3", "5"));
  EXPECT_THAT(labels(folder, 0), testing::ElementsAre("1"));
}

}  // namespace
}  // namespace radixbench
