#include "dataplane/stream/speech_activity.h"

#include <algorithm>
#include <bit>

namespace penstock::stream {

namespace {

constexpr uint64_t kFrameNs = 20'000'000;
constexpr uint32_t kFramesPerSecond = 50;
/// Frames of the longest scale; five of them make a block of the medium one.
constexpr uint32_t kFrames = 50, kBlock = 5;
constexpr uint64_t kFirstOfBlocks = 0x0000'2108'4210'8421;  // every fifth bit of 50

constexpr uint8_t kLevelMax = 127;
/// So many steps of level are one of the immediate scale, and stand between background noise and speech.
constexpr uint8_t kStep = 13;
/// A frame is loud above this, of 0..9.
constexpr uint8_t kLoudAbove = 7;
/// The floor goes up, if at all, after so long without anything as low.
constexpr uint16_t kFloorFrames = 15 * kFramesPerSecond;

/// Packets of up to 60 ms are common; where the next one is further away, there was silence in between.
constexpr uint32_t kPacketFramesMax = 3;
/// Packets that are late by less have not stopped.
constexpr uint64_t kPatienceNs = 100'000'000;
/// Loudness: half of the way up with each frame, a 32nd of it down.
constexpr uint32_t kAttack = 2, kDecay = 32;

uint32_t squareRoot(uint32_t value) {
  uint32_t root = 0;
  while ((root + 1) * (root + 1) <= value) ++root;
  return root;
}

}  // namespace

void SpeechActivity::onPacket(uint8_t dbov, uint32_t timestamp, uint32_t clock_rate_hz, uint64_t now_ns) {
  const auto level = static_cast<uint8_t>(kLevelMax - std::min(dbov, kLevelMax));
  const uint32_t frame_ticks = std::max(clock_rate_hz / kFramesPerSecond, 1u);
  uint32_t frames = 1;
  if (started_) {
    const auto ahead = static_cast<int32_t>(timestamp - timestamp_);
    if (ahead <= 0) return;  // late
    const uint64_t ticks = uint64_t{ticks_} + static_cast<uint32_t>(ahead);
    frames = static_cast<uint32_t>(ticks / frame_ticks);
    ticks_ = static_cast<uint32_t>(ticks % frame_ticks);
  }
  started_ = true;
  timestamp_ = timestamp;
  last_ns_ = now_ns;
  if (frames == 0) return;  // of a frame of which there was a packet already
  if (frames > kPacketFramesMax) {
    silence(frames - 1);
    frames = 1;
  }
  learnFloor(level);
  push(level, frames);
}

void SpeechActivity::push(uint8_t level, uint32_t frames) {
  const bool heard = level != 0 && level >= floor_ + kStep;
  if (!heard) return silence(frames);
  immediate_ = level / kStep;
  for (; frames > 0; --frames) {
    loud_ = loud_ << 1 | (immediate_ > kLoudAbove ? 1 : 0);
    const int32_t distance = level * 256 - loudness_q8_;
    loudness_q8_ =
        static_cast<uint16_t>(loudness_q8_ + distance / static_cast<int32_t>(distance > 0 ? kAttack : kDecay));
  }
}

void SpeechActivity::silence(uint32_t frames) {
  immediate_ = 0;
  loud_ = frames < kFrames ? loud_ << frames : 0;
  for (uint32_t i = std::min(frames, 8 * kDecay); i > 0; --i) {
    loudness_q8_ = static_cast<uint16_t>(loudness_q8_ - loudness_q8_ / kDecay);
  }
}

/// Background noise is what there is at least. It is believed at once when it sinks, and little by little when it
/// rises.
void SpeechActivity::learnFloor(uint8_t level) {
  if (level == 0) return;
  if (floor_ == 0 || level < floor_) {
    floor_ = level;
    next_floor_ = 0;
    return;
  }
  if (next_floor_ == 0) {
    next_floor_ = level;
    floor_frames_ = 1;
    return;
  }
  next_floor_ = std::min(next_floor_, level);
  if (++floor_frames_ < kFloorFrames) return;
  floor_ = static_cast<uint8_t>(squareRoot(uint32_t{floor_} * next_floor_));
  next_floor_ = 0;
}

contract::Speech SpeechActivity::at(uint64_t now_ns) const {
  if (!started_) return {};
  if (now_ns > last_ns_ + kPatienceNs) {
    SpeechActivity later = *this;
    later.silence(static_cast<uint32_t>(std::min<uint64_t>((now_ns - last_ns_) / kFrameNs, UINT32_MAX)));
    later.last_ns_ = now_ns;
    return later.at(now_ns);
  }
  const uint64_t frames = loud_ & ((uint64_t{1} << kFrames) - 1);
  // A block of the medium scale is full where five neighbours are.
  const uint64_t full = frames & frames >> 1 & frames >> 2 & frames >> 3 & frames >> 4;
  return {.immediate = immediate_,
          .medium = static_cast<uint8_t>(std::popcount(frames & ((1u << kBlock) - 1))),
          .lasting = static_cast<uint8_t>(std::popcount(full & kFirstOfBlocks)),
          .loudness = static_cast<uint8_t>(loudness_q8_ / 256)};
}

}  // namespace penstock::stream
