#include "record/hdf5_master.h"

#include "base/sha256.h"
#include "record/made_up_master.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

namespace radixbench {
namespace {

using ::testing::HasSubstr;

class Hdf5MasterTest : public ::testing::Test {
 protected:
  MasterData write_and_read(const MasterContent& content) {
    const auto written = write_hdf5_master(folder_.path(), content);
    EXPECT_TRUE(written) << written.error().message;
    auto master = read_hdf5_master(folder_.path());
    EXPECT_TRUE(master) << master.error().message;
    return master ? std::move(*master) : MasterData{};
  }

  TemporaryFolder folder_;
};

TEST_F(Hdf5MasterTest, IdentityVariablesCellsAndCountersComeBack) {
  const std::vector<RankData> ranks = write_rank_files(folder_.path(), {10, 20});
  const MasterData master = write_and_read(made_up_content(ranks));
  EXPECT_EQ(master.identity.options, identity_of(0).options);
  EXPECT_EQ(master.variables.layout, "sglang:tp=8,cp=2");
  EXPECT_EQ(master.variables.agreement, "attn_groups");
  EXPECT_EQ(master.variables.page_size, 64);
  ASSERT_EQ(master.cells.size(), 2U);
  EXPECT_EQ(master.cells[0].metric, "agreement_per_step");
  EXPECT_EQ(master.cells[0].p99, 9.5);
  EXPECT_EQ(master.cells[0].direction, -1);
  EXPECT_EQ(master.cells[1].metric_class, MetricClass::kExact);
  EXPECT_EQ(master.cells[1].value, 4'096);
  ASSERT_EQ(master.counters.size(), 2U);
  EXPECT_EQ(master.counters[1].rank, 1U);
  EXPECT_EQ(master.counters[1].counter.name, "wire_ops.drain");
  EXPECT_EQ(master.counters[1].counter.value, 8U);
}

TEST_F(Hdf5MasterTest, RankFilesAreListedWithTheDigestOfTheirBytes) {
  const std::vector<RankData> ranks = write_rank_files(folder_.path(), {10, 20});
  const MasterData master = write_and_read(made_up_content(ranks));
  ASSERT_EQ(master.rank_files.size(), 2U);
  std::ifstream file{folder_.file("ranks/rank00001.h5"), std::ios::binary};
  const std::string bytes{std::istreambuf_iterator<char>{file}, {}};
  EXPECT_EQ(master.rank_files[1].bytes, bytes.size());
  EXPECT_EQ(master.rank_files[1].sha256, to_hex(sha256({}, std::as_bytes(std::span{bytes}))));
  EXPECT_EQ(master.rank_files[1].status, RankStatus::kComplete);
  EXPECT_EQ(master.rank_files[1].file, "ranks/rank00001.h5");
}

TEST_F(Hdf5MasterTest, RankWhoseFileIsMissingIsListedAsSuch) {
  const std::vector<RankData> ranks = write_rank_files(folder_.path(), {10, 20});
  MasterContent content = made_up_content(ranks);
  content.ranks[1].data = nullptr;
  std::filesystem::remove(folder_.file("ranks/rank00001.h5"));
  const MasterData master = write_and_read(content);
  ASSERT_EQ(master.rank_files.size(), 2U);
  EXPECT_TRUE(master.rank_files[0].is_readable);
  EXPECT_FALSE(master.rank_files[1].is_readable);
  EXPECT_EQ(master.rank_files[1].bytes, 0U);
}

TEST_F(Hdf5MasterTest, RunOfRanksThatWroteNothingHasAMaster) {
  const std::vector<RankData> ranks = write_rank_files(folder_.path(), {0});
  MasterContent content = made_up_content(ranks);
  content.cells.clear();
  EXPECT_EQ(write_and_read(content).cells.size(), 0U);
}

TEST_F(Hdf5MasterTest, MasterIsReplacedAtOnceAndLeavesNothingUnfinished) {
  const std::vector<RankData> ranks = write_rank_files(folder_.path(), {10, 20});
  write_and_read(made_up_content(ranks));
  MasterContent content = made_up_content(ranks);
  content.variables.agreement = "stage_tp";
  EXPECT_EQ(write_and_read(content).variables.agreement, "stage_tp");
  EXPECT_FALSE(std::filesystem::exists(folder_.file("run.h5.tmp")));
}

TEST_F(Hdf5MasterTest, FolderWithoutAMasterIsNotFoundAndARankFileIsNoMaster) {
  write_rank_files(folder_.path(), {1});
  const auto none = read_hdf5_master(folder_.path());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(none.error().message, HasSubstr("run.h5"));
  const auto rank = read_hdf5_master(folder_.file("ranks/rank00000.h5"));
  ASSERT_FALSE(rank);
  EXPECT_EQ(rank.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(rank.error().message, HasSubstr("radixbench.rank"));
}

TEST_F(Hdf5MasterTest, FolderThatCannotBeWrittenToIsAnError) {
  const std::vector<RankData> ranks = write_rank_files(folder_.path(), {1});
  const auto written = write_hdf5_master(folder_.file("no/such/folder"), made_up_content(ranks));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kCannotCreate);
}

}  // namespace
}  // namespace radixbench
