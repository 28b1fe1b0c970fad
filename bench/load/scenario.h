// Who takes part in a load run: rooms of participants, what they publish, who receives it. Pure values, made from a
// workload's name and numbers, or from a mix.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/contract/rows.h"

namespace penstock::bench {

/// One RTP stream somebody publishes, and which subscriptions it has.
struct TrackPlan {
  uint32_t publisher;
  contract::MediaKind kind;
  uint16_t payload_bytes;
  double packets_per_second;  // at scale 1; the search scales all tracks alike
  uint32_t first_subscription = 0;
  uint32_t subscription_count = 0;
};

struct SubscriptionPlan {
  uint32_t track;
  uint32_t participant;
};

struct Scenario {
  uint32_t participants = 0;
  std::vector<TrackPlan> tracks;
  std::vector<SubscriptionPlan> subscriptions;  // those of one track lie together

  /// Packets per second at scale 1.
  double packetsIn() const;
  double packetsOut() const;
  /// Payload bytes per second at scale 1.
  double bytesIn() const;
  double bytesOut() const;
  /// Packets out per packet in.
  double fanOut() const { return packetsIn() > 0 ? packetsOut() / packetsIn() : 0; }
  /// Participants that receive anything: each has a key of its own.
  uint32_t receivers() const;
};

/// What one participant publishes; without packets per second nothing.
struct MediaShape {
  uint16_t payload_bytes = 0;
  double packets_per_second = 0;
};

/// `rooms` alike. The first `publishers` participants of a room publish; the first `publishers` subscribe to all
/// others' tracks too unless `one_way`. All others only subscribe.
struct RoomShape {
  uint32_t rooms = 1;
  uint32_t participants = 2;
  uint32_t publishers = 1;
  bool one_way = false;
  MediaShape video, audio;
};
void addRooms(Scenario& scenario, const RoomShape& shape);

/// Names of workloads, for --help.
inline constexpr const char* kWorkloads = "webinar, meeting, calls, audio, recorder";

struct WorkloadRequest {
  std::string name = "webinar";
  uint32_t size = 50;  // webinar: receivers of a room; meeting, audio: participants; recorder: publishers
  uint32_t rooms = 1;
  uint32_t keys = 0;  // not 0: as many rooms as it takes for so many receivers
  uint16_t payload_bytes = 1200;
  uint16_t audio_payload_bytes = 120;
};
/// Throws std::invalid_argument: this is start-up.
std::vector<RoomShape> shapesOf(const WorkloadRequest& request);
/// Throws std::invalid_argument when it is empty or exceeds a limit of the relay.
Scenario makeScenario(const std::vector<RoomShape>& shapes);

/// In which order the tracks send: each track as often as its rate asks, spread evenly. Repeats forever.
std::vector<uint32_t> sendOrder(const Scenario& scenario);

}  // namespace penstock::bench
