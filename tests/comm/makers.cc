#include "comm/makers.h"

#include "base/check.h"
#include "comm/gloo_world.h"
#include "comm/mpi_job.h"
#include "comm/mpi_world.h"
#include "comm/nccl_support.h"
#include "comm/nccl_world.h"
#include "comm/shm_fabric.h"
#include "comm/thread_fabric.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <iterator>
#include <numeric>

namespace radixbench {
namespace {

std::unique_ptr<World> make_shm_world(Rank world_size) {
  auto world = ShmWorld::create(world_size);
  RADIXBENCH_CHECK(world.has_value());
  return *std::move(world);
}

std::unique_ptr<World> make_mpi_world(Rank world_size) {
  auto world = MpiWorld::create(world_size);
  RADIXBENCH_CHECK(world.has_value());
  return *std::move(world);
}

std::unique_ptr<World> make_nccl_world_of(Rank world_size, const NcclOptions& options) {
  auto world = NcclWorld::create(world_size, options);
  RADIXBENCH_CHECK(world.has_value());
  return *std::move(world);
}

std::unique_ptr<World> make_default_gloo_world(Rank world_size) {
  auto world = make_gloo_world(world_size, {});
  RADIXBENCH_CHECK(world.has_value());
  return *std::move(world);
}

constexpr Maker kGloo{.name = "GlooProcesses",
                      .kind = RankKind::kProcesses,
                      .make_world = make_default_gloo_world,
                      .is_observed = false,
                      .has_our_mismatches = false,
                      .long_row = 20};

// The machine's own GPU and NCCL, with as many ranks on one as there are.
std::unique_ptr<World> make_nccl_world(Rank world_size) {
  NcclOptions options;
  options.shares_gpu = true;
  return make_nccl_world_of(world_size, options);
}

std::string missing_nccl() {
  const GpuSupport support = probe_gpu_support();
  if (!support.gpus) return support.gpus.error().message;
  if (support.gpus->gpus.empty()) return "CUDA shows no GPU";
  return support.nccl ? "" : support.nccl.error().message;
}

// tests/comm/fake_gpu.cc in the place of both.
std::unique_ptr<World> make_fake_nccl_world(Rank world_size) {
  NcclOptions options;
  options.driver_library = options.nccl_library = RADIXBENCH_FAKE_GPU;
  return make_nccl_world_of(world_size, options);
}

std::unique_ptr<World> make_late_fake_nccl_world(Rank world_size) {
  NcclOptions options;
  options.creation = NcclCreation::kFirstCall;
  options.driver_library = options.nccl_library = RADIXBENCH_FAKE_GPU;
  return make_nccl_world_of(world_size, options);
}

constexpr Maker kMpi{
    "MpiProcesses", RankKind::kProcesses, make_mpi_world, false, false, true, true};

constexpr std::array kMakers{
    Maker{"Threads", RankKind::kThreads, make_thread_world, false},
    Maker{"ObservedThreads", RankKind::kThreads, make_thread_world, true},
    Maker{"ShmThreads", RankKind::kThreads, make_shm_world, false},
    Maker{"ShmProcesses", RankKind::kProcesses, make_shm_world, false},
    Maker{.name = "FakeNccl",
          .kind = RankKind::kProcesses,
          .make_world = make_fake_nccl_world,
          .is_observed = false,
          .has_our_mismatches = false,
          .long_row = 20},
    Maker{.name = "LateFakeNccl",
          .kind = RankKind::kProcesses,
          .make_world = make_late_fake_nccl_world,
          .is_observed = false,
          .has_our_mismatches = false,
          .long_row = 20},
    Maker{.name = "Nccl",
          .kind = RankKind::kProcesses,
          .make_world = make_nccl_world,
          .is_observed = false,
          .has_our_mismatches = false,
          .is_slow = true,
          .long_row = 20,
          .missing = missing_nccl},
};

// Hears everything and keeps nothing; what an observer hears is observed_communicator_test's.
class DeafObserver final : public CallObserver {
 public:
  void entered(const CallRecord&) override { ++heard_; }
  void left(const CallRecord&) override { ++heard_; }

 private:
  std::atomic<std::uint64_t> heard_ = 0;
};

class ObservedFabric final : public Fabric {
 public:
  explicit ObservedFabric(std::unique_ptr<Fabric> inner) : inner_{std::move(inner)} {}

  [[nodiscard]] Rank rank() const override { return inner_->rank(); }
  [[nodiscard]] Rank world_size() const override { return inner_->world_size(); }
  [[nodiscard]] std::string_view transport() const override { return inner_->transport(); }
  Result<std::unique_ptr<Communicator>> open(const GroupSpec& group, Deadline deadline) override {
    return inner_->open(group, deadline).map([&](std::unique_ptr<Communicator> opened) {
      return observe(std::move(opened), observer_);
    });
  }

 private:
  std::unique_ptr<Fabric> inner_;
  DeafObserver observer_;
};

}  // namespace

std::span<const Maker> makers() {
  static const std::vector<Maker> kHere = [] {
    std::vector<Maker> here(kMakers.begin(), kMakers.end());
    if (!why_no_gloo()) here.push_back(kGloo);
    if (mpi_version() && !MpiJob::find_mpirun().empty()) here.push_back(kMpi);
    return here;
  }();
  return kHere;
}

namespace {

std::vector<Maker> makers_where(bool (*holds)(const Maker&)) {
  std::vector<Maker> chosen;
  std::ranges::copy_if(makers(), std::back_inserter(chosen), holds);
  return chosen;
}

}  // namespace

std::vector<Maker> process_makers() {
  return makers_where([](const Maker& maker) { return maker.kind == RankKind::kProcesses; });
}

std::vector<Maker> lenient_makers() {
  return makers_where([](const Maker& maker) { return maker.has_our_mismatches; });
}

std::vector<std::tuple<Maker, Rank>> cases(std::span<const Maker> makers,
                                           std::initializer_list<Rank> rank_counts) {
  const char* wish = std::getenv("RADIXBENCH_CONFORMANCE");
  const bool is_full = wish != nullptr && std::string_view{wish} == "full";
  constexpr Rank kSlowMax = 3;
  std::vector<std::tuple<Maker, Rank>> all;
  for (const Maker& maker : makers) {
    for (const Rank count : rank_counts) {
      if (!maker.is_slow || is_full || count <= kSlowMax) all.emplace_back(maker, count);
    }
  }
  return all;
}

void RanksTest::SetUp() {
  if (maker().missing == nullptr) return;
  const std::string missing = maker().missing();
  if (!missing.empty()) GTEST_SKIP() << missing;
}

std::unique_ptr<RankHarness> RanksTest::make_harness(Rank world_size) {
  auto harness =
      std::make_unique<RankHarness>(maker().kind, maker().make_world(world_size), world_size);
  if (maker().is_observed) {
    harness->wrap_fabrics([](std::unique_ptr<Fabric> fabric) -> std::unique_ptr<Fabric> {
      return std::make_unique<ObservedFabric>(std::move(fabric));
    });
  }
  return harness;
}

std::string name_param(const testing::TestParamInfo<std::tuple<Maker, Rank>>& info) {
  return std::string{std::get<Maker>(info.param).name} + "_" +
         std::to_string(std::get<Rank>(info.param));
}

GroupSpec everyone(Rank world_size, std::uint32_t ordinal) {
  GroupSpec group{.name = "everyone", .members = std::vector<Rank>(world_size), .ordinal = ordinal};
  std::iota(group.members.begin(), group.members.end(), Rank{0});
  return group;
}

Call call_within(std::chrono::milliseconds wait) {
  return {.site = 4, .key = 77, .deadline = deadline_after(wait)};
}

}  // namespace radixbench
