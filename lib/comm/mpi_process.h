#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "comm/mpi_fabric.h"

#include <mpi.h>

#include <any>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace radixbench {

// Words in which a member tells the others that it gave a group up, and where it stood.
struct MpiGiveUp {
  std::uint64_t sequence = 0;
  std::uint64_t origin_sequence = 0;
  Rank origin = 0;  // who gave up first, as far as the sender knows
  std::uint32_t kind = 0;
};

// How a thread waits for MPI: a few looks at once, then yields, and after a while of idling short
// sleeps. MPI makes progress only when it is asked to.
class MpiPace {
 public:
  MpiPace(Deadline deadline, std::uint32_t spins) : deadline_{deadline}, spins_{spins} {}

  // Counts a look at MPI; true every few of them: time to see whether something else ends the wait.
  [[nodiscard]] bool look() { return ++looks_ % kLooksPerCheck == 0 || is_idle_; }
  [[nodiscard]] bool is_late() const { return has_passed(deadline_); }
  void pause();
  [[nodiscard]] std::int64_t waited_ns() const { return monotonic_ns() - start_ns_; }

 private:
  static constexpr std::uint32_t kLooksPerCheck = 4;

  Deadline deadline_;
  std::uint32_t spins_;
  std::int64_t start_ns_ = monotonic_ns();
  std::uint32_t looks_ = 0;
  bool is_idle_ = false;
};

// MPI as this process has it, brought up by a thread of its own since MPI_Init has no deadline.
// One a process, for MPI can be initialised once. Shared by the groups of the process.
class MpiProcess : public std::enable_shared_from_this<MpiProcess> {
 public:
  explicit MpiProcess(const MpiAttachment& attachment) : attachment_{attachment} {}

  [[nodiscard]] const MpiAttachment& attachment() const { return attachment_; }

  // Until MPI has come up with the rank and size that were promised. Once, before all else.
  void bring_up(Deadline deadline);
  // Of bring_up(), for whoever needs it.
  [[nodiscard]] const Result<void>& up() const { return up_; }
  // Ends MPI where that can't block for long: after a run without failures that all ranks ended
  // together. Otherwise the end of the process ends it.
  void shut_down();

  // `create` on a thread of its own, for calls of MPI that have no deadline. Its answer, or why
  // nobody waits for it any longer; then the thread is left to itself. `members` are those whose
  // end would keep it waiting.
  Result<void> run_bounded(const std::string& what,
                           std::function<Result<void>()> create,
                           const std::vector<Rank>& members,
                           Deadline deadline);

  // Of messages beside the groups' own: cards of groups and give-ups.
  [[nodiscard]] MPI_Comm control() const { return control_; }
  void send_beside(std::shared_ptr<std::vector<std::byte>> bytes, Rank to, int tag);
  [[nodiscard]] static int card_tag(std::uint32_t ordinal);
  [[nodiscard]] static int give_up_tag(std::uint32_t ordinal);
  static constexpr std::uint32_t kOrdinalMax = 16'000;  // MPI promises tags up to 32767

  // For buffers that MPI may still write to when their owner is gone.
  void keep(std::any buffers);
  void note_failure() { has_failed_ = true; }

 private:
  Result<void> initialise();
  void refuse_farewell();

  MpiAttachment attachment_;
  MPI_Comm control_ = MPI_COMM_NULL;
  Result<void> up_;
  bool is_up_ = false;
  std::atomic<bool> has_failed_ = false;
  std::mutex mutex_;  // of what is kept
  std::vector<std::any> kept_;
};

// MPI's words for one of its codes.
std::string mpi_text(int code);

}  // namespace radixbench
