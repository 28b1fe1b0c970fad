// VP9 payload descriptors, as RFC 9628 draws them.
#include "dataplane/codec/vp9.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace penstock::codec {
namespace {

using test::Bytes;
using test::fromHex;

TEST(Vp9, numbered_cases) {
  struct Case {
    int number;
    const char* hex;
    uint8_t size;
    uint16_t picture_id;
    uint8_t tl0, temporal, spatial;
    bool key, switch_up;
  };
  const Case cases[] = {
      {1, "08 00", 1, 0, 0, 0, 0, true, false},                     // B alone
      {2, "48 00", 1, 0, 0, 0, 0, false, false},                    // P
      {3, "88 05", 2, 5, 0, 0, 0, true, false},                     // 7-bit picture id
      {4, "a8 8105 52 07", 5, 0x105, 7, 2, 1, false, true},         // layers: TID 2, U, SID 1, not the lowest
      {5, "f8 8105 52 02", 5, 0x105, 0, 2, 1, false, true},         // flexible: a reference, no TL0PICIDX
      {6, "f8 8105 40 03 05 02", 7, 0x105, 0, 2, 0, false, false},  // three references
      {7, "a0 05 00 09", 4, 5, 9, 0, 0, false, false},              // not the start of a frame
  };
  for (const Case& c : cases) {
    const Bytes bytes = fromHex(c.hex);
    const auto vp9 = parseVp9(bytes);
    ASSERT_TRUE(vp9) << "case " << c.number;
    EXPECT_EQ(vp9->descriptor_size, c.size) << "case " << c.number;
    EXPECT_EQ(vp9->picture_id, c.picture_id) << "case " << c.number;
    EXPECT_EQ(vp9->tl0_picture_index, c.tl0) << "case " << c.number;
    EXPECT_EQ(vp9->temporal_id, c.temporal) << "case " << c.number;
    EXPECT_EQ(vp9->spatial_id, c.spatial) << "case " << c.number;
    EXPECT_EQ(vp9->keyFrame(), c.key) << "case " << c.number;
    EXPECT_EQ(vp9->switch_up, c.switch_up) << "case " << c.number;
  }
}

TEST(Vp9, a_scalability_structure_tells_resolutions) {
  // Two layers with resolutions, a group of two pictures, the second with one reference.
  const Bytes bytes = fromHex("8a 05 38 0140 00b4 0280 0168 02 00 14 01");
  const auto vp9 = parseVp9(bytes);
  ASSERT_TRUE(vp9);
  EXPECT_EQ(vp9->descriptor_size, bytes.size());
  EXPECT_EQ(vp9->spatial_count, 2);
  EXPECT_EQ(vp9->width[0], 320);
  EXPECT_EQ(vp9->height[0], 180);
  EXPECT_EQ(vp9->width[1], 640);
  EXPECT_EQ(vp9->height[1], 360);
}

TEST(Vp9, every_prefix_of_a_descriptor_is_too_short) {
  for (const char* hex : {"8a 05 38 0140 00b4 0280 0168 02 00 14 01", "f8 8105 40 03 05 02", "a8 8105 52 07"}) {
    const Bytes whole = fromHex(hex);
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_FALSE(parseVp9(std::span(whole).first(size))) << hex << ", " << size << " bytes";
    }
    EXPECT_TRUE(parseVp9(whole));
  }
}

TEST(Vp9, a_fourth_reference_is_refused) {
  EXPECT_FALSE(parseVp9(fromHex("f8 8105 40 03 05 07 02")));
}

TEST(Vp9, rewriting_changes_the_numbers_and_nothing_else) {
  Bytes bytes = fromHex("a8 8105 52 07 aa");
  rewritePictureIds(bytes, *parseVp9(bytes), 0x222, 0x33);
  EXPECT_EQ(bytes, fromHex("a8 8222 52 33 aa"));
  bytes = fromHex("f8 8105 52 02 aa");
  rewritePictureIds(bytes, *parseVp9(bytes), 0x222, 0x33);
  EXPECT_EQ(bytes, fromHex("f8 8222 52 02 aa"));
}

}  // namespace
}  // namespace penstock::codec
