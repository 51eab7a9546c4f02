#pragma once

#include <cstdint>
#include <string_view>

namespace radixbench {

// splitmix64's output function: a bijection of 64 bits that passes for random.
constexpr std::uint64_t mix64(std::uint64_t value) {
  value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27U)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31U);
}

// A stream of random numbers with a name. Streams of one seed don't disturb one another: drawing
// more from one (or none) leaves every other unchanged. No global state, no entropy but the seed.
class Random {
 public:
  Random(std::uint64_t seed, std::string_view stream);

  std::uint64_t next();
  // Uniform below `bound` (> 0), without modulo bias.
  std::uint64_t below(std::uint64_t bound);
  // Uniform in [0, 1).
  double uniform();

 private:
  std::uint64_t state_;
};

// One draw that depends on nothing but its arguments: the same on every rank that asks.
std::uint64_t draw(std::uint64_t seed, std::string_view stream, std::uint64_t a, std::uint64_t b);
double draw_uniform(std::uint64_t seed, std::string_view stream, std::uint64_t a, std::uint64_t b);

}  // namespace radixbench
