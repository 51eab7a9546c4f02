// Holds nccl_library.h against NCCL's own header. Compiled where there is one, and holds no code:
// what differs does not compile.

#include "comm/nccl_library.h"

#include <nccl.h>

#include <cstddef>

namespace radixbench {
namespace {

static_assert(kNcclFine == ncclSuccess && kNcclRemoteError == ncclRemoteError);
static_assert(kNcclInProgress == ncclInProgress);
static_assert(kNcclInt32 == ncclInt32 && kNcclInt64 == ncclInt64);
static_assert(kNcclSum == ncclSum && kNcclMax == ncclMax && kNcclMin == ncclMin);
static_assert(kNcclNoColor == NCCL_SPLIT_NOCOLOR && kNcclUnset == NCCL_CONFIG_UNDEF_INT);
static_assert(sizeof(NcclUniqueId) == sizeof(ncclUniqueId));

// Fields are added at the end, so a newer header may be longer.
#define RADIXBENCH_SAME_PLACE(ours, theirs) \
  static_assert(offsetof(NcclConfig, ours) == offsetof(ncclConfig_t, theirs))
#if NCCL_VERSION_CODE >= NCCL_VERSION(2, 28, 0)
static_assert(sizeof(NcclConfig) <= sizeof(ncclConfig_t));
RADIXBENCH_SAME_PLACE(blocking, blocking);
RADIXBENCH_SAME_PLACE(min_ctas, minCTAs);
RADIXBENCH_SAME_PLACE(max_ctas, maxCTAs);
RADIXBENCH_SAME_PLACE(net_name, netName);
RADIXBENCH_SAME_PLACE(split_share, splitShare);
RADIXBENCH_SAME_PLACE(comm_name, commName);
RADIXBENCH_SAME_PLACE(nvlink_centric, nvlinkCentricSched);
#endif

}  // namespace
}  // namespace radixbench
