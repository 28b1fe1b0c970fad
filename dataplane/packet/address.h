// Addresses: text, prefixes, and which of them media may never come from or go to.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/contract/rows.h"
#include "dataplane/packet/bytes.h"

namespace penstock {

__extension__ using Uint128 = unsigned __int128;

using contract::Address;

struct MacAddress {
  uint8_t bytes[6];
  friend bool operator==(const MacAddress&, const MacAddress&) = default;
  bool isMulticast() const { return (bytes[0] & 1) != 0; }  // broadcast too
  bool isZero() const { return (bytes[0] | bytes[1] | bytes[2] | bytes[3] | bytes[4] | bytes[5]) == 0; }
};
inline constexpr MacAddress kMacBroadcast{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

enum class Family : uint8_t { kIpv4 = 4, kIpv6 = 6 };

inline constexpr uint8_t kV4MappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

inline bool isV4(const Address& address) {
  return std::memcmp(address.ip, kV4MappedPrefix, 12) == 0;
}
inline Family familyOf(const Address& address) {
  return isV4(address) ? Family::kIpv4 : Family::kIpv6;
}
/// The four bytes of an IPv4 address; only where isV4().
inline const uint8_t* v4Bytes(const Address& address) {
  return address.ip + 12;
}

/// From the bytes of an IP header and a UDP port in network order.
inline Address addressFromV4(const uint8_t* four, uint16_t port_be = 0) {
  Address address{};
  std::memcpy(address.ip, kV4MappedPrefix, 12);
  std::memcpy(address.ip + 12, four, 4);
  address.port_be = port_be;
  return address;
}
inline Address addressFromV6(const uint8_t* sixteen, uint16_t port_be = 0) {
  Address address{};
  std::memcpy(address.ip, sixteen, 16);
  address.port_be = port_be;
  return address;
}
inline uint16_t portOf(const Address& address) {
  return toBigEndian(address.port_be);
}
inline Address withPort(Address address, uint16_t port) {
  address.port_be = toBigEndian(port);
  return address;
}
inline bool sameIp(const Address& a, const Address& b) {
  return std::memcmp(a.ip, b.ip, 16) == 0;
}

/// "192.0.2.1", "2001:db8::1"; port 0.
std::optional<Address> parseIp(std::string_view text);
/// "192.0.2.1:10000", "[2001:db8::1]:10000".
std::optional<Address> parseEndpoint(std::string_view text);
std::optional<MacAddress> parseMac(std::string_view text);
std::string formatIp(const Address& address);
std::string formatEndpoint(const Address& address);
std::string formatMac(const MacAddress& mac);

/// An address with the prefix of its network: "198.18.0.1/15".
struct Cidr {
  Address address;             // port 0; host bits kept
  uint8_t prefix_length_bits;  // of 128, also for IPv4
  friend bool operator==(const Cidr&, const Cidr&) = default;
};
std::optional<Cidr> parseCidr(std::string_view text);
std::string formatCidr(const Cidr& cidr);
/// Whether `address` is on the link that `cidr` describes.
bool contains(const Cidr& cidr, const Address& address);
/// The directed broadcast address of an IPv4 network larger than a pair (RFC 3021).
bool isDirectedBroadcast(const Cidr& cidr, const Address& address);

/// Link-local peers are allowed where a test or a cabled pair of hosts needs them.
enum class LinkLocal : uint8_t { kForbidden, kAllowed };

/// Loopback, multicast, broadcast, unspecified, "this network", also when wrapped in an IPv6 address. What is true of
/// a source is true of a destination: media is unicast both ways. Says nothing of our own addresses.
bool isForbidden(const Address& address, LinkLocal link_local = LinkLocal::kForbidden);

/// As contains(), and also if `address` is an IPv6 one that a translator or tunnel would make one in `cidr` of.
bool leadsInto(const Cidr& cidr, const Address& address);

bool isMulticast(const Address& address);
bool isUnspecified(const Address& address);
bool isLinkLocal(const Address& address);

/// Hash of IP and port. `seed` is random per process, so that nobody outside can choose collisions.
inline uint64_t hashAddress(const Address& address, uint64_t seed) {
  uint64_t high, low;
  std::memcpy(&high, address.ip, 8);
  std::memcpy(&low, address.ip + 8, 8);
  const auto mix = [](uint64_t a, uint64_t b) {
    const auto product = static_cast<Uint128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  };
  const uint64_t first = mix(high ^ seed ^ 0xa076'1d64'78bd'642f, low ^ 0xe703'7ed1'a0b4'28db);
  return mix(first ^ 0x8ebc'6af0'9c88'c6e3, seed ^ address.port_be ^ 0x5899'65cc'7537'4cc3);
}

/// For hash maps: AddressHash{random seed}.
struct AddressHash {
  uint64_t seed = 0;
  size_t operator()(const Address& address) const { return hashAddress(address, seed); }
};

}  // namespace penstock
