// Pages between a GPU and pinned memory beside a plain copy of the same bytes, in turn, a line a
// case: load-back (to the GPU) and write-through (from it), by order of the pages, by how they lie,
// by method and by count. Times are those of who waits: from the call to the end of the copy.
//
// usage: device_bench [--pages-max N] [--page-bytes N] [--layers N] [--rounds N] [--methods A,B]
//                     [--counts A,B] [--verify]

#include "base/check.h"
#include "base/clock.h"
#include "base/gpu.h"
#include "base/random.h"
#include "tier/device_cuda.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

struct Arguments {
  std::size_t pages_max = 4096;
  std::size_t page_bytes = 64 * 131'072;  // 64 tokens of Llama-3-8B in bf16
  std::size_t layers = 32;
  int rounds = 5;
  std::vector<std::string> methods{"pitched", "batched", "kernel"};
  std::vector<std::size_t> counts;
  bool verifies = false;
};

// The memory of all cases: as many bytes on each side as the largest takes.
struct Bench {
  Arguments arguments;
  std::shared_ptr<const Gpu> gpu;
  PinnedMemory host;
  GpuMemory device;
  GpuQueue plain;

  [[nodiscard]] GpuCopyEnds ends(PageOrder order) const {
    const PageShape shape{.order = PageOrder::kPageFirst,
                          .page_count = arguments.pages_max,
                          .layers = arguments.layers,
                          .slice_bytes = arguments.page_bytes / arguments.layers};
    GpuCopyEnds made{.host = host.bytes().data(),
                     .host_shape = shape,
                     .device = device.address(),
                     .device_shape = shape};
    made.device_shape.order = order;
    return made;
  }
};

enum class Lie { kInARow, kScattered };

// `count` pages of `page_count`; scattered ones differ with `salt`.
std::vector<PageId> choose_pages(const Bench& bench,
                                 std::size_t count,
                                 Lie lie,
                                 std::uint64_t salt) {
  std::vector<PageId> pages(bench.arguments.pages_max);
  std::iota(pages.begin(), pages.end(), PageId{0});
  if (lie == Lie::kScattered) {
    for (std::size_t i = pages.size() - 1; i > 0; --i) {
      std::swap(pages[i], pages[draw(7, "pages", salt, i) % (i + 1)]);
    }
  }
  pages.resize(count);
  return pages;
}

template <typename Copy>
Result<double> gbytes_per_s(std::size_t bytes, Copy copy) {
  const std::int64_t start_ns = monotonic_ns();
  if (Result<void> copied = copy(); !copied) return tl::unexpected(copied.error());
  return static_cast<double>(bytes) / static_cast<double>(monotonic_ns() - start_ns);
}

Result<void> copy_plainly(Bench& bench, std::size_t bytes, bool is_load) {
  Result<void> begun =
      is_load ? bench.plain.copy(bench.device.address(), bench.host.bytes().first(bytes))
              : bench.plain.copy(bench.host.bytes().first(bytes), bench.device.address());
  if (!begun) return begun;
  if (Result<void> marked = bench.plain.mark(); !marked) return marked;
  while (true) {
    const Result<bool> done = bench.plain.is_done();
    if (!done) return tl::unexpected(done.error());
    if (*done) return {};
    std::this_thread::yield();
  }
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

struct Case {
  PageOrder order;
  Lie lie;
  CopyMethod method;
};

Result<void> measure(
    Bench& bench, PageCopier& copier, const Case& what, bool is_load, std::size_t count) {
  const std::vector<PageId> host = choose_pages(bench, count, what.lie, 1);
  const std::vector<PageId> device = choose_pages(bench, count, what.lie, 2);
  const std::size_t bytes = count * bench.arguments.page_bytes;
  const auto copy = [&] { return is_load ? copier.load(host, device) : copier.save(device, host); };
  const auto copy_plain = [&] { return copy_plainly(bench, bytes, is_load); };
  std::vector<double> ours;
  std::vector<double> plain;
  for (const Result<void>& warm : {copy(), copy_plain()}) {
    if (!warm) return warm;
  }
  // Of the largest, two rounds are seconds enough.
  const int rounds = bytes > (std::size_t{8} << 30U) ? 2 : bench.arguments.rounds;
  for (int round = 0; round < rounds; ++round) {
    const Result<double> our_rate = gbytes_per_s(bytes, copy);
    const Result<double> plain_rate = gbytes_per_s(bytes, copy_plain);
    if (!our_rate) return tl::unexpected(our_rate.error());
    if (!plain_rate) return tl::unexpected(plain_rate.error());
    ours.push_back(*our_rate);
    plain.push_back(*plain_rate);
  }
  const double ratio = median(ours) / median(plain);
  fmt::print("pages {:<13} {:<12} {:<10} {:<8} {:>6} {:>9.2f} {:>9.2f} {:>7.3f}\n",
             is_load ? "load-back" : "write-through",
             to_string(what.order),
             what.lie == Lie::kInARow ? "in a row" : "scattered",
             to_string(what.method),
             count,
             median(ours),
             median(plain),
             ratio);
  std::fflush(stdout);
  return {};
}

// Words that say where they belong, there and back by other pages.
Result<void> verify(Bench& bench, PageCopier& copier, const Case& what, std::size_t count) {
  const std::size_t words = bench.arguments.page_bytes / sizeof(std::uint64_t);
  const std::span<std::byte> memory = bench.host.bytes();
  const auto word_of = [&](PageId page, std::size_t word) {
    return mix64(page * 0x9E3779B97F4A7C15ULL + word);
  };
  const std::vector<PageId> from = choose_pages(bench, count, what.lie, 1);
  const std::vector<PageId> device = choose_pages(bench, count, what.lie, 2);
  const std::vector<PageId> to = choose_pages(bench, count, what.lie, 3);
  for (const PageId page : from) {
    for (std::size_t word = 0; word < words; ++word) {
      const std::uint64_t value = word_of(page, word);
      std::memcpy(memory.data() + page * bench.arguments.page_bytes + word * sizeof value,
                  &value,
                  sizeof value);
    }
  }
  if (Result<void> loaded = copier.load(from, device); !loaded) return loaded;
  std::ranges::fill(memory, std::byte{0});
  if (Result<void> saved = copier.save(device, to); !saved) return saved;
  std::vector<std::byte> one(bench.arguments.page_bytes);
  for (std::size_t i = 0; i < count; ++i) {
    if (Result<void> got = copier.read(device[i], one); !got) return got;
    const std::byte* const page = memory.data() + to[i] * bench.arguments.page_bytes;
    for (std::size_t word = 0; word < words; ++word) {
      const std::uint64_t value = word_of(from[i], word);
      const bool is_right =
          std::memcmp(page + word * sizeof value, &value, sizeof value) == 0 &&
          std::memcmp(one.data() + word * sizeof value, &value, sizeof value) == 0;
      RADIXBENCH_CHECK(is_right);
    }
  }
  fmt::print("right {} {} {} {} pages\n",
             to_string(what.order),
             what.lie == Lie::kInARow ? "in a row" : "scattered",
             to_string(what.method),
             count);
  std::fflush(stdout);
  return {};
}

Result<void> run_case(Bench& bench, const Case& what) {
  Result<std::unique_ptr<PageCopier>> copier =
      make_gpu_copier(bench.gpu, bench.ends(what.order), what.method);
  if (!copier) {
    fmt::print("left out: {}: {}\n", to_string(what.method), copier.error().message);
    return {};
  }
  if (bench.arguments.verifies) {
    for (const std::size_t count : {std::size_t{1}, bench.arguments.pages_max}) {
      if (Result<void> right = verify(bench, **copier, what, count); !right) return right;
    }
    return {};
  }
  for (const bool is_load : {true, false}) {
    for (const std::size_t count : bench.arguments.counts) {
      if (count > bench.arguments.pages_max) continue;
      if (Result<void> done = measure(bench, **copier, what, is_load, count); !done) return done;
    }
  }
  return {};
}

Result<void> run_cases(Bench& bench) {
  const std::vector<std::string>& methods = bench.arguments.methods;
  for (const PageOrder order : {PageOrder::kPageFirst, PageOrder::kLayerFirst}) {
    for (const Lie lie : {Lie::kInARow, Lie::kScattered}) {
      for (const std::string& name : methods) {
        const Result<CopyMethod> method = parse_copy_method(name);
        if (!method) return tl::unexpected(method.error());
        // Whole pages are long pieces: the methods are one.
        const bool is_same = order == PageOrder::kPageFirst && name != methods.front();
        if (is_same && !bench.arguments.verifies) continue;
        if (Result<void> done = run_case(bench, {order, lie, *method}); !done) return done;
      }
    }
  }
  return {};
}

Result<void> run(const Arguments& arguments) {
  Result<std::shared_ptr<const Gpu>> gpu = Gpu::open(0);
  if (!gpu) return tl::unexpected(gpu.error());
  const std::size_t bytes = arguments.pages_max * arguments.page_bytes;
  const std::int64_t start_ns = monotonic_ns();
  Result<PinnedMemory> host = PinnedMemory::allocate(*gpu, bytes);
  if (!host) return tl::unexpected(host.error());
  Result<GpuMemory> device = GpuMemory::allocate(*gpu, bytes);
  if (!device) return tl::unexpected(device.error());
  Result<GpuQueue> plain = GpuQueue::create(*gpu);
  if (!plain) return tl::unexpected(plain.error());
  Bench bench{.arguments = arguments,
              .gpu = *gpu,
              .host = *std::move(host),
              .device = *std::move(device),
              .plain = *std::move(plain)};
  fmt::print("# {} pages of {} KiB, {} layers; {:.1f} s to get the memory\n",
             arguments.pages_max,
             arguments.page_bytes / 1024,
             arguments.layers,
             static_cast<double>(monotonic_ns() - start_ns) * 1e-9);
  if (!arguments.verifies) {
    fmt::print("#     {:<13} {:<12} {:<10} {:<8} {:>6} {:>9} {:>9} {:>7}\n",
               "way",
               "order",
               "pages",
               "method",
               "count",
               "GB/s",
               "plain",
               "ratio");
  }
  return run_cases(bench);
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

int usage() {
  fmt::print(stderr,
             "usage: device_bench [--pages-max N] [--page-bytes N] [--layers N] [--rounds N]\n"
             "                    [--methods A,B] [--counts A,B] [--verify]\n");
  return 64;
}

int read_and_run(std::span<char* const> words) {
  Arguments arguments;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "--verify") {
      arguments.verifies = true;
      continue;
    }
    if (i + 1 == words.size()) return usage();
    const std::string value = words[++i];
    const std::size_t number = std::strtoull(value.c_str(), nullptr, 10);
    if (word == "--pages-max") {
      arguments.pages_max = number;
    } else if (word == "--page-bytes") {
      arguments.page_bytes = number;
    } else if (word == "--layers") {
      arguments.layers = number;
    } else if (word == "--rounds") {
      arguments.rounds = static_cast<int>(number);
    } else if (word == "--methods") {
      arguments.methods = split(value);
    } else if (word == "--counts") {
      for (const std::string& count : split(value)) {
        arguments.counts.push_back(std::strtoull(count.c_str(), nullptr, 10));
      }
    } else {
      return usage();
    }
  }
  if (arguments.pages_max == 0 || arguments.layers == 0 || arguments.rounds < 1 ||
      arguments.page_bytes == 0 || arguments.page_bytes % (8 * arguments.layers) != 0) {
    return usage();
  }
  const bool has_counts = !arguments.counts.empty();
  for (std::size_t count = 1; !has_counts && count <= arguments.pages_max; count *= 2) {
    arguments.counts.push_back(count);
  }
  const Result<void> done = run(arguments);
  if (done) return 0;
  fmt::print(stderr, "device_bench: {}\n", done.error().message);
  return done.error().code == ErrorCode::kUnsupported ? 69 : 1;
}

}  // namespace
}  // namespace radixbench

int main(int argc, char** argv) {
  return radixbench::read_and_run({argv + 1, static_cast<std::size_t>(argc > 0 ? argc - 1 : 0)});
}
