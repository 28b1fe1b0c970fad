#include "dataplane/codec/key_frame.h"

#include "dataplane/codec/dependency_descriptor.h"
#include "dataplane/codec/h264.h"
#include "dataplane/codec/vp8.h"
#include "dataplane/codec/vp9.h"

namespace penstock::codec {

bool beginsKeyFrame(contract::Codec codec, std::span<const uint8_t> payload,
                    std::span<const uint8_t> dependency_descriptor) {
  if (const auto head = parseDescriptorHead(dependency_descriptor)) return head->frame_start && head->has_structure;
  switch (codec) {
    case contract::Codec::kVp8: {
      const auto vp8 = parseVp8(payload);
      return vp8 && vp8->key_frame;
    }
    case contract::Codec::kVp9: {
      const auto vp9 = parseVp9(payload);
      return vp9 && vp9->keyFrame();
    }
    case contract::Codec::kH264:
      return beginsH264KeyFrame(payload);
    case contract::Codec::kAv1:
      // AV1 RTP payload format section 4.4, aggregation header: N, "the first packet of a coded video sequence".
      return !payload.empty() && (payload[0] & 0x08) != 0;
    case contract::Codec::kRed:
    case contract::Codec::kOther:
      break;
  }
  return false;
}

}  // namespace penstock::codec
