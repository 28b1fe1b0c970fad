// VP8 payload descriptors, as RFC 7741 draws them.
#include "dataplane/codec/vp8.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace penstock::codec {
namespace {

using test::Bytes;
using test::fromHex;

TEST(Vp8, numbered_cases) {
  struct Case {
    int number;
    const char* hex;
    uint8_t size;
    uint16_t picture_id;
    uint8_t tl0, temporal;
    bool sync, start, key;
  };
  const Case cases[] = {
      {1, "10 00", 1, 0, 0, 0, false, true, true},               // no extension; P bit 0
      {2, "10 01", 1, 0, 0, 0, false, true, false},              // an inter frame
      {3, "00 00", 1, 0, 0, 0, false, false, false},             // not the start
      {4, "11 00", 1, 0, 0, 0, false, false, false},             // start of partition 1
      {5, "90 80 11 00", 3, 0x11, 0, 0, false, true, true},      // 7-bit picture id
      {6, "90 80 8123 01", 4, 0x123, 0, 0, false, true, false},  // 15 bits
      {7, "90 c0 8123 44 01", 5, 0x123, 0x44, 0, false, true, false},
      {8, "90 e0 8123 44 60 01", 6, 0x123, 0x44, 1, true, true, false},
      {9, "90 f0 ffff ff bf 00", 6, 0x7fff, 0xff, 2, true, true, true},
      {10, "80 10 ff 00", 3, 0, 0, 0, false, false, false},  // K without T: no temporal id
  };
  for (const Case& c : cases) {
    const Bytes bytes = fromHex(c.hex);
    const auto vp8 = parseVp8(bytes);
    ASSERT_TRUE(vp8) << "case " << c.number;
    EXPECT_EQ(vp8->descriptor_size, c.size) << "case " << c.number;
    EXPECT_EQ(vp8->picture_id, c.picture_id) << "case " << c.number;
    EXPECT_EQ(vp8->tl0_picture_index, c.tl0) << "case " << c.number;
    EXPECT_EQ(vp8->temporal_id, c.temporal) << "case " << c.number;
    EXPECT_EQ(vp8->layer_sync, c.sync) << "case " << c.number;
    EXPECT_EQ(vp8->frame_start, c.start) << "case " << c.number;
    EXPECT_EQ(vp8->key_frame, c.key) << "case " << c.number;
  }
}

TEST(Vp8, every_prefix_of_a_descriptor_is_too_short) {
  const Bytes whole = fromHex("90 f0 8123 44 60");
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parseVp8(std::span(whole).first(size))) << size << " bytes";
  }
  const auto vp8 = parseVp8(whole);
  ASSERT_TRUE(vp8);
  EXPECT_FALSE(vp8->key_frame) << "no payload behind it says so";
}

TEST(Vp8, rewriting_changes_the_numbers_and_nothing_else) {
  Bytes bytes = fromHex("90 e0 8123 44 60 01 02 03");
  rewritePictureIds(bytes, *parseVp8(bytes), 0x8456, 0x99);
  EXPECT_EQ(bytes, fromHex("90 e0 8456 99 60 01 02 03")) << "15 bits of picture id";
  bytes = fromHex("90 80 11 00");
  rewritePictureIds(bytes, *parseVp8(bytes), 0x1ff, 0x99);
  EXPECT_EQ(bytes, fromHex("90 80 7f 00")) << "7 bits, and no TL0PICIDX";
  bytes = fromHex("10 00 55");
  rewritePictureIds(bytes, *parseVp8(bytes), 1, 2);
  EXPECT_EQ(bytes, fromHex("10 00 55"));
}

}  // namespace
}  // namespace penstock::codec
