// Frames and datagrams for tests, made byte by byte without the code under test, so that the two judge each other.
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/packet/address.h"

namespace penstock::test {

using Bytes = std::vector<uint8_t>;

inline void append(Bytes& to, std::span<const uint8_t> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}
inline void append(Bytes& to, std::string_view text) {
  to.insert(to.end(), text.begin(), text.end());
}
/// The low `size` bytes of `value`, big-endian.
inline void appendNumber(Bytes& to, uint64_t value, size_t size) {
  while (size-- > 0) to.push_back(static_cast<uint8_t>(value >> 8 * size));
}
inline Bytes bytesOf(std::string_view text) {
  return Bytes(text.begin(), text.end());
}

/// "00 01 2112a442": anything that is no hex digit separates.
inline Bytes fromHex(std::string_view hex) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  Bytes bytes;
  for (size_t i = 0; i + 1 < hex.size();) {
    if (digit(hex[i]) < 0 || digit(hex[i + 1]) < 0) {
      ++i;
      continue;
    }
    bytes.push_back(static_cast<uint8_t>(digit(hex[i]) * 16 + digit(hex[i + 1])));
    i += 2;
  }
  return bytes;
}

inline Address endpoint(std::string_view text) {
  const auto address = parseEndpoint(text);
  if (!address) throw std::invalid_argument("no endpoint: " + std::string(text));
  return *address;
}
inline Address ip(std::string_view text) {
  const auto address = parseIp(text);
  if (!address) throw std::invalid_argument("no address: " + std::string(text));
  return *address;
}

inline constexpr MacAddress kClientMac{{0x02, 0, 0, 0, 0, 0x0c}};
inline constexpr MacAddress kRelayMac{{0x02, 0, 0, 0, 0, 0x01}};

/// The one's complement sum as RFC 1071 defines it, 16 bits a step.
inline uint16_t internetChecksum(std::span<const uint8_t> bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? uint32_t{bytes[i]} << 8 : bytes[i];
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

/// Everything of a frame but its payload. The defaults make a client's packet to the relay.
struct FrameSpec {
  Address source = endpoint("198.18.0.2:5000");
  Address destination = endpoint("198.18.0.1:10000");
  MacAddress source_mac = kClientMac;
  MacAddress destination_mac = kRelayMac;
  std::optional<uint16_t> vlan;
  uint8_t hop_limit = 64;
  uint8_t dscp = 0;
  uint16_t fragment = 0x4000;  // flags and offset of IPv4
  Bytes ip_options;            // IPv4, a multiple of 4
  bool udp_checksum = true;
  size_t ethernet_padding = 0;  // zeros behind the IP packet
};

inline Bytes ethernetFrame(const FrameSpec& spec, uint16_t ether_type, std::span<const uint8_t> payload) {
  Bytes frame;
  append(frame, spec.destination_mac.bytes);
  append(frame, spec.source_mac.bytes);
  if (spec.vlan) {
    appendNumber(frame, 0x8100, 2);
    appendNumber(frame, *spec.vlan, 2);
  }
  appendNumber(frame, ether_type, 2);
  append(frame, payload);
  frame.resize(frame.size() + spec.ethernet_padding);
  return frame;
}

/// `protocol` is IPv4's protocol or IPv6's next header.
inline Bytes ipFrame(const FrameSpec& spec, uint8_t protocol, std::span<const uint8_t> payload) {
  Bytes packet;
  if (isV4(spec.source)) {
    packet.push_back(static_cast<uint8_t>(0x45 + spec.ip_options.size() / 4));
    packet.push_back(static_cast<uint8_t>(spec.dscp << 2));
    appendNumber(packet, 20 + spec.ip_options.size() + payload.size(), 2);
    appendNumber(packet, 0, 2);
    appendNumber(packet, spec.fragment, 2);
    packet.push_back(spec.hop_limit);
    packet.push_back(protocol);
    appendNumber(packet, 0, 2);
    append(packet, std::span(spec.source.ip).subspan(12));
    append(packet, std::span(spec.destination.ip).subspan(12));
    append(packet, spec.ip_options);
    const uint16_t checksum = internetChecksum(packet);
    packet[10] = static_cast<uint8_t>(checksum >> 8);
    packet[11] = static_cast<uint8_t>(checksum);
    append(packet, payload);
    return ethernetFrame(spec, 0x0800, packet);
  }
  appendNumber(packet, 6u << 28 | uint32_t{spec.dscp} << 22, 4);
  appendNumber(packet, payload.size(), 2);
  packet.push_back(protocol);
  packet.push_back(spec.hop_limit);
  append(packet, spec.source.ip);
  append(packet, spec.destination.ip);
  append(packet, payload);
  return ethernetFrame(spec, 0x86dd, packet);
}

/// What UDP and ICMPv6 put in front of themselves when they sum.
inline Bytes pseudoHeader(const FrameSpec& spec, uint8_t protocol, size_t length) {
  Bytes header;
  const size_t from = isV4(spec.source) ? 12 : 0;
  append(header, std::span(spec.source.ip).subspan(from));
  append(header, std::span(spec.destination.ip).subspan(from));
  appendNumber(header, length, 4);
  appendNumber(header, protocol, 4);
  return header;
}

inline Bytes udpFrame(const FrameSpec& spec, std::span<const uint8_t> payload) {
  Bytes datagram;
  appendNumber(datagram, portOf(spec.source), 2);
  appendNumber(datagram, portOf(spec.destination), 2);
  appendNumber(datagram, 8 + payload.size(), 2);
  appendNumber(datagram, 0, 2);
  append(datagram, payload);
  if (spec.udp_checksum) {
    Bytes summed = pseudoHeader(spec, 17, datagram.size());
    append(summed, datagram);
    uint16_t checksum = internetChecksum(summed);
    if (checksum == 0) checksum = 0xffff;
    datagram[6] = static_cast<uint8_t>(checksum >> 8);
    datagram[7] = static_cast<uint8_t>(checksum);
  }
  return ipFrame(spec, 17, datagram);
}

/// `message` begins with type and code; its checksum field is filled in.
inline Bytes icmpFrame(const FrameSpec& spec, Bytes message) {
  const bool v4 = isV4(spec.source);
  message[2] = message[3] = 0;
  Bytes summed = v4 ? Bytes() : pseudoHeader(spec, 58, message.size());
  append(summed, message);
  const uint16_t checksum = internetChecksum(summed);
  message[2] = static_cast<uint8_t>(checksum >> 8);
  message[3] = static_cast<uint8_t>(checksum);
  return ipFrame(spec, v4 ? 1 : 58, message);
}

inline Bytes arpFrame(const FrameSpec& spec, uint16_t operation, const MacAddress& target_mac = {}) {
  Bytes arp = fromHex("0001 0800 06 04");
  appendNumber(arp, operation, 2);
  append(arp, spec.source_mac.bytes);
  append(arp, std::span(spec.source.ip).subspan(12));
  append(arp, target_mac.bytes);
  append(arp, std::span(spec.destination.ip).subspan(12));
  return ethernetFrame(spec, 0x0806, arp);
}

/// Neighbour solicitation (135) or advertisement (136); the option's type follows from it.
inline Bytes neighbourFrame(const FrameSpec& spec, uint8_t type, uint8_t flags, const Address& target,
                            const std::optional<MacAddress>& link_address) {
  Bytes message{type, 0, 0, 0, flags, 0, 0, 0};
  append(message, target.ip);
  if (link_address) {
    append(message, Bytes{static_cast<uint8_t>(type == 135 ? 1 : 2), 1});
    append(message, link_address->bytes);
  }
  return icmpFrame(spec, message);
}

struct StunSpec {
  std::string username = "ours:theirs";
  std::string password = "0123456789abcdef0123456789abcdef";  // of the relay
  uint16_t type = 0x0001;
  Bytes transaction_id = fromHex("00112233 44556677 8899aabb");
  std::optional<uint32_t> priority = 0x6e00'01ff;
  bool use_candidate = false;
  std::optional<uint64_t> controlling = 0x0102'0304'0506'0708;  // tie-breaker
  std::optional<uint64_t> controlled;
  std::vector<std::pair<uint16_t, Bytes>> extra;  // attributes before MESSAGE-INTEGRITY
  bool integrity = true;
  bool fingerprint = true;
};

inline uint32_t naiveCrc32(std::span<const uint8_t> bytes) {
  uint32_t crc = ~0u;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb8'8320 : 0);
  }
  return ~crc;
}

inline void appendStunAttribute(Bytes& message, uint16_t type, std::span<const uint8_t> value) {
  appendNumber(message, type, 2);
  appendNumber(message, value.size(), 2);
  append(message, value);
  while (message.size() % 4 != 0) message.push_back(0);
  const size_t length = message.size() - 20;
  message[2] = static_cast<uint8_t>(length >> 8);
  message[3] = static_cast<uint8_t>(length);
}

inline Bytes stunMessage(const StunSpec& spec) {
  const auto number = [](uint64_t value, size_t size) {
    Bytes bytes;
    appendNumber(bytes, value, size);
    return bytes;
  };
  Bytes message;
  appendNumber(message, spec.type, 2);
  appendNumber(message, 0, 2);
  appendNumber(message, 0x2112'a442, 4);
  append(message, spec.transaction_id);
  if (!spec.username.empty()) appendStunAttribute(message, 0x0006, bytesOf(spec.username));
  if (spec.priority) appendStunAttribute(message, 0x0024, number(*spec.priority, 4));
  if (spec.use_candidate) appendStunAttribute(message, 0x0025, {});
  if (spec.controlling) appendStunAttribute(message, 0x802a, number(*spec.controlling, 8));
  if (spec.controlled) appendStunAttribute(message, 0x8029, number(*spec.controlled, 8));
  for (const auto& [type, value] : spec.extra) appendStunAttribute(message, type, value);
  if (spec.integrity) {
    const size_t before = message.size();
    appendStunAttribute(message, 0x0008, Bytes(20));
    unsigned size = 20;
    HMAC(EVP_sha1(), spec.password.data(), static_cast<int>(spec.password.size()), message.data(), before,
         message.data() + before + 4, &size);
  }
  if (spec.fingerprint) {
    const size_t before = message.size();
    appendStunAttribute(message, 0x8028, Bytes(4));
    const Bytes value = number(naiveCrc32(std::span(message).first(before)) ^ 0x5354'554e, 4);
    std::copy(value.begin(), value.end(), message.begin() + static_cast<ptrdiff_t>(before) + 4);
  }
  return message;
}

struct RtpSpec {
  uint8_t payload_type = 96;
  bool marker = false;
  uint16_t sequence = 1000;
  uint32_t timestamp = 90'000;
  uint32_t ssrc = 0x1111'1111;
  std::vector<uint32_t> csrcs;
  std::vector<std::pair<uint8_t, Bytes>> extensions;
  bool two_byte = false;
  size_t extension_padding = 0;  // zero bytes before the block is filled up to a word
  uint8_t padding = 0;           // bytes, with the count; 0: no P bit
  Bytes payload = bytesOf("payload");
};

inline Bytes rtpPacket(const RtpSpec& spec) {
  Bytes packet;
  const bool extended = !spec.extensions.empty() || spec.extension_padding > 0;
  packet.push_back(
      static_cast<uint8_t>(0x80 | (spec.padding > 0 ? 0x20 : 0) | (extended ? 0x10 : 0) | spec.csrcs.size()));
  packet.push_back(static_cast<uint8_t>((spec.marker ? 0x80 : 0) | spec.payload_type));
  appendNumber(packet, spec.sequence, 2);
  appendNumber(packet, spec.timestamp, 4);
  appendNumber(packet, spec.ssrc, 4);
  for (const uint32_t csrc : spec.csrcs) appendNumber(packet, csrc, 4);
  if (extended) {
    Bytes block;
    for (const auto& [id, value] : spec.extensions) {
      if (spec.two_byte) {
        block.push_back(id);
        block.push_back(static_cast<uint8_t>(value.size()));
      } else {
        block.push_back(static_cast<uint8_t>(id << 4 | (value.size() - 1)));
      }
      append(block, value);
    }
    block.resize(block.size() + spec.extension_padding);
    while (block.size() % 4 != 0) block.push_back(0);
    appendNumber(packet, spec.two_byte ? 0x1000 : 0xbede, 2);
    appendNumber(packet, block.size() / 4, 2);
    append(packet, block);
  }
  append(packet, spec.payload);
  if (spec.padding > 0) {
    packet.resize(packet.size() + spec.padding - 1);
    packet.push_back(spec.padding);
  }
  return packet;
}

/// One RTCP member; `count` is the report count, source count or feedback format.
inline Bytes rtcpMember(uint8_t type, uint8_t count, std::span<const uint32_t> words) {
  Bytes member{static_cast<uint8_t>(0x80 | count), type};
  appendNumber(member, words.size(), 2);
  for (const uint32_t word : words) appendNumber(member, word, 4);
  return member;
}
inline Bytes rtcpMember(uint8_t type, uint8_t count, std::initializer_list<uint32_t> words) {
  return rtcpMember(type, count, std::span(words.begin(), words.size()));
}
inline Bytes rtcpPli(uint32_t sender, uint32_t media) {
  return rtcpMember(206, 1, {sender, media});
}
inline Bytes rtcpFir(uint32_t sender, uint32_t media, uint8_t command) {
  return rtcpMember(206, 4, {sender, 0, media, uint32_t{command} << 24});
}
inline Bytes rtcpNack(uint32_t sender, uint32_t media, uint16_t first, uint16_t following = 0) {
  return rtcpMember(205, 1, {sender, media, uint32_t{first} << 16 | following});
}
inline Bytes rtcpReceiverReport(uint32_t sender) {
  return rtcpMember(201, 0, {sender});
}
inline Bytes rtcpSenderReport(uint32_t sender, uint64_t ntp, uint32_t timestamp, uint32_t packets, uint32_t octets) {
  return rtcpMember(200, 0,
                    {sender, static_cast<uint32_t>(ntp >> 32), static_cast<uint32_t>(ntp), timestamp, packets, octets});
}

}  // namespace penstock::test
