// Any bytes as payloads and as dependency descriptors: what is found lies inside, and what is rewritten stays inside
// its buffer, reads as what was meant, and says the same of everything else.
#include <algorithm>
#include <vector>

#include "dataplane/codec/dependency_tracker.h"
#include "dataplane/codec/frame_info.h"
#include "dataplane/codec/vp8.h"
#include "dataplane/codec/vp9.h"
#include "tests/fuzz/fuzz_check.h"

using namespace penstock;

namespace {

using Bytes = std::vector<uint8_t>;  // exactly as long as what it holds: one byte too far is seen

template <class Parse>
void rewriteIds(const Bytes& payload, Parse&& parse) {
  const auto parsed = parse(payload);
  if (!parsed) return;
  FUZZ_CHECK(parsed->descriptor_size <= payload.size());
  FUZZ_CHECK(parsed->picture_id_offset + (parsed->picture_id_long ? 1U : 0U) < payload.size());
  FUZZ_CHECK(parsed->tl0_offset < payload.size());
  Bytes other(payload.begin(), payload.begin() + parsed->descriptor_size);
  codec::rewritePictureIds(other, *parsed, 0x5a5a, 0xa5);
  const auto again = parse(other);
  FUZZ_CHECK(again && again->descriptor_size == parsed->descriptor_size);
  FUZZ_CHECK(parsed->picture_id_offset == 0 || again->picture_id == (0x5a5a & parsed->mask()));
  FUZZ_CHECK(parsed->tl0_offset == 0 || again->tl0_picture_index == 0xa5);
  FUZZ_CHECK(again->temporal_id == parsed->temporal_id);
  codec::rewritePictureIds(other, *parsed, parsed->picture_id, parsed->tl0_picture_index);
  FUZZ_CHECK(std::ranges::equal(other, std::span(payload).first(other.size())));
}

void readPayload(const Bytes& payload) {
  rewriteIds(payload, [](std::span<const uint8_t> bytes) { return codec::parseVp8(bytes); });
  rewriteIds(payload, [](std::span<const uint8_t> bytes) { return codec::parseVp9(bytes); });
  for (const auto codec :
       {contract::Codec::kVp8, contract::Codec::kVp9, contract::Codec::kH264, contract::Codec::kAv1}) {
    const auto frame = codec::frameInfo(codec, payload);
    FUZZ_CHECK(frame.spatial_id < codec::kSpatialMax && frame.temporal_id < 8);
    FUZZ_CHECK(frame.spatial_count <= codec::kSpatialMax);
  }
}

void checkStructure(const codec::DependencyStructure& structure) {
  FUZZ_CHECK(structure.template_count <= codec::kTemplateMax && structure.target_count <= codec::kDecodeTargetMax);
  FUZZ_CHECK(structure.spatial_count <= codec::kSpatialLayerMax);
  for (size_t d = 0; d < structure.target_count; ++d) {
    FUZZ_CHECK(structure.target[d].within >> d & 1);
    FUZZ_CHECK((structure.target[d].within & ~structure.allTargets()) == 0);
    FUZZ_CHECK(structure.target[d].spatial_id < codec::kSpatialLayerMax);
  }
  FUZZ_CHECK(structure.targetWithin(1, 1, structure.allTargets()) < codec::kDecodeTargetMax);
}

/// A mask put into a descriptor, read with the structure that was in force.
void rewriteMask(const Bytes& value, codec::DependencyStructure before, uint32_t active, size_t room) {
  codec::DependencyStructure after = before;
  const auto read = codec::parseDependencyDescriptor(value, before);
  const auto place = codec::findMask(value, before.target_count);
  if (!place) return;
  Bytes out(room);
  const auto written = codec::writeMask(value, *place, active, out);
  FUZZ_CHECK(written.size() <= room && written.size() <= codec::kDescriptorSizeMax);
  if (written.empty()) return;
  FUZZ_CHECK(written.data() == out.data() && written.size() >= value.size() && written.size() <= value.size() + 6);
  codec::rewriteFrameNumber(out, 0x1234);
  if (!read) return;
  const auto again = codec::parseDependencyDescriptor(written, after);
  FUZZ_CHECK(again && again->frame_number == 0x1234);
  FUZZ_CHECK(again->active_targets == (active & read->active_targets.value_or(before.allTargets())));
  FUZZ_CHECK(again->frame_start == read->frame_start && again->frame_end == read->frame_end);
  FUZZ_CHECK(again->frame.indications == read->frame.indications);
  FUZZ_CHECK(again->frame.references == read->frame.references);
  FUZZ_CHECK(again->frame.refers_farther == read->frame.refers_farther);
  FUZZ_CHECK(again->has_structure == read->has_structure && after.template_count == before.template_count);
}

}  // namespace

/// Packets: a byte of length, the descriptor, a byte for what is done with it. The rest is a payload.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::span<const uint8_t> rest(data, size);
  codec::DependencyTracker tracker;
  for (uint16_t sequence = 65'500; rest.size() >= 2 && rest[0] != 0xff; ++sequence) {
    const size_t length = std::min<size_t>(rest[0], rest.size() - 2);
    const Bytes value(rest.begin() + 1, rest.begin() + 1 + static_cast<ptrdiff_t>(length));
    const uint8_t what = rest[1 + length];
    rest = rest.subspan(2 + length);
    rewriteMask(value, tracker.structure(), what * 0x01020408U, length + (what & 7));
    const auto late = static_cast<uint16_t>(sequence - (what & 0x80 ? what & 0x0f : 0));
    const auto frame = codec::frameInfo(contract::Codec::kAv1, {}, value, late, tracker);
    FUZZ_CHECK(frame.structure == nullptr || frame.structure->template_count > 0);
    FUZZ_CHECK(frame.spatial_count <= codec::kSpatialLayerMax);
    checkStructure(tracker.structure());
  }
  if (!rest.empty()) rest = rest.subspan(1);
  readPayload(Bytes(rest.begin(), rest.end()));
  return 0;
}
