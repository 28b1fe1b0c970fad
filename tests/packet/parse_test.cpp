// Frames taken apart: what is read, and the name of every refusal.
#include "dataplane/packet/parse.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/support/packet_builder.h"

namespace penstock {
namespace {

using namespace test;

const Bytes kPayload = fromHex("80 60 0001 00000002 00000003 aabbcc");

FrameSpec v6Spec() {
  return {.source = endpoint("[2001:db8::2]:5000"), .destination = endpoint("[2001:db8::1]:10000")};
}

std::string nameOf(Counter counter) {
  return std::string(contract::kCounterTexts[static_cast<size_t>(counter)].name);
}

std::string verdict(std::span<const uint8_t> frame) {
  const auto view = parseFrame(frame);
  return view ? "good" : nameOf(view.error());
}

TEST(ParseFrame, udp_is_read_down_to_the_payload) {
  FrameSpec tagged = v6Spec();
  tagged.vlan = 0x6123;  // priority 3, VLAN 0x123
  FrameSpec options = {.ip_options = fromHex("01010100"), .ethernet_padding = 9};
  for (const FrameSpec& spec : {FrameSpec{.dscp = 46}, v6Spec(), tagged, options}) {
    const Bytes frame = udpFrame(spec, kPayload);
    const auto view = parseFrame(frame);
    ASSERT_TRUE(view) << nameOf(view.error());
    EXPECT_EQ(view->kind, FrameKind::kUdp);
    EXPECT_EQ(view->family, familyOf(spec.source));
    EXPECT_EQ(view->source, spec.source);
    EXPECT_EQ(view->destination, spec.destination);
    EXPECT_EQ(view->source_mac, spec.source_mac);
    EXPECT_EQ(view->destination_mac, spec.destination_mac);
    EXPECT_EQ(view->vlan, spec.vlan.value_or(0) & 0xfff);
    EXPECT_EQ(view->hop_limit, 64);
    EXPECT_EQ(view->traffic_class >> 2, spec.dscp);
    EXPECT_EQ(Bytes(view->payload.begin(), view->payload.end()), kPayload);
    EXPECT_EQ(view->payload.data(), frame.data() + view->payload_offset);
    EXPECT_TRUE(udpChecksumGood(frame, *view));
  }
}

TEST(ParseFrame, other_kinds_are_told_apart) {
  const auto kind = [](const Bytes& frame) { return parseFrame(frame).value().kind; };
  FrameSpec v6 = v6Spec();
  EXPECT_EQ(kind(arpFrame({}, 1)), FrameKind::kArp);
  EXPECT_EQ(kind(icmpFrame({}, fromHex("0800000000010001"))), FrameKind::kEchoRequest);
  EXPECT_EQ(kind(icmpFrame(v6, fromHex("8000000000010001"))), FrameKind::kEchoRequest);
  EXPECT_EQ(kind(neighbourFrame(v6, 135, 0, v6.destination, kClientMac)), FrameKind::kNeighbourDiscovery);
  EXPECT_EQ(kind(neighbourFrame(v6, 136, 0, v6.source, kClientMac)), FrameKind::kNeighbourDiscovery);
}

TEST(ParseFrame, each_refusal_has_its_name) {
  const Bytes v4 = udpFrame({}, kPayload), v6 = udpFrame(v6Spec(), kPayload);
  const auto changed = [](Bytes frame, size_t at, uint8_t value) {
    frame[at] = value;
    return frame;
  };
  /// The IPv4 header checksum made right again after a change.
  const auto summed = [](Bytes frame) {
    const size_t size = (frame[14] & 15u) * 4;
    frame[24] = frame[25] = 0;
    const uint16_t checksum = internetChecksum(std::span(frame).subspan(14, size));
    frame[24] = static_cast<uint8_t>(checksum >> 8);
    frame[25] = static_cast<uint8_t>(checksum);
    return frame;
  };
  FrameSpec stacked;
  stacked.vlan = 5;
  FrameSpec mapped = v6Spec();
  Bytes mapped_frame = udpFrame(mapped, kPayload);
  std::copy_n(endpoint("192.0.2.1:1").ip, 16, mapped_frame.begin() + 14 + 8);
  const struct {
    int number;
    Bytes frame;
    std::string verdict;
  } cases[] = {
      {1, v4, "good"},
      {2, Bytes(13), "frame_truncated"},
      {3, Bytes(70'000), "datagram_too_long"},
      {4, ethernetFrame({}, 0x88cc, Bytes(46)), "frame_type_unknown"},
      {5, ethernetFrame(stacked, 0x8100, Bytes(46)), "frame_type_unknown"},
      {6, ethernetFrame({}, 0x88a8, Bytes(46)), "frame_type_unknown"},
      {7, ethernetFrame({}, 0x0800, Bytes(19)), "frame_truncated"},
      {8, summed(changed(v4, 14, 0x65)), "ip_malformed"},      // version
      {9, changed(v4, 14, 0x44), "ip_malformed"},              // header shorter than 20
      {10, changed(v4, 14, 0x4f), "ip_malformed"},             // header longer than the packet
      {11, summed(changed(v4, 17, 0xff)), "frame_truncated"},  // total length beyond the frame
      {12, summed(changed(v4, 17, 19)), "ip_malformed"},       // total length below the header
      {13, changed(v4, 24, static_cast<uint8_t>(v4[24] ^ 1)), "ip_checksum_bad"},
      {14, udpFrame({.fragment = 0x2000}, kPayload), "ip_fragment"},
      {15, udpFrame({.fragment = 0x0001}, kPayload), "ip_fragment"},
      {16, udpFrame({.fragment = 0x8000}, kPayload), "good"},  // reserved bit: not ours to judge
      {17, ipFrame({}, 6, kPayload), "ip_protocol_unknown"},
      {18, ipFrame({}, 58, Bytes(8)), "ip_protocol_unknown"},  // ICMPv6 in IPv4
      {19, ipFrame({}, 17, Bytes(7)), "udp_malformed"},
      {20, changed(v4, 39, 7), "udp_malformed"},
      {21, changed(v4, 39, 0), "udp_malformed"},
      {22, changed(v4, 39, static_cast<uint8_t>(v4[39] + 1)), "udp_malformed"},
      {23, changed(v4, 39, 8), "good"},  // empty datagram with bytes behind it
      {24, icmpFrame({}, fromHex("0000000000010001")), "icmp_unhandled"},
      {25, icmpFrame({}, fromHex("0301000000000000")), "icmp_unhandled"},
      {26, ipFrame({}, 1, Bytes(7)), "ip_malformed"},
      {27, v6, "good"},
      {28, ethernetFrame({}, 0x86dd, Bytes(39)), "frame_truncated"},
      {29, changed(v6, 14, 0x40), "ip_malformed"},
      {30, changed(v6, 19, static_cast<uint8_t>(v6[19] + 1)), "frame_truncated"},
      {31, changed(v6, 19, static_cast<uint8_t>(v6[19] - 1)), "udp_malformed"},
      {32, changed(v6, 20, 44), "ip_fragment"},
      {33, changed(v6, 20, 0), "ip_malformed"},          // hop-by-hop, longer than the packet
      {34, changed(v6, 20, 43), "ip_protocol_unknown"},  // routing
      {35, changed(v6, 20, 1), "ip_protocol_unknown"},   // ICMPv4 in IPv6
      {36, mapped_frame, "ip_malformed"},
      {37, icmpFrame(v6Spec(), fromHex("8600000000000000")), "icmp_unhandled"},  // router advertisement
      {38, icmpFrame(v6Spec(), fromHex("8900000000000000")), "icmp_unhandled"},  // redirect
      {39, icmpFrame(v6Spec(), fromHex("0800000000000000")), "icmp_unhandled"},  // IPv4's number for echo
  };
  for (const auto& test_case : cases) EXPECT_EQ(verdict(test_case.frame), test_case.verdict) << test_case.number;
}

TEST(ParseFrame, a_frame_cut_anywhere_is_refused) {
  FrameSpec tagged;
  tagged.vlan = 7;
  for (const Bytes& whole : {udpFrame({}, kPayload), udpFrame(v6Spec(), kPayload), udpFrame(tagged, kPayload),
                             udpFrame({.ip_options = fromHex("94040000")}, kPayload)}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      const Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
      EXPECT_EQ(verdict(cut), "frame_truncated") << size << " of " << whole.size();
    }
    EXPECT_EQ(verdict(whole), "good");
  }
}

TEST(ParseFrame, view_stays_inside_the_frame_whatever_byte_is_wrong) {
  for (const Bytes& whole : {udpFrame({}, kPayload), udpFrame(v6Spec(), kPayload)}) {
    for (size_t at = 0; at < whole.size(); ++at) {
      for (int value = 0; value < 256; ++value) {
        Bytes frame = whole;
        frame[at] = static_cast<uint8_t>(value);
        const auto view = parseFrame(frame);
        if (!view || view->payload.empty()) continue;
        ASSERT_GE(view->payload.data(), frame.data());
        ASSERT_LE(view->payload.data() + view->payload.size(), frame.data() + frame.size());
      }
    }
  }
}

TEST(UdpChecksum, every_flipped_bit_is_seen) {
  for (const Bytes& whole : {udpFrame({}, kPayload), udpFrame(v6Spec(), kPayload)}) {
    const auto view = parseFrame(whole).value();
    for (size_t at = view.payload_offset; at < whole.size(); ++at) {
      Bytes frame = whole;
      frame[at] ^= 0x10;
      EXPECT_FALSE(udpChecksumGood(frame, parseFrame(frame).value())) << at;
    }
  }
}

TEST(UdpChecksum, none_is_good_in_ipv4_only) {
  FrameSpec v4, v6 = v6Spec();
  v4.udp_checksum = v6.udp_checksum = false;
  const Bytes frame4 = udpFrame(v4, kPayload), frame6 = udpFrame(v6, kPayload);
  EXPECT_TRUE(udpChecksumGood(frame4, parseFrame(frame4).value()));
  EXPECT_FALSE(udpChecksumGood(frame6, parseFrame(frame6).value()));
}

}  // namespace
}  // namespace penstock
