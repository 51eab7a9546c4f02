#include "base/random.h"

#include "base/check.h"

namespace radixbench {
namespace {

constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15ULL;

std::uint64_t seed_of(std::uint64_t seed, std::string_view stream) {
  std::uint64_t hash = mix64(seed + kGolden);
  for (const char letter : stream) {
    hash = mix64(hash ^ (static_cast<unsigned char>(letter) + kGolden));
  }
  return hash;
}

double to_unit(std::uint64_t bits) { return static_cast<double>(bits >> 11U) * 0x1.0p-53; }

}  // namespace

Random::Random(std::uint64_t seed, std::string_view stream) : state_{seed_of(seed, stream)} {}

std::uint64_t Random::next() {
  state_ += kGolden;
  return mix64(state_);
}

std::uint64_t Random::below(std::uint64_t bound) {
  RADIXBENCH_CHECK(bound > 0);
  const std::uint64_t unfair = (0 - bound) % bound;  // 2^64 modulo bound
  std::uint64_t bits = next();
  while (bits < unfair) bits = next();
  return bits % bound;
}

double Random::uniform() { return to_unit(next()); }

std::uint64_t draw(std::uint64_t seed, std::string_view stream, std::uint64_t a, std::uint64_t b) {
  std::uint64_t hash = seed_of(seed, stream);
  hash = mix64(hash ^ (a + kGolden));
  return mix64(hash ^ (b + 2 * kGolden));
}

double draw_uniform(std::uint64_t seed, std::string_view stream, std::uint64_t a, std::uint64_t b) {
  return to_unit(draw(seed, stream, a, b));
}

}  // namespace radixbench
