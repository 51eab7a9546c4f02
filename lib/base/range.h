#pragma once

namespace radixbench {

// What the calling thread does from here to the end of the scope, for a profiler that reads NVTX.
// Nothing without one; compiled out without NVTX's headers or with RADIXBENCH_NVTX=OFF. `name`
// lives as long as the program.
class Range {
 public:
  explicit Range(const char* name);
  ~Range();
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;
};

}  // namespace radixbench
