#include "comm/nccl_world.h"

#include "base/check.h"
#include "comm/call_failure.h"
#include "comm/lone_communicator.h"
#include "comm/nccl_board.h"
#include "comm/nccl_handle.h"
#include "comm/shm_fabric.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

namespace radixbench {
namespace {

constexpr int kKeep = 0;
constexpr int kReplace = 1;

// Before NCCL is loaded: it reads its environment once. What the user has set is left as it is, but
// for what must be.
void prepare_environment(const NcclOptions& options) {
  // Multicast over NVLink is of no use to vectors of this size, and can bring down a shared host.
  setenv("NCCL_NVLS_ENABLE", "0", kReplace);
  // All ranks are on this host.
  setenv("NCCL_SOCKET_IFNAME", "lo", kKeep);
  if (!options.shares_gpu) return;
  // Of two ranks of one host NCCL wants two GPUs; of two hosts it does not know that they share
  // one.
  setenv("NCCL_HOSTID", fmt::format("radixbench-{}", getpid()).c_str(), kReplace);
  setenv("NCCL_NET", "Socket", kKeep);
  // The official way from 2.30.3 on; older ones do not know it. Untried.
  setenv("NCCL_MULTI_RANK_GPU_ENABLE", "1", kKeep);
}

class NcclFabric final : public Fabric {
 public:
  NcclFabric(std::unique_ptr<Fabric> meeting,
             const NcclBoard& board,
             SiteNamer namer,
             const NcclOptions& options)
      : meeting_{std::move(meeting)}, options_{options} {
    rank_.board = &board;
    rank_.rank = meeting_->rank();
    rank_.namer = namer;
    rank_.creation = options.creation;
    // One block: the more, the longer a turn on a GPU that others wait for.
    rank_.ctas_max = options.shares_gpu ? 1 : 0;
  }

  [[nodiscard]] Rank rank() const override { return meeting_->rank(); }
  [[nodiscard]] Rank world_size() const override { return meeting_->world_size(); }
  [[nodiscard]] std::string_view transport() const override { return "nccl"; }

  Result<std::unique_ptr<Communicator>> open(const GroupSpec& group, Deadline deadline) override {
    if (auto sound = check_spec(group, rank(), world_size()); !sound) {
      return tl::unexpected(sound.error());
    }
    if (group.members.size() == 1) return make_lone_communicator(group);
    // That all members mean the same group is agreed in shared memory, before NCCL is asked.
    if (auto met = meeting_->open(group, deadline); !met) return tl::unexpected(met.error());
    if (Result<void> started = start(); !started) return tl::unexpected(started.error());
    return make_nccl_communicator(rank_, group, deadline);
  }

 private:
  // GPU and NCCL, at the first group that needs them.
  Result<void> start() {
    if (rank_.tools.nccl) return {};
    prepare_environment(options_);
    Result<std::shared_ptr<const Gpu>> gpu =
        Gpu::open(rank() % options_.gpu_count, options_.driver_library);
    if (!gpu) return tl::unexpected(gpu.error());
    Result<std::unique_ptr<const NcclLibrary>> nccl = NcclLibrary::load(options_.nccl_library);
    if (!nccl) return tl::unexpected(nccl.error());
    rank_.tools = {.gpu = *std::move(gpu), .nccl = *std::move(nccl)};
    return {};
  }

  std::unique_ptr<Fabric> meeting_;
  NcclOptions options_;
  NcclRank rank_;
};

class ForkedNcclWorld final : public NcclWorld {
 public:
  ForkedNcclWorld(std::unique_ptr<World> meeting,
                  std::unique_ptr<NcclBoard> board,
                  const NcclOptions& options)
      : meeting_{std::move(meeting)}, board_{std::move(board)}, options_{options} {}

  std::unique_ptr<Fabric> attach(Rank rank, SiteNamer namer) override {
    return std::make_unique<NcclFabric>(meeting_->attach(rank, namer), *board_, namer, options_);
  }
  void mark_dead(Rank rank) override {
    meeting_->mark_dead(rank);
    board_->mark_dead(rank);
  }
  void interrupt() override {
    meeting_->interrupt();
    board_->interrupt();
  }

 private:
  std::unique_ptr<World> meeting_;
  std::unique_ptr<NcclBoard> board_;
  NcclOptions options_;
};

}  // namespace

Result<std::unique_ptr<NcclWorld>> NcclWorld::create(Rank world_size, const NcclOptions& options) {
  RADIXBENCH_CHECK(options.gpu_count > 0);
  Result<std::unique_ptr<ShmWorld>> meeting = ShmWorld::create(world_size);
  if (!meeting) return tl::unexpected(meeting.error());
  Result<std::unique_ptr<NcclBoard>> board = NcclBoard::map(world_size);
  if (!board) return tl::unexpected(board.error());
  return std::unique_ptr<NcclWorld>{
      std::make_unique<ForkedNcclWorld>(*std::move(meeting), *std::move(board), options)};
}

}  // namespace radixbench
