// Address text, prefixes and the forbidden ranges.
#include "dataplane/packet/address.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>

namespace penstock {
namespace {

std::optional<uint32_t> parseNumber(std::string_view text, uint32_t max) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > max) return std::nullopt;
  return value;
}

bool isForbiddenV4(uint32_t ip, LinkLocal link_local) {
  if (ip >> 24 == 0) return true;                                      // 0.0.0.0/8: this network (RFC 1122 3.2.1.3)
  if (ip >> 24 == 127) return true;                                    // loopback
  if (ip >> 28 >= 14) return true;                                     // multicast, reserved, broadcast
  if (ip >> 16 == 0xa9fe) return link_local == LinkLocal::kForbidden;  // 169.254.0.0/16 (RFC 3927)
  return false;
}

/// The IPv4 address that a translator or tunnel would make of this IPv6 address: what is forbidden in one form is in
/// all.
std::optional<uint32_t> wrappedV4(const uint8_t* ip) {
  static constexpr uint8_t kNat64[12] = {0x00, 0x64, 0xff, 0x9b};
  if (std::memcmp(ip, kNat64, 12) == 0) return load32(ip + 12);  // RFC 6052
  if (load16(ip) == 0x2002) return load32(ip + 2);               // 6to4, RFC 3056
  if (load32(ip) == 0x2001'0000) return ~load32(ip + 12);        // Teredo, RFC 4380: the client's address, inverted
  return std::nullopt;
}

/// IPv4 prefixes are counted in the mapped address.
constexpr uint8_t kV4PrefixBits = 96;

}  // namespace

std::optional<Address> parseIp(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> zero_ended{};
  if (text.size() >= zero_ended.size() || text.find('\0') != text.npos) return std::nullopt;
  text.copy(zero_ended.data(), text.size());
  uint8_t ip[16];
  if (inet_pton(AF_INET, zero_ended.data(), ip) == 1) return addressFromV4(ip);
  if (inet_pton(AF_INET6, zero_ended.data(), ip) == 1) return addressFromV6(ip);
  return std::nullopt;
}

std::optional<Address> parseEndpoint(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parseNumber(text.substr(colon + 1), 65'535);
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  // Without brackets the last group of an IPv6 address would be taken for a port.
  if (!port || bracketed != (host.find(':') != std::string_view::npos)) return std::nullopt;
  const auto address = parseIp(host);
  if (!address) return std::nullopt;
  return withPort(*address, static_cast<uint16_t>(*port));
}

std::optional<MacAddress> parseMac(std::string_view text) {
  if (text.size() != 17) return std::nullopt;
  MacAddress mac;
  for (size_t i = 0; i < 6; ++i) {
    const char* at = text.data() + 3 * i;
    const auto [end, error] = std::from_chars(at, at + 2, mac.bytes[i], 16);
    if (error != std::errc{} || end != at + 2 || (i < 5 && *end != ':')) return std::nullopt;
  }
  return mac;
}

std::string formatIp(const Address& address) {
  char text[INET6_ADDRSTRLEN];
  const char* end = isV4(address) ? inet_ntop(AF_INET, v4Bytes(address), text, sizeof text)
                                  : inet_ntop(AF_INET6, address.ip, text, sizeof text);
  return end == nullptr ? std::string() : std::string(text);
}

std::string formatEndpoint(const Address& address) {
  const std::string ip = formatIp(address);
  return (isV4(address) ? ip : "[" + ip + "]") + ":" + std::to_string(portOf(address));
}

std::string formatMac(const MacAddress& mac) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : mac.bytes) {
    if (!text.empty()) text += ':';
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::optional<Cidr> parseCidr(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = parseIp(text.substr(0, slash));
  if (!address) return std::nullopt;
  const uint8_t offset = isV4(*address) ? kV4PrefixBits : 0;
  const auto bits = parseNumber(text.substr(slash + 1), 128u - offset);
  if (!bits) return std::nullopt;
  return Cidr{*address, static_cast<uint8_t>(*bits + offset)};
}

std::string formatCidr(const Cidr& cidr) {
  const int offset = isV4(cidr.address) ? kV4PrefixBits : 0;
  return formatIp(cidr.address) + "/" + std::to_string(cidr.prefix_length_bits - offset);
}

bool contains(const Cidr& cidr, const Address& address) {
  // An IPv6 default route must not swallow IPv4: ::ffff:0:0/96 lies inside ::/0.
  if (isV4(cidr.address) != isV4(address)) return false;
  const size_t whole = cidr.prefix_length_bits / 8;
  if (std::memcmp(cidr.address.ip, address.ip, whole) != 0) return false;
  const unsigned rest = cidr.prefix_length_bits % 8;
  return rest == 0 || (cidr.address.ip[whole] ^ address.ip[whole]) >> (8 - rest) == 0;
}

bool isDirectedBroadcast(const Cidr& cidr, const Address& address) {
  // RFC 3021: a /31 has no broadcast address; a /32 has no network at all.
  if (!isV4(cidr.address) || cidr.prefix_length_bits > 126 || !contains(cidr, address)) return false;
  const unsigned host_bits = 128u - cidr.prefix_length_bits;
  const uint32_t mask = host_bits >= 32 ? ~0u : (1u << host_bits) - 1;
  const uint32_t host = load32(v4Bytes(address)) & mask;
  return host == mask || host == 0;  // all zeros is the old form (RFC 1122 3.3.6)
}

bool isForbidden(const Address& address, LinkLocal link_local) {
  if (isV4(address)) return isForbiddenV4(load32(v4Bytes(address)), link_local);
  const uint8_t* ip = address.ip;
  if (isMulticast(address)) return true;
  if (isLinkLocal(address)) return link_local == LinkLocal::kForbidden;
  if (const auto v4 = wrappedV4(ip)) return isForbiddenV4(*v4, LinkLocal::kForbidden);
  return ip[0] == 0;  // ::/8: unspecified, loopback and the obsolete wrappings of IPv4
}

bool leadsInto(const Cidr& cidr, const Address& address) {
  if (contains(cidr, address)) return true;
  if (isV4(address) || !isV4(cidr.address)) return false;
  const auto v4 = wrappedV4(address.ip);
  if (!v4) return false;
  uint8_t bytes[4];
  store32(bytes, *v4);
  return contains(cidr, addressFromV4(bytes));
}

bool isMulticast(const Address& address) {
  return isV4(address) ? address.ip[12] >> 4 == 14 : address.ip[0] == 0xff;
}

bool isUnspecified(const Address& address) {
  static constexpr uint8_t kZeros[16] = {};
  return isV4(address) ? load32(v4Bytes(address)) == 0 : std::memcmp(address.ip, kZeros, 16) == 0;
}

bool isLinkLocal(const Address& address) {
  if (isV4(address)) return load16(v4Bytes(address)) == 0xa9fe;
  return address.ip[0] == 0xfe && (address.ip[1] & 0xc0) == 0x80;
}

}  // namespace penstock
