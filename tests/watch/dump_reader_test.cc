#include "support/fuzz_corpus.h"

#include <gtest/gtest.h>

namespace radixbench {
namespace {

TEST(DumpReaderTest, CorporaOfTheFuzzersHoldWhatTheyHold) {
  EXPECT_GE(run_corpus("dump_pickle"), 8U);
  EXPECT_GE(run_corpus("dump_json"), 5U);
}

}  // namespace
}  // namespace radixbench
