// Who speaks: made of the audio levels of a room's tracks, told only when it changes. Pure.
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

/// Of one room, from one look to the next.
class SpeakerWatch {
 public:
  /// One level per unmuted audio track. The speakers, loudest first, when they differ from those told last.
  std::optional<std::vector<Speaker>> look(const std::vector<Level>& levels);

 private:
  std::vector<Speaker> told_;
};

}  // namespace penstock
