#include "support/temp_directory.h"
#include "tier/page_file.h"
#include "tier/storage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace radixbench {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::uint32_t kPageBytes = 256;
constexpr std::uint64_t kNoBound = 0;

StorageIdentity identity_of(std::uint32_t tp_rank) {
  StorageIdentity identity;
  identity.model = "org/model";
  identity.page_tokens = 64;
  identity.page_bytes = kPageBytes;
  identity.tp_rank = tp_rank;
  identity.tp_size = 4;
  return identity;
}

// Talks of pages by number and knows where their files are.
class DirectoryStorageTest : public testing::Test {
 protected:
  std::unique_ptr<Storage> open(const StorageIdentity& identity = identity_of(0)) {
    auto storage = make_directory_storage(directory(), identity, kNoBound);
    EXPECT_TRUE(storage.has_value()) << storage.error().message;
    return std::move(storage).value();
  }
  [[nodiscard]] fs::path directory() const { return temp_.path() / "storage"; }
  [[nodiscard]] fs::path file_of(std::uint32_t n, std::uint32_t tp_rank = 0) const {
    return directory() / PageFile{identity_of(tp_rank)}.path(digest(n));
  }
  static Sha256Digest digest(std::uint32_t n) {
    return sha256({}, std::as_bytes(std::span{&n, 1}));
  }
  static bool write(Storage& storage, std::uint32_t n) {
    return storage.write(digest(n), std::vector<std::byte>(kPageBytes, static_cast<std::byte>(n)));
  }
  static PageRead read(Storage& storage, std::uint32_t n) {
    std::vector<std::byte> page(kPageBytes);
    const PageRead answer = storage.read(digest(n), page);
    if (answer == PageRead::kRead) {
      EXPECT_EQ(page, std::vector<std::byte>(kPageBytes, static_cast<std::byte>(n)));
    }
    return answer;
  }
  static void flip_byte(const fs::path& path, std::uintmax_t at) {
    std::fstream file{path, std::ios::in | std::ios::out | std::ios::binary};
    file.seekg(static_cast<std::streamoff>(at));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte ^ 0x10));
    EXPECT_TRUE(file.good());
  }
  // Every regular file under the storage directory.
  [[nodiscard]] std::size_t file_count() const {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator{directory()}) {
      count += entry.is_regular_file() ? 1U : 0U;
    }
    return count;
  }

 private:
  TempDirectory temp_;
};

TEST_F(DirectoryStorageTest, PagesOutliveTheStorageAndNothingElseIsLeft) {
  EXPECT_TRUE(write(*open(), 1));
  EXPECT_EQ(file_count(), 1U);
  EXPECT_TRUE(fs::is_regular_file(file_of(1)));
  EXPECT_EQ(fs::file_size(file_of(1)), PageFile{identity_of(0)}.file_bytes());
  const auto again = open();
  EXPECT_TRUE(again->exists(digest(1)));
  EXPECT_EQ(read(*again, 1), PageRead::kRead);
}

TEST_F(DirectoryStorageTest, RanksShareADirectoryAndNoPage) {
  const auto first = open(identity_of(0));
  const auto second = open(identity_of(1));
  EXPECT_TRUE(write(*first, 1));
  EXPECT_FALSE(second->exists(digest(1)));
  EXPECT_EQ(read(*second, 1), PageRead::kMissing);
}

TEST_F(DirectoryStorageTest, HoldsPagesOfAnIdentityOnceOneWasWritten) {
  EXPECT_FALSE(holds_pages(directory(), identity_of(0)));
  const auto storage = open();
  EXPECT_FALSE(holds_pages(directory(), identity_of(0)));
  ASSERT_TRUE(write(*storage, 1));
  EXPECT_TRUE(holds_pages(directory(), identity_of(0)));
  EXPECT_FALSE(holds_pages(directory(), identity_of(1)));
}

TEST_F(DirectoryStorageTest, FileCutAnywhereIsTornAndAMiss) {
  const auto storage = open();
  const std::uintmax_t whole = PageFile{identity_of(0)}.file_bytes();
  std::uint64_t torn = 0;
  for (const std::uintmax_t bytes :
       std::vector<std::uintmax_t>{0, 1, 95, 96, whole - kPageBytes, whole - 1, whole + 1}) {
    ASSERT_TRUE(write(*storage, 1));
    fs::resize_file(file_of(1), bytes);
    EXPECT_EQ(read(*storage, 1), PageRead::kTorn) << bytes;
    EXPECT_EQ(storage->counts().pages_torn, ++torn);
  }
  EXPECT_EQ(storage->counts().pages_read, 0U);
}

TEST_F(DirectoryStorageTest, FlippedByteIsTorn) {
  const auto storage = open();
  const std::uintmax_t whole = PageFile{identity_of(0)}.file_bytes();
  for (const std::uintmax_t at : std::vector<std::uintmax_t>{0, 20, 70, 93, 97, 120, whole - 1}) {
    ASSERT_TRUE(write(*storage, 1));
    flip_byte(file_of(1), at);
    EXPECT_EQ(read(*storage, 1), PageRead::kTorn) << at;
  }
  EXPECT_EQ(storage->counts().pages_torn, 7U);
}

TEST_F(DirectoryStorageTest, FileOfAnotherRankInPlaceIsForeign) {
  EXPECT_TRUE(write(*open(identity_of(3)), 1));
  const auto storage = open(identity_of(0));
  fs::rename(file_of(1, 3), file_of(1, 0));
  EXPECT_TRUE(storage->exists(digest(1)));
  EXPECT_EQ(read(*storage, 1), PageRead::kForeign);
  EXPECT_EQ(storage->counts().pages_foreign, 1U);
  EXPECT_EQ(storage->counts().pages_torn, 0U);
}

TEST_F(DirectoryStorageTest, FileOfAnotherPageOrPageSizeIsForeign) {
  const auto storage = open();
  EXPECT_TRUE(write(*storage, 1));
  EXPECT_TRUE(write(*storage, 2));
  fs::copy_file(file_of(2), file_of(1), fs::copy_options::overwrite_existing);
  EXPECT_EQ(read(*storage, 1), PageRead::kForeign);

  StorageIdentity larger = identity_of(0);
  larger.page_bytes = 2 * kPageBytes;
  const std::vector<std::byte> page(larger.page_bytes);
  EXPECT_TRUE(open(larger)->write(digest(1), page));
  fs::rename(directory() / PageFile{larger}.path(digest(1)), file_of(1));
  EXPECT_EQ(read(*storage, 1), PageRead::kForeign);
  EXPECT_EQ(storage->counts().pages_foreign, 2U);
}

TEST_F(DirectoryStorageTest, PageFoundTornIsWrittenAnewAndAnUnreadOneSkipped) {
  EXPECT_TRUE(write(*open(), 1));
  flip_byte(file_of(1), 200);
  const auto storage = open();
  EXPECT_TRUE(write(*storage, 1));
  EXPECT_EQ(storage->counts().pages_written, 0U);
  EXPECT_EQ(read(*storage, 1), PageRead::kTorn);
  EXPECT_TRUE(write(*storage, 1));
  EXPECT_EQ(storage->counts().pages_written, 1U);
  EXPECT_EQ(read(*storage, 1), PageRead::kRead);
}

TEST_F(DirectoryStorageTest, WhatIsNoFileIsNoPageAndHoldsNothingUp) {
  const auto storage = open();
  EXPECT_TRUE(write(*storage, 1));
  fs::remove(file_of(1));
  ASSERT_EQ(::mkfifo(file_of(1).c_str(), 0600), 0);
  EXPECT_FALSE(storage->exists(digest(1)));
  EXPECT_EQ(read(*storage, 1), PageRead::kMissing);
  fs::remove(file_of(1));
  fs::create_directory(file_of(1));
  EXPECT_FALSE(storage->exists(digest(1)));
  EXPECT_EQ(read(*storage, 1), PageRead::kMissing);
  EXPECT_FALSE(write(*storage, 1));
  EXPECT_EQ(storage->counts().read_errors, 2U);
  EXPECT_EQ(storage->counts().write_errors, 1U);
  EXPECT_EQ(file_count(), 0U);
}

// Files that look like those of a process which died while it wrote.
class LeftoverTest : public DirectoryStorageTest {
 protected:
  fs::path leave(const StorageIdentity& identity, pid_t process) {
    fs::create_directories(directory() / "writing");
    fs::path path = directory() / "writing" /
                    (PageFile{identity}.identity_name() + '.' + std::to_string(process) + ".0");
    std::ofstream{path} << "half a page";
    return path;
  }
  // The id of a child that has been waited for.
  static pid_t dead_process() {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    ::waitpid(child, nullptr, 0);
    return child;
  }
};

TEST_F(LeftoverTest, OfADeadRunOfThisIdentityAreRemovedAndNoOthers) {
  const pid_t dead = dead_process();
  const fs::path mine = leave(identity_of(0), dead);
  const fs::path of_another_rank = leave(identity_of(1), dead);
  const fs::path of_a_live_run = leave(identity_of(0), ::getppid());
  const fs::path strange = directory() / "writing" / "notes.txt";
  std::ofstream{strange} << "kept";
  static_cast<void>(open());
  EXPECT_FALSE(fs::exists(mine));
  EXPECT_TRUE(fs::exists(of_another_rank));
  EXPECT_TRUE(fs::exists(of_a_live_run));
  EXPECT_TRUE(fs::exists(strange));
}

TEST_F(LeftoverTest, OfAProcessWithThisOnesIdAreSteppedOver) {
  const fs::path same_id = leave(identity_of(0), ::getpid());
  const auto storage = open();
  EXPECT_TRUE(write(*storage, 1));
  EXPECT_EQ(read(*storage, 1), PageRead::kRead);
  EXPECT_TRUE(fs::exists(same_id));
}

// Not root while it lives: root may write anywhere.
class NobodyScope {
 public:
  NobodyScope() { EXPECT_EQ(::seteuid(was_root_ ? 65'534 : ::geteuid()), 0); }
  ~NobodyScope() { EXPECT_EQ(::seteuid(was_root_ ? 0 : ::geteuid()), 0); }
  NobodyScope(const NobodyScope&) = delete;
  NobodyScope& operator=(const NobodyScope&) = delete;

 private:
  bool was_root_ = ::geteuid() == 0;
};

TEST_F(DirectoryStorageTest, DirectoryThatCannotBeWrittenIsRefused) {
  static_cast<void>(open());
  for (const fs::path& path : {directory(), directory() / "writing"}) {
    fs::permissions(path, fs::perms{0555});
  }
  const NobodyScope nobody;
  const auto refused = make_directory_storage(directory(), identity_of(0), kNoBound);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kCannotCreate);
  EXPECT_THAT(refused.error().message, HasSubstr(directory().string()));
  EXPECT_THAT(refused.error().message, HasSubstr("Permission denied"));
}

TEST_F(DirectoryStorageTest, DirectoryThatCannotBeMadeIsRefused) {
  fs::create_directories(directory());
  std::ofstream{directory() / "file"} << "in the way";
  const auto refused = make_directory_storage(directory() / "file" / "below", identity_of(0), 0);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kCannotCreate);
  EXPECT_THAT(refused.error().message, HasSubstr("file/below"));
}

TEST_F(DirectoryStorageTest, RunThatCannotFitIsRefusedAndLeavesNothing) {
  constexpr std::uint64_t kTooMuch = std::numeric_limits<std::uint64_t>::max();
  const auto refused = make_directory_storage(directory() / "deep", identity_of(0), kTooMuch);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kCannotCreate);
  EXPECT_THAT(refused.error().message, HasSubstr((directory() / "deep").string()));
  EXPECT_THAT(refused.error().message, HasSubstr(std::to_string(kTooMuch) + " bytes"));
  EXPECT_THAT(refused.error().message, testing::ContainsRegex("has [0-9]+ free"));
  EXPECT_FALSE(fs::exists(directory()));
}

TEST_F(DirectoryStorageTest, ModelNameLongerThanAHeaderHoldsIsRefused) {
  StorageIdentity identity = identity_of(0);
  identity.model.assign(PageFile::kModelBytesMax, 'm');
  EXPECT_TRUE(make_directory_storage(directory(), identity, kNoBound).has_value());
  identity.model += 'm';
  const auto refused = make_directory_storage(directory(), identity, kNoBound);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
}

// A file system of 64 KiB, in a mount namespace that ends with this process.
class FullDiskTest : public DirectoryStorageTest {
 protected:
  void SetUp() override {
    fs::create_directories(directory());
    const bool is_mounted = ::unshare(CLONE_NEWNS) == 0 &&
                            ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                            ::mount("tmpfs", directory().c_str(), "tmpfs", 0, "size=64k") == 0;
    if (!is_mounted) GTEST_SKIP() << "only root may mount a small file system to fill";
    is_mounted_ = true;
  }
  void TearDown() override {
    if (is_mounted_) ::umount2(directory().c_str(), MNT_DETACH);
  }

 private:
  bool is_mounted_ = false;
};

TEST_F(FullDiskTest, PageThatDoesNotFitIsCountedAndTheOthersStay) {
  const auto storage = open();
  std::uint32_t kept = 0;
  while (kept < 1'000 && write(*storage, kept)) ++kept;
  ASSERT_GT(kept, 0U);
  ASSERT_LT(kept, 1'000U);
  EXPECT_FALSE(write(*storage, kept));
  EXPECT_EQ(storage->counts().write_errors, 2U);
  EXPECT_EQ(storage->counts().pages_written, kept);
  EXPECT_EQ(read(*storage, kept), PageRead::kMissing);
  for (std::uint32_t n = 0; n < kept; ++n) EXPECT_EQ(read(*storage, n), PageRead::kRead);
  EXPECT_EQ(file_count(), kept);
}

TEST_F(FullDiskTest, IsRefusedByWhatTheRunNeeds) {
  const auto refused = make_directory_storage(directory(), identity_of(0), 65'537);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("65537 bytes"));
  EXPECT_THAT(refused.error().message, HasSubstr("65536 free"));
  EXPECT_TRUE(make_directory_storage(directory(), identity_of(0), 65'536).has_value());
}

}  // namespace
}  // namespace radixbench
