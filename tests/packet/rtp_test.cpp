// RTP headers, padding, header extensions read and written.
#include "dataplane/packet/rtp.h"

#include <gtest/gtest.h>

#include <random>

#include "dataplane/packet/rtp_extension.h"
#include "tests/support/packet_builder.h"

namespace penstock {
namespace {

using namespace test;

Bytes copyOf(std::span<const uint8_t> bytes) {
  return Bytes(bytes.begin(), bytes.end());
}

TEST(Rtp, header_is_read) {
  const RtpSpec spec{.payload_type = 111,
                     .marker = true,
                     .sequence = 0xfffe,
                     .timestamp = 0xdead'beef,
                     .ssrc = 0xcafe'babe,
                     .csrcs = {1, 2, 3},
                     .extensions = {{1, fromHex("aa")}},
                     .padding = 5};
  const Bytes packet = rtpPacket(spec);
  const auto view = parseRtp(packet);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->payload_type, 111);
  EXPECT_TRUE(view->marker);
  EXPECT_EQ(view->sequence, 0xfffe);
  EXPECT_EQ(view->timestamp, 0xdead'beef);
  EXPECT_EQ(view->ssrc, 0xcafe'babe);
  EXPECT_EQ(view->csrc_count, 3);
  EXPECT_EQ(view->header_size, 12 + 12 + 8);
  EXPECT_EQ(view->padding_size, 5);
  EXPECT_EQ(copyOf(view->payload()), spec.payload);
  EXPECT_EQ(copyOf(view->extension()), fromHex("10aa0000"));
}

TEST(Rtp, written_header_is_read_back) {
  Bytes packet(12);
  writeRtpHeader(packet.data(), {96, true, 7, 8, 9}, false);
  EXPECT_EQ(packet, fromHex("80 e0 0007 00000008 00000009"));
  packet.resize(16);
  writeRtpHeader(packet.data(), {96, false, 7, 8, 9}, true);
  EXPECT_EQ(packet, fromHex("90 60 0007 00000008 00000009 00000000"));
}

TEST(Rtp, each_refusal_has_its_name) {
  const struct {
    int number;
    std::string_view hex;
    std::optional<Counter> refusal;
  } cases[] = {
      {1, "80600001 00000002 00000003", {}},
      {2, "80600001 00000002 000000", Counter::rtp_malformed},
      {3, "40600001 00000002 00000003", Counter::rtp_malformed},         // version 1
      {4, "81600001 00000002 00000003 000000", Counter::rtp_malformed},  // CSRC cut
      {5, "81600001 00000002 00000003 00000004", {}},
      {6, "90600001 00000002 00000003 bede00", Counter::rtp_malformed},           // extension header cut
      {7, "90600001 00000002 00000003 bede0001 000000", Counter::rtp_malformed},  // extension cut
      {8, "90600001 00000002 00000003 bede0000", {}},
      {9, "90600001 00000002 00000003 bedeffff 00000000", Counter::rtp_malformed},
      {10, "90600001 00000002 00000003 bede4000 00000000", Counter::rtp_malformed},  // 65536 bytes: 0 in 16 bits
      {11, "a0600001 00000002 00000003", Counter::rtp_padding_malformed},            // padding of nothing
      {12, "a0600001 00000002 00000003 00", Counter::rtp_padding_malformed},         // count zero
      {13, "a0600001 00000002 00000003 01", {}},
      {14, "a0600001 00000002 00000003 02", Counter::rtp_padding_malformed},
      {15, "b0600001 00000002 00000003 bede0001 00000000", Counter::rtp_padding_malformed},
      {16, "a0600001 00000002 00000003 000000ff", Counter::rtp_padding_malformed},
  };
  for (const auto& test_case : cases) {
    const Bytes packet = fromHex(test_case.hex);
    const auto view = parseRtp(packet);
    EXPECT_EQ(view.has_value(), !test_case.refusal) << test_case.number;
    if (!view && test_case.refusal) {
      EXPECT_EQ(view.error(), *test_case.refusal) << test_case.number;
    }
  }
}

TEST(Rtp, a_packet_cut_anywhere_is_never_read_beyond_its_end) {
  const Bytes whole = rtpPacket({.csrcs = {1, 2}, .extensions = {{1, fromHex("aabb")}, {3, fromHex("cc")}}});
  const size_t header = parseRtp(whole)->header_size;
  for (size_t size = 0; size <= whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_EQ(parseRtp(cut).has_value(), size >= header) << size;
  }
}

TEST(Rtp, padding_of_srtp_is_looked_at_after_decryption) {
  Bytes packet = rtpPacket({.padding = 4});
  const size_t plain_size = packet.size();
  packet.resize(plain_size + 16, 0xff);  // a tag, whose last byte is no padding count
  auto view = parseRtpHeader(packet);
  ASSERT_TRUE(view);
  EXPECT_TRUE(view->padded);
  ASSERT_TRUE(checkRtpPadding(*view, plain_size));
  EXPECT_EQ(copyOf(view->payload()), bytesOf("payload"));
  EXPECT_FALSE(checkRtpPadding(*view, plain_size + 17));
  EXPECT_FALSE(checkRtpPadding(*view, 11));
}

RtpExtensions extensionsOf(const Bytes& packet) {
  return RtpExtensions::parse(parseRtp(packet).value());
}

TEST(RtpExtensions, both_forms_are_found_by_id) {
  RtpSpec spec{.extensions = {{1, fromHex("aa")}, {14, Bytes(16, 0xbb)}, {3, fromHex("0102")}}, .extension_padding = 3};
  for (const bool two_byte : {false, true}) {
    spec.two_byte = two_byte;
    const Bytes packet = rtpPacket(spec);
    const auto extensions = extensionsOf(packet);
    ASSERT_TRUE(extensions.whole());
    ASSERT_EQ(extensions.elements().size(), 3u);
    for (const auto& [id, value] : spec.extensions) EXPECT_EQ(copyOf(extensions.find(id).value()), value);
    EXPECT_FALSE(extensions.find(2));
    EXPECT_FALSE(extensions.find(0));
    EXPECT_EQ(copyOf(extensions.value(extensions.elements()[2])), fromHex("0102"));
  }
}

TEST(RtpExtensions, blocks_by_table) {
  const struct {
    int number;
    std::string_view block;
    size_t elements;
    bool cut = false;  // the last one is
  } cases[] = {
      {1, "bede0000", 0},
      {2, "bede0001 00000000", 0},
      {3, "bede0001 10aa0000", 1},
      {4, "bede0001 10aa20bb", 2},
      {5, "bede0001 0010aa00", 1},        // padding first
      {6, "bede0001 13aabbcc", 0, true},  // four bytes, three are there
      {7, "bede0001 10aa0020", 1, true},  // one byte, none is there
      {8, "bede0001 f3aabbcc", 0},        // 15: the rest is not looked at
      {9, "bede0001 10aaf0ff", 1},
      {10, "bede0001 00aa0000", 0, true},  // padding, then ID 10 of 11 bytes, of which two are there
      {11, "bede0001 03aabbcc", 0},        // ID 0 with a length: nothing behind it is looked at
      {12, "bede0002 10aa01bb 20cc30dd", 1},
      {13, "10000001 01000000", 1},  // two-byte form, empty value
      {14, "10000001 0101aa00", 1},
      {15, "10000001 0103aabb", 0, true},
      {16, "10000001 00000001", 0, true},  // ID without a length
      {21, "10000002 0101aa02 05bbccdd", 1, true},
      {17, "100f0001 0102aabb", 1},  // appbits
      {18, "10000001 ff02aabb", 1},
      {19, "12340001 0102aabb", 0},           // somebody else's profile
      {20, "bede0002 10aa10bb 10cc0000", 3},  // an ID that stands twice or more
  };
  for (const auto& test_case : cases) {
    Bytes packet = fromHex("90600001 00000002 00000003");
    append(packet, fromHex(test_case.block));
    const auto extensions = extensionsOf(packet);
    EXPECT_EQ(extensions.elements().size(), test_case.elements) << test_case.number;
    EXPECT_EQ(extensions.whole(), !test_case.cut) << test_case.number;
  }
}

TEST(RtpExtensions, the_first_of_two_counts_and_the_surplus_is_not_looked_at) {
  RtpSpec spec{.two_byte = true};
  for (uint8_t i = 0; i < 20; ++i) spec.extensions.emplace_back(i < 2 ? 1 : i, Bytes{i});
  const Bytes packet = rtpPacket(spec);
  const auto extensions = extensionsOf(packet);
  EXPECT_EQ(extensions.elements().size(), kExtensionElementMax);
  EXPECT_EQ(copyOf(extensions.find(1).value()), Bytes{0});
  EXPECT_TRUE(extensions.find(15));
  EXPECT_FALSE(extensions.find(19));
}

TEST(ExtensionWriter, chooses_the_form_that_fits) {
  const struct {
    int number;
    std::vector<std::pair<uint8_t, Bytes>> elements;
    std::string_view block;
  } cases[] = {
      {1, {{1, fromHex("aa")}}, "bede0001 10aa0000"},
      {2, {{1, fromHex("aa")}, {14, fromHex("bbcc")}}, "bede0002 10aae1bb cc000000"},
      {3, {{15, fromHex("aa")}}, "10000001 0f01aa00"},
      {4, {{1, fromHex("aa")}, {16, fromHex("bb")}}, "10000002 0101aa10 01bb0000"},
      {5, {{1, {}}}, "10000001 01000000"},
      {6, {{2, Bytes(16, 0xdd)}}, "bede0005 2fdddddd dddddddd dddddddd dddddddd dd000000"},
      {7, {{2, Bytes(17, 0xdd)}}, "10000005 0211dddd dddddddd dddddddd dddddddd dddddd00"},
      {8, {{1, fromHex("aabbcc")}}, "bede0001 12aabbcc"},
      {9, {}, ""},
  };
  for (const auto& test_case : cases) {
    ExtensionWriter writer;
    for (const auto& [id, value] : test_case.elements) ASSERT_TRUE(writer.add(id, value));
    Bytes out(64, 0xee);
    const size_t size = writer.write(out);
    EXPECT_EQ(size, writer.blockSize());
    EXPECT_EQ(size % 4, 0u);
    EXPECT_EQ(Bytes(out.begin(), out.begin() + static_cast<ptrdiff_t>(size)), fromHex(test_case.block))
        << test_case.number;
    EXPECT_EQ(out[size], 0xee);
    // One byte less, and nothing is written.
    Bytes small(64, 0xee);
    if (size > 0) {
      EXPECT_EQ(writer.write(std::span(small).first(size - 1)), 0u);
    }
    EXPECT_EQ(small, Bytes(64, 0xee));
  }
}

TEST(ExtensionWriter, refuses_what_no_element_can_be) {
  ExtensionWriter writer;
  EXPECT_FALSE(writer.add(0, fromHex("aa")));
  EXPECT_FALSE(writer.add(1, Bytes(256)));
  for (size_t i = 0; i < kExtensionElementMax; ++i) EXPECT_TRUE(writer.addSpace(1, 1));
  EXPECT_FALSE(writer.addSpace(1, 1));
}

TEST(ExtensionWriter, space_is_filled_in_where_it_says) {
  ExtensionWriter writer;
  const Bytes first = fromHex("aa");
  ASSERT_TRUE(writer.add(1, first));
  ASSERT_TRUE(writer.addSpace(2, kAbsSendTimeSize));
  ASSERT_TRUE(writer.addSpace(3, kTransportCcSize));
  Bytes out(32);
  out.resize(writer.write(out));
  store24(out.data() + writer.offsetOf(2), 0x123456);
  store16(out.data() + writer.offsetOf(3), 0x789a);
  EXPECT_EQ(out, fromHex("bede0003 10aa2212 34563178 9a000000"));
  EXPECT_EQ(writer.offsetOf(4), 0);
}

TEST(ExtensionWriter, whatever_is_written_is_read_back) {
  std::mt19937 random(3);
  for (int round = 0; round < 20'000; ++round) {
    ExtensionWriter writer;
    std::vector<std::pair<uint8_t, Bytes>> elements;
    const size_t count = random() % (kExtensionElementMax + 1);
    for (size_t i = 0; i < count; ++i) {
      const auto id = static_cast<uint8_t>(random() % 4 == 0 ? 1 + random() % 255 : 1 + random() % 14);
      Bytes value(random() % 8 == 0 ? random() % 256 : 1 + random() % 16);
      for (uint8_t& byte : value) byte = static_cast<uint8_t>(random());
      elements.emplace_back(id, std::move(value));
    }
    for (const auto& [id, value] : elements) ASSERT_TRUE(writer.add(id, value));
    Bytes packet = fromHex("90600001 00000002 00000003");
    packet.resize(12 + writer.blockSize());
    ASSERT_EQ(writer.write(std::span(packet).subspan(12)), packet.size() - 12);
    if (elements.empty()) continue;
    const auto extensions = extensionsOf(packet);
    ASSERT_TRUE(extensions.whole());
    ASSERT_EQ(extensions.elements().size(), elements.size());
    for (size_t i = 0; i < elements.size(); ++i) {
      ASSERT_EQ(extensions.elements()[i].id, elements[i].first);
      ASSERT_EQ(copyOf(extensions.value(extensions.elements()[i])), elements[i].second);
    }
  }
}

TEST(ExtensionValues, are_read_and_made) {
  EXPECT_EQ(readAudioLevel(fromHex("ff"))->level_dbov, 127);
  EXPECT_TRUE(readAudioLevel(fromHex("8a"))->voice);
  EXPECT_FALSE(readAudioLevel(fromHex("0a"))->voice);
  EXPECT_FALSE(readAudioLevel({}));
  EXPECT_EQ(absSendTime(0), 0u);
  EXPECT_EQ(absSendTime(1'000'000'000), 1u << 18);
  EXPECT_EQ(absSendTime(500'000'000), 1u << 17);
  EXPECT_EQ(absSendTime(64'000'000'000), 0u);  // wraps after 64 s
  EXPECT_EQ(absSendTime(63'999'999'999), 0xff'ffffu);
  EXPECT_EQ(readAbsSendTime(fromHex("123456")), 0x123456u);
  EXPECT_FALSE(readAbsSendTime(fromHex("1234")));
  EXPECT_EQ(readTransportCc(fromHex("abcd")), 0xabcd);
  EXPECT_EQ(readTransportCc(fromHex("abcd0001")), 0xabcd);
  EXPECT_FALSE(readTransportCc(fromHex("abcdef")));
  EXPECT_EQ(readSdesText(bytesOf("video0"), 16), "video0");
  EXPECT_EQ(readSdesText(fromHex("6869 0000"), 16), "hi");
  EXPECT_FALSE(readSdesText(fromHex("0000"), 16));
  EXPECT_FALSE(readSdesText(Bytes(17, 'a'), 16));
  EXPECT_FALSE(readSdesText({}, 16));
}

}  // namespace
}  // namespace penstock
