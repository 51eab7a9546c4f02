#include "base/random.h"
#include "record/hdf5_reader.h"
#include "record/record_fixture.h"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <thread>

namespace radixbench {
namespace {

std::uint64_t number_of(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

pid_t start_writer(const std::string& path, std::uint64_t rows) {
  const std::string count = std::to_string(rows);
  const pid_t writer = fork();
  if (writer == 0) {
    execl(RADIXBENCH_RECORD_WRITER, "record_writer", path.c_str(), count.c_str(), nullptr);
    _exit(127);
  }
  return writer;
}

void sleep_us(std::uint64_t microseconds) {
  std::this_thread::sleep_for(std::chrono::microseconds{microseconds});
}

std::uint64_t rows_of(const RankData& data) {
  std::uint64_t rows = data.steps.size() * 2 + data.requests.size() * 2 + data.prefetches.size();
  for (const auto& samples : data.samples) rows += samples.size();
  return rows;
}

// What one kill left; `acknowledged` is what a reader saw before it.
struct Remains {
  std::uint64_t acknowledged = 0;
  std::uint64_t read_back = 0;
};

class Hdf5KillTest : public ::testing::Test {
 protected:
  // Looks at a random moment of the writer's life, kills it at another soon after (it may be
  // opening, appending, flushing or closing), and reads what is there.
  Remains kill_once(Random& random, const std::string& path) {
    constexpr std::uint64_t kRows = 60'000;
    constexpr std::uint64_t kLifeUs = 500'000;
    const pid_t writer = start_writer(path, kRows);
    sleep_us(random.below(kLifeUs));
    Remains remains;
    remains.acknowledged = read_hdf5_rows_committed(path).value_or(0);
    sleep_us(random.below(kLifeUs / 10));
    kill(writer, SIGKILL);
    EXPECT_EQ(waitpid(writer, nullptr, 0), writer);
    const auto data = read_hdf5_rank(path);
    if (data) {
      for (const auto& samples : data->samples) {
        EXPECT_EQ(first_wrong_sample(samples), samples.size());
      }
      expect_steps(*data);
      remains.read_back = rows_of(*data);
    } else {
      EXPECT_EQ(remains.acknowledged, 0U) << data.error().message;
    }
    return remains;
  }

 private:
  static void expect_steps(const RankData& data) {
    for (std::size_t number = 0; number < data.steps.size(); ++number) {
      ASSERT_EQ(data.steps[number].step, number);
      ASSERT_EQ(data.steps[number].digest, number * 0x9E37'79B9'7F4A'7C15ULL);
    }
    for (std::size_t number = 0; number < data.requests.size(); ++number) {
      ASSERT_EQ(data.requests[number].request_id, number);
      ASSERT_EQ(data.requests[number].input, data.requests[number].computed);
    }
  }
};

// tests/record/kill_sweep runs it with more kills and shows the figure.
TEST_F(Hdf5KillTest, EveryAcknowledgedRowIsReadBackAfterAKill) {
  const std::uint64_t seed = number_of("RADIXBENCH_SEED", 1);
  const std::uint64_t kills = number_of("RADIXBENCH_KILLS", 10);
  SCOPED_TRACE("RADIXBENCH_SEED=" + std::to_string(seed));
  Random random{seed, "hdf5_kill_test"};
  std::uint64_t acknowledged = 0;
  std::uint64_t read_back = 0;
  std::uint64_t kills_with_rows = 0;
  for (std::uint64_t number = 0; number < kills; ++number) {
    const TemporaryFolder folder;
    const Remains remains = kill_once(random, folder.file("rank00000.h5"));
    // The table of groups and the monitor are not in read_back, and have three rows and a few.
    constexpr std::uint64_t kOtherRows = 16;
    EXPECT_GE(remains.read_back + kOtherRows, remains.acknowledged) << "kill " << number;
    acknowledged += remains.acknowledged;
    read_back += remains.read_back;
    kills_with_rows += remains.read_back > 0 ? 1U : 0U;
  }
  std::cout << kills << " kills (seed " << seed << "), " << kills_with_rows
            << " of files with rows: " << acknowledged
            << " rows seen acknowledged before the kill, " << read_back
            << " read back, every value right\n";
}

}  // namespace
}  // namespace radixbench
