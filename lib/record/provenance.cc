#include "record/provenance.h"

#include <fmt/format.h>

#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>

namespace radixbench {
namespace {

constexpr std::array<std::string_view, 4> kAllowedPrefixes{"NCCL_", "UCX_", "OMPI_MCA_", "GLOO_"};
constexpr std::array<std::string_view, 8> kAllowedNames{"CUDA_VISIBLE_DEVICES",
                                                        "SLURM_JOB_ID",
                                                        "SLURM_STEP_ID",
                                                        "SLURM_NTASKS",
                                                        "SLURM_PROCID",
                                                        "SLURM_JOB_NUM_NODES",
                                                        "OMP_NUM_THREADS",
                                                        "HDF5_USE_FILE_LOCKING"};
// A name that speaks of a secret is left out, whatever it begins with.
constexpr std::array<std::string_view, 5> kSecretWords{
    "SECRET", "TOKEN", "PASSWORD", "KEY", "CREDENTIAL"};

// The value of a line "name<blanks>: value" or "NAME="value"" of a file of such lines.
std::string value_in(const char* path, std::string_view name, char separator) {
  std::ifstream file{path};
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    const std::size_t at = line.find(separator);
    if (at == std::string::npos) continue;
    std::string value = line.substr(at + 1);
    std::erase_if(value, [](char letter) { return letter == '"'; });
    value.erase(0, value.find_first_not_of(" \t"));
    return value;
  }
  return "";
}

std::string cores_allowed() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) return "";
  return std::to_string(CPU_COUNT(&cores));
}

// Empty where there is none, as in most virtual machines.
std::string first_line(const char* path) {
  std::ifstream file{path};
  std::string line;
  std::getline(file, line);
  return line;
}

// The words of this process's command line, each as a shell would have to be given it.
std::string command_line() {
  std::ifstream file{"/proc/self/cmdline"};
  std::string line;
  for (std::string word; std::getline(file, word, '\0');) {
    const bool is_plain =
        !word.empty() && word.find_first_of(" \t\n'\"\\$`*?[]{}()<>|&;#~!") == std::string::npos;
    std::string quoted;
    for (const char letter : word) quoted += letter == '\'' ? "'\\''" : std::string(1, letter);
    line += (line.empty() ? "" : " ") + (is_plain ? word : "'" + quoted + "'");
  }
  return line;
}

std::string hostname() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace

bool is_allowed_variable(std::string_view name) {
  const auto is_in = [name](std::string_view word) { return name.find(word) != name.npos; };
  if (std::any_of(kSecretWords.begin(), kSecretWords.end(), is_in)) return false;
  const auto begins = [name](std::string_view prefix) { return name.starts_with(prefix); };
  return std::any_of(kAllowedPrefixes.begin(), kAllowedPrefixes.end(), begins) ||
         std::find(kAllowedNames.begin(), kAllowedNames.end(), name) != kAllowedNames.end();
}

NamedValues allowed_environment(const std::vector<std::string>& environment) {
  NamedValues allowed;
  for (const std::string& variable : environment) {
    const std::size_t at = variable.find('=');
    if (at == std::string::npos || !is_allowed_variable(variable.substr(0, at))) continue;
    allowed.emplace_back("env." + variable.substr(0, at), variable.substr(at + 1));
  }
  std::sort(allowed.begin(), allowed.end());
  return allowed;
}

NamedValues collect_provenance() {
  utsname system{};
  uname(&system);
  NamedValues values{
      {"program", "radixbench " RADIXBENCH_VERSION},
      {"compiler",
       fmt::format("{} {}",
#ifdef __clang__
                   "clang",
                   __clang_version__
#else
                   "gcc",
                   __VERSION__
#endif
                   )},
#ifdef NDEBUG
      {"assertions", "off"},
#else
      {"assertions", "on"},
#endif
      {"build_flags", RADIXBENCH_BUILD_FLAGS},
      {"argv", command_line()},
      {"hostname", hostname()},
      {"os", value_in("/etc/os-release", "PRETTY_NAME", '=')},
      {"kernel", system.release},
      {"cpu_model", value_in("/proc/cpuinfo", "model name", ':')},
      {"cpus_allowed", cores_allowed()},
      {"governor", first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")},
      {"numa", first_line("/sys/devices/system/node/online")}};
  std::vector<std::string> environment;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    environment.emplace_back(*variable);
  }
  const NamedValues allowed = allowed_environment(environment);
  values.insert(values.end(), allowed.begin(), allowed.end());
  return values;
}

}  // namespace radixbench
