#include "watch/ring_memory.h"

#include "base/check.h"
#include "base/clock.h"
#include "watch/ring_format.h"
#include "watch/ring_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

namespace radixbench {
namespace {

// A world has seven kinds of group at most two of which have more than one group a rank; twice that
// leaves room for others.
RingShape shape_of(const RingOptions& options) {
  RADIXBENCH_CHECK(std::has_single_bit(options.record_count));
  RingShape shape{.record_count = options.record_count};
  const std::uint32_t world = options.world_size;
  shape.group_max = options.group_count_max > 0 ? options.group_count_max : 64 + 8 * world;
  shape.member_max = options.member_count_max > 0 ? options.member_count_max : 256 + 16 * world;
  return shape;
}

RingWords words_of(std::span<std::byte> bytes) {
  return RingWords{{reinterpret_cast<std::uint64_t*>(bytes.data()), bytes.size() / 8}};
}

std::uint64_t pair(std::uint32_t low, std::uint32_t high) {
  return low | (std::uint64_t{high} << 32U);
}

void write_header(std::span<std::byte> bytes, const RingShape& shape, const RingOptions& options) {
  const RingWords words = words_of(bytes);
  words.store(kRingFieldVersion, pair(kRingVersion, kRingByteOrder));
  words.store(kRingFieldBytes, bytes.size());
  words.store(kRingFieldRank, pair(options.rank, options.world_size));
  words.store(kRingFieldRecordCount, pair(shape.record_count, kRingRecordWords));
  words.store(
      kRingFieldNames,
      pair(shape.site_max | (shape.guard_max << 16U), shape.thread_max | (shape.open_max << 16U)));
  words.store(kRingFieldGroups, pair(shape.group_max, shape.member_max));
  words.store(kRingFieldCreatedWall, static_cast<std::uint64_t>(wall_clock_ns()));
  words.store(kRingFieldCreatedNs, static_cast<std::uint64_t>(monotonic_ns()));
  std::array<std::uint64_t, kRingRunIdBytes / 8> run_id{};
  std::memcpy(
      run_id.data(), options.run_id.data(), std::min(options.run_id.size(), kRingRunIdBytes));
  for (std::size_t i = 0; i < run_id.size(); ++i) words.store(kRingFieldRunId + i, run_id[i]);
  words.store(kRingFieldMagic, kRingMagic);  // last: from here on it is a ring
}

tl::unexpected<Error> failure(ErrorCode code, const std::string& path, const char* what, int why) {
  return fail(code, fmt::format("{}: {}: {}", path, what, std::strerror(why)));
}

int allocate(int file, std::size_t size) {
  int failed = 0;
  do {
    failed = posix_fallocate(file, 0, static_cast<off_t>(size));
  } while (failed == EINTR);
  return failed;
}

Result<void> write_all(int file, std::span<const std::byte> bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failure(ErrorCode::kIo, path, "cannot write", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

RingMemory::RingMemory(std::span<std::byte> bytes, std::string path)
    : bytes_{bytes}, path_{std::move(path)} {}

RingMemory::RingMemory(RingMemory&& other) noexcept
    : bytes_{std::exchange(other.bytes_, {})}, path_{std::move(other.path_)} {}

RingMemory::~RingMemory() {
  if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
}

Result<RingMemory> RingMemory::map(int file, std::string path, const RingOptions& options) {
  const RingShape shape = shape_of(options);
  const std::size_t size = shape.end() * sizeof(std::uint64_t);
  const int flags = file < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED;
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, file, 0);
  if (memory == MAP_FAILED) {
    return fail(ErrorCode::kCannotCreate,
                fmt::format("ring of rank {}: {}", options.rank, std::strerror(errno)));
  }
  const std::span bytes{static_cast<std::byte*>(memory), size};
  write_header(bytes, shape, options);
  return RingMemory{bytes, std::move(path)};
}

Result<RingMemory> RingMemory::create_file(const std::string& path, const RingOptions& options) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return failure(ErrorCode::kCannotCreate, path, "cannot create", errno);
  const std::size_t size = shape_of(options).end() * sizeof(std::uint64_t);
  const int failed = allocate(file, size);
  Result<RingMemory> memory = failed == 0
                                  ? map(file, path, options)
                                  : failure(ErrorCode::kCannotCreate,
                                            path,
                                            fmt::format("no room for {} bytes", size).c_str(),
                                            failed);
  close(file);
  if (!memory) unlink(path.c_str());
  return memory;
}

Result<RingMemory> RingMemory::create_anonymous(const RingOptions& options) {
  return map(-1, "", options);
}

std::vector<std::uint64_t> RingMemory::copy() const {
  const RingWords words = words_of(bytes_);
  std::vector<std::uint64_t> copy(words.size());
  for (std::size_t i = 0; i < copy.size(); ++i) copy[i] = words.load(i);
  return copy;
}

Result<void> RingMemory::save(const std::string& path) const {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return failure(ErrorCode::kCannotCreate, path, "cannot create", errno);
  const std::vector<std::uint64_t> copied = copy();  // what is written meanwhile shows
  Result<void> written = write_all(file, std::as_bytes(std::span{copied}), path);
  if (close(file) != 0 && written) {
    written = failure(ErrorCode::kIo, path, "cannot write", errno);
  }
  if (!written) unlink(path.c_str());
  return written;
}

void RingMemory::set_fate(RankFate fate, int signal) const {
  const RingWords words = words_of(bytes_);
  const bool is_over = fate == RankFate::kEnded || fate == RankFate::kKilled;
  words.store(kRingFieldEndedNs, is_over ? static_cast<std::uint64_t>(monotonic_ns()) : 0);
  words.store(kRingFieldFate,
              pair(static_cast<std::uint32_t>(fate), static_cast<std::uint32_t>(signal)));
}

Result<Recording> RingMemory::read() const {
  return read_ring(bytes_, path_.empty() ? "ring in memory" : path_, true);
}

}  // namespace radixbench
