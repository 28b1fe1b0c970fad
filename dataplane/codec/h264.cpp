#include "dataplane/codec/h264.h"

#include <array>

#include "dataplane/codec/bit_reader.h"
#include "dataplane/packet/bytes.h"

namespace penstock::codec {
namespace {

enum NalType : uint8_t { kIdr = 5, kSequenceParameters = 7, kStapA = 24, kFuA = 28 };
constexpr uint8_t kTypeMask = 0x1f;

constexpr size_t kSpsMax = 512;  // scaling lists and all

/// H.264 section 7.3.1: of the bytes 00 00 03 the last only keeps two zeros from beginning a start code.
size_t unescape(std::span<const uint8_t> nal, std::span<uint8_t, kSpsMax> out) {
  size_t size = 0, zeros = 0;
  for (const uint8_t byte : nal) {
    if (size == out.size()) break;
    const bool escape = zeros >= 2 && byte == 3;
    zeros = byte == 0 ? zeros + 1 : 0;
    if (!escape) out[size++] = byte;
  }
  return size;
}

/// Section 7.3.2.1.1.1: each next scale is told by its difference, until one is zero.
void skipScalingList(BitReader& reader, int size) {
  int64_t last = 8, next = 8;
  for (int i = 0; i < size && next != 0 && !reader.failed(); ++i) {
    next = (last + reader.signedExpGolomb()) & 0xff;
    if (next != 0) last = next;
  }
}

/// What "high" profiles say in between; returns chroma_format_idc.
uint32_t readHighProfile(BitReader& reader) {
  const uint32_t chroma_format = reader.expGolomb();
  if (chroma_format > 3) reader.fail();
  if (chroma_format == 3) reader.flag();  // separate_colour_plane_flag
  reader.expGolomb();                     // bit depths
  reader.expGolomb();
  reader.flag();  // qpprime_y_zero_transform_bypass_flag
  if (!reader.flag()) return chroma_format;
  for (int list = 0; list < (chroma_format == 3 ? 12 : 8); ++list) {
    if (reader.flag()) skipScalingList(reader, list < 6 ? 16 : 64);
  }
  return chroma_format;
}

bool isHighProfile(uint32_t profile) {
  for (const uint32_t high : {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}) {
    if (profile == high) return true;
  }
  return false;
}

bool isLowProfile(uint32_t profile) {
  return profile == 66 || profile == 77 || profile == 88;
}

void skipPictureOrder(BitReader& reader) {
  const uint32_t type = reader.expGolomb();
  if (type == 0) reader.expGolomb();
  if (type != 1) return;
  reader.flag();
  reader.signedExpGolomb();
  reader.signedExpGolomb();
  for (uint32_t frames = reader.expGolomb(); frames > 0 && !reader.failed(); --frames) reader.signedExpGolomb();
}

/// seq_parameter_set_data(), as far as the cropping rectangle. `sps` begins behind the NAL unit's header.
PictureSize readSize(std::span<const uint8_t> sps) {
  std::array<uint8_t, kSpsMax> bytes;
  const size_t size = unescape(sps, bytes);
  BitReader reader({bytes.data(), size});
  const uint32_t profile = reader.bits(8);
  if (!isHighProfile(profile) && !isLowProfile(profile)) return {};  // encrypted, maybe
  reader.bits(16);                                                   // constraints, level
  reader.expGolomb();
  const uint32_t chroma_format = isHighProfile(profile) ? readHighProfile(reader) : 1;
  reader.expGolomb();  // log2_max_frame_num_minus4
  skipPictureOrder(reader);
  reader.expGolomb();  // max_num_ref_frames
  reader.flag();
  // "PicWidthInSamples = PicWidthInMbs * 16"; a map unit of a picture in fields is two macroblocks high.
  uint64_t width = (uint64_t{reader.expGolomb()} + 1) * 16, height = (uint64_t{reader.expGolomb()} + 1) * 16;
  const uint32_t fields = reader.flag() ? 1 : 2;
  if (fields == 2) reader.flag();
  height *= fields;
  reader.flag();
  if (reader.flag()) {
    const uint64_t left = reader.expGolomb(), right = reader.expGolomb();
    const uint64_t top = reader.expGolomb(), bottom = reader.expGolomb();
    const uint64_t across = (left + right) * (chroma_format == 1 || chroma_format == 2 ? 2 : 1);
    const uint64_t down = (top + bottom) * (chroma_format == 1 ? 2 : 1) * fields;
    if (across >= width || down >= height) return {};
    width -= across;
    height -= down;
  }
  if (reader.failed() || width > UINT16_MAX || height > UINT16_MAX) return {};
  return {static_cast<uint16_t>(width), static_cast<uint16_t>(height)};
}

/// A NAL unit whose type is `type`, of which `body` is what stands behind its header.
void take(H264& h264, uint8_t type, std::span<const uint8_t> body) {
  h264.begins_key_frame = h264.begins_key_frame || type == kIdr || type == kSequenceParameters;
  if (type == kSequenceParameters && h264.size.width == 0) h264.size = readSize(body);
}

}  // namespace

H264 parseH264(std::span<const uint8_t> payload) {
  H264 h264;
  if (payload.empty()) return h264;
  const uint8_t type = payload[0] & kTypeMask;
  if (type == kFuA) {
    const bool start = payload.size() >= 2 && (payload[1] & 0x80) != 0;
    if (start) take(h264, payload[1] & kTypeMask, payload.subspan(2));
  } else if (type == kStapA) {
    for (auto rest = payload.subspan(1); rest.size() >= 3;) {
      const size_t size = load16(rest.data());
      if (size == 0 || size > rest.size() - 2) break;
      take(h264, rest[2] & kTypeMask, rest.subspan(3, size - 1));
      rest = rest.subspan(2 + size);
    }
  } else {
    take(h264, type, payload.subspan(1));
  }
  return h264;
}

}  // namespace penstock::codec
