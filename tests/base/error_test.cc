#include "base/error.h"

#include "base/result.h"

#include <gtest/gtest.h>

namespace radixbench {
namespace {

TEST(ErrorTest, WhatWasBeingDoneComesInFrontAndTheCodeStays) {
  const Error error = Error{ErrorCode::kIo, "disk full"}.while_doing("writing run.h5");
  EXPECT_EQ(error.code, ErrorCode::kIo);
  EXPECT_EQ(error.message, "writing run.h5: disk full");
}

TEST(ErrorTest, AFailureIsAResultWithoutAValue) {
  const Result<int> result = fail(ErrorCode::kNotFound, "nothing there");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace radixbench
