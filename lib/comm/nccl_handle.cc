#include "comm/nccl_handle.h"

#include "base/clock.h"

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <future>
#include <string_view>
#include <thread>
#include <utility>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// NCCL ends its helper threads and its kernel first: tens of milliseconds, more where ranks share a
// GPU and take turns on it.
constexpr auto kAbortWait = 2s;
constexpr auto kCloseWait = 5s;
constexpr auto kLook = 200us;

// Whether `work` ended within `wait`. Where it does not, its thread is left behind.
bool run_bounded(std::function<void()> work, std::chrono::nanoseconds wait) {
  const auto done = std::make_shared<std::promise<void>>();
  std::future<void> ended = done->get_future();
  std::thread{[work = std::move(work), done] {
    work();
    done->set_value();
  }}.detach();
  return ended.wait_for(wait) == std::future_status::ready;
}

Error to_error(const NcclTools& tools, NcclStatus status, NcclComm comm, std::string_view what) {
  const char* const details = tools.nccl->last_error(comm);
  const bool has_details = details != nullptr && *details != '\0';
  return {status == kNcclRemoteError ? ErrorCode::kPeerLost : ErrorCode::kIo,
          fmt::format("NCCL, {}: {}{}{}",
                      what,
                      tools.nccl->error_string(status),
                      has_details ? ": " : "",
                      has_details ? details : "")};
}

NcclConfig config_of(const std::string& name, int ctas_max) {
  NcclConfig config;
  config.blocking = 0;
  config.comm_name = name.c_str();
  if (ctas_max > 0) {
    config.min_ctas = 1;
    config.max_ctas = ctas_max;
  }
  return config;
}

}  // namespace

Result<std::unique_ptr<NcclHandle>> NcclHandle::start(const NcclTools& tools,
                                                      const NcclUniqueId& id,
                                                      Place place,
                                                      const std::string& name,
                                                      int ctas_max) {
  auto kept_name = std::make_shared<const std::string>(name);
  NcclConfig config = config_of(*kept_name, ctas_max);
  NcclComm comm = nullptr;
  const NcclStatus status = tools.nccl->init(&comm, place.size, id, place.index, &config);
  if (status != kNcclFine && status != kNcclInProgress) {
    return tl::unexpected(to_error(tools, status, nullptr, "making a communicator"));
  }
  return std::unique_ptr<NcclHandle>{new NcclHandle{tools, std::move(kept_name), comm}};
}

Result<std::unique_ptr<NcclHandle>> NcclHandle::split(
    int color,
    int key,
    const std::string& name,
    int ctas_max,
    const std::function<Result<void>()>& check_hope) {
  auto kept_name = std::make_shared<const std::string>(name);
  NcclConfig config = config_of(*kept_name, ctas_max);
  child_ = std::make_shared<NcclComm>(nullptr);
  const NcclStatus begun = tools_.nccl->split(comm_, color, key, child_.get(), &config);
  Result<bool> done = judge(begun, "cutting up a communicator");
  while (done && !*done) {
    if (Result<void> hopeful = check_hope(); !hopeful) return tl::unexpected(hopeful.error());
    std::this_thread::sleep_for(kLook);
    done = state();
  }
  if (!done) return tl::unexpected(done.error());
  if (*child_ == nullptr) return nullptr;
  return std::unique_ptr<NcclHandle>{new NcclHandle{tools_, std::move(kept_name), *child_}};
}

NcclHandle::~NcclHandle() {
  if (comm_ != nullptr) close();
}

Result<bool> NcclHandle::state() const {
  NcclStatus state = kNcclFine;
  const NcclStatus asked = tools_.nccl->async_error(comm_, &state);
  if (asked != kNcclFine) return judge(asked, "asking how it is");
  return judge(state, "under way");
}

Result<bool> NcclHandle::judge(NcclStatus status, const char* what) const {
  if (status == kNcclInProgress) return false;
  if (status == kNcclFine) return true;
  return tl::unexpected(to_error(tools_, status, comm_, what));
}

bool NcclHandle::abort() {
  const NcclComm comm = std::exchange(comm_, nullptr);
  return run_bounded(
      [tools = tools_, name = name_, child = child_, comm] {
        static_cast<void>(tools.gpu->make_current());
        tools.nccl->abort(comm);
      },
      kAbortWait);
}

bool NcclHandle::close() {
  const NcclComm comm = std::exchange(comm_, nullptr);
  return run_bounded(
      [tools = tools_, name = name_, child = child_, comm] {
        static_cast<void>(tools.gpu->make_current());
        NcclStatus state = tools.nccl->finalize(comm);
        const Deadline deadline = deadline_after(kCloseWait / 2);
        while (state == kNcclInProgress && !has_passed(deadline)) {
          std::this_thread::sleep_for(kLook);
          if (tools.nccl->async_error(comm, &state) != kNcclFine) break;
        }
        if (state == kNcclFine) {
          tools.nccl->destroy(comm);
        } else {
          tools.nccl->abort(comm);
        }
      },
      kCloseWait);
}

}  // namespace radixbench
