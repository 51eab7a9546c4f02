#include "record/machine_monitor.h"

#include "base/clock.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>

namespace radixbench {
namespace {

float load_of_a_minute() {
  std::ifstream file{"/proc/loadavg"};
  float load = 0;
  file >> load;
  return load;
}

struct CpuTicks {
  std::uint64_t total = 0;
  std::uint64_t stolen = 0;
};

// "cpu user nice system idle iowait irq softirq steal ...": what follows is counted in user
// already.
CpuTicks cpu_ticks() {
  std::ifstream file{"/proc/stat"};
  std::string label;
  file >> label;
  CpuTicks ticks;
  constexpr int kFields = 8;
  for (int field = 0; field < kFields; ++field) {
    std::uint64_t value = 0;
    file >> value;
    ticks.total += value;
    ticks.stolen = value;
  }
  return ticks;
}

// The first core's: the kernel tells of each, and on most machines they agree within a step.
float cpu_mhz() {
  constexpr std::string_view kName = "cpu MHz";
  std::ifstream file{"/proc/cpuinfo"};
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(kName)) continue;
    return std::strtof(line.c_str() + line.find(':') + 1, nullptr);
  }
  return std::numeric_limits<float>::quiet_NaN();
}

std::uint64_t resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  std::uint64_t pages_virtual = 0;
  std::uint64_t pages_resident = 0;
  file >> pages_virtual >> pages_resident;
  return pages_resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

MonitorRow MachineMonitor::sample() {
  const CpuTicks now = cpu_ticks();
  MonitorRow row;
  row.t_wall_ns = monotonic_ns();
  row.load1 = load_of_a_minute();
  row.cpu_mhz = cpu_mhz();
  if (now.total > ticks_) {
    row.steal =
        static_cast<float>(now.stolen - ticks_stolen_) / static_cast<float>(now.total - ticks_);
  }
  ticks_ = now.total;
  ticks_stolen_ = now.stolen;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    row.involuntary_switches = static_cast<std::uint64_t>(usage.ru_nivcsw);
  }
  row.rss_bytes = resident_bytes();
  return row;
}

}  // namespace radixbench
