#pragma once

#include "base/gpu.h"
#include "base/result.h"
#include "comm/nccl_library.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace radixbench {

// A rank's GPU and the NCCL that it uses it with.
struct NcclTools {
  std::shared_ptr<const Gpu> gpu;
  std::shared_ptr<const NcclLibrary> nccl;
};

// One NCCL communicator, non-blocking: what is begun on it goes on until state() says otherwise.
// Neither the end of a communicator nor its destruction is bounded by NCCL itself, so both are left
// to a thread of their own, which is waited for as long as is said here and then left behind.
class NcclHandle {
 public:
  struct Place {
    int index = 0;
    int size = 0;
  };

  // Begins to make one, under `name` in NCCL's own logs and records.
  static Result<std::unique_ptr<NcclHandle>> start(const NcclTools& tools,
                                                   const NcclUniqueId& id,
                                                   Place place,
                                                   const std::string& name,
                                                   int ctas_max);
  // close() if neither was called.
  ~NcclHandle();
  NcclHandle(const NcclHandle&) = delete;
  NcclHandle& operator=(const NcclHandle&) = delete;

  [[nodiscard]] NcclComm comm() const { return comm_; }
  // True once what was begun is done; fails where it did, or where NCCL met an error since.
  [[nodiscard]] Result<bool> state() const;
  // What a call on it answered, as state() answers.
  [[nodiscard]] Result<bool> judge(NcclStatus status, const char* what) const;

  // Cuts it up: of the ranks that give the same colour a new one, ordered by `key`; none for
  // kNcclNoColor. All its ranks call it. Waits as long as `check_hope` has no objection.
  Result<std::unique_ptr<NcclHandle>> split(int color,
                                            int key,
                                            const std::string& name,
                                            int ctas_max,
                                            const std::function<Result<void>()>& check_hope);

  // Stops what runs on it, and frees it. Whether NCCL was done in time.
  bool abort();
  // The regular end: lets what is on its way arrive.
  bool close();

 private:
  NcclHandle(NcclTools tools, std::shared_ptr<const std::string> name, NcclComm comm)
      : tools_{std::move(tools)}, name_{std::move(name)}, comm_{comm} {}

  NcclTools tools_;
  std::shared_ptr<const std::string> name_;  // NCCL keeps no copy
  NcclComm comm_;                            // null once ended
  std::shared_ptr<NcclComm> child_;          // that NCCL fills in once it has cut one out
};

}  // namespace radixbench
