#include "progress_line.h"

#include "base/clock.h"

#include <fmt/format.h>

#include <cstdio>

namespace radixbench {
namespace {

constexpr std::int64_t kRedrawNs = 200'000'000;
constexpr std::int64_t kLineNs = 10'000'000'000;  // often enough for a log, seldom enough to read

}  // namespace

bool ProgressLine::is_due() const {
  if (style_ == ProgressStyle::kSilent) return false;
  const std::int64_t pause_ns = style_ == ProgressStyle::kRedraw ? kRedrawNs : kLineNs;
  return shown_ns_ == 0 || monotonic_ns() - shown_ns_ >= pause_ns;
}

void ProgressLine::show(std::string_view words) {
  if (!is_due()) return;
  shown_ns_ = monotonic_ns();
  if (style_ == ProgressStyle::kRedraw) {
    fmt::print(stderr, "\r\x1b[K{}", words);
  } else {
    fmt::print(stderr, "radixbench: {}\n", words);
  }
  std::fflush(stderr);
}

void ProgressLine::show(const ReplayProgress& progress) {
  if (!is_due()) return;
  show(fmt::format("{} of {} requests, {:.1f} s of the run's clock, step {}",
                   progress.requests_ended,
                   progress.requests,
                   static_cast<double>(progress.now_ns) * 1e-9,
                   progress.step));
}

void ProgressLine::clear() {
  if (style_ != ProgressStyle::kRedraw || shown_ns_ == 0) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
}

}  // namespace radixbench
