// Which packets a subscriber gets of encodings and temporal layers, and how VP8 numbers go on.
#include <gtest/gtest.h>

#include <random>

#include "dataplane/stream/encoding_activity.h"
#include "dataplane/stream/layer_selector.h"
#include "dataplane/stream/picture_numbers.h"

namespace penstock::stream {
namespace {

using codec::FrameInfo;
using Verdict = LayerSelector::Verdict;

constexpr FrameInfo kKey{.begins_key_frame = true, .frame_start = true};
constexpr FrameInfo kStart{.frame_start = true};
constexpr FrameInfo kRest{};
FrameInfo layer(uint8_t temporal_id, bool sync = false) {
  return {.frame_start = true, .temporal_id = temporal_id, .layer_sync = sync};
}

TEST(LayerSelector, the_only_encoding_begins_with_whatever_comes) {
  LayerSelector selector;
  selector.aim(0, {}, true);
  EXPECT_EQ(selector.on(0, kRest, true), Verdict::kBegin);
  EXPECT_EQ(selector.on(0, kStart, true), Verdict::kForward);
  selector.restart();
  EXPECT_EQ(selector.on(0, kRest, true), Verdict::kBegin) << "after a pause numbers begin anew";
}

TEST(LayerSelector, numbered_cases_of_a_switch_in_order) {
  struct Case {
    int number;
    int aim;  // -1: as before; -2: restart
    uint8_t encoding;
    FrameInfo frame;
    Verdict expected;
  };
  const Case cases[] = {
      {1, 1, 0, kKey, Verdict::kOther},     // not the target
      {2, -1, 1, kStart, Verdict::kOther},  // no key frame yet
      {3, -1, 1, kKey, Verdict::kBegin},    {4, -1, 1, kRest, Verdict::kForward}, {5, -1, 0, kKey, Verdict::kOther},
      {6, 2, 1, kStart, Verdict::kForward},  // goes on until 2 has a key frame
      {7, -1, 2, kStart, Verdict::kOther},  {8, -1, 2, kKey, Verdict::kBegin},    {9, -1, 1, kRest, Verdict::kOther},
      {10, 0, 2, kKey, Verdict::kForward},  {11, 2, 0, kKey, Verdict::kOther},  // changed its mind
      {12, -2, 2, kStart, Verdict::kOther}, {13, -1, 2, kKey, Verdict::kBegin},
  };
  LayerSelector selector;
  for (const Case& c : cases) {
    if (c.aim >= 0) selector.aim(static_cast<uint8_t>(c.aim), {}, false);
    if (c.aim == -2) selector.restart();
    EXPECT_EQ(selector.on(c.encoding, c.frame, true), c.expected) << "case " << c.number;
  }
}

TEST(LayerSelector, temporal_layers_go_at_the_next_frame_and_come_back_where_nothing_is_missing) {
  LayerSelector selector;
  selector.aim(0, {}, true);
  selector.on(0, layer(0), true);
  EXPECT_EQ(selector.on(0, layer(2), true), Verdict::kForward);
  selector.aim(0, {.temporal = 1}, true);
  FrameInfo rest = layer(2);
  rest.frame_start = false;
  EXPECT_EQ(selector.on(0, rest, true), Verdict::kForward) << "no frame goes out in part";
  EXPECT_EQ(selector.on(0, layer(2), true), Verdict::kLeaveOut);
  EXPECT_EQ(selector.on(0, layer(1), true), Verdict::kForward);
  selector.aim(0, {.temporal = 0}, true);
  EXPECT_EQ(selector.on(0, layer(1), true), Verdict::kLeaveOut);
  selector.aim(0, {.temporal = 2}, true);
  EXPECT_EQ(selector.on(0, layer(1), true), Verdict::kLeaveOut) << "refers to one that was left out";
  EXPECT_EQ(selector.on(0, layer(2), true), Verdict::kLeaveOut);
  EXPECT_EQ(selector.on(0, layer(0), true), Verdict::kForward);
  EXPECT_EQ(selector.on(0, layer(1, true), false), Verdict::kLeaveOut) << "late: another packet of it was left out";
  EXPECT_EQ(selector.on(0, layer(1, true), true), Verdict::kForward);
  EXPECT_EQ(selector.on(0, layer(2), true), Verdict::kLeaveOut) << "only what it synchronises";
  EXPECT_EQ(selector.on(0, layer(2, true), true), Verdict::kForward);
  EXPECT_EQ(selector.on(0, layer(2), true), Verdict::kForward);
}

FrameInfo vp8(uint16_t picture_id, uint8_t tl0, bool is_long = true) {
  codec::PictureIds ids{};
  ids.picture_id_offset = 2;
  ids.picture_id = picture_id;
  ids.tl0_picture_index = tl0;
  ids.picture_id_long = is_long;
  FrameInfo frame;
  frame.ids = ids;
  return frame;
}

TEST(PictureNumbers, go_on_by_one_over_frames_left_out_and_other_encodings) {
  for (const bool is_long : {true, false}) {
    const uint16_t mask = is_long ? 0x7fff : 0x7f;
    PictureNumbers numbers;
    NumberOffsets offsets;
    uint16_t source = mask - 5, expected = source;  // wraps soon
    numbers.begin(vp8(source, 7, is_long), offsets);
    for (int i = 1; i < 300; ++i) {
      source = (source + 1) & mask;
      if (i == 100) {
        source = 3;
        expected = (expected + 1) & mask;
        numbers.begin(vp8(source, 200, is_long), offsets);
      } else if (i % 3 == 0) {
        EXPECT_TRUE(numbers.leaveOut(vp8(source, 7, is_long), offsets));
        EXPECT_FALSE(numbers.leaveOut(vp8(source, 7, is_long), offsets)) << "its second packet";
        continue;
      } else {
        expected = (expected + 1) & mask;
      }
      numbers.note(vp8(source, 7, is_long), offsets);
      ASSERT_EQ((source + offsets.picture_id) & mask, expected) << i;
    }
  }
}

TEST(PictureNumbers, tl0_goes_on_with_another_encoding) {
  PictureNumbers numbers;
  NumberOffsets offsets;
  numbers.begin(vp8(10, 255), offsets);
  EXPECT_EQ(offsets, NumberOffsets{});
  numbers.begin(vp8(500, 17), offsets);
  EXPECT_EQ(static_cast<uint8_t>(17 + offsets.tl0_picture_index), 0);
}

TEST(PictureNumbers, late_packets_of_frames_left_out_change_nothing) {
  PictureNumbers numbers;
  NumberOffsets offsets;
  numbers.begin(vp8(10, 0), offsets);
  EXPECT_TRUE(numbers.leaveOut(vp8(11, 0), offsets));
  numbers.note(vp8(12, 0), offsets);
  EXPECT_FALSE(numbers.leaveOut(vp8(11, 0), offsets));
  EXPECT_TRUE(numbers.leaveOut(vp8(13, 0), offsets));
  EXPECT_TRUE(numbers.leaveOut(vp8(14, 0), offsets));
  EXPECT_FALSE(numbers.leaveOut(vp8(13, 0), offsets));
  EXPECT_EQ(static_cast<int16_t>(offsets.picture_id), -3);
}

TEST(EncodingActivity, an_encoding_that_others_outrun_is_not_live) {
  EncodingActivity activity;
  EXPECT_FALSE(activity.live());
  EXPECT_TRUE(activity.onPacket(kStart, 1, 0).picture_start);
  EXPECT_FALSE(activity.onPacket(kRest, 1, 0).picture_start) << "the same frame";
  for (int i = 0; i < EncodingActivity::kFramesMissed; ++i) {
    EXPECT_TRUE(activity.live()) << i;
    activity.onOther();
  }
  EXPECT_FALSE(activity.live());
  activity.onPacket(kStart, 2, 0);
  EXPECT_TRUE(activity.live());
}

TEST(EncodingActivity, frame_rates_of_layers_by_table) {
  EncodingActivity activity;
  const uint8_t pattern[] = {0, 2, 1, 2};  // 7.5, 7.5 and 15 of 30 frames a second
  for (uint32_t i = 0; i < 90; ++i) activity.onPacket(layer(pattern[i % 4]), i, uint64_t{i} * 33'333'333);
  struct Case {
    uint32_t wanted;
    uint8_t highest;
  };
  for (const Case c : {Case{1, 0}, {8, 0}, {13, 0}, {15, 1}, {24, 1}, {30, 7}, {60, 7}}) {
    EXPECT_EQ(activity.temporalWithin(c.wanted), c.highest) << c.wanted;
  }
}

}  // namespace
}  // namespace penstock::stream
