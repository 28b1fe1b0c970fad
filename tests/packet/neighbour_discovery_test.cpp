// ARP, neighbour discovery and echo: what is believed, what is answered, byte for byte.
#include <gtest/gtest.h>

#include "dataplane/packet/arp.h"
#include "dataplane/packet/build.h"
#include "dataplane/packet/icmp.h"
#include "dataplane/packet/nd.h"
#include "tests/support/packet_builder.h"

namespace penstock {
namespace {

using namespace test;

const Address kRelay4 = ip("198.18.0.1"), kClient4 = ip("198.18.0.2");
const Address kRelay6 = ip("2001:db8::1"), kClient6 = ip("2001:db8::2");

FrameSpec spec4() {
  return {.source = kClient4, .destination = kRelay4};
}
FrameSpec spec6() {
  return {.source = kClient6, .destination = kRelay6, .hop_limit = 255};
}

std::expected<ArpMessage, Counter> arpOf(const Bytes& frame) {
  return parseArp(parseFrame(frame).value());
}
std::expected<NeighbourMessage, Counter> ndOf(const Bytes& frame) {
  return parseNeighbourDiscovery(parseFrame(frame).value());
}

TEST(Arp, request_is_read_and_answered) {
  FrameSpec spec = spec4();
  spec.destination_mac = kMacBroadcast;
  spec.ethernet_padding = 18;
  spec.vlan = 9;
  const auto request = arpOf(arpFrame(spec, 1));
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->request);
  EXPECT_FALSE(request->probe);
  EXPECT_EQ(request->sender.ip, kClient4);
  EXPECT_EQ(request->sender.mac, kClientMac);
  EXPECT_EQ(request->target, kRelay4);

  Bytes out(kArpFrameMax);
  out.resize(writeArpReply(*request, {kRelay4, kRelayMac}, 9, out));
  FrameSpec reply{.source = kRelay4, .destination = kClient4, .source_mac = kRelayMac, .destination_mac = kClientMac};
  reply.vlan = 9;
  EXPECT_EQ(out, arpFrame(reply, 2, kClientMac));
}

TEST(Arp, our_request_goes_to_everybody_or_to_whom_we_know) {
  FrameSpec spec{.source = kRelay4, .destination = kClient4, .source_mac = kRelayMac, .destination_mac = kMacBroadcast};
  Bytes out(kArpFrameMax);
  out.resize(writeArpRequest({kRelay4, kRelayMac}, kClient4, {}, kNoVlan, out));
  EXPECT_EQ(out, arpFrame(spec, 1));
  spec.destination_mac = kClientMac;
  out.resize(kArpFrameMax);
  out.resize(writeArpRequest({kRelay4, kRelayMac}, kClient4, kClientMac, kNoVlan, out));
  EXPECT_EQ(out, arpFrame(spec, 1, kClientMac));
  EXPECT_EQ(writeArpRequest({kRelay4, kRelayMac}, kClient4, {}, kNoVlan, std::span(out).first(41)), 0u);
}

TEST(Arp, probes_teach_nothing) {
  FrameSpec spec = spec4();
  spec.source = ip("0.0.0.0");
  EXPECT_TRUE(arpOf(arpFrame(spec, 1))->probe);
}

TEST(Arp, malformed_messages_are_named_so) {
  const Bytes good = arpFrame(spec4(), 2);
  ASSERT_TRUE(arpOf(good));
  // Hardware, protocol, lengths, operation, sender's MAC: each byte of them matters.
  for (const size_t at : {14, 15, 16, 17, 18, 19, 20, 21, 22, 27}) {
    Bytes frame = good;
    frame[at] ^= 0x41;
    ASSERT_FALSE(arpOf(frame)) << at;
    EXPECT_EQ(arpOf(frame).error(), Counter::arp_malformed);
  }
  for (size_t size = 14; size < good.size(); ++size) {
    EXPECT_FALSE(arpOf(Bytes(good.begin(), good.begin() + static_cast<ptrdiff_t>(size)))) << size;
  }
}

TEST(NeighbourDiscovery, solicitation_is_read_and_answered) {
  FrameSpec spec = spec6();
  spec.destination = solicitedNode(kRelay6);
  spec.destination_mac = multicastMac(spec.destination);
  const auto solicitation = ndOf(neighbourFrame(spec, 135, 0, kRelay6, kClientMac));
  ASSERT_TRUE(solicitation);
  EXPECT_TRUE(solicitation->solicitation);
  EXPECT_EQ(solicitation->target, kRelay6);
  ASSERT_TRUE(solicitation->neighbour());
  EXPECT_EQ(solicitation->neighbour()->ip, kClient6);
  EXPECT_EQ(solicitation->neighbour()->mac, kClientMac);

  Bytes out(kNdFrameMax);
  out.resize(writeNeighbourAdvertisement(*solicitation, kClientMac, kRelayMac, kNoVlan, out));
  const FrameSpec answer{.source = kRelay6,
                         .destination = kClient6,
                         .source_mac = kRelayMac,
                         .destination_mac = kClientMac,
                         .hop_limit = 255};
  EXPECT_EQ(out, neighbourFrame(answer, 136, 0x60, kRelay6, kRelayMac));
}

TEST(NeighbourDiscovery, duplicate_detection_is_answered_to_all_nodes) {
  FrameSpec spec = spec6();
  spec.source = ip("::");
  spec.destination = solicitedNode(kRelay6);
  const auto solicitation = ndOf(neighbourFrame(spec, 135, 0, kRelay6, {}));
  ASSERT_TRUE(solicitation);
  EXPECT_TRUE(solicitation->duplicate_detection);
  EXPECT_FALSE(solicitation->neighbour());
  Bytes out(kNdFrameMax);
  out.resize(writeNeighbourAdvertisement(*solicitation, kClientMac, kRelayMac, kNoVlan, out));
  const FrameSpec answer{.source = kRelay6,
                         .destination = ip("ff02::1"),
                         .source_mac = kRelayMac,
                         .destination_mac = *parseMac("33:33:00:00:00:01"),
                         .hop_limit = 255};
  EXPECT_EQ(out, neighbourFrame(answer, 136, 0x20, kRelay6, kRelayMac));
}

TEST(NeighbourDiscovery, our_solicitation_goes_to_the_group_or_to_whom_we_know) {
  FrameSpec spec{.source = kRelay6,
                 .destination = ip("ff02::1:ff00:2"),
                 .source_mac = kRelayMac,
                 .destination_mac = *parseMac("33:33:ff:00:00:02"),
                 .hop_limit = 255};
  spec.vlan = 12;
  Bytes out(kNdFrameMax);
  out.resize(writeNeighbourSolicitation({kRelay6, kRelayMac}, kClient6, {}, 12, out));
  EXPECT_EQ(out, neighbourFrame(spec, 135, 0, kClient6, kRelayMac));
  spec.destination = kClient6;
  spec.destination_mac = kClientMac;
  out.resize(kNdFrameMax);
  out.resize(writeNeighbourSolicitation({kRelay6, kRelayMac}, kClient6, kClientMac, 12, out));
  EXPECT_EQ(out, neighbourFrame(spec, 135, 0, kClient6, kRelayMac));
  EXPECT_EQ(writeNeighbourSolicitation({kRelay6, kRelayMac}, kClient6, {}, 12, std::span(out).first(60)), 0u);
}

TEST(NeighbourDiscovery, advertisement_teaches_its_target) {
  const auto message = ndOf(neighbourFrame(spec6(), 136, 0x60, kClient6, kClientMac));
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->solicited);
  EXPECT_TRUE(message->override);
  EXPECT_EQ(message->neighbour()->ip, kClient6);
  EXPECT_FALSE(ndOf(neighbourFrame(spec6(), 136, 0x60, kClient6, {}))->neighbour());
}

TEST(NeighbourDiscovery, what_rfc_4861_says_to_ignore_is_ignored) {
  FrameSpec forwarded = spec6(), unspecified = spec6(), group = spec6(), dad = spec6();
  forwarded.hop_limit = 254;
  unspecified.source = dad.source = ip("::");
  dad.destination = solicitedNode(kRelay6);
  group.destination = ip("ff02::1");
  Bytes checksum = neighbourFrame(spec6(), 135, 0, kRelay6, kClientMac);
  checksum[14 + 40 + 2] ^= 1;
  Bytes code_message = fromHex("87 01 0000 00000000");
  append(code_message, kRelay6.ip);
  const auto with_option = [&](std::string_view option) {
    Bytes message = fromHex("87 00 0000 00000000");
    append(message, kRelay6.ip);
    append(message, fromHex(option));
    return icmpFrame(spec6(), message);
  };
  const struct {
    int number;
    Bytes frame;
    bool good;
  } cases[] = {
      {1, neighbourFrame(forwarded, 135, 0, kRelay6, kClientMac), false},
      {2, checksum, false},
      {3, icmpFrame(spec6(), code_message), false},
      {4, icmpFrame(spec6(), fromHex("8700000000000000 20010db8")), false},    // shorter than 24
      {5, neighbourFrame(spec6(), 135, 0, ip("ff02::1"), kClientMac), false},  // target is a group
      {6, neighbourFrame(unspecified, 135, 0, kRelay6, {}), false},            // not to a solicited-node group
      {7, neighbourFrame(dad, 135, 0, kRelay6, kClientMac), false},            // source option without a source
      {8, neighbourFrame(group, 136, 0x40, kClient6, kClientMac), false},      // solicited to a group
      {9, neighbourFrame(group, 136, 0x20, kClient6, kClientMac), true},
      {10, neighbourFrame(spec6(), 135, 0, kRelay6, kMacBroadcast), false},
      {11, neighbourFrame(spec6(), 135, 0, kRelay6, MacAddress{}), false},
      {12, with_option("01 00 000000000000"), false},                    // length zero
      {13, with_option("01 02 02000000000c"), false},                    // longer than the message
      {14, with_option("01 01 0200"), false},                            // truncated
      {15, with_option("0e 01 000000000000 01 01 02000000000c"), true},  // a nonce (RFC 3971) before ours
      {16, neighbourFrame(unspecified, 136, 0, kClient6, kClientMac), false},
      {17, neighbourFrame(spec6(), 136, 0x20, ip("::ffff:192.0.2.1"), kClientMac), false},
  };
  for (const auto& test_case : cases) {
    const auto message = ndOf(test_case.frame);
    EXPECT_EQ(message.has_value(), test_case.good) << test_case.number;
    if (!message) {
      EXPECT_EQ(message.error(), Counter::nd_malformed);
    }
  }
}

TEST(Echo, request_is_answered_with_its_own_bytes) {
  for (const bool v4 : {true, false}) {
    FrameSpec spec = v4 ? spec4() : spec6();
    spec.hop_limit = 64;
    spec.vlan = 3;
    Bytes request = fromHex(v4 ? "08000000 12340001" : "80000000 12340001");
    append(request, "some odd payload!");
    const Bytes frame = icmpFrame(spec, request);
    const auto view = parseFrame(frame).value();
    Bytes out(1514);
    const auto size = writeEchoReply(view, kRelayMac, view.destination, out);
    ASSERT_TRUE(size);
    out.resize(*size);
    std::swap(spec.source, spec.destination);
    std::swap(spec.source_mac, spec.destination_mac);
    request[0] = v4 ? 0 : 129;
    EXPECT_EQ(out, icmpFrame(spec, request));
  }
}

TEST(Echo, wrong_checksum_code_or_size_is_not_answered) {
  Bytes frame = icmpFrame(spec4(), fromHex("08000000 12340001 aa"));
  Bytes out(1514);
  EXPECT_TRUE(writeEchoReply(parseFrame(frame).value(), kRelayMac, kRelay4, out));
  EXPECT_EQ(writeEchoReply(parseFrame(frame).value(), kRelayMac, kRelay4, std::span(out).first(40)).error(),
            Counter::datagram_too_long);
  EXPECT_FALSE(writeEchoReply(parseFrame(frame).value(), kRelayMac, kRelay6, out));
  frame.back() ^= 1;
  EXPECT_EQ(writeEchoReply(parseFrame(frame).value(), kRelayMac, kRelay4, out).error(), Counter::icmp_unhandled);
  const Bytes code = icmpFrame(spec4(), fromHex("08010000 12340001"));
  EXPECT_FALSE(writeEchoReply(parseFrame(code).value(), kRelayMac, kRelay4, out));
}

}  // namespace
}  // namespace penstock
