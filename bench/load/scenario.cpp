#include "bench/load/scenario.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace penstock::bench {

namespace {

constexpr uint16_t kPayloadMin = 20;  // a packet says in its payload which one it is
constexpr uint16_t kPayloadMax = 1380;
constexpr size_t kOrderMax = 1 << 20;

template <class Value>
double sumOver(const Scenario& scenario, Value value) {
  double sum = 0;
  for (const TrackPlan& track : scenario.tracks) sum += track.packets_per_second * value(track);
  return sum;
}

void addTrack(Scenario& scenario, const RoomShape& shape, uint32_t first, uint32_t publisher, contract::MediaKind kind,
              const MediaShape& media) {
  if (media.packets_per_second <= 0) return;
  if (media.payload_bytes < kPayloadMin || media.payload_bytes > kPayloadMax) {
    throw std::invalid_argument("payloads have 20 to 1380 bytes");
  }
  TrackPlan track{.publisher = first + publisher,
                  .kind = kind,
                  .payload_bytes = media.payload_bytes,
                  .packets_per_second = media.packets_per_second,
                  .first_subscription = static_cast<uint32_t>(scenario.subscriptions.size())};
  for (uint32_t i = shape.one_way ? shape.publishers : 0; i < shape.participants; ++i) {
    if (i == publisher) continue;
    scenario.subscriptions.push_back({static_cast<uint32_t>(scenario.tracks.size()), first + i});
    ++track.subscription_count;
  }
  scenario.tracks.push_back(track);
}

}  // namespace

double Scenario::packetsIn() const {
  return sumOver(*this, [](const TrackPlan&) { return 1.0; });
}
double Scenario::packetsOut() const {
  return sumOver(*this, [](const TrackPlan& track) { return double{1} * track.subscription_count; });
}
double Scenario::bytesIn() const {
  return sumOver(*this, [](const TrackPlan& track) { return double{1} * track.payload_bytes; });
}
double Scenario::bytesOut() const {
  return sumOver(*this,
                 [](const TrackPlan& track) { return double{1} * track.payload_bytes * track.subscription_count; });
}

uint32_t Scenario::receivers() const {
  std::vector<bool> receives(participants);
  for (const SubscriptionPlan& subscription : subscriptions) receives[subscription.participant] = true;
  return static_cast<uint32_t>(std::ranges::count(receives, true));
}

void addRooms(Scenario& scenario, const RoomShape& shape) {
  if (shape.participants < 2 || shape.publishers == 0 || shape.publishers > shape.participants) {
    throw std::invalid_argument("a room has two participants or more, and at least one of them publishes");
  }
  for (uint32_t room = 0; room < shape.rooms; ++room) {
    for (uint32_t publisher = 0; publisher < shape.publishers; ++publisher) {
      addTrack(scenario, shape, scenario.participants, publisher, contract::MediaKind::kAudio, shape.audio);
      addTrack(scenario, shape, scenario.participants, publisher, contract::MediaKind::kVideo, shape.video);
    }
    scenario.participants += shape.participants;
    if (scenario.participants > contract::kTransportMax || scenario.tracks.size() > contract::kTrackMax ||
        scenario.subscriptions.size() > contract::kSubscriptionMax) {
      throw std::invalid_argument("more participants, tracks or subscriptions than one relay holds");
    }
  }
}

std::vector<RoomShape> shapesOf(const WorkloadRequest& request) {
  if (request.size == 0) throw std::invalid_argument("a room of nobody");
  const MediaShape video{request.payload_bytes, 250};  // 2.4 Mbit/s at 1200 bytes
  const MediaShape audio{request.audio_payload_bytes, 50};
  RoomShape shape{.rooms = request.rooms};
  uint32_t receivers = request.size;
  if (request.name == "webinar") {
    shape = {
        .rooms = request.rooms, .participants = request.size + 1, .publishers = 1, .one_way = true, .video = video};
  } else if (request.name == "meeting") {
    shape = {.rooms = request.rooms,
             .participants = request.size,
             .publishers = request.size,
             .video = video,
             .audio = audio};
  } else if (request.name == "calls") {
    receivers = 2;
    shape = {.rooms = request.rooms, .participants = 2, .publishers = 2, .video = video, .audio = audio};
  } else if (request.name == "audio") {
    shape = {.rooms = request.rooms, .participants = request.size, .publishers = request.size, .audio = audio};
  } else if (request.name == "recorder") {
    receivers = 1;
    shape = {.rooms = request.rooms,
             .participants = request.size + 1,
             .publishers = request.size,
             .one_way = true,
             .video = video};
  } else {
    throw std::invalid_argument("no workload \"" + request.name + "\"; there are " + kWorkloads);
  }
  if (request.keys > 0) shape.rooms = (request.keys + receivers - 1) / receivers;
  return {shape};
}

Scenario makeScenario(const std::vector<RoomShape>& shapes) {
  Scenario scenario;
  for (const RoomShape& shape : shapes) addRooms(scenario, shape);
  if (scenario.subscriptions.empty()) throw std::invalid_argument("nobody receives anything");
  return scenario;
}

std::vector<uint32_t> sendOrder(const Scenario& scenario) {
  // Whole packets in a second, less what all have in common.
  std::vector<uint64_t> shares;
  uint64_t common = 0, total = 0;
  for (const TrackPlan& track : scenario.tracks) {
    shares.push_back(std::max<uint64_t>(1, static_cast<uint64_t>(std::llround(track.packets_per_second))));
    common = std::gcd(common, shares.back());
  }
  for (uint64_t& share : shares) total += share /= common;
  if (total > kOrderMax) throw std::invalid_argument("packet rates of the tracks have too little in common");
  struct Turn {
    double time;
    uint32_t track;
  };
  std::vector<Turn> turns;
  turns.reserve(total);
  for (uint32_t track = 0; track < shares.size(); ++track) {
    // Where a track begins within its period: spread by the golden ratio, so that tracks of a rate alternate.
    const double phase = std::fmod(0.618'033'988'75 * (track + 1), 1.0);
    for (uint64_t i = 0; i < shares[track]; ++i) {
      turns.push_back({(static_cast<double>(i) + phase) / static_cast<double>(shares[track]), track});
    }
  }
  std::ranges::stable_sort(turns, {}, &Turn::time);
  std::vector<uint32_t> order;
  order.reserve(total);
  for (const Turn& turn : turns) order.push_back(turn.track);
  return order;
}

}  // namespace penstock::bench
