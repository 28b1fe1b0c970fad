// An echo reply is the request with another type, the other way round.
#include "dataplane/packet/icmp.h"

#include "dataplane/packet/build.h"

namespace penstock {
namespace {

constexpr uint8_t kEchoReply4 = 0;
constexpr uint8_t kEchoReply6 = 129;

}  // namespace

std::expected<size_t, Counter> writeEchoReply(const FrameView& request, const MacAddress& own_mac, const Address& own,
                                              std::span<uint8_t> out) {
  const bool v4 = request.family == Family::kIpv4;
  const auto echo = request.payload;
  if (request.kind != FrameKind::kEchoRequest || echo.size() < 8 || isV4(own) != v4 || echo[1] != 0) {
    return std::unexpected(Counter::icmp_unhandled);
  }
  // ICMP sums its message alone, ICMPv6 a pseudo header too (RFC 4443 section 2.3).
  const uint64_t sum = v4 ? 0 : pseudoHeaderSum(request.source, request.destination, kProtocolIcmpv6, echo.size());
  if (checksumFold(checksumAdd(sum, echo)) != 0xffff) return std::unexpected(Counter::icmp_unhandled);

  const size_t size = headerSize(request.family, request.vlan != kNoVlan) - kUdpSize + echo.size();
  if (out.size() < size) return std::unexpected(Counter::datagram_too_long);
  Address source = own, destination = request.source;
  source.port_be = destination.port_be = 0;
  const HeaderFields fields{own_mac, request.source_mac, source, destination, request.vlan};
  uint8_t* at = out.data();
  at += writeEthernet(at, own_mac, request.source_mac, request.vlan, v4 ? kEtherTypeIpv4 : kEtherTypeIpv6);
  at += writeIp(at, fields, v4 ? kProtocolIcmp : kProtocolIcmpv6, echo.size());
  std::memcpy(at, echo.data(), echo.size());
  at[0] = v4 ? kEchoReply4 : kEchoReply6;
  std::memset(at + 2, 0, 2);
  const uint64_t reply_sum = v4 ? 0 : pseudoHeaderSum(source, destination, kProtocolIcmpv6, echo.size());
  const auto checksum = static_cast<uint16_t>(~checksumFold(checksumAdd(reply_sum, std::span(at, echo.size()))));
  std::memcpy(at + 2, &checksum, 2);
  return size;
}

}  // namespace penstock
