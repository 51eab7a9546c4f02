#include "comm/rendezvous.h"

#include <fmt/format.h>

#include <charconv>

namespace radixbench {

Result<RendezvousAddress> parse_rendezvous_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const auto refuse = [&] {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is no HOST:PORT (IPv6 addresses in brackets)", text));
  };
  if (colon == std::string_view::npos) return refuse();
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool is_bracketed = host.starts_with('[') && host.ends_with(']');
  if (!is_bracketed && host.find_first_of(":[]") != std::string_view::npos) return refuse();
  if (is_bracketed) host = host.substr(1, host.size() - 2);
  RendezvousAddress address{.host = std::string{host}, .port = 0};
  const auto [end, error] = std::from_chars(port.begin(), port.end(), address.port);
  if (host.empty() || error != std::errc{} || end != port.end()) return refuse();
  return address;
}

std::string to_string(const RendezvousAddress& address) {
  const bool is_ipv6 = address.host.find(':') != std::string::npos;
  if (is_ipv6) return fmt::format("[{}]:{}", address.host, address.port);
  return fmt::format("{}:{}", address.host, address.port);
}

}  // namespace radixbench
