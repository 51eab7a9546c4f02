#include "record/hdf5_reader.h"

#include "record/record_fixture.h"

#include <gmock/gmock.h>

#include <fstream>

namespace radixbench {
namespace {

using ::testing::HasSubstr;

class Hdf5ReaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto recorder = open_hdf5_recorder(path_, identity_of(0), {});
    ASSERT_TRUE(recorder) << recorder.error().message;
    for (std::uint64_t number = 0; number < 20'000; ++number) {
      (*recorder)->sample(Producer::kScheduler, Phase::kConsensus, sample_number(number));
    }
    ASSERT_TRUE((*recorder)->close(RankStatus::kComplete, {}));
  }
  void expect_corrupt() {
    const auto data = read_hdf5_rank(path_);
    ASSERT_FALSE(data);
    EXPECT_EQ(data.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(data.error().message, HasSubstr(path_));
  }

  TemporaryFolder folder_;
  std::string path_ = folder_.file("rank00000.h5");
};

TEST_F(Hdf5ReaderTest, NoSuchFileIsNotFound) {
  const auto data = read_hdf5_rank(folder_.file("rank00001.h5"));
  ASSERT_FALSE(data);
  EXPECT_EQ(data.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(data.error().message, HasSubstr("rank00001.h5"));
}

TEST_F(Hdf5ReaderTest, TruncatedFileIsCorrupt) {
  const auto bytes = std::filesystem::file_size(path_);
  for (const double share : {0.0, 0.1, 0.5, 0.9}) {
    std::filesystem::resize_file(path_,
                                 static_cast<std::uintmax_t>(static_cast<double>(bytes) * share));
    SCOPED_TRACE(share);
    expect_corrupt();
    std::filesystem::remove(path_);
    SetUp();
  }
}

TEST_F(Hdf5ReaderTest, FileOfAnotherKindIsCorrupt) {
  std::ofstream{path_, std::ios::trunc} << "not an HDF5 file";
  expect_corrupt();
}

// A checksum guards each chunk: rows that were changed on the disk are not handed out.
TEST_F(Hdf5ReaderTest, ChangedBytesOfRowsAreCorrupt) {
  std::fstream file{path_, std::ios::in | std::ios::out | std::ios::binary};
  file.seekp(-200, std::ios::end);
  const std::string noise(100, '\x5A');
  file << noise;
  file.close();
  expect_corrupt();
}

}  // namespace
}  // namespace radixbench
