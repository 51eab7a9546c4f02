// The C face of the recorder, as an engine uses it: through the shared library, from several
// threads.

#include "watch/radixwatch.h"

#include "support/temp_directory.h"
#include "watch/ring_reader.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

namespace radixbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

const std::vector<std::uint32_t> kBoth = {0, 1};

class RadixwatchTest : public testing::Test {
 protected:
  radixwatch* open(std::uint32_t rank, std::uint32_t world_size = 2) {
    std::array<char, 256> error{};
    radixwatch* watch =
        radixwatch_open(path(rank).c_str(), rank, world_size, "a run", error.data(), error.size());
    EXPECT_NE(watch, nullptr) << error.data();
    return watch;
  }
  [[nodiscard]] std::string path(std::uint32_t rank) const {
    return (folder_.path() / ("rank0000" + std::to_string(rank) + ".ring")).string();
  }
  [[nodiscard]] Recording read(std::uint32_t rank) const {
    Result<Recording> recording = read_ring_file(path(rank));
    EXPECT_TRUE(recording) << recording.error().message;
    return *std::move(recording);
  }
  static std::vector<RecordedEvent> calls_of(const Recording& recording) {
    std::vector<RecordedEvent> calls;
    std::ranges::copy_if(recording.events, std::back_inserter(calls), [](const auto& event) {
      return std::holds_alternative<RecordedCall>(event.what);
    });
    return calls;
  }
  static radixwatch_call vote(std::int32_t group, const char* site = "can_terminate_prefetch") {
    return {.site = site,
            .thread = "scheduler",
            .key = 7,
            .group = group,
            .peer = 0,
            .count = 1,
            .kind = RADIXWATCH_ALL_REDUCE,
            .op = RADIXWATCH_MAX,
            .type = RADIXWATCH_INT32};
  }

 private:
  TempDirectory folder_;
};

TEST_F(RadixwatchTest, WhatWasEnteredAndLeftIsInTheRing) {
  radixwatch* watch = open(1);
  const std::int32_t group =
      radixwatch_group(watch, "attn_cp", kBoth.data(), 2, 3, RADIXWATCH_MAKING, 5'000'000'000);
  EXPECT_EQ(radixwatch_group(watch, "attn_cp", kBoth.data(), 2, 3, RADIXWATCH_MADE, 0), group);
  radixwatch_heartbeat(watch, 12);
  const radixwatch_call call = vote(group);
  const std::uint64_t token = radixwatch_enter(watch, &call);
  const std::array<std::int64_t, 1> left{1};
  radixwatch_exit(watch, token, 1, left.data(), left.size());
  const std::uint64_t inside = radixwatch_enter(watch, &call);
  EXPECT_NE(inside, 0U);

  const Recording recording = read(1);
  EXPECT_EQ(recording.rank, 1U);
  const std::vector<RecordedEvent> calls = calls_of(recording);
  ASSERT_THAT(calls, SizeIs(2));
  EXPECT_EQ(recording.sites[calls[0].site], "can_terminate_prefetch");
  EXPECT_EQ(recording.threads[calls[0].thread], "scheduler");
  EXPECT_EQ(calls[0].key, 7U);
  EXPECT_EQ(calls[0].step, 12U);
  EXPECT_EQ(calls[0].state, EventState::kLeft);
  EXPECT_EQ(calls[1].state, EventState::kInside);
  const auto& first = std::get<RecordedCall>(calls[0].what);
  EXPECT_EQ(first.sequence, 0U);
  EXPECT_EQ(first.result_count, 1U);
  EXPECT_EQ(first.results[0], 1);
  EXPECT_EQ(std::get<RecordedCall>(calls[1].what).sequence, 1U);
  EXPECT_THAT(recording.groups[first.group].members, ElementsAre(0, 1));
}

// A program in another language must not be ended by what it hands in.
TEST_F(RadixwatchTest, NonsenseIsLeftOutAndHarmsNothing) {
  radixwatch* watch = open(0);
  EXPECT_LT(radixwatch_group(watch, "g", kBoth.data(), 0, 0, RADIXWATCH_KNOWN, 0), 0);
  EXPECT_LT(radixwatch_group(watch, "g", nullptr, 2, 0, RADIXWATCH_KNOWN, 0), 0);
  EXPECT_LT(radixwatch_group(nullptr, "g", kBoth.data(), 2, 0, RADIXWATCH_KNOWN, 0), 0);
  const std::int32_t group =
      radixwatch_group(watch, nullptr, kBoth.data(), 2, 0, RADIXWATCH_KNOWN, 0);
  ASSERT_GE(group, 0);
  for (const std::int32_t wrong : {-1, 17}) {
    const radixwatch_call call = vote(wrong);
    EXPECT_EQ(radixwatch_enter(watch, &call), 0U);
  }
  radixwatch_call call = vote(group);
  call.kind = 99;
  EXPECT_EQ(radixwatch_enter(watch, &call), 0U);
  call = vote(group);
  call.kind = RADIXWATCH_SEND;
  call.peer = 2;
  EXPECT_EQ(radixwatch_enter(watch, &call), 0U);
  EXPECT_EQ(radixwatch_enter(watch, nullptr), 0U);
  radixwatch_exit(watch, 0, 1, nullptr, 0);
  radixwatch_exit(watch, 0xFFFF'FFFF'FFFF'FFFF, 1, nullptr, 5);
  const std::string long_name(300, 'x');
  call = vote(group, long_name.c_str());
  const std::uint64_t token = radixwatch_enter(watch, &call);
  radixwatch_exit(watch, token, 1, nullptr, 9);
  radixwatch_exit(watch, token, 1, nullptr, 9);  // twice
  radixwatch_decision(watch, nullptr, nullptr, 0, 0, nullptr, 9);
  EXPECT_THAT(calls_of(read(0)), SizeIs(1));
}

TEST_F(RadixwatchTest, AFileThatIsThereIsNotOverwritten) {
  open(0);
  std::array<char, 256> error{};
  EXPECT_EQ(radixwatch_open(path(0).c_str(), 0, 2, nullptr, error.data(), error.size()), nullptr);
  EXPECT_THAT(std::string{error.data()}, HasSubstr("rank00000.ring"));
  EXPECT_EQ(radixwatch_open(nullptr, 0, 2, nullptr, error.data(), error.size()), nullptr);
  EXPECT_EQ(radixwatch_open("x", 2, 2, nullptr, nullptr, 0), nullptr);
}

// More threads than a ring names, more names than it has room for, calls that others end.
TEST_F(RadixwatchTest, ManyThreadsAndNamesAtOnce) {
  radixwatch* watch = open(0);
  constexpr int kThreads = 48;
  constexpr int kCalls = 40;
  std::vector<std::uint64_t> left_open(kThreads);
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      const std::string name = "worker " + std::to_string(thread);
      const std::int32_t group = radixwatch_group(watch,
                                                  name.c_str(),
                                                  kBoth.data(),
                                                  2,
                                                  static_cast<std::uint32_t>(thread),
                                                  RADIXWATCH_KNOWN,
                                                  0);
      for (int i = 0; i < kCalls; ++i) {
        const std::string site = name + " site " + std::to_string(i);
        radixwatch_call call = vote(group, site.c_str());
        call.thread = name.c_str();
        const std::uint64_t token = radixwatch_enter(watch, &call);
        EXPECT_NE(token, 0U);
        radixwatch_decision(watch, site.c_str(), "admit", 1, i, nullptr, 0);
        if (i + 1 < kCalls) radixwatch_exit(watch, token, 1, nullptr, 0);
        left_open[static_cast<std::size_t>(thread)] = token;
      }
    });
  }
  threads.clear();
  for (const std::uint64_t token : left_open) radixwatch_exit(watch, token, 1, nullptr, 0);
  const std::vector<RecordedEvent> calls = calls_of(read(0));
  EXPECT_THAT(calls, SizeIs(kThreads * kCalls));
  for (const RecordedEvent& call : calls) EXPECT_EQ(call.state, EventState::kLeft);
}

}  // namespace
}  // namespace radixbench
