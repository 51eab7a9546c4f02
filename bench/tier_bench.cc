#include "tier/page_pool.h"
#include "tier/storage.h"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace radixbench {
namespace {

constexpr std::uint32_t kPageBytes = 256;

StorageIdentity identity() {
  StorageIdentity result;
  result.model = "bench";
  result.page_tokens = 64;
  result.page_bytes = kPageBytes;
  return result;
}

std::vector<Sha256Digest> digests(std::uint32_t count) {
  std::vector<Sha256Digest> result;
  result.reserve(count);
  for (std::uint32_t n = 0; n < count; ++n) {
    result.push_back(sha256({}, std::as_bytes(std::span{&n, 1})));
  }
  return result;
}

void BM_MemoryPoolTakeAndGiveBack(benchmark::State& state) {
  const auto pool = make_memory_pool(1U << 20U, 0);
  std::vector<PageId> pages;
  for (auto _ : state) {
    pages.clear();
    benchmark::DoNotOptimize(pool->take(static_cast<std::size_t>(state.range(0)), pages));
    pool->give_back(pages);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_MemoryPoolTakeAndGiveBack)->Arg(1)->Arg(64)->Arg(4'096);

void BM_MemoryStorageRead(benchmark::State& state) {
  const auto storage = make_memory_storage(identity());
  const std::vector<Sha256Digest> keys = digests(static_cast<std::uint32_t>(state.range(0)));
  std::vector<std::byte> page(kPageBytes);
  for (const Sha256Digest& key : keys) benchmark::DoNotOptimize(storage->write(key, page));
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(storage->read(keys[next], page));
    next = next + 1 == keys.size() ? 0 : next + 1;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_MemoryStorageRead)->Arg(100'000);

// A directory of the bench's own under the system's folder for temporary files.
class ScratchDirectory {
 public:
  ScratchDirectory() { std::filesystem::remove_all(path_); }
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_ = std::filesystem::temp_directory_path() / "radixbench_tier_bench";
};

void BM_DirectoryStorageWrite(benchmark::State& state) {
  const ScratchDirectory directory;
  auto storage = make_directory_storage(directory.path(), identity(), 0);
  if (!storage) {
    state.SkipWithError(storage.error().message.c_str());
    return;
  }
  const std::vector<std::byte> page(kPageBytes);
  std::uint64_t next = 0;
  for (auto _ : state) {
    const Sha256Digest key = sha256({}, std::as_bytes(std::span{&next, 1}));
    benchmark::DoNotOptimize((*storage)->write(key, page));
    ++next;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_DirectoryStorageWrite);

void BM_DirectoryStorageRead(benchmark::State& state) {
  const ScratchDirectory directory;
  auto storage = make_directory_storage(directory.path(), identity(), 0);
  if (!storage) {
    state.SkipWithError(storage.error().message.c_str());
    return;
  }
  const std::vector<Sha256Digest> keys = digests(1'000);
  std::vector<std::byte> page(kPageBytes);
  for (const Sha256Digest& key : keys) benchmark::DoNotOptimize((*storage)->write(key, page));
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize((*storage)->read(keys[next], page));
    next = (next + 1) % keys.size();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_DirectoryStorageRead);

}  // namespace
}  // namespace radixbench
