// What frames say of themselves by codec, and by dependency descriptor where there is one.
#include "dataplane/codec/frame_info.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace penstock::codec {
namespace {

using contract::Codec;

TEST(FrameInfo, key_frames_by_numbered_cases) {
  struct Case {
    int number;
    Codec codec;
    const char *payload, *descriptor;
    bool key;
  };
  const Case cases[] = {
      {1, Codec::kVp8, "10 00", "", true},
      {2, Codec::kVp8, "10 01", "", false},
      {3, Codec::kVp9, "08 00", "", true},
      {4, Codec::kVp9, "48 00", "", false},
      {5, Codec::kH264, "65 88", "", true},
      {6, Codec::kH264, "41 88", "", false},
      {7, Codec::kAv1, "18 0a", "", true},
      {8, Codec::kAv1, "10 32", "", false},
      {9, Codec::kOther, "10 00", "", false},
      {10, Codec::kVp8, "10 00", "800001", false},     // the descriptor decides: the payload may be encrypted
      {11, Codec::kVp8, "10 01", "800001 80", true},   // starts a frame, has a structure
      {12, Codec::kVp8, "10 01", "000001 80", false},  // not the start
      {13, Codec::kOther, "ff ff", "c00001 80ff", true},
      {14, Codec::kVp8, "", "", false},
      {15, Codec::kVp9, "", "", false},
  };
  for (const Case& c : cases) {
    const auto payload = test::fromHex(c.payload), descriptor = test::fromHex(c.descriptor);
    DependencyTracker tracker;
    EXPECT_EQ(frameInfo(c.codec, payload, descriptor, 1, tracker).begins_key_frame, c.key) << "case " << c.number;
  }
}

TEST(FrameInfo, layers_of_vp9_by_its_descriptor) {
  const auto key = frameInfo(Codec::kVp9, test::fromHex("aa 05 00 07 38 0140 00b4 0280 0168 00"));
  EXPECT_TRUE(key.begins_key_frame && key.frame_start && !key.frame_end && !key.inter_predicted);
  EXPECT_EQ(key.spatial_count, 2);
  EXPECT_EQ(key.size[1], (PictureSize{640, 360}));
  const auto upper = frameInfo(Codec::kVp9, test::fromHex("fd 8105 54 02"));
  EXPECT_TRUE(upper.frame_start && upper.frame_end && upper.inter_predicted && upper.not_reference && upper.switch_up);
  EXPECT_EQ(upper.spatial_id, 2);
  EXPECT_EQ(upper.temporal_id, 2);
  EXPECT_EQ(upper.spatial_count, 0);
  ASSERT_TRUE(upper.ids);
  EXPECT_TRUE(upper.ids->gaps_stay);
  EXPECT_EQ(pictureIds(Codec::kVp9, test::fromHex("fd 8105 54 02"))->picture_id, 0x105);
}

TEST(FrameInfo, a_size_is_what_a_key_frame_says) {
  EXPECT_EQ(frameInfo(Codec::kVp8, test::fromHex("10 000000 9d012a 4001 b400")).size[0], (PictureSize{320, 180}));
  EXPECT_EQ(frameInfo(Codec::kVp8, test::fromHex("10 010000 9d012a 4001 b400")).spatial_count, 0);
  EXPECT_EQ(frameInfo(Codec::kH264, test::fromHex("67 42001fda0507e4")).size[0], (PictureSize{320, 240}));
  // No key frame, as the descriptor knows: the payload is encrypted.
  DependencyTracker tracker;
  const auto noise = frameInfo(Codec::kH264, test::fromHex("67 42001fda0507e4"), test::fromHex("c00001"), 1, tracker);
  EXPECT_EQ(noise.spatial_count, 0);
}

}  // namespace
}  // namespace penstock::codec
