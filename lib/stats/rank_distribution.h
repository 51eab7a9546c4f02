#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace radixbench {

// Exact null distributions of rank statistics, conditional on the ranks: ties need no correction.

// Twice the rank of each value, equal values sharing the mean of theirs; doubled, it is whole.
std::vector<std::uint32_t> doubled_mid_ranks(std::span<const std::int64_t> values);

// 1, 2, ... count: the ranks where no two values are equal.
std::vector<std::uint32_t> plain_ranks(std::size_t count);

// Element s is the probability that the ranks sum to s when a fair coin decides of each whether it
// counts.
std::vector<double> coin_sums(std::span<const std::uint32_t> ranks);

// Element s is the probability that `drawn` of the ranks, drawn without putting back, sum to s.
std::vector<double> draw_sums(std::span<const std::uint32_t> ranks, std::size_t drawn);

// The probability of a sum of at least `observed`.
double upper_tail(std::span<const double> sums, std::size_t observed);

// The largest K with P(sum <= K) <= mass; none where already the smallest sum is likelier.
std::optional<std::size_t> lower_cut(std::span<const double> sums, double mass);

}  // namespace radixbench
