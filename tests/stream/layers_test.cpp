// Which packets a subscriber gets of encodings and temporal layers, and how VP8 numbers go on.
#include <gtest/gtest.h>

#include <random>

#include "dataplane/stream/encoding_activity.h"
#include "dataplane/stream/layer_selector.h"
#include "dataplane/stream/picture_numbers.h"
#include "tests/support/layered_stream.h"

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

/// Frames of a described stream of three by three layers, each one packet.
class Described {
 public:
  explicit Described(bool key_only) : stream_(key_only) {}
  std::vector<FrameInfo> picture(bool key = false, std::optional<uint32_t> active = {}) {
    std::vector<FrameInfo> frames;
    for (const test::LayerFrame& made : stream_.picture(key)) {
      auto value = stream_.descriptor(made, true, true);
      if (active) {
        test::Bytes space(value.size() + 6);
        const auto masked = codec::writeMask(value, *codec::findMask(value, 9), *active, space);
        value.assign(masked.begin(), masked.end());
      }
      frames.push_back(codec::frameInfo(contract::Codec::kAv1, {}, value, sequence_++, tracker_));
      frames.back().picture_start = made.spatial_id == 0;
    }
    return frames;
  }

 private:
  test::LayeredStream stream_;
  codec::DependencyTracker tracker_;
  uint16_t sequence_ = 65'530;
};

/// What goes out of a picture, as bits by spatial layer.
int taken(LayerSelector& selector, const std::vector<FrameInfo>& picture) {
  int layers = 0;
  for (const FrameInfo& frame : picture) {
    const Verdict verdict = selector.on(0, frame, true);
    if (verdict != Verdict::kLeaveOut && verdict != Verdict::kOther) layers |= 1 << frame.spatial_id;
  }
  return layers;
}

TEST(LayerSelector, spatial_layers_go_at_once_and_come_back_with_a_key_frame) {
  Described stream(false);
  LayerSelector selector;
  selector.aim(0, {.spatial = 2}, true);
  EXPECT_EQ(taken(selector, stream.picture()), 0b111);
  selector.aim(0, {.spatial = 0}, true);
  EXPECT_EQ(taken(selector, stream.picture()), 0b001) << "all that it needs went out before";
  EXPECT_FALSE(selector.asks());
  selector.aim(0, {.spatial = 1}, true);
  EXPECT_EQ(taken(selector, stream.picture()), 0b001);
  EXPECT_TRUE(selector.asks());
  EXPECT_EQ(taken(selector, stream.picture(true)), 0b011);
  EXPECT_FALSE(selector.asks());
  EXPECT_EQ(selector.outgoing().top_spatial, 1);
}

TEST(LayerSelector, lower_layers_that_were_not_sent_wait_for_a_key_frame_too) {
  Described stream(true);
  LayerSelector selector;
  selector.aim(0, {.spatial = 2}, true);
  EXPECT_EQ(taken(selector, stream.picture()), 0b111);
  EXPECT_EQ(taken(selector, stream.picture()), 0b100);
  selector.aim(0, {.spatial = 1}, true);
  EXPECT_EQ(taken(selector, stream.picture()), 0b100);
  EXPECT_TRUE(selector.asks());
  EXPECT_EQ(taken(selector, stream.picture(true)), 0b011);
  EXPECT_EQ(taken(selector, stream.picture()), 0b010);
}

TEST(LayerSelector, targets_that_the_publisher_stops_are_not_wanted) {
  Described stream(true);
  LayerSelector selector;
  selector.aim(0, {.spatial = 2}, true);
  EXPECT_EQ(taken(selector, stream.picture()), 0b111);
  selector.aim(0, {.spatial = 2}, true);  // as the relay does when layers change
  EXPECT_EQ(taken(selector, stream.picture(true, 0b000'111'111)), 0b011);
  selector.aim(0, {.spatial = 2}, true);
  EXPECT_EQ(taken(selector, stream.picture(true)), 0b111);
}

TEST(LayerSelector, packets_of_a_frame_go_or_stay_together_however_late) {
  Described stream(false);
  LayerSelector selector;
  selector.aim(0, {.spatial = 2}, true);
  const auto first = stream.picture();
  taken(selector, first);
  selector.aim(0, {.spatial = 0}, true);
  const auto second = stream.picture();
  taken(selector, second);
  for (FrameInfo frame : {first[2], first[0], second[0]}) {
    frame.frame_start = false;
    EXPECT_EQ(selector.on(0, frame, false), Verdict::kForward) << frame.frame_number;
  }
  EXPECT_EQ(selector.on(0, second[2], false), Verdict::kLeaveOut);
}

TEST(LayerSelector, frames_whose_structure_is_missing_go_out) {
  Described stream(false);
  LayerSelector selector;
  selector.aim(0, {.spatial = 0}, true);
  EXPECT_EQ(taken(selector, stream.picture()), 0b001);
  auto unknown = stream.picture();
  for (FrameInfo& frame : unknown) frame.structure = nullptr;
  EXPECT_EQ(taken(selector, unknown), 0b111);
}

FrameInfo vp9(uint8_t spatial_id, uint8_t temporal_id, bool needed_above, bool inter = true) {
  FrameInfo frame{.begins_key_frame = !inter && spatial_id == 0, .frame_start = true, .frame_end = true};
  frame.spatial_id = spatial_id;
  frame.temporal_id = temporal_id;
  frame.inter_predicted = inter;
  frame.not_reference = !needed_above;
  return frame;
}

TEST(LayerSelector, layers_of_vp9_by_their_ids) {
  LayerSelector selector;
  selector.aim(0, {.spatial = 1}, true);
  EXPECT_EQ(taken(selector, {vp9(0, 0, true, false), vp9(1, 0, true, false), vp9(2, 0, false, false)}), 0b011);
  EXPECT_EQ(taken(selector, {vp9(0, 0, true), vp9(1, 0, true), vp9(2, 0, false)}), 0b011);
  EXPECT_EQ(selector.outgoing().top_spatial, 1);
  EXPECT_EQ(taken(selector, {vp9(0, 1, false), vp9(1, 1, false), vp9(2, 1, false)}), 0b010) << "K-SVC from here on";
  selector.aim(0, {.spatial = 0}, true);
  EXPECT_EQ(taken(selector, {vp9(0, 0, false), vp9(1, 0, false), vp9(2, 0, false)}), 0b010);
  EXPECT_TRUE(selector.asks());
  EXPECT_EQ(taken(selector, {vp9(0, 0, true, false), vp9(1, 0, true, false), vp9(2, 0, false, false)}), 0b001);
  EXPECT_FALSE(selector.asks());
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

TEST(PictureNumbers, gaps_stay_where_pictures_refer_by_distance) {
  PictureNumbers numbers;
  NumberOffsets offsets;
  FrameInfo frame = vp8(10, 0);
  frame.ids->gaps_stay = true;
  numbers.begin(frame, offsets);
  frame.ids->picture_id = 11;
  EXPECT_FALSE(numbers.leaveOut(frame, offsets));
  frame.ids->picture_id = 500;
  numbers.begin(frame, offsets);
  EXPECT_EQ(offsets, NumberOffsets{}) << "no key frame";
  frame.begins_key_frame = true;
  numbers.begin(frame, offsets);
  EXPECT_EQ(static_cast<uint16_t>(500 + offsets.picture_id), 501);
}

TEST(PictureNumbers, frame_numbers_go_on_with_another_encoding) {
  PictureNumbers numbers;
  NumberOffsets offsets;
  FrameInfo frame{.begins_key_frame = true};
  frame.has_descriptor = true;
  frame.frame_number = 65'530;
  numbers.begin(frame, offsets);
  frame.frame_number = 3;
  numbers.note(frame, offsets);
  frame.frame_number = 65'534;  // late
  numbers.note(frame, offsets);
  frame.frame_number = 40'000;
  numbers.begin(frame, offsets);
  EXPECT_EQ(static_cast<uint16_t>(40'000 + offsets.frame_number), 4);
}

TEST(EncodingActivity, spatial_layers_as_they_are_told_and_as_they_come) {
  EncodingActivity activity;
  uint32_t timestamp = 0;
  const auto come = [&](uint8_t spatial_id, uint8_t told = 0) {
    FrameInfo frame = vp9(spatial_id, 0, true);
    frame.spatial_count = told;
    for (uint8_t s = 0; s < told; ++s) frame.size[s] = {static_cast<uint16_t>(100 << s), 100};
    return activity.onPacket(frame, timestamp, 0).layers_changed;
  };
  EXPECT_TRUE(come(0, 3));
  EXPECT_EQ(activity.spatialCount(), 3);
  EXPECT_EQ(activity.size(2).width, 400);
  for (int picture = 0; picture < EncodingActivity::kFramesMissed; ++picture) {
    ++timestamp;
    EXPECT_FALSE(come(0)) << picture;
    come(1);
  }
  ++timestamp;
  EXPECT_TRUE(come(0)) << "the third came no more";
  EXPECT_EQ(activity.spatialCount(), 2);
  EXPECT_TRUE(come(2));
  EXPECT_EQ(activity.spatialCount(), 3);
  EXPECT_TRUE(come(0, 1));
  EXPECT_EQ(activity.spatialCount(), 1);
}

}  // namespace
}  // namespace penstock::stream
