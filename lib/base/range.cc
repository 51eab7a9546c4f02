#include "base/range.h"

#ifdef RADIXBENCH_HAVE_NVTX
#include <nvtx3/nvToolsExt.h>
#endif

namespace radixbench {

#ifdef RADIXBENCH_HAVE_NVTX
Range::Range(const char* name) { nvtxRangePushA(name); }
Range::~Range() { nvtxRangePop(); }
#else
Range::Range(const char*) {}
Range::~Range() {}
#endif

}  // namespace radixbench
