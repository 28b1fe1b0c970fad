// Dependency descriptors written bit by bit, after appendix A of the AV1 RTP specification.
#include "dataplane/codec/dependency_descriptor.h"

#include <gtest/gtest.h>

#include <random>

#include "dataplane/codec/dependency_tracker.h"
#include "tests/support/layered_stream.h"

namespace penstock::codec {
namespace {

using test::Bits;
using test::Bytes;
using test::fromHex;

Bits head(bool start, bool end, uint8_t template_id, uint16_t frame) {
  return Bits().put(start, 1).put(end, 1).put(template_id, 6).put(frame, 16);
}

/// Two spatial layers of two temporal layers each (L2T2), four decode targets in the order of their layers, with one
/// chain and resolutions; template ids begin at 60, so that they wrap.
Bytes keyFrame(uint16_t frame = 7) {
  Bits bits = head(true, true, 60, frame);
  bits.put(1, 1).put(0, 4);                      // a structure and nothing else
  bits.put(60, 6).put(4 - 1, 5);                 // offset, targets
  bits.put(1, 2).put(2, 2).put(1, 2).put(3, 2);  // S0T0, S0T1, S1T0, S1T1
  for (uint32_t spatial = 0; spatial < 2; ++spatial) {
    for (uint32_t temporal = 0; temporal < 2; ++temporal) {
      for (uint32_t target = 0; target < 4; ++target) {
        const bool present = spatial <= target / 2 && temporal <= target % 2;
        bits.put(present ? (temporal > 0 ? 1 : 3) : 0, 2);
      }
    }
  }
  bits.put(1, 1).put(3, 4).put(0, 1).put(0, 3);  // the first template refers to the frame 4 before, others to none
  bits.put(1, 2);        // ns(5): one chain, which all targets are protected by (ns(1): no bits)
  bits.put(0x1234, 16);  // by template: the frame before in the chain
  bits.put(1, 1).put(319, 16).put(179, 16).put(639, 16).put(359, 16);
  return bits.bytes;
}

TEST(DependencyDescriptor, mandatory_fields_need_no_structure) {
  const auto parsed = parseDescriptorHead(fromHex("c5 1234"));
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->frame_start && parsed->frame_end);
  EXPECT_EQ(parsed->template_id, 5);
  EXPECT_EQ(parsed->frame_number, 0x1234);
  EXPECT_FALSE(parseDescriptorHead(fromHex("c512")));
}

TEST(DependencyDescriptor, a_structure_is_read_and_used_for_what_follows) {
  DependencyStructure structure;
  const auto key = parseDependencyDescriptor(keyFrame(), structure);
  ASSERT_TRUE(key);
  EXPECT_TRUE(key->has_structure);
  EXPECT_EQ(key->frame_number, 7);
  EXPECT_EQ(key->active_targets, 0xfu);
  EXPECT_EQ(structure.template_count, 4);
  EXPECT_EQ(structure.target_count, 4);
  EXPECT_EQ(structure.chain_count, 1);
  EXPECT_EQ(structure.spatial_count, 2);
  EXPECT_EQ(structure.target[3].spatial_id, 1);
  EXPECT_EQ(structure.target[3].temporal_id, 1);
  EXPECT_EQ(structure.target[2].temporal_id, 0);
  ASSERT_TRUE(structure.has_resolutions);
  EXPECT_EQ(structure.width[1], 640);
  EXPECT_EQ(structure.height[0], 180);

  // Template ids wrap: 60, 61, 62, 63 are 0 to 3, and 0 is none.
  const auto next = parseDependencyDescriptor(head(true, false, 63, 8).bytes, structure);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->frame.spatial_id, 1);
  EXPECT_EQ(next->frame.temporal_id, 1);
  EXPECT_FALSE(next->has_structure || next->active_targets);
  EXPECT_EQ(next->frame.indication(3), Indication::kDiscardable);
  EXPECT_EQ(next->frame.indication(2), Indication::kNotPresent);
  EXPECT_FALSE(parseDependencyDescriptor(head(true, false, 0, 9).bytes, structure));
}

TEST(DependencyDescriptor, active_targets_and_indications_of_one_frame) {
  DependencyStructure structure;
  ASSERT_TRUE(parseDependencyDescriptor(keyFrame(), structure));
  Bits bits = head(true, true, 60, 9);
  bits.put(0, 1).put(1, 1).put(1, 1).put(0, 2);
  bits.put(0b0011, 4);
  bits.put(2, 2).put(2, 2).put(0, 2).put(1, 2);
  const auto changed = parseDependencyDescriptor(bits.bytes, structure);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->active_targets, 0b0011u);
  EXPECT_EQ(changed->frame.indication(0), Indication::kSwitch);
  EXPECT_EQ(changed->frame.indication(2), Indication::kNotPresent);
  EXPECT_EQ(changed->frame.indication(3), Indication::kDiscardable);
}

TEST(DependencyDescriptor, a_structure_that_is_cut_short_changes_nothing) {
  DependencyStructure structure;
  ASSERT_TRUE(parseDependencyDescriptor(keyFrame(), structure));
  const Bytes whole = keyFrame();
  for (size_t size = 4; size < whole.size(); ++size) {
    DependencyStructure before = structure;
    before.template_count = 3;
    EXPECT_FALSE(parseDependencyDescriptor(std::span(whole).first(size), before)) << size << " bytes";
    EXPECT_EQ(before.template_count, 3);
  }
}

TEST(DependencyDescriptor, what_frames_refer_to) {
  DependencyStructure structure;
  const auto key = parseDependencyDescriptor(keyFrame(), structure);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->frame.references, 0b1000u);
  EXPECT_EQ(structure.templates[1].references, 0u);
  Bits bits = head(true, true, 60, 9);
  bits.put(0, 1).put(0, 1).put(0, 1).put(1, 1).put(0, 1);
  bits.put(1, 2).put(2, 4).put(2, 2).put(63, 8).put(3, 2).put(64, 12).put(0, 2);
  const auto own = parseDependencyDescriptor(bits.bytes, structure);
  ASSERT_TRUE(own);
  EXPECT_EQ(own->frame.references, 0b100u | uint64_t{1} << 63);
  EXPECT_TRUE(own->frame.refers_farther);
}

TEST(DependencyDescriptor, targets_by_layers_and_which_lie_within_which) {
  DependencyStructure structure;
  ASSERT_TRUE(parseDependencyDescriptor(keyFrame(), structure));
  const uint32_t within[] = {0b0001, 0b0011, 0b0101, 0b1111};
  for (size_t d = 0; d < 4; ++d) EXPECT_EQ(structure.target[d].within, within[d]) << d;
  struct Case {
    uint8_t spatial_max, temporal_max;
    uint32_t active;
    uint8_t target;
  };
  for (const Case c : {Case{9, 9, 0xf, 3}, {0, 9, 0xf, 1}, {1, 0, 0xf, 2}, {9, 9, 0b0111, 2}, {0, 0, 0b1100, 2}}) {
    EXPECT_EQ(structure.targetWithin(c.spatial_max, c.temporal_max, c.active), c.target);
  }
}

/// What is read is the same but for the mask and the number.
void checkMask(const Bytes& value, uint32_t active, uint32_t expected, size_t growth) {
  DependencyStructure before, after;
  ASSERT_TRUE(parseDependencyDescriptor(keyFrame(), before));
  after = before;
  const auto read = parseDependencyDescriptor(value, before);
  const auto place = findMask(value, 4);
  ASSERT_TRUE(read && place);
  Bytes out(value.size() + growth);
  const auto written = writeMask(value, *place, active, out);
  ASSERT_EQ(written.size(), value.size() + growth);
  rewriteFrameNumber(out, 0x4321);
  const auto again = parseDependencyDescriptor(written, after);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->active_targets, expected);
  EXPECT_EQ(again->frame_number, 0x4321);
  EXPECT_EQ(again->frame_start, read->frame_start);
  EXPECT_EQ(again->frame.indications, read->frame.indications);
  EXPECT_EQ(again->frame.references, read->frame.references);
  EXPECT_EQ(after.template_count, before.template_count);
  EXPECT_EQ(after.width, before.width);
  EXPECT_EQ(writeMask(value, *place, active, std::span(out).first(value.size())).empty(), growth > 0);
}

TEST(DependencyDescriptor, a_mask_of_active_targets_is_put_in) {
  checkMask(head(true, true, 60, 9).bytes, 0b0011, 0b0011, 2);  // 5 bits of flags, 4 of the mask
  checkMask(keyFrame(), 0b0101, 0b0101, 1);
  Bits masked = head(true, false, 61, 9);
  masked.put(0b01000, 5).put(0b0110, 4);
  checkMask(masked.bytes, 0b0011, 0b0010, 0);
  Bits own = head(false, true, 62, 10);
  own.put(0b00110, 5).put(0b10'01'00'11, 8).put(1, 2).put(5, 4).put(0, 2);
  checkMask(own.bytes, 0b0001, 0b0001, 1);  // what is custom stands behind it
}

TEST(DependencyDescriptor, a_mask_that_makes_it_too_long_is_not_written) {
  Bytes longest = head(true, true, 60, 9).bytes;
  longest.resize(kDescriptorSizeMax);
  Bytes out(300);
  EXPECT_TRUE(writeMask(longest, *findMask(longest, 4), 1, out).empty());
  longest.push_back(0);
  EXPECT_FALSE(findMask(longest, 4));
  EXPECT_FALSE(findMask(fromHex("c012"), 4));
  EXPECT_FALSE(findMask(head(true, true, 60, 9).bytes, 0));
}

TEST(DependencyTracker, a_late_key_frame_does_not_bring_its_structure_back) {
  DependencyTracker tracker;
  EXPECT_FALSE(tracker.read(head(true, true, 60, 1).bytes, 65'530));
  ASSERT_TRUE(tracker.read(keyFrame(), 65'534));
  EXPECT_EQ(tracker.active(), 0xfu);
  Bits masked = head(true, true, 61, 9);
  masked.put(0b01000, 5).put(0b0011, 4);
  ASSERT_TRUE(tracker.read(masked.bytes, 2));
  EXPECT_EQ(tracker.active(), 0b0011u);
  EXPECT_FALSE(tracker.read(keyFrame(), 65'532)) << "of a sequence before";
  EXPECT_EQ(tracker.active(), 0b0011u);
  ASSERT_TRUE(tracker.read(keyFrame(), 3));
  EXPECT_EQ(tracker.active(), 0xfu);
}

TEST(DependencyDescriptor, nothing_is_known_without_a_structure) {
  DependencyStructure structure;
  EXPECT_FALSE(parseDependencyDescriptor(fromHex("c5 1234"), structure));
}

TEST(DependencyDescriptor, random_bytes_end) {
  std::mt19937 random(std::random_device{}());
  for (int round = 0; round < 20'000; ++round) {
    Bytes bytes(random() % 80);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    if (bytes.size() > 3) bytes[3] |= 0x80;  // a structure
    DependencyStructure structure;
    if (const auto place = findMask(bytes, 7)) {
      Bytes out(bytes.size() + random() % 8);
      ASSERT_LE(writeMask(bytes, *place, static_cast<uint32_t>(random()), out).size(), out.size());
    }
    (void)parseDependencyDescriptor(bytes, structure);
    ASSERT_LE(structure.template_count, kTemplateMax);
    ASSERT_LE(structure.spatial_count, kSpatialLayerMax);
  }
}

}  // namespace
}  // namespace penstock::codec
