// A Service without media: rooms, participants and tracks that do as they are told. Only touched on the server's
// thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "control/metrics/report_source.h"
#include "control/signalling/service.h"

namespace penstock::test {

inline Refusal roomUnknown() {
  return {404, "room_unknown", "There is no such room."};
}
inline Refusal participantUnknown() {
  return {404, "participant_unknown", "There is no such participant."};
}
inline Refusal trackUnknown() {
  return {404, "track_unknown", "There is no such track."};
}

class FakeService : public Service {
 public:
  const std::map<std::string, Room>& rooms() const override { return rooms_; }

  Result<void> openRoom(const std::string& room, const RoomSettings& settings) override {
    if (rooms_.contains(room)) return std::unexpected(Refusal{409, "room_exists", "The room is open already."});
    if (rooms_.size() >= rooms_max) return std::unexpected(Refusal{503, "rooms_full", "No more rooms."});
    rooms_[room] = Room{room, settings, true, 1'700'000'000'123, {}};
    say(room, "", {{"type", "room_opened"}});
    return {};
  }
  Result<void> changeSettings(const std::string& room, const RoomSettings& settings) override {
    if (!rooms_.contains(room)) return std::unexpected(roomUnknown());
    rooms_[room].settings = settings;
    return {};
  }
  Result<void> closeRoom(const std::string& room) override {
    if (!rooms_.contains(room)) return std::unexpected(roomUnknown());
    std::vector<std::string> all;
    for (const auto& [id, participant] : rooms_[room].participants) all.push_back(id);
    for (const std::string& id : all) (void)leave(room, id, "room_closed");
    rooms_.erase(room);
    say(room, "", {{"type", "room_closed"}});
    return {};
  }

  Result<std::string> join(const JoinRequest& request, std::shared_ptr<ParticipantLink> link) override {
    last_join = request;
    if (throw_on_join) throw std::runtime_error("as the test wants it");
    Room& room = rooms_.try_emplace(request.room, Room{request.room, {}, false, 1'700'000'000'000, {}}).first->second;
    if (!request.resume_token.empty()) {
      for (auto& [id, participant] : room.participants) {
        if (participant.resume_token != request.resume_token) continue;
        if (links_.contains(id)) links_[id]->close("replaced");
        links_[id] = link;
        link->send({{"type", "joined"}, {"participant", id}, {"resumed", true}});
        return id;
      }
      return std::unexpected(Refusal{404, "resume_unknown", "Too late."});
    }
    if (room.participants.size() >= room.settings.participants_max) {
      return std::unexpected(Refusal{503, "room_full", "The room is full."});
    }
    Participant participant;
    participant.id = "p" + std::to_string(++next_);
    participant.name = request.name;
    participant.identity = request.identity;
    participant.protocol = request.protocol;
    participant.permissions = request.permissions;
    participant.expires_unix_ms = request.expires_unix_ms;
    participant.resume_token = "resume-of-" + participant.id;
    const std::string id = participant.id;
    room.participants[id] = participant;
    if (link) {
      links_[id] = link;
      link->send({{"type", "joined"}, {"participant", id}, {"resume", participant.resume_token}, {"resumed", false}});
    }
    say(request.room, id, {{"type", "participant_joined"}, {"participant", boost::json::object{{"id", id}}}});
    return id;
  }
  void detach(const std::string& room, const std::string& participant, const ParticipantLink* link) override {
    if (links_.contains(participant) && links_[participant].get() == link) links_.erase(participant);
    detached.emplace_back(room, participant);
  }
  Result<void> leave(const std::string& room, const std::string& participant, const std::string& reason) override {
    if (!find(room, participant)) return std::unexpected(participantUnknown());
    rooms_[room].participants.erase(participant);
    if (links_.contains(participant)) {
      const auto link = links_[participant];
      links_.erase(participant);
      link->close(reason);
    }
    say(room, participant, {{"type", "participant_left"}, {"participant", participant}, {"reason", reason}});
    return {};
  }

  Result<void> extend(const std::string& room, const std::string& participant,
                      std::optional<uint64_t> expires_unix_ms) override {
    Participant* who = find(room, participant);
    if (!who) return std::unexpected(participantUnknown());
    who->expires_unix_ms = expires_unix_ms;
    return {};
  }

  Result<std::string> addPlain(const PlainRequest& request) override {
    last_plain = request;
    for (const auto& [id, who] : rooms_[request.room].participants)
      if (who.publish_transport && who.publish_transport->plain &&
          who.publish_transport->remote_port == request.remote_port)
        return std::unexpected(Refusal{409, "remote_exists", "Another has it."});
    const auto joined = join({.room = request.room, .name = request.name, .protocol = kPlainProtocol}, nullptr);
    if (!joined) return joined;
    Participant& who = *find(request.room, *joined);
    who.auto_subscribe = request.subscribe_all;
    who.tracks = request.publish;
    for (Track& track : who.tracks) track.id = "t" + std::to_string(++next_);
    who.publish_transport = newTransport(Purpose::publish);
    who.publish_transport->plain = true;
    who.publish_transport->remote_ip = request.remote_ip;
    who.publish_transport->remote_port = request.remote_port;
    who.publish_transport->rtcp_port = request.rtcp_port;
    who.publish_transport->keys = request.keys;
    for (const std::string& track : request.tracks)
      who.subscriptions.push_back(
          {.track = track, .mid = "m", .ssrc = 77, .rtx_ssrc = 78, .codecs = request.codecs, .active = true});
    return joined;
  }
  Result<std::string> publish(const std::string& room, const std::string& participant, const std::string& offer,
                              const std::vector<TrackHint>& hints) override {
    Participant* who = find(room, participant);
    if (!who) return std::unexpected(participantUnknown());
    if (!offer.starts_with("v=0")) return std::unexpected(Refusal{400, "sdp_invalid", "The offer is not SDP."});
    if (offer == "v=0 strange") return std::unexpected(Refusal{422, "sdp_unsupported", "No codec in common."});
    if (offer == "v=0 too much") return std::unexpected(Refusal{503, "overloaded", "All rows are taken."});
    last_hints = hints;
    Track track;
    track.id = "t" + std::to_string(++next_);
    track.kind = Kind::video;
    track.source = hints.empty() ? Source::camera : hints[0].source;
    track.mid = "0";
    track.codecs.push_back({.name = "VP8"});
    track.encodings.push_back({});
    who->tracks.push_back(track);
    who->publish_transport = newTransport(Purpose::publish);
    who->publish_session.remote_ufrag = ufragOf(offer);
    say(room, participant, {{"type", "track_published"}, {"participant", participant}});
    return "v=0\r\na=answer to publish\r\n";
  }
  Result<std::string> play(const std::string& room, const std::string& participant, const std::string& offer,
                           const std::string& from) override {
    Participant* who = find(room, participant);
    if (!who) return std::unexpected(participantUnknown());
    if (!offer.starts_with("v=0")) return std::unexpected(Refusal{400, "sdp_invalid", "The offer is not SDP."});
    if (!from.empty() && !find(room, from)) return std::unexpected(Refusal{409, "participant_unknown", "Nobody yet."});
    last_play_from = from;
    who->subscribe_transport = newTransport(Purpose::subscribe);
    who->subscribe_session.remote_ufrag = ufragOf(offer);
    return "v=0\r\na=answer to play\r\n";
  }
  Result<void> answer(const std::string&, const std::string&, uint64_t offer_id, const std::string& sdp) override {
    if (offer_id != 7) return std::unexpected(Refusal{409, "offer_superseded", "There is a newer offer."});
    last_answer = sdp;
    return {};
  }
  Result<std::string> restartIce(const std::string& room, const std::string& participant, Purpose purpose,
                                 const std::string& fragment) override {
    Participant* who = find(room, participant);
    if (!who) return std::unexpected(participantUnknown());
    const bool in = purpose == Purpose::publish;
    (in ? who->publish_transport : who->subscribe_transport) = newTransport(purpose);
    (in ? who->publish_session : who->subscribe_session).remote_ufrag = ufragOf(fragment);
    if (links_.contains(participant)) links_[participant]->send({{"type", "offer"}, {"id", 8}, {"sdp", "v=0"}});
    return "a=ice-ufrag:fresh\r\na=ice-pwd:0123456789012345678901\r\n";
  }
  Result<void> subscribe(const std::string& room, const std::string& participant, const std::string& track) override {
    Participant* who = find(room, participant);
    if (!who) return std::unexpected(participantUnknown());
    if (!findTrack(room, track)) return std::unexpected(trackUnknown());
    who->subscriptions.push_back({.track = track, .active = true});
    return {};
  }
  Result<void> unsubscribe(const std::string& room, const std::string& participant, const std::string& track) override {
    Participant* who = find(room, participant);
    if (!who) return std::unexpected(participantUnknown());
    if (std::erase_if(who->subscriptions, [&](const Subscription& s) { return s.track == track; }) == 0) {
      return std::unexpected(trackUnknown());
    }
    return {};
  }
  Result<void> wish(const std::string&, const std::string&, const std::string& track, const Wish& wish) override {
    wishes.emplace_back(track, wish);
    return {};
  }
  Result<void> setLastN(const std::string& room, const std::string& participant,
                        std::optional<uint16_t> last_n) override {
    Participant* who = find(room, participant);
    if (!who) return std::unexpected(participantUnknown());
    who->last_n = last_n;
    return {};
  }
  Result<void> unpublish(const std::string& room, const std::string& track) override {
    for (auto& [id, participant] : rooms_[room].participants) {
      if (std::erase_if(participant.tracks, [&](const Track& t) { return t.id == track; }) > 0) return {};
    }
    return std::unexpected(trackUnknown());
  }
  Result<void> mute(const std::string& room, const std::string& track, bool by_moderator, bool muted) override {
    Track* found = findTrack(room, track);
    if (!found) return std::unexpected(trackUnknown());
    mutes.emplace_back(track, muted);
    (by_moderator ? found->muted_by_moderator : found->muted_by_self) = muted;
    say(room, "", {{"type", "track_muted"}, {"track", track}, {"muted", found->muted()}});
    return {};
  }
  void addSink(NoticeSink* sink) override { sinks_.push_back(sink); }

  /// To everybody in the room but one, and to all sinks.
  void say(const std::string& room, const std::string& except, boost::json::object message) {
    for (const auto& [id, link] : std::map(links_)) {
      if (id != except && find(room, id)) link->send(message);
    }
    for (NoticeSink* sink : sinks_) sink->onNotice({room, message});
  }
  ParticipantLink* link(const std::string& participant) { return links_.at(participant).get(); }

  size_t rooms_max = 100;
  bool throw_on_join = false;
  JoinRequest last_join;
  std::vector<TrackHint> last_hints;
  std::vector<std::pair<std::string, Wish>> wishes;
  std::vector<std::pair<std::string, bool>> mutes;
  std::string last_play_from, last_answer;
  PlainRequest last_plain;
  std::vector<std::pair<std::string, std::string>> detached;

 private:
  Participant* find(const std::string& room, const std::string& participant) {
    const auto where = rooms_.find(room);
    if (where == rooms_.end()) return nullptr;
    const auto who = where->second.participants.find(participant);
    return who == where->second.participants.end() ? nullptr : &who->second;
  }
  Track* findTrack(const std::string& room, const std::string& track) {
    const auto where = rooms_.find(room);
    if (where == rooms_.end()) return nullptr;
    for (auto& [id, participant] : where->second.participants) {
      for (Track& candidate : participant.tracks) {
        if (candidate.id == track) return &candidate;
      }
    }
    return nullptr;
  }
  Transport newTransport(Purpose purpose) {
    Transport transport;
    transport.id = "x" + std::to_string(++next_);
    transport.purpose = purpose;
    transport.ice_ufrag = "ufrag" + std::to_string(next_);
    return transport;
  }
  static std::string ufragOf(const std::string& sdp) {
    const size_t at = sdp.find("a=ice-ufrag:");
    return at == std::string::npos ? "" : sdp.substr(at + 12, sdp.find_first_of("\r\n", at) - at - 12);
  }

  int next_ = 0;
  std::map<std::string, Room> rooms_;
  std::map<std::string, std::shared_ptr<ParticipantLink>> links_;
  std::vector<NoticeSink*> sinks_;
};

/// A dataplane that reports what the test says.
class FakeReports : public ReportSource {
 public:
  DataplaneFigures figures() const override { return now; }
  std::optional<contract::TransportStats> transport(const std::string&) const override { return transport_stats; }
  std::optional<contract::TrackStats> track(const std::string&) const override { return track_stats; }
  std::optional<contract::SubscriptionStats> subscription(const std::string&, const std::string&) const override {
    return subscription_stats;
  }
  std::optional<contract::SpeakerStats> speaker(const std::string&) const override { return speaker_stats; }

  DataplaneFigures now;
  std::optional<contract::SpeakerStats> speaker_stats;
  std::optional<contract::TransportStats> transport_stats;
  std::optional<contract::TrackStats> track_stats;
  std::optional<contract::SubscriptionStats> subscription_stats;
};

}  // namespace penstock::test
