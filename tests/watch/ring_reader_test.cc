#include "watch/ring_reader.h"

#include "base/random.h"
#include "support/fuzz_corpus.h"
#include "support/temp_directory.h"
#include "watch/rank_limit.h"
#include "watch/ring_fixture.h"

#include <gmock/gmock.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace radixbench {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class RingReaderTest : public testing::Test {
 protected:
  RingReaderTest() {
    Ring::make_call(ring_.recorder.thread("scheduler"), group_, 0);
    bytes_.assign(ring_.memory.bytes().begin(), ring_.memory.bytes().end());
  }
  void put(std::size_t word, std::uint64_t value) {
    std::memcpy(bytes_.data() + word * 8, &value, 8);
  }
  [[nodiscard]] std::uint64_t word(std::size_t at) const {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes_.data() + at * 8, 8);
    return value;
  }
  // Where its sections are.
  [[nodiscard]] RingShape shape() const {
    const std::uint64_t groups = word(kRingFieldGroups);
    return {.record_count = 0,
            .group_max = static_cast<std::uint32_t>(groups),
            .member_max = static_cast<std::uint32_t>(groups >> 32U)};
  }
  [[nodiscard]] std::string error() const {
    const Result<Recording> recording = read_ring(bytes_, "some.ring");
    EXPECT_FALSE(recording);
    if (recording) return "";
    EXPECT_EQ(recording.error().code, ErrorCode::kCorrupt);
    return recording.error().message;
  }

  GroupSpec group_{.name = "tp", .members = {0, 1}, .ordinal = 0};
  Ring ring_;
  std::vector<std::byte> bytes_;
};

TEST_F(RingReaderTest, OtherVersionNamesBoth) {
  put(kRingFieldVersion, 7 | (std::uint64_t{kRingByteOrder} << 32U));
  EXPECT_THAT(
      error(),
      AllOf(HasSubstr("some.ring: byte 8"), HasSubstr("version 7"), HasSubstr("reads version 1")));
}

TEST_F(RingReaderTest, OtherBytesAreNoRing) {
  put(kRingFieldMagic, 0x1234);
  EXPECT_EQ(error(), "some.ring: byte 0: is no ring");
  bytes_.resize(3);
  EXPECT_EQ(error(), "some.ring: byte 3: ends within the header of a ring");
}

TEST_F(RingReaderTest, CutShortSaysWhere) {
  const std::size_t whole = bytes_.size();
  bytes_.resize(whole - 100);
  EXPECT_THAT(error(),
              AllOf(HasSubstr("byte " + std::to_string(whole - 100)),
                    HasSubstr("has " + std::to_string(whole))));
}

TEST_F(RingReaderTest, CountBeyondItsTableNamesTheCount) {
  put(kRingFieldSiteCount, kRingSitesMax + 1);
  EXPECT_THAT(error(), HasSubstr("byte " + std::to_string(kRingFieldSiteCount * 8)));
}

// Showed as a diagnosis that counted to the rank.
TEST_F(RingReaderTest, RanksBeyondAnyJobAreRefused) {
  const std::vector<std::byte> sound = bytes_;
  const std::size_t members = shape().members();
  put(kRingFieldRank, kRecordedRanksMax);
  EXPECT_EQ(error(),
            "some.ring: byte " + std::to_string(kRingFieldRank * 8) + ": a rank beyond any job's");
  bytes_ = sound;
  put(members, std::uint64_t{1} << 63U);
  EXPECT_EQ(error(),
            "some.ring: byte " + std::to_string(members * 8) + ": a rank beyond any job's");
}

TEST_F(RingReaderTest, MembersThatGroupsShareAreRefused) {
  const GroupSpec other{.name = "attn_cp", .members = {1, 0}, .ordinal = 1};
  Ring::make_call(ring_.recorder.thread("scheduler"), other, 0);
  bytes_.assign(ring_.memory.bytes().begin(), ring_.memory.bytes().end());
  const std::size_t at = shape().groups() + kRingGroupWords + kRingGroupMembers;
  put(at, std::uint64_t{3} << 32U);
  EXPECT_EQ(error(), "some.ring: byte " + std::to_string(at * 8) + ": members of several groups");
}

TEST_F(RingReaderTest, BytesNeedNotBeAligned) {
  bytes_.insert(bytes_.begin(), std::byte{0});
  const Result<Recording> recording = read_ring(std::span{bytes_}.subspan(1), "some.ring");
  ASSERT_TRUE(recording) << recording.error().message;
  EXPECT_EQ(recording->events.size(), 1U);
}

TEST_F(RingReaderTest, FileThatIsNotThereIsNotFound) {
  const Result<Recording> recording = read_ring_file("/nowhere/rank00000.ring");
  ASSERT_FALSE(recording);
  EXPECT_EQ(recording.error().code, ErrorCode::kNotFound);
}

TEST_F(RingReaderTest, FileThatNobodyClosedSaysNothingOfHowTheRankStands) {
  const TempDirectory directory;
  ring_.memory.set_fate(RankFate::kRunning);
  ASSERT_TRUE(ring_.memory.save(directory.path() / "a.ring"));
  const Result<Recording> recording = read_ring_file(directory.path() / "a.ring");
  ASSERT_TRUE(recording);
  EXPECT_EQ(recording->fate, RankFate::kUnknown);
  EXPECT_EQ(ring_.read().fate, RankFate::kRunning);
}

TEST(RingReaderCorpusTest, EveryFileOfTheCorpusPasses) { EXPECT_GT(run_corpus("ring_reader"), 0U); }

TEST(RingReaderCorpusTest, RandomChangesOfASoundRingPass) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE(seed);
    Random random{seed, "changes"};
    std::vector<std::uint8_t> bytes(1 + 5 * (1 + random.below(12)));
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
    bytes[0] |= 1U;
    for (std::size_t at = 1; at + 4 < bytes.size(); at += 5) {
      bytes[at + 2] = 0;
      if (random.below(2) == 0) bytes[at + 1] &= 1U;  // the header
    }
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
}

}  // namespace
}  // namespace radixbench
