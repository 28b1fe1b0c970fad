// Headers written by the library are those that the test's builder makes, byte for byte.
#include "dataplane/packet/build.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/packet_builder.h"

namespace penstock {
namespace {

using namespace test;

HeaderFields fieldsOf(const FrameSpec& spec) {
  return {spec.source_mac,  spec.destination_mac,        spec.source,
          spec.destination, spec.vlan.value_or(kNoVlan), spec.hop_limit,
          spec.dscp};
}

Bytes stamped(const HeaderTemplate& header, const Bytes& payload) {
  Bytes frame(header.size());
  append(frame, payload);
  header.stamp(frame.data(), payload.size());
  return frame;
}

std::vector<FrameSpec> specs() {
  FrameSpec v4{.dscp = 46};
  FrameSpec v6{.source = endpoint("[2001:db8::1]:10000"), .destination = endpoint("[2001:db8::2]:5000"), .dscp = 34};
  FrameSpec tagged4 = v4, tagged6 = v6;
  tagged4.vlan = tagged6.vlan = 4094;
  return {v4, v6, tagged4, tagged6};
}

TEST(HeaderTemplate, header_is_the_builders_for_every_payload_size) {
  std::mt19937 random(1);
  for (const FrameSpec& spec : specs()) {
    const HeaderTemplate header(fieldsOf(spec), UdpChecksum::kSoftware);
    EXPECT_EQ(header.size(), headerSize(familyOf(spec.source), spec.vlan.has_value()));
    for (size_t size = 0; size <= 1472; ++size) {
      Bytes payload(size);
      for (uint8_t& byte : payload) byte = static_cast<uint8_t>(random());
      ASSERT_EQ(stamped(header, payload), udpFrame(spec, payload)) << size;
    }
  }
}

TEST(HeaderTemplate, a_checksum_of_zero_is_sent_as_all_ones) {
  for (const FrameSpec& spec : specs()) {
    const HeaderTemplate header(fieldsOf(spec), UdpChecksum::kSoftware);
    size_t zeros = 0;
    for (uint32_t word = 0; word <= 0xffff; ++word) {
      const Bytes payload{static_cast<uint8_t>(word >> 8), static_cast<uint8_t>(word)};
      const Bytes frame = stamped(header, payload);
      const uint16_t checksum = load16(frame.data() + header.size() - 2);
      ASSERT_NE(checksum, 0);
      zeros += checksum == 0xffff ? 1 : 0;
      ASSERT_TRUE(udpChecksumGood(frame, parseFrame(frame).value()));
    }
    EXPECT_GE(zeros, 1u);
  }
}

TEST(HeaderTemplate, offload_finds_the_sum_of_the_pseudo_header) {
  const Bytes payload = bytesOf("payload");
  for (const FrameSpec& spec : specs()) {
    const HeaderTemplate header(fieldsOf(spec), UdpChecksum::kPseudoHeader);
    const Bytes frame = stamped(header, payload);
    const Bytes pseudo = pseudoHeader(spec, 17, 8 + payload.size());
    EXPECT_EQ(load16(frame.data() + header.size() - 2), static_cast<uint16_t>(~internetChecksum(pseudo)));
  }
}

TEST(HeaderTemplate, sizes_are_known_beforehand) {
  EXPECT_EQ(headerSize(Family::kIpv4, false), 42u);
  EXPECT_EQ(headerSize(Family::kIpv4, true), 46u);
  EXPECT_EQ(headerSize(Family::kIpv6, false), 62u);
  EXPECT_EQ(headerSize(Family::kIpv6, true), 66u);
  EXPECT_TRUE(HeaderTemplate().empty());
}

}  // namespace
}  // namespace penstock
