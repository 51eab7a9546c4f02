#pragma once

#include "base/ids.h"
#include "base/result.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace radixbench {

// Who started this process as one rank of several, and which one it is.
enum class Launcher : std::uint8_t {
  kNone,  // nobody did: ranks are to be spawned
  kFlags,
  kRadixbench,  // RADIXBENCH_RANK and its kin
  kTorchrun,
  kOpenMpi,
  kMpich,  // and what speaks PMI as it does: Intel MPI, Cray
  kSlurm,
};
std::string_view to_string(Launcher launcher);

struct LaunchContext {
  Launcher launcher = Launcher::kNone;
  Rank rank = 0;
  Rank world_size = 1;
  // Nothing where the launcher doesn't say.
  std::optional<Rank> local_rank;
  std::optional<Rank> local_size;
  std::string rendezvous;  // HOST:PORT; empty where nobody says
  std::string note;        // what was seen and could not be used; empty otherwise
};

// The flags of the same names, as given; empty where absent.
struct LaunchFlags {
  std::string rank{};
  std::string world_size{};
  std::string local_rank{};
  std::string local_size{};
  std::string rendezvous{};
  std::string launcher{};     // auto, or whose word counts: flags, radixbench, torchrun, ...
  std::string bind{};         // what rank 0's host listens at, where it is not the rendezvous's
  std::string secret_file{};  // of ranks on several hosts
};

using EnvironmentMap = std::map<std::string, std::string, std::less<>>;
// Of "NAME=VALUE" entries.
EnvironmentMap environment_map(const char* const* entries);

// Pure. The first that speaks of flags, RADIXBENCH_*, torchrun (all of RANK, WORLD_SIZE,
// LOCAL_RANK), Open MPI, PMI, and a Slurm step that is not the batch script's own. PMIx alone is a
// hint: it does not say how many ranks there are. Inside an allocation Open MPI's ranks have
// Slurm's variables of the daemons that started them, so those count for nothing then. Any others
// that disagree about rank or size are kConfiguration naming both, unless --launcher says whose
// word counts.
Result<LaunchContext> find_launch(const LaunchFlags& flags, const EnvironmentMap& environment);

// launcher=openmpi rank=0/8 local=0/4; what is not known is a question mark.
std::string describe(const LaunchContext& context);

}  // namespace radixbench
