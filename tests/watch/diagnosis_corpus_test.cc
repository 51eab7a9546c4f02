#include "support/fuzz_corpus.h"

#include <gtest/gtest.h>

namespace radixbench {
namespace {

TEST(DiagnosisCorpusTest, ADiagnosisOfEachEndsAndHangsOnNoOrder) {
  EXPECT_GE(run_corpus("diagnosis"), 6U);
}

}  // namespace
}  // namespace radixbench
