// What the relay is told of its place on the network, from the settings and from what the ports turned out to be.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "config/config.h"
#include "dataplane/relay/relay.h"

namespace penstock {

struct LinkFacts {
  std::array<uint8_t, 6> mac{};
  uint16_t mtu = 1500;
  bool sends_udp_checksum = false;
};

/// Throws StartError if an address or gateway is none.
RelayConfig makeRelayConfig(const Config& config, const LinkFacts& link, size_t workers);

/// Multicast MAC addresses (RFC 2464 section 7) of the groups that our IPv6 addresses make us a member of (RFC 4291
/// section 2.8).
std::vector<std::array<uint8_t, 6>> multicastGroups(std::span<const Cidr> addresses);

/// Throws StartError.
std::vector<Cidr> localAddresses(const MediaConfig& media);

}  // namespace penstock
