// The world as the room service sees it, in memory: what it wrote, started and said can be looked at.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include <boost/json/serialize.hpp>

#include "control/signalling/edges.h"
#include "control/signalling/room_service.h"

namespace penstock::test {

/// Refuses what the forwarding tables would refuse: rows that refer to rows that are not there.
struct FakeRows : RowsOut {
  std::map<std::string, Transport> transports;
  std::map<std::string, TransportPlace> places;
  std::map<std::string, std::pair<std::string, Track>> tracks;
  std::map<std::pair<std::string, std::string>, Subscription> subscriptions;
  std::set<std::pair<std::string, uint32_t>> parked;  // by transport: SSRCs of streams without a track
  std::set<std::pair<std::string, uint32_t>> over;    // of those that may not begin again under the same keys
  std::vector<std::string> broken_rules;
  int sweeps = 0;

  bool putTransport(const Transport& transport, const TransportPlace& place) override {
    transports[transport.id] = transport;
    places[transport.id] = place;
    if (place.partner != transport.id && !place.partner.empty() && !transports.contains(place.partner))
      broken_rules.push_back("transport before its partner");
    return true;
  }
  bool putTrack(const std::string& transport, const Track& track) override {
    if (!transports.contains(transport)) broken_rules.push_back("track " + track.id + " without transport");
    tracks[track.id] = {transport, track};
    return true;
  }
  bool putSubscription(const std::string& transport, const Subscription& subscription, const Track& track) override {
    if (!transports.contains(transport)) broken_rules.push_back("subscription without transport");
    if (!tracks.contains(track.id)) broken_rules.push_back("subscription without track");
    if (!subscription.active) broken_rules.push_back("subscription that is not active");
    const auto key = std::pair(transport, track.id);
    for (const auto& [other, was] : subscriptions)
      if (other.first == transport && other != key && was.ssrc == subscription.ssrc)
        broken_rules.push_back("SSRC twice");
    if (over.contains({transport, subscription.ssrc})) broken_rules.push_back("SSRC again");
    parked.erase({transport, subscription.ssrc});
    subscriptions[key] = subscription;
    return true;
  }
  void parkSubscription(const std::string& transport, const std::string& track, uint32_t ssrc) override {
    const auto found = subscriptions.find({transport, track});
    if (track.empty()) parked.insert({transport, ssrc});  // after a restart
    if (found == subscriptions.end()) return;
    if (found->second.ssrc != ssrc) broken_rules.push_back("another stream parked");
    subscriptions.erase(found);
    parked.insert({transport, ssrc});
  }
  void removeSubscription(const std::string& transport, const std::string& track) override {
    const auto found = subscriptions.find({transport, track});
    if (found == subscriptions.end()) return;
    over.insert({transport, found->second.ssrc});
    subscriptions.erase(found);
  }
  void removeTrack(const std::string& track) override {
    for (const auto& [key, subscription] : subscriptions)
      if (key.second == track) broken_rules.push_back("track removed before its subscription");
    tracks.erase(track);
  }
  void removeTransport(const std::string& transport) override {
    for (const auto& [key, subscription] : subscriptions)
      if (key.first == transport) broken_rules.push_back("transport removed before its subscription");
    for (const auto& [id, track] : tracks)
      if (track.first == transport) broken_rules.push_back("transport removed before its track");
    transports.erase(transport);
    std::erase_if(parked, [&](const auto& each) { return each.first == transport; });
  }
  void sweep() override { ++sweeps; }
};

struct FakeDtls : DtlsOut {
  std::map<std::string, std::pair<DtlsRole, std::string>> started;
  std::string fingerprint() const override { return "sha-256 00:11"; }
  std::map<std::string, HandshakeOwner> owners;
  void start(const std::string& transport, DtlsRole role, const std::string& remote_fingerprint,
             const HandshakeOwner& owner) override {
    started[transport] = {role, remote_fingerprint};
    owners[transport] = owner;
  }
  void stop(const std::string& transport) override { started.erase(transport); }
  std::vector<std::string> told_nominated;
  void nominated(const std::string& transport) override { told_nominated.push_back(transport); }
};

struct FakeStore : Persistence {
  std::map<std::string, Room> rooms;
  void saveRoom(const Room& room) override {
    Room& to = rooms[room.name];
    auto participants = std::move(to.participants);
    to = room;
    to.participants = std::move(participants);
  }
  void removeRoom(const std::string& room) override { rooms.erase(room); }
  void saveParticipant(const std::string& room, const Participant& who) override {
    rooms[room].participants[who.id] = who;
  }
  void removeParticipant(const std::string& room, const std::string& who) override {
    if (const auto found = rooms.find(room); found != rooms.end()) found->second.participants.erase(who);
  }
};

struct FakeReports : ReportsIn {
  std::map<std::string, uint8_t> dbov;
  std::optional<uint8_t> audioLevel(const std::string& track) const override {
    const auto found = dbov.find(track);
    return found == dbov.end() ? std::nullopt : std::optional(found->second);
  }
  std::map<std::string, contract::SpeakerStats> speakers;
  std::optional<contract::SpeakerStats> speaker(const std::string& transport) const override {
    const auto found = speakers.find(transport);
    return found == speakers.end() ? std::nullopt : std::optional(found->second);
  }
  std::set<std::pair<std::string, std::string>> held_subscriptions;
  bool held(const std::string& transport, const std::string& track) const override {
    return held_subscriptions.contains({transport, track});
  }
  std::map<std::string, uint64_t> heard_ms, check_ms;
  std::optional<uint64_t> sinceHeardMs(const std::string& track) const override {
    const auto found = heard_ms.find(track);
    return found == heard_ms.end() ? std::nullopt : std::optional(found->second);
  }
  std::optional<uint64_t> sinceCheckMs(const std::string& transport) const override {
    const auto found = check_ms.find(transport);
    return found == check_ms.end() ? std::nullopt : std::optional(found->second);
  }
  std::map<std::string, Consent> consents;
  Consent consent(const std::string& transport) const override {
    const auto found = consents.find(transport);
    return found == consents.end() ? Consent::kUnknown : found->second;
  }
};

struct FakeClock : Clock {
  uint64_t now_ms = 1'000'000;
  uint64_t unixMs() const override { return 1'700'000'000'000 + now_ms; }
  uint64_t monotonicMs() const override { return now_ms; }
};

/// The same numbers in every run (SplitMix64).
struct FakeChance : Chance {
  uint64_t state = 1;
  void fill(std::span<uint8_t> bytes) override {
    for (uint8_t& byte : bytes) {
      uint64_t z = (state += 0x9e3779b97f4a7c15);
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
      z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
      byte = static_cast<uint8_t>(z >> 56);
    }
  }
};

struct FakeLink : ParticipantLink {
  std::vector<boost::json::object> messages;
  std::string closed;
  void send(const boost::json::object& message) override { messages.push_back(message); }
  void close(const std::string& reason) override { closed = reason; }

  /// The last message of a type; empty when there was none.
  boost::json::object last(const std::string& type) const {
    for (auto it = messages.rbegin(); it != messages.rend(); ++it)
      if (it->at("type").as_string() == type) return *it;
    return {};
  }
  size_t count(const std::string& type) const {
    size_t n = 0;
    for (const auto& each : messages) n += each.at("type").as_string() == type;
    return n;
  }
};

struct FakeSink : NoticeSink {
  std::vector<Notice> notices;
  void onNotice(const Notice& notice) override { notices.push_back(notice); }
};

inline LocalSide testLocalSide() {
  LocalSide local;
  local.places = {{"198.18.0.1", 10000}, {"2001:db8::1", 10000}};
  local.denied = {*parsePrefix("198.18.9.0/24")};
  local.fingerprint =
      "sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";
  local.receive_bitrate_max_bps = 2'500'000;
  return local;
}

}  // namespace penstock::test
