#include "dataplane/worker/speakers.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace penstock {

Speakers::Speakers(contract::ReportsRegion& reports, std::function<void(RanksCommand)> tell)
    : reports_(reports), tell_(std::move(tell)) {}

void Speakers::note(const Command& command) {
  if (const auto* transport = std::get_if<TransportCommand>(&command)) noteTransport(transport->index, transport->row);
  if (const auto* track = std::get_if<TrackCommand>(&command)) noteTrack(track->index, track->row);
}

void Speakers::noteTransport(uint32_t index, const contract::TransportRow& row) {
  Publisher& publisher = publishers_[index];
  const bool used = row.state == contract::RowState::kUsed;
  const uint32_t room = used ? row.room : 0;
  if (publisher.room != room || publisher.generation != row.generation) {
    leave(index);
    publisher.room = room;
    publisher.generation = row.generation;
    if (!publisher.tracks.empty()) enter(index);
  }
  if (std::exchange(publisher.loudest, row.loudest) != row.loudest) changed(room);
}

void Speakers::noteTrack(uint32_t index, const contract::TrackRow& row) {
  if (row.state == contract::RowState::kFree) return forgetTrack(index);
  const uint32_t transport = row.transport.index;
  const bool audio = row.kind == contract::MediaKind::kAudio;
  const uint8_t against = contract::kTrackMuted | (audio ? 0 : contract::kTrackAlwaysSent);
  TrackSeen& track = tracks_[index];
  if (track.transport != transport) {
    forgetTrack(index);
    track.transport = transport;
    Publisher& publisher = publishers_[transport];
    publisher.tracks.push_back(index);
    if (publisher.tracks.size() == 1) enter(transport);
  }
  track.audio = audio;
  track.counts = (row.flags & against) == 0;
  changed(publishers_[transport].room);
}

void Speakers::forgetTrack(uint32_t index) {
  const uint32_t transport = std::exchange(tracks_[index], {}).transport;
  if (transport == contract::kTransportMax) return;
  Publisher& publisher = publishers_[transport];
  std::erase(publisher.tracks, index);
  changed(publisher.room);
  if (publisher.tracks.empty()) leave(transport);
}

void Speakers::enter(uint32_t transport) {
  const uint32_t room = publishers_[transport].room;
  if (room == 0) return;
  rooms_[room].order.add(transport);
  changed(room);
}

void Speakers::leave(uint32_t transport) {
  Publisher& publisher = publishers_[transport];
  publisher.loud = false;
  const auto found = rooms_.find(publisher.room);
  if (found == rooms_.end()) return;
  found->second.order.remove(transport);
  changed(publisher.room);
  say(transport, {});
  rank(transport, SpeakerRank::kNone, true, gone_);
}

void Speakers::changed(uint32_t room) {
  const auto found = rooms_.find(room);
  if (found != rooms_.end() && !std::exchange(found->second.changed, true)) changed_.push_back(room);
}

contract::Speech Speakers::speechOf(uint32_t transport) const {
  contract::Speech most{};
  for (const uint32_t index : publishers_[transport].tracks) {
    if (!tracks_[index].audio || !tracks_[index].counts) continue;
    const uint32_t bits =
        __atomic_load_n(reinterpret_cast<const uint32_t*>(&reports_.track[index].speech), __ATOMIC_RELAXED);
    contract::Speech speech;
    std::memcpy(&speech, &bits, sizeof(speech));
    most = {std::max(most.immediate, speech.immediate), std::max(most.medium, speech.medium),
            std::max(most.lasting, speech.lasting), std::max(most.loudness, speech.loudness)};
  }
  return most;
}

bool Speakers::hasPicture(uint32_t transport) const {
  return std::ranges::any_of(publishers_[transport].tracks,
                             [&](uint32_t track) { return !tracks_[track].audio && tracks_[track].counts; });
}

void Speakers::poll(uint64_t now_ns) {
  const bool decision = now_ns >= next_decision_ns_;
  const bool loudness = now_ns >= next_loudness_ns_;
  if (decision) next_decision_ns_ = now_ns + stream::SpeakerOrder::kDecisionNs;
  if (loudness) next_loudness_ns_ = now_ns + kLoudnessNs;
  if (decision || loudness) {
    for (auto& [number, room] : rooms_) {
      if (decision) decide(number, room);
      if (loudness) chooseLoudest(number, room);
    }
  }
  if (changed_.empty() && gone_.ranks.empty()) return;
  RanksCommand news = std::exchange(gone_, {});
  for (const uint32_t number : std::exchange(changed_, {})) {
    Room& room = rooms_[number];
    room.changed = false;
    chooseLoudest(number, room);
    room.changed = false;
    publish(room, news);
    if (room.order.order().empty()) rooms_.erase(number);
  }
  changed_.clear();
  if (!news.ranks.empty()) tell_(std::move(news));
}

void Speakers::decide(uint32_t number, Room& room) {
  speech_.clear();
  for (const uint32_t transport : room.order.order()) speech_.push_back(speechOf(transport));
  if (room.order.decide(speech_)) changed(number);
}

void Speakers::chooseLoudest(uint32_t number, Room& room) {
  const auto order = room.order.order();
  const uint8_t count = order.empty() ? 0 : publishers_[order.front()].loudest;
  if (count == 0) return;
  loudness_.clear();
  for (const uint32_t transport : order) {
    loudness_.push_back({.id = transport,
                         .loudness = speechOf(transport).loudness,
                         .dominant = room.order.dominant() == transport,
                         .chosen = publishers_[transport].loud});
  }
  if (!stream::chooseLoudest(loudness_, count)) return;
  for (const stream::Loudness& each : loudness_) publishers_[each.id].loud = each.chosen;
  changed(number);
}

/// What is told, and said to control, is what differs.
void Speakers::publish(Room& room, RanksCommand& news) {
  uint16_t place = 0, picture = 0;
  for (const uint32_t transport : room.order.order()) {
    const Publisher& publisher = publishers_[transport];
    const bool loud = publisher.loudest == 0 || publisher.loud;
    say(transport, {.generation = publisher.generation,
                    .order = place,
                    .dominant = room.order.dominant() == transport,
                    .loud = loud});
    rank(transport, hasPicture(transport) ? picture++ : SpeakerRank::kNone, loud, news);
    ++place;
  }
}

void Speakers::rank(uint32_t transport, uint16_t rank, bool loud, RanksCommand& news) {
  Publisher& publisher = publishers_[transport];
  if (publisher.told_rank == rank && publisher.told_loud == loud) return;
  publisher.told_rank = rank;
  publisher.told_loud = loud;
  news.ranks.push_back({transport, rank, loud});
}

void Speakers::say(uint32_t transport, const contract::SpeakerStats& stats) {
  uint64_t bits;
  static_assert(sizeof(bits) == sizeof(stats));
  std::memcpy(&bits, &stats, sizeof(bits));
  __atomic_store_n(reinterpret_cast<uint64_t*>(&reports_.speaker[transport]), bits, __ATOMIC_RELAXED);
}

}  // namespace penstock
