#include "dataplane/worker/relay_config.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <ctime>

#include "daemon/exit_codes.h"
#include "dataplane/packet/nd.h"
#include "dataplane/worker/clock.h"

namespace penstock {
namespace {

// Received packets kept for retransmission may hold this part of all buffers.
constexpr uint32_t kCacheShare = 4;

uint64_t randomSeed() {
  uint64_t seed = 0;
  while (getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) continue;
  return seed;
}

}  // namespace

std::vector<Cidr> localAddresses(const MediaConfig& media) {
  std::vector<Cidr> addresses;
  for (const std::string& text : media.address) {
    const auto address = parseCidr(text);
    if (!address) throw StartError(kExitConfig, fmt::format("media.address: \"{}\" is no address with prefix.", text));
    addresses.push_back(*address);
  }
  return addresses;
}

RelayConfig makeRelayConfig(const Config& config, const LinkFacts& link, size_t workers) {
  RelayConfig relay;
  std::ranges::copy(link.mac, relay.mac.bytes);
  relay.addresses = localAddresses(config.media);
  for (const std::string& text : config.media.gateway) {
    const auto gateway = parseIp(text);
    if (!gateway) throw StartError(kExitConfig, fmt::format("media.gateway: \"{}\" is no address.", text));
    relay.gateways.push_back(*gateway);
  }
  for (const std::string& text : config.media.deny) {
    const auto denied = parseCidr(text);
    if (!denied) throw StartError(kExitConfig, fmt::format("media.deny: \"{}\" is no network.", text));
    relay.denied.push_back(*denied);
  }
  relay.port = config.media.port;
  relay.vlan = config.media.vlan.value_or(kNoVlan);
  relay.checksum = link.sends_udp_checksum ? UdpChecksum::kPseudoHeader : UdpChecksum::kSoftware;
  relay.mtu_bytes = std::min(link.mtu, config.dataplane.mtu);
  relay.unix_offset_ns = clockNs(CLOCK_REALTIME) - monotonicNow();
  relay.cached_packets_max = config.dataplane.packet_buffers / kCacheShare / static_cast<uint32_t>(workers);
  relay.seed = randomSeed();
  return relay;
}

std::vector<std::array<uint8_t, 6>> multicastGroups(std::span<const Cidr> addresses) {
  std::vector<std::array<uint8_t, 6>> groups;
  const auto add = [&](const Address& group) {
    const std::array<uint8_t, 6> mac{0x33, 0x33, group.ip[12], group.ip[13], group.ip[14], group.ip[15]};
    if (std::ranges::find(groups, mac) == groups.end()) groups.push_back(mac);
  };
  for (const Cidr& cidr : addresses) {
    if (isV4(cidr.address)) continue;
    add(kAllNodesGroup);  // advertisements that nobody asked for, and listener queries
    add(solicitedNode(cidr.address));
  }
  return groups;
}

}  // namespace penstock
