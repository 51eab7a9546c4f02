#include "replay/host_meeting.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

namespace radixbench {
namespace {

std::string value_of(const EnvironmentMap& environment, std::string_view name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string{} : found->second;
}

Result<RendezvousAddress> find_address(const RendezvousAddress& given,
                                       const EnvironmentMap& environment) {
  if (given.port != 0) return given;
  const std::string host = value_of(environment, "MASTER_ADDR");
  const std::string port = value_of(environment, "MASTER_PORT");
  if (host.empty() || port.empty()) {
    return fail(ErrorCode::kConfiguration,
                "ranks on several hosts need --rendezvous HOST:PORT of the host with rank 0 (or "
                "MASTER_ADDR and MASTER_PORT)");
  }
  const bool is_ipv6 = host.find(':') != std::string::npos;
  Result<RendezvousAddress> address = parse_rendezvous_address(
      is_ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port));
  const bool has_agent = value_of(environment, "TORCHELASTIC_USE_AGENT_STORE") == "True";
  const bool is_sound =
      address && address->port != 0 && address->port < std::numeric_limits<std::uint16_t>::max();
  if (!is_sound) {
    return fail(
        ErrorCode::kConfiguration,
        fmt::format("MASTER_ADDR is '{}' and MASTER_PORT '{}': no place to meet at", host, port));
  }
  if (has_agent) ++address->port;
  return address;
}

// Whatever is wrong with a file that was named is for who named it to mend.
Result<std::optional<RunSecret>> secret_in(const std::string& path, std::string_view named_by) {
  const Result<RunSecret> secret = RunSecret::read_file(path);
  if (secret) return std::optional{*secret};
  Error error = secret.error();
  error.code = ErrorCode::kConfiguration;
  return tl::unexpected(std::move(error).while_doing(named_by));
}

}  // namespace

Result<std::optional<RunSecret>> find_run_secret(const LaunchFlags& flags,
                                                 const EnvironmentMap& environment) {
  if (!flags.secret_file.empty()) return secret_in(flags.secret_file, "--secret-file");
  if (const std::string hex = value_of(environment, "RADIXBENCH_SECRET"); !hex.empty()) {
    const Result<RunSecret> secret = RunSecret::parse(hex);
    if (secret) return std::optional{*secret};
    return tl::unexpected(Error{secret.error()}.while_doing("RADIXBENCH_SECRET"));
  }
  const std::string path = value_of(environment, "RADIXBENCH_SECRET_FILE");
  if (!path.empty()) return secret_in(path, "RADIXBENCH_SECRET_FILE");
  return std::optional<RunSecret>{};
}

Result<HostMeeting> find_host_meeting(const RendezvousAddress& address,
                                      const LaunchFlags& flags,
                                      const EnvironmentMap& environment) {
  Result<RendezvousAddress> found = find_address(address, environment);
  if (!found) return tl::unexpected(found.error());
  const Result<std::optional<RunSecret>> secret = find_run_secret(flags, environment);
  if (!secret) return tl::unexpected(secret.error());
  if (!*secret) {
    return fail(
        ErrorCode::kConfiguration,
        "ranks on several hosts need a secret in common: 32 hex digits in RADIXBENCH_SECRET, "
        "or in a file of mode 0600 that --secret-file names");
  }
  return HostMeeting{
      .address = *found, .bind = flags.bind.empty() ? found->host : flags.bind, .secret = **secret};
}

}  // namespace radixbench
