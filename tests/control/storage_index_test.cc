#include "control/storage_index.h"

#include "index/page_hash.h"
#include "support/scripted_storage.h"
#include "support/tree_fixture.h"

#include <gmock/gmock.h>

#include <chrono>
#include <condition_variable>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

class StorageIndexTest : public testing::Test {
 protected:
  std::vector<Sha256Digest> hashes(std::size_t pages) {
    return storage_page_hashes(nullptr, sequence(1, pages, 4), 4);
  }
  std::uint32_t hits(std::size_t pages, std::int64_t at_ns) {
    return index_.leading_hits(hashes(pages), at_ns, index_.backups().mark(at_ns)).value();
  }
  std::vector<PageId> host_pages(std::size_t count) {
    std::vector<PageId> pages;
    EXPECT_TRUE(host_->take(count, pages));
    return pages;
  }

  ScriptedStorage storage_;
  std::unique_ptr<PagePool> host_ = make_memory_pool(16, 8);
  StorageIndex index_{storage_, *host_, {ClockMode::kVirtual, 10s}};
};

TEST_F(StorageIndexTest, PagesAppearTogetherWhenTheirBackupEnds) {
  index_.back_up(0, 100, hashes(4), host_pages(4));
  // Really there at once, or soon; not to be seen before.
  ASSERT_TRUE(index_.backups().wait_for_mark(1));
  EXPECT_EQ(storage_.size(), 4U);
  EXPECT_EQ(hits(4, 99), 0U);
  EXPECT_EQ(hits(4, 100), 4U);
}

TEST_F(StorageIndexTest, BackupsOfOneRankFollowOneAnother) {
  index_.back_up(0, 100, hashes(2), host_pages(2));
  const std::vector<Sha256Digest> all = hashes(5);
  index_.back_up(0, 100, {all.begin() + 2, all.end()}, host_pages(3));
  EXPECT_EQ(hits(5, 199), 2U);
  EXPECT_EQ(hits(5, 200), 5U);
}

TEST_F(StorageIndexTest, PagesOfAnEarlierRunAreThereWhileTheyAreBackedUpAgain) {
  storage_.hold(hashes(3));
  EXPECT_EQ(hits(4, 0), 3U);
  index_.back_up(0, 100, hashes(4), host_pages(4));
  EXPECT_EQ(hits(4, 50), 3U);
  EXPECT_EQ(hits(4, 100), 4U);
}

TEST_F(StorageIndexTest, APageKeepsTheTimeOfItsFirstBackup) {
  index_.back_up(0, 100, hashes(2), host_pages(2));
  index_.back_up(50, 100, hashes(2), host_pages(2));
  EXPECT_EQ(hits(2, 100), 2U);
}

TEST_F(StorageIndexTest, HitsEndAtTheFirstPageThatIsMissing) {
  const std::vector<Sha256Digest> all = hashes(4);
  storage_.hold(std::vector{all[0], all[1], all[3]});
  EXPECT_EQ(hits(4, 0), 2U);
}

// Writes only once it is let go.
class StuckStorage final : public Storage {
 public:
  void let_go() {
    {
      const std::lock_guard lock{mutex_};
      is_free_ = true;
    }
    changed_.notify_all();
  }
  bool exists(const Sha256Digest&) override { return false; }
  PageRead read(const Sha256Digest&, std::span<std::byte>) override { return PageRead::kMissing; }
  bool write(const Sha256Digest&, std::span<const std::byte>) override {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return is_free_; });
    return true;
  }
  [[nodiscard]] StorageCounts counts() const override { return {}; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_free_ = false;
};

TEST_F(StorageIndexTest, ABackupThatIsStuckEndsTheQueryInTime) {
  StuckStorage stuck;
  StorageIndex index{stuck, *host_, {ClockMode::kVirtual, 50ms}};
  index.back_up(0, 100, hashes(1), host_pages(1));
  const Result<std::uint32_t> found = index.leading_hits(hashes(1), 100, index.backups().mark(100));
  stuck.let_go();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kTimeout);
  EXPECT_THAT(found.error().message, testing::HasSubstr("backup thread"));
}

}  // namespace
}  // namespace radixbench
