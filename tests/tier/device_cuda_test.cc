// Pages in a GPU's memory: over the stand-in of tests/comm/fake_gpu.cc everywhere, and over a GPU
// where there is one.

#include "tier/device_cuda.h"

#include "base/random.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace radixbench {
namespace {

using testing::Combine;
using testing::Values;

enum class Which : std::uint8_t { kFake, kReal };

class DeviceCudaTest : public testing::TestWithParam<std::tuple<Which, PageOrder, CopyMethod>> {
 protected:
  void SetUp() override {
    const bool is_fake = std::get<Which>(GetParam()) == Which::kFake;
    Result<std::shared_ptr<const Gpu>> gpu = Gpu::open(0, is_fake ? RADIXBENCH_FAKE_GPU : "");
    if (!gpu) GTEST_SKIP() << gpu.error().message;
    auto made = GpuTier::create(*gpu,
                                {.device_pages = kDevicePages,
                                 .host_pages = kHostPages,
                                 .layers = 8,
                                 .page_bytes = kPageBytes,
                                 .device_order = std::get<PageOrder>(GetParam()),
                                 .method = std::get<CopyMethod>(GetParam())});
    if (!made && made.error().code == ErrorCode::kUnsupported) {
      GTEST_SKIP() << made.error().message;
    }
    ASSERT_TRUE(made) << made.error().message;
    tier_ = *std::move(made);
  }

  static constexpr std::size_t kDevicePages = 20;
  static constexpr std::size_t kHostPages = 40;
  static constexpr std::size_t kPageBytes = 8 * 48;

  static std::vector<std::byte> bytes_of(std::uint64_t page) {
    std::vector<std::byte> bytes(kPageBytes);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<std::byte>(draw(3, "bytes", page, i));
    }
    return bytes;
  }
  [[nodiscard]] bool device_has(PageId page, std::uint64_t content) const {
    std::vector<std::byte> found(kPageBytes);
    return tier_->copier().read(page, found) && found == bytes_of(content);
  }

  std::unique_ptr<GpuTier> tier_;
};

TEST_P(DeviceCudaTest, PagesGoThereAndBackByOtherPages) {
  const std::array<PageId, 6> host{4, 5, 6, 30, 2, 39};
  const std::array<PageId, 6> device{0, 1, 2, 19, 7, 11};
  for (const PageId page : host) {
    std::ranges::copy(bytes_of(page), tier_->host().payload(page).begin());
  }
  ASSERT_TRUE(tier_->copier().load(host, device));
  for (std::size_t i = 0; i < host.size(); ++i) EXPECT_TRUE(device_has(device[i], host[i])) << i;
  const std::array<PageId, 6> back{20, 21, 10, 11, 12, 0};
  ASSERT_TRUE(tier_->copier().save(device, back));
  for (std::size_t i = 0; i < host.size(); ++i) {
    EXPECT_TRUE(std::ranges::equal(tier_->host().payload(back[i]), bytes_of(host[i]))) << i;
  }
}

TEST_P(DeviceCudaTest, AWrittenPageIsReadAsItWasAndNoOtherIsTouched) {
  for (const PageId page : {3U, 4U, 5U}) {
    ASSERT_TRUE(tier_->copier().write(page, bytes_of(100 + page)));
  }
  ASSERT_TRUE(tier_->copier().write(4, bytes_of(7)));
  EXPECT_TRUE(device_has(3, 103));
  EXPECT_TRUE(device_has(4, 7));
  EXPECT_TRUE(device_has(5, 105));
}

TEST_P(DeviceCudaTest, NoPagesAreNothingToDo) {
  EXPECT_TRUE(tier_->copier().load({}, {}));
  EXPECT_TRUE(tier_->copier().save({}, {}));
}

TEST_P(DeviceCudaTest, PayloadsOfTheDeviceAreOutOfReach) {
  EXPECT_EQ(tier_->device().page_bytes(), kPageBytes);
  EXPECT_TRUE(tier_->device().payload(0).empty());
  EXPECT_EQ(tier_->host().payload(kHostPages - 1).size(), kPageBytes);
}

std::string name_of(const testing::TestParamInfo<DeviceCudaTest::ParamType>& tested) {
  const auto [which, order, method] = tested.param;
  return std::string{which == Which::kFake ? "fake_" : "real_"} + std::string{to_string(order)} +
         "_" + std::string{to_string(method)};
}

INSTANTIATE_TEST_SUITE_P(
    ,
    DeviceCudaTest,
    Combine(Values(Which::kFake, Which::kReal),
            Values(PageOrder::kPageFirst, PageOrder::kLayerFirst),
            Values(CopyMethod::kPitched, CopyMethod::kBatched, CopyMethod::kKernel)),
    name_of);

TEST(GpuTest, ADriverThatIsNotThereIsNamed) {
  const auto gpu = Gpu::open(0, "/nowhere/libcuda.so.1");
  ASSERT_FALSE(gpu);
  EXPECT_EQ(gpu.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(gpu.error().message, testing::HasSubstr("no CUDA driver: /nowhere/libcuda.so.1"));
}

TEST(GpuTest, AGpuThatIsNotThereIsCounted) {
  const auto gpu = Gpu::open(5, RADIXBENCH_FAKE_GPU);
  ASSERT_FALSE(gpu);
  EXPECT_THAT(gpu.error().message, testing::HasSubstr("no GPU 5: CUDA shows 1 here"));
}

}  // namespace
}  // namespace radixbench
