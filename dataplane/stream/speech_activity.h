// How somebody speaks, at the three time scales of I. Volfin and I. Cohen, "Dominant speaker identification for
// multipoint videoconferencing" (Computer Speech and Language 27, 2013): from what packets say of their level (RFC
// 6464), so that payloads may be encrypted. Numbers as the Jitsi Videobridge chose them.
#pragma once

#include <cstdint>

#include "dataplane/contract/counters.h"

namespace penstock::stream {

/// Of one audio track. Time is the track's own: 20 ms of its timestamps are a frame, and what no packet covers was
/// silence.
class SpeechActivity {
 public:
  /// `dbov`: 0 loudest .. 127 silence.
  void onPacket(uint8_t dbov, uint32_t timestamp, uint32_t clock_rate_hz, uint64_t now_ns);
  /// Once packets have not come for a while, that counts as silence too.
  contract::Speech at(uint64_t now_ns) const;

 private:
  void push(uint8_t level, uint32_t frames);
  void silence(uint32_t frames);
  void learnFloor(uint8_t level);

  uint64_t loud_ = 0;  // a bit for each of the last 50 frames, the newest lowest: whether it was loud
  uint64_t last_ns_ = 0;
  uint32_t timestamp_ = 0;
  uint32_t ticks_ = 0;  // of a frame that is not full yet
  uint16_t loudness_q8_ = 0;
  uint16_t floor_frames_ = 0;  // seen since the next floor was begun
  uint8_t immediate_ = 0;
  uint8_t floor_ = 0, next_floor_ = 0;  // the lowest level that was no silence; 0 = none yet
  bool started_ = false;
};

/// Whether a track has been silent for so long that nobody misses its packets.
class SilenceWatch {
 public:
  /// Speech is at -20 to -40 dBov, a quiet room below -60.
  static constexpr uint8_t kSilentFrom = 70;
  static constexpr uint64_t kPatienceNs = 1'000'000'000;

  /// `octet`: the data of the header extension, V bit and level. What is said to be voice is no silence unless there is
  /// no sound at all: some browsers say it of everything.
  bool isSilent(uint8_t octet, uint64_t now_ns) {
    const uint8_t level = octet & 0x7f;
    const bool voice = octet & 0x80;
    if (level < kSilentFrom || (voice && level < 127)) heard_ns_ = now_ns;
    if (heard_ns_ == 0) heard_ns_ = now_ns;
    return now_ns - heard_ns_ >= kPatienceNs;
  }

 private:
  uint64_t heard_ns_ = 0;
};

}  // namespace penstock::stream
