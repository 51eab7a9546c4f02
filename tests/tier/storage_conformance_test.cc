#include "support/temp_directory.h"
#include "tier/storage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace radixbench {
namespace {

struct StorageMaker {
  std::string name;
  std::function<std::unique_ptr<Storage>(const std::filesystem::path&, const StorageIdentity&)>
      make;
};

std::unique_ptr<Storage> make_in_directory(const std::filesystem::path& directory,
                                           const StorageIdentity& identity) {
  auto storage = make_directory_storage(directory, identity, 0);
  EXPECT_TRUE(storage.has_value());
  return std::move(storage).value();
}

std::unique_ptr<Storage> make_in_memory(const std::filesystem::path& /*directory*/,
                                        const StorageIdentity& identity) {
  return make_memory_storage(identity);
}

// The n-th of as many digests as you like, equal in no byte that a table might use.
Sha256Digest digest(std::uint32_t n) { return sha256({}, std::as_bytes(std::span{&n, 1})); }

class StorageConformance : public testing::TestWithParam<StorageMaker> {
 protected:
  using Page = std::vector<std::byte>;

  std::unique_ptr<Storage> make(std::uint32_t page_bytes = kPageBytes) {
    StorageIdentity identity;
    identity.model = "org/model";
    identity.page_tokens = 64;
    identity.page_bytes = page_bytes;
    return GetParam().make(directory_.path(), identity);
  }
  static Page page_of(std::uint32_t n) {
    Page page(kPageBytes, static_cast<std::byte>(n));
    page.front() = static_cast<std::byte>(n >> 8U);
    return page;
  }
  static PageRead read(Storage& storage, std::uint32_t n, Page& page) {
    page.assign(kPageBytes, std::byte{0xEE});
    return storage.read(digest(n), page);
  }

  static constexpr std::uint32_t kPageBytes = 48;

 private:
  TempDirectory directory_;
};

TEST_P(StorageConformance, PageNeverWrittenIsMissing) {
  const auto storage = make();
  Page page;
  EXPECT_FALSE(storage->exists(digest(1)));
  EXPECT_EQ(read(*storage, 1, page), PageRead::kMissing);
  EXPECT_EQ(storage->counts().pages_read, 0U);
}

TEST_P(StorageConformance, PageWrittenIsReadBack) {
  const auto storage = make();
  EXPECT_TRUE(storage->write(digest(1), page_of(1)));
  EXPECT_TRUE(storage->exists(digest(1)));
  EXPECT_FALSE(storage->exists(digest(2)));
  Page page;
  EXPECT_EQ(read(*storage, 1, page), PageRead::kRead);
  EXPECT_EQ(page, page_of(1));
  EXPECT_EQ(storage->counts().pages_written, 1U);
  EXPECT_EQ(storage->counts().pages_read, 1U);
}

TEST_P(StorageConformance, PageThatExistsIsSkippedAsSuccess) {
  const auto storage = make();
  EXPECT_TRUE(storage->write(digest(1), page_of(1)));
  EXPECT_TRUE(storage->write(digest(1), page_of(2)));
  Page page;
  EXPECT_EQ(read(*storage, 1, page), PageRead::kRead);
  EXPECT_EQ(page, page_of(1));
  EXPECT_EQ(storage->counts().pages_written, 1U);
  EXPECT_EQ(storage->counts().write_errors, 0U);
}

TEST_P(StorageConformance, PagesWithoutPayloadExistToo) {
  const auto storage = make(0);
  EXPECT_TRUE(storage->write(digest(1), {}));
  EXPECT_EQ(storage->read(digest(1), {}), PageRead::kRead);
  EXPECT_EQ(storage->read(digest(2), {}), PageRead::kMissing);
}

TEST_P(StorageConformance, ThousandsOfPagesAreKeptApart) {
  constexpr std::uint32_t kPages = 3'000;
  const auto storage = make();
  for (std::uint32_t n = 0; n < kPages; ++n) ASSERT_TRUE(storage->write(digest(n), page_of(n)));
  for (std::uint32_t n = 0; n < kPages; ++n) {
    Page page;
    ASSERT_EQ(read(*storage, n, page), PageRead::kRead);
    ASSERT_EQ(page, page_of(n));
    ASSERT_FALSE(storage->exists(digest(kPages + n)));
  }
  EXPECT_EQ(storage->counts().pages_written, kPages);
}

TEST_P(StorageConformance, ReaderNeverSeesAPageHalfWritten) {
  constexpr std::uint32_t kPages = 400;
  const auto storage = make();
  const auto write = [&] {
    for (std::uint32_t n = 0; n < kPages; ++n) EXPECT_TRUE(storage->write(digest(n), page_of(n)));
  };
  const auto read_until_all_came = [&] {
    for (std::uint32_t n = 0; n < kPages;) {
      Page page;
      const PageRead answer = read(*storage, n, page);
      ASSERT_TRUE(answer == PageRead::kRead || answer == PageRead::kMissing);
      if (answer == PageRead::kMissing) continue;
      ASSERT_EQ(page, page_of(n));
      ++n;
    }
  };
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int writer = 0; writer < 2; ++writer) threads.emplace_back(write);
  for (int reader = 0; reader < 2; ++reader) threads.emplace_back(read_until_all_came);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(storage->counts().pages_torn, 0U);
  EXPECT_EQ(storage->counts().pages_read, 2 * kPages);
}

TEST_P(StorageConformance, PageOfAnotherSizeIsABug) {
  const auto storage = make();
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(static_cast<void>(storage->write(digest(1), Page(kPageBytes - 1))), "size");
}

std::string maker_name(const testing::TestParamInfo<StorageMaker>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Storages,
                         StorageConformance,
                         testing::Values(StorageMaker{"Memory", make_in_memory},
                                         StorageMaker{"Directory", make_in_directory}),
                         maker_name);

// More pages than any trace here has, in the storage that is the default.
TEST(MemoryStorageTest, HoldsAHundredThousandPages) {
  constexpr std::uint32_t kPages = 100'000;
  StorageIdentity identity;
  identity.page_bytes = sizeof(std::uint32_t);
  const auto storage = make_memory_storage(identity);
  for (std::uint32_t n = 0; n < kPages; ++n) {
    ASSERT_TRUE(storage->write(digest(n), std::as_bytes(std::span{&n, 1})));
  }
  for (std::uint32_t n = 0; n < kPages; ++n) {
    std::uint32_t found = 0;
    ASSERT_EQ(storage->read(digest(n), std::as_writable_bytes(std::span{&found, 1})),
              PageRead::kRead);
    ASSERT_EQ(found, n);
  }
}

}  // namespace
}  // namespace radixbench
