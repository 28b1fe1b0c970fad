// Version 2 reports: type 143, a count, then a record of 20 bytes for each group; in front of them a Router Alert.
#include "dataplane/packet/mld.h"

#include "dataplane/packet/build.h"
#include "dataplane/packet/nd.h"

namespace penstock {
namespace {

constexpr uint8_t kReport = 143;
constexpr uint8_t kHopByHop = 0;
constexpr uint8_t kHopLimit = 1;
constexpr size_t kQueryV1Size = 24;
constexpr size_t kQueryV2Size = 28;
constexpr size_t kReportHeaderSize = 8;
constexpr size_t kRecordSize = 20;
constexpr uint64_t kMillisecondNs = 1'000'000;
/// RFC 3810 section 5: "an IPv6 Router Alert option [RFC 2711] in a Hop-by-Hop Options header"; then two bytes of PadN.
constexpr uint8_t kRouterAlert[8] = {kProtocolIcmpv6, 0, 5, 2, 0, 0, 1, 0};
/// Section 5.2.14: "Version 2 Multicast Listener Reports are sent with an IP destination address of
/// FF02:0:0:0:0:0:0:16".
constexpr uint8_t kAllV2Routers[16] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x16};

/// Section 5.1.3: a floating-point number of milliseconds from 32768 on. Version 1 has a plain one (RFC 2710 3.4).
uint64_t responseMaxMs(uint16_t code, bool version2) {
  if (!version2 || code < 0x8000) return code;
  return uint64_t{(code & 0x0fffu) | 0x1000u} << ((code >> 12 & 7u) + 3);
}

}  // namespace

std::expected<ListenerQuery, Counter> parseListenerQuery(const FrameView& view) {
  const auto query = view.payload;
  const auto malformed = std::unexpected(Counter::mld_malformed);
  // Section 5.1.14: "If a node receives a Query message with [another] IPv6 source address [than a link-local one] it
  // MUST silently discard the message"; section 5: hop limit 1.
  if (view.kind != FrameKind::kListenerQuery || view.hop_limit != kHopLimit || !isLinkLocal(view.source)) {
    return malformed;
  }
  // Section 8.1: 24 octets are version 1, 28 or more version 2; others "MUST be silently ignored".
  const bool version2 = query.size() >= kQueryV2Size;
  if (!version2 && query.size() != kQueryV1Size) return malformed;
  const uint64_t sum = pseudoHeaderSum(view.source, view.destination, kProtocolIcmpv6, query.size());
  if (checksumFold(checksumAdd(sum, query)) != 0xffff) return malformed;
  const Address group = addressFromV6(query.data() + 8);
  if (!isUnspecified(group) && !isMulticast(group)) return malformed;
  return ListenerQuery{responseMaxMs(load16(query.data() + 4), version2) * kMillisecondNs};
}

size_t writeListenerReport(const MacAddress& own_mac, const Address& source, std::span<const Address> groups,
                           ListenerRecord record, uint16_t vlan, std::span<uint8_t> out) {
  if (groups.size() > kListenerGroupMax || out.size() < listenerReportSize(groups.size())) return 0;
  const Address destination = addressFromV6(kAllV2Routers);
  const HeaderFields fields{own_mac, multicastMac(destination), source, destination, vlan, kHopLimit};
  const size_t size = kReportHeaderSize + kRecordSize * groups.size();
  size_t offset = writeEthernet(out.data(), own_mac, fields.destination_mac, vlan, kEtherTypeIpv6);
  offset += writeIp(out.data() + offset, fields, kHopByHop, sizeof kRouterAlert + size);
  std::memcpy(out.data() + offset, kRouterAlert, sizeof kRouterAlert);
  uint8_t* report = out.data() + offset + sizeof kRouterAlert;
  std::memset(report, 0, size);
  report[0] = kReport;
  store16(report + 6, static_cast<uint16_t>(groups.size()));
  for (size_t i = 0; i < groups.size(); ++i) {
    uint8_t* at = report + kReportHeaderSize + kRecordSize * i;  // type, auxiliary length, number of sources, group
    at[0] = static_cast<uint8_t>(record);
    std::memcpy(at + 4, groups[i].ip, 16);
  }
  const uint64_t sum = pseudoHeaderSum(source, destination, kProtocolIcmpv6, size);
  const auto checksum = static_cast<uint16_t>(~checksumFold(checksumAdd(sum, std::span(report, size))));
  std::memcpy(report + 2, &checksum, 2);
  return offset + sizeof kRouterAlert + size;
}

}  // namespace penstock
