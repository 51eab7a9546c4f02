#include "comm/nccl_world.h"

#include "base/check.h"
#include "comm/call_failure.h"
#include "comm/lone_communicator.h"
#include "comm/nccl_board.h"
#include "comm/nccl_handle.h"
#include "comm/shm_fabric.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

constexpr auto kLook = 200us;

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
    return make_nccl_communicator(rank_, group, nullptr, deadline);
  }

  Result<std::unique_ptr<Communicator>> open_part(std::span<const GroupSpec> parts,
                                                  Deadline deadline) override {
    const bool is_any_large =
        std::ranges::any_of(parts, [](const auto& part) { return part.members.size() > 1; });
    if (options_.creation != NcclCreation::kSplit || !is_any_large) {
      return open(part_of(parts), deadline);
    }
    const GroupSpec& group = part_of(parts);
    if (auto sound = check_spec(group, rank(), world_size()); !sound) {
      return tl::unexpected(sound.error());
    }
    const bool is_lone = group.members.size() == 1;
    if (!is_lone) {
      if (auto met = meeting_->open(group, deadline); !met) return tl::unexpected(met.error());
    }
    if (Result<void> started = start(); !started) return tl::unexpected(started.error());
    Result<std::unique_ptr<NcclHandle>> cut = cut_out(group, is_lone, deadline);
    if (!cut) {
      rank_.board->world().give_up(rank(), 0);
      if (world_) world_->abort();
      world_.reset();
      return tl::unexpected(std::move(cut.error()).while_doing("opening " + describe(group)));
    }
    if (is_lone) return make_lone_communicator(group);
    return make_nccl_communicator(rank_, group, *std::move(cut), deadline);
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

  // Why opening groups of the whole world has no hope any more, where it has not.
  [[nodiscard]] Result<void> check_hope(Deadline deadline) const {
    const NcclBoard& board = *rank_.board;
    if (board.is_interrupted()) return fail(ErrorCode::kInterrupted, "interrupted");
    for (Rank other = 0; other < world_size(); ++other) {
      if (board.is_dead(other)) {
        return fail(ErrorCode::kPeerLost, fmt::format("rank {} died", other));
      }
    }
    if (const std::optional<Broken> broken = board.world().broken()) {
      return fail(ErrorCode::kPeerLost, fmt::format("rank {} gave up", broken->rank));
    }
    if (has_passed(deadline)) {
      return fail(ErrorCode::kTimeout, "not all ranks of the world came in time");
    }
    return {};
  }

  Result<std::unique_ptr<NcclHandle>> cut_out(const GroupSpec& group,
                                              bool is_lone,
                                              Deadline deadline) {
    if (!world_) {
      if (Result<void> made = make_world(deadline); !made) return tl::unexpected(made.error());
    }
    const auto index = std::ranges::find(group.members, rank()) - group.members.begin();
    return world_->split(is_lone ? kNcclNoColor : static_cast<int>(group.ordinal),
                         static_cast<int>(index),
                         group.name,
                         rank_.ctas_max,
                         [&] { return check_hope(deadline); });
  }

  // The communicator of all ranks, which is there to be cut up and makes no calls.
  Result<void> make_world(Deadline deadline) {
    Result<std::optional<NcclUniqueId>> id;
    while (true) {
      id = find_meeting(rank_, rank_.board->world(), rank());
      if (!id) return tl::unexpected(id.error());
      if (*id) break;
      if (Result<void> hopeful = check_hope(deadline); !hopeful) return hopeful;
      std::this_thread::sleep_for(kLook);
    }
    const NcclHandle::Place place{static_cast<int>(rank()), static_cast<int>(world_size())};
    auto handle = NcclHandle::start(rank_.tools, **id, place, "world", rank_.ctas_max);
    if (!handle) return tl::unexpected(handle.error());
    world_ = *std::move(handle);
    while (true) {
      const Result<bool> made = world_->state();
      if (!made) return tl::unexpected(made.error());
      if (*made) return {};
      if (Result<void> hopeful = check_hope(deadline); !hopeful) return hopeful;
      std::this_thread::sleep_for(kLook);
    }
  }

  std::unique_ptr<Fabric> meeting_;
  NcclOptions options_;
  NcclRank rank_;
  std::unique_ptr<NcclHandle> world_;
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
