// Who speaks in each room, decided here because here all publishers of a room are known: of what workers report of
// their audio. Workers are told what follows, control what there is to show.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "dataplane/contract/regions.h"
#include "dataplane/relay/command.h"
#include "dataplane/stream/speaker_order.h"

namespace penstock {

/// On the housekeeping thread. Knows of a room what the rows of its publishers say.
class Speakers {
 public:
  /// A talkspurt of somebody new among the loudest loses no more than this of its beginning.
  static constexpr uint64_t kLoudnessNs = 20'000'000;

  /// `reports` outlives it, and is read and written; `tell` reaches every worker.
  Speakers(contract::ReportsRegion& reports, std::function<void(RanksCommand)> tell);

  /// A row that is about to be dispatched.
  void note(const Command& command);
  /// Every few milliseconds.
  void poll(uint64_t now_ns);

 private:
  struct Publisher {
    uint32_t generation = 0;
    uint32_t room = 0;
    uint8_t loudest = 0;
    bool loud = false;  // chosen, where there is something to choose
    std::vector<uint32_t> tracks;
    uint16_t told_rank = SpeakerRank::kNone;
    bool told_loud = true;
  };
  struct TrackSeen {
    uint32_t transport = contract::kTransportMax;
    bool audio = false;
    bool counts = false;  // unmuted; of video: to be held
  };
  struct Room {
    stream::SpeakerOrder order;
    bool changed = false;
  };

  void noteTransport(uint32_t index, const contract::TransportRow& row);
  void noteTrack(uint32_t index, const contract::TrackRow& row);
  void forgetTrack(uint32_t index);
  void enter(uint32_t transport);
  void leave(uint32_t transport);
  void changed(uint32_t room);

  contract::Speech speechOf(uint32_t transport) const;
  bool hasPicture(uint32_t transport) const;
  void decide(uint32_t number, Room& room);
  void chooseLoudest(uint32_t number, Room& room);
  void publish(Room& room, RanksCommand& news);
  void say(uint32_t transport, const contract::SpeakerStats& stats);
  void rank(uint32_t transport, uint16_t rank, bool loud, RanksCommand& news);

  contract::ReportsRegion& reports_;
  std::function<void(RanksCommand)> tell_;
  std::vector<Publisher> publishers_{contract::kTransportMax};  // by transport
  std::vector<TrackSeen> tracks_{contract::kTrackMax};
  std::unordered_map<uint32_t, Room> rooms_;
  std::vector<uint32_t> changed_;  // rooms
  RanksCommand gone_;              // who left: told with what comes next
  uint64_t next_decision_ns_ = 0, next_loudness_ns_ = 0;
  std::vector<contract::Speech> speech_;  // of one room; kept for its memory
  std::vector<stream::Loudness> loudness_;
};

}  // namespace penstock
