#include "control/signalling/speakers.h"

#include <algorithm>
#include <cmath>

namespace penstock {
namespace {

// Speech is at -20 to -40 dBov, a quiet room below -60. Who speaks is heard until well below the level that began it.
constexpr uint8_t kBeginsAtDbov = 50;
constexpr uint8_t kEndsBelowDbov = 58;

/// In steps of 1/20, so that a level that trembles is not news.
double levelOf(uint8_t dbov) {
  return std::round((127.0 - std::min<int>(dbov, 127)) / 127.0 * 20.0) / 20.0;
}

}  // namespace

std::optional<RoomSpeakers> SpeakerWatch::look(const std::vector<Level>& levels, const std::string& dominant) {
  std::vector<Speaker> now;
  for (const Level& level : levels) {
    const bool before = std::ranges::find(told_.heard, level.participant, &Speaker::participant) != told_.heard.end();
    if (level.dbov > (before ? kEndsBelowDbov : kBeginsAtDbov)) continue;
    const auto same = std::ranges::find(now, level.participant, &Speaker::participant);
    if (same == now.end())
      now.push_back({level.participant, levelOf(level.dbov)});
    else
      same->level = std::max(same->level, levelOf(level.dbov));
  }
  std::ranges::stable_sort(now, std::greater<>(), &Speaker::level);
  RoomSpeakers speakers{std::move(now), dominant};
  if (speakers == told_) return std::nullopt;
  return told_ = std::move(speakers);
}

}  // namespace penstock
