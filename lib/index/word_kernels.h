#pragma once

#include <cstddef>
#include <cstdint>

namespace radixbench {

// Loops over 32-bit words that are worth the processor's widest registers. Page hashes are read as
// words too.
struct WordKernels {
  // How many leading words of `left` and `right` are equal, at most `count`.
  std::size_t (*common_prefix)(const std::uint32_t* left,
                               const std::uint32_t* right,
                               std::size_t count);
  // Whether each word is the one before it plus one.
  bool (*is_counting)(const std::uint32_t* words, std::size_t count);
};

// The best for this processor, found out once.
const WordKernels& word_kernels();
// Those that run anywhere; the others must agree with them.
const WordKernels& portable_word_kernels();

// memcpy() for what is kept and not read soon: long copies go past the caches, which neither
// fetches the target first nor drives out what the next request needs. `to` is aligned to 16 bytes.
void copy_to_keep(void* to, const void* from, std::size_t bytes);

}  // namespace radixbench
