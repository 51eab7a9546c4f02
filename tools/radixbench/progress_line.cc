#include "progress_line.h"

#include "base/clock.h"

#include <fmt/core.h>

#include <cstdio>

#include <unistd.h>

namespace radixbench {
namespace {

constexpr std::int64_t kRedrawNs = 200'000'000;

}  // namespace

ProgressLine::ProgressLine() : is_on_{isatty(STDERR_FILENO) == 1} {}

void ProgressLine::show(const ReplayProgress& progress) {
  const std::int64_t now_ns = monotonic_ns();
  if (!is_on_ || now_ns - shown_ns_ < kRedrawNs) return;
  shown_ns_ = now_ns;
  fmt::print(stderr,
             "\r\x1b[K{} of {} requests, {:.1f} s of the run's clock, step {}",
             progress.requests_ended,
             progress.requests,
             static_cast<double>(progress.now_ns) * 1e-9,
             progress.step);
  std::fflush(stderr);
}

void ProgressLine::clear() {
  if (!is_on_ || shown_ns_ == 0) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
}

}  // namespace radixbench
