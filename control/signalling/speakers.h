// Who is heard in a room: made of the audio levels of its tracks, and of whom the dataplane says to be dominant; told
// only when it changes. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penstock {

struct Level {
  std::string participant;
  uint8_t dbov = 127;  // RFC 6464: 0 loudest .. 127 silence
};

struct Speaker {
  std::string participant;
  double level = 0;  // 0..1
  friend bool operator==(const Speaker&, const Speaker&) = default;
};

struct RoomSpeakers {
  std::vector<Speaker> heard;  // loudest first
  std::string dominant;        // participant; empty = nobody yet
  friend bool operator==(const RoomSpeakers&, const RoomSpeakers&) = default;
};

/// Of one room, from one look to the next.
class SpeakerWatch {
 public:
  /// One level per unmuted audio track. The speakers, when they differ from those told last.
  std::optional<RoomSpeakers> look(const std::vector<Level>& levels, const std::string& dominant);
  const RoomSpeakers& told() const { return told_; }

 private:
  RoomSpeakers told_;
};

}  // namespace penstock
