#include "comm/shm_fabric.h"

#include "base/check.h"
#include "comm/call_failure.h"
#include "comm/group_hash.h"
#include "comm/lone_communicator.h"
#include "comm/shm_communicator.h"
#include "comm/shm_memory.h"
#include "comm/shm_trouble.h"
#include "comm/shm_waiter.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace radixbench {
namespace {

std::uint64_t load_hash(OpenCard& card) {
  return std::atomic_ref{card.spec_hash}.load(std::memory_order_acquire);
}

// Writes how `group` is spelt and then its hash. What does not fit is cut, with dots for the rest.
void fill_in(OpenCard& card, const GroupSpec& group) {
  std::string text = describe(group);
  if (text.size() >= card.text.size()) text = text.substr(0, card.text.size() - 4) + "...";
  std::ranges::copy(text, card.text.begin());
  std::atomic_ref{card.spec_hash}.store(hash_spec(group), std::memory_order_release);
}

class ShmFabric final : public Fabric {
 public:
  explicit ShmFabric(const ShmAttachment& attachment) : attachment_{attachment} {}

  [[nodiscard]] Rank rank() const override { return attachment_.rank; }
  [[nodiscard]] Rank world_size() const override { return attachment_.memory->world_size(); }
  [[nodiscard]] std::string_view transport() const override { return "shm"; }

  Result<std::unique_ptr<Communicator>> open(const GroupSpec& group, Deadline deadline) override {
    if (auto sound = check_spec(group, rank(), world_size()); !sound) {
      return tl::unexpected(sound.error());
    }
    if (group.members.size() == 1) return make_lone_communicator(group);
    if (group.ordinal >= shm_groups_max(world_size())) return refuse_ordinal(group);
    if (auto joined = join(group, deadline); !joined) return tl::unexpected(joined.error());
    return make_shm_communicator(attachment_, group);
  }

 private:
  [[nodiscard]] tl::unexpected<Error> refuse_ordinal(const GroupSpec& group) const {
    return fail(ErrorCode::kCannotCreate,
                fmt::format("{} is group {} of its world, and shared memory for {} ranks has room "
                            "for {} (shm_groups_max)",
                            describe(group),
                            group.ordinal,
                            world_size(),
                            shm_groups_max(world_size())));
  }

  // Until every member has put down the same card. Everyone looks at all cards of the ordinal, not
  // at its own members' alone: whoever spells the group otherwise may not be one of them.
  [[nodiscard]] Result<void> join(const GroupSpec& group, Deadline deadline) const {
    const GroupMemory memory = attachment_.memory->group(group.ordinal);
    OpenCard& mine = memory.cards()[rank()];
    if (load_hash(mine) != 0) return mismatch(memory, group, rank());
    fill_in(mine, group);
    const auto has_come = [&](std::size_t member) {
      return load_hash(memory.cards()[group.members[member]]) != 0;
    };
    Waiter waiter{deadline};
    for (bool is_late = false;; is_late = !waiter.wait()) {
      // Asked before the cards are compared: one that is put down in between is compared next time.
      const bool are_all_here = have_all_come(group, has_come);
      if (const auto other = find_other_spec(memory, group)) return mismatch(memory, group, *other);
      if (are_all_here) return {};
      const auto failure = reason_to_stop(*attachment_.memory, group, memory, has_come, is_late);
      if (!failure) continue;
      break_group(memory, rank(), 0);
      const std::chrono::nanoseconds waited{waiter.waited_ns()};
      return tl::unexpected(to_open_error(*failure, group, waited));
    }
  }

  [[nodiscard]] static bool have_all_come(const GroupSpec& group,
                                          const std::function<bool(std::size_t)>& has_come) {
    for (std::size_t member = 0; member < group.members.size(); ++member) {
      if (!has_come(member)) return false;
    }
    return true;
  }

  [[nodiscard]] std::optional<Rank> find_other_spec(const GroupMemory& memory,
                                                    const GroupSpec& group) const {
    const std::uint64_t hash = hash_spec(group);
    for (Rank other = 0; other < world_size(); ++other) {
      const std::uint64_t theirs = load_hash(memory.cards()[other]);
      if (theirs != 0 && theirs != hash) return other;
    }
    return std::nullopt;
  }

  [[nodiscard]] Result<void> mismatch(const GroupMemory& memory,
                                      const GroupSpec& group,
                                      Rank other) const {
    const OpenCard& theirs = memory.cards()[other];
    return tl::unexpected(
        to_mismatch(group.ordinal, rank(), describe(group), other, theirs.text.data()));
  }

  ShmAttachment attachment_;
};

class AnonymousWorld final : public ShmWorld {
 public:
  explicit AnonymousWorld(std::unique_ptr<WorldMemory> memory) : memory_{std::move(memory)} {}

  std::unique_ptr<Fabric> attach(Rank rank, SiteNamer namer) override {
    RADIXBENCH_CHECK(rank < memory_->world_size());
    return std::make_unique<ShmFabric>(
        ShmAttachment{.memory = memory_.get(),
                      .rank = rank,
                      .policy = WaitPolicy::for_ranks(memory_->world_size()),
                      .namer = namer});
  }
  void mark_dead(Rank rank) override { memory_->mark_dead(rank); }
  void interrupt() override { memory_->interrupt(); }

 private:
  std::unique_ptr<WorldMemory> memory_;
};

}  // namespace

Result<std::unique_ptr<ShmWorld>> ShmWorld::create(Rank world_size) {
  if (world_size == 0 || world_size > kShmWorldSizeMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("a shared-memory world of {} ranks: 1 to {} are possible "
                            "(kShmWorldSizeMax)",
                            world_size,
                            kShmWorldSizeMax));
  }
  return WorldMemory::map(world_size)
      .map([](std::unique_ptr<WorldMemory> memory) -> std::unique_ptr<ShmWorld> {
        return std::make_unique<AnonymousWorld>(std::move(memory));
      });
}

}  // namespace radixbench
