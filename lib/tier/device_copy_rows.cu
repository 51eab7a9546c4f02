// Rows of equal width, anywhere to anywhere: what a gather or a scatter of a paged cache comes down
// to. Compiled to PTX and kept in the library (device_copy_rows.h).

struct Row {
  const uint4* from;
  uint4* to;
};

constexpr unsigned kChunkWords = 1024;  // 16 KiB a block of threads and turn

// `row_words` words of 16 bytes a row.
extern "C" __global__ void copy_rows(const Row* rows, unsigned row_count, unsigned row_words) {
  const unsigned chunks = (row_words + kChunkWords - 1) / kChunkWords;
  const unsigned long long items = static_cast<unsigned long long>(row_count) * chunks;
  for (unsigned long long item = blockIdx.x; item < items; item += gridDim.x) {
    const Row row = rows[item / chunks];
    const unsigned first = static_cast<unsigned>(item % chunks) * kChunkWords;
    const unsigned end = min(first + kChunkWords, row_words);
    // Four loads under way before the first store: the way over the bus is long.
    unsigned at = first + threadIdx.x;
    for (; at + 3 * blockDim.x < end; at += 4 * blockDim.x) {
      const uint4 a = row.from[at];
      const uint4 b = row.from[at + blockDim.x];
      const uint4 c = row.from[at + 2 * blockDim.x];
      const uint4 d = row.from[at + 3 * blockDim.x];
      row.to[at] = a;
      row.to[at + blockDim.x] = b;
      row.to[at + 2 * blockDim.x] = c;
      row.to[at + 3 * blockDim.x] = d;
    }
    for (; at < end; at += blockDim.x) row.to[at] = row.from[at];
  }
}
