#include "comm/mpi_world.h"

#include "base/check.h"
#include "comm/shm_waiter.h"
#include "comm/world_alarm.h"

#ifdef RADIXBENCH_HAVE_MPI
#include "comm/mpi_fabric.h"
#endif

#include <cstdlib>
#include <utility>

namespace radixbench {

#ifdef RADIXBENCH_HAVE_MPI

namespace {

class AdoptedJob final : public MpiJob {
 public:
  explicit AdoptedJob(MpiPlaces places) : places_{std::move(places)} {}
  [[nodiscard]] Result<Variables> environment(Rank rank) const override {
    Variables variables = places_.at(rank);
    // Next to mpirun's own files, which it removes however ranks end.
    for (const auto& [name, value] : places_.at(rank)) {
      if (name != "OMPI_FILE_LOCATION") continue;
      variables.emplace_back("OMPI_MCA_btl_vader_backing_directory", value);
      break;
    }
    return variables;
  }

 private:
  MpiPlaces places_;
};

class JobWorld final : public MpiWorld {
 public:
  // `here`: ranks on this host.
  JobWorld(std::unique_ptr<WorldAlarm> alarm, std::unique_ptr<MpiJob> job, Rank here)
      : alarm_{std::move(alarm)}, job_{std::move(job)}, here_{here} {}

  std::unique_ptr<Fabric> attach(Rank rank, SiteNamer namer) override {
    RADIXBENCH_CHECK(rank < alarm_->world_size());
    // A world of one needs no MPI. What can't be read is told by MPI, which then sees a rank alone.
    if (job_ != nullptr) {
      for (const auto& [name, value] : job_->environment(rank).value_or(MpiJob::Variables{})) {
        setenv(name.c_str(), value.c_str(), 1);
      }
    }
    return make_mpi_fabric({.alarm = alarm_.get(),
                            .rank = rank,
                            .world_size = alarm_->world_size(),
                            .namer = namer,
                            .spins = WaitPolicy::for_ranks(here_).spins});
  }
  void mark_dead(Rank rank) override { alarm_->mark_dead(rank); }
  void interrupt() override { alarm_->interrupt(); }

 private:
  std::unique_ptr<WorldAlarm> alarm_;
  std::unique_ptr<MpiJob> job_;
  Rank here_;
};

}  // namespace

Result<std::unique_ptr<MpiWorld>> MpiWorld::create(Rank world_size) {
  auto alarm = WorldAlarm::map(world_size);
  if (!alarm) return tl::unexpected(alarm.error());
  std::unique_ptr<MpiJob> job;
  if (world_size > 1) {
    auto started = MpiJob::start(world_size);
    if (!started) return tl::unexpected(started.error());
    job = *std::move(started);
  }
  return std::make_unique<JobWorld>(*std::move(alarm), std::move(job), world_size);
}

Result<std::unique_ptr<MpiWorld>> MpiWorld::adopt(Rank world_size, MpiPlaces places) {
  const auto here = static_cast<Rank>(places.size());
  auto alarm = WorldAlarm::map(world_size);
  if (!alarm) return tl::unexpected(alarm.error());
  auto job = std::make_unique<AdoptedJob>(std::move(places));
  return std::make_unique<JobWorld>(*std::move(alarm), std::move(job), here);
}

Result<std::string> mpi_version() { return mpi_library_version(); }

#else

namespace {

tl::unexpected<Error> refuse() {
  return fail(ErrorCode::kUnsupported,
              "this build has no MPI (built with RADIXBENCH_MPI=OFF or without libopenmpi-dev)");
}

}  // namespace

Result<std::unique_ptr<MpiWorld>> MpiWorld::create(Rank) { return refuse(); }
Result<std::unique_ptr<MpiWorld>> MpiWorld::adopt(Rank, MpiPlaces) { return refuse(); }
Result<std::string> mpi_version() { return refuse(); }

#endif

}  // namespace radixbench
