#include "control/room/notices.h"

#include <boost/describe/enum_to_string.hpp>

namespace penstock::notices {

namespace json = boost::json;

json::object track(const Track& track) {
  return {{"id", track.id},
          {"kind", boost::describe::enum_to_string(track.kind, "")},
          {"source", boost::describe::enum_to_string(track.source, "")},
          {"name", track.name},
          {"muted", track.muted()},
          {"muted_by_moderator", track.muted_by_moderator}};
}

json::object participant(const Participant& participant) {
  json::array tracks;
  for (const Track& each : participant.tracks) tracks.push_back(track(each));
  return {{"id", participant.id}, {"name", participant.name}, {"tracks", std::move(tracks)}};
}

json::object participantJoined(const Participant& who) {
  return {{"type", "participant_joined"}, {"participant", participant(who)}};
}

json::object participantLeft(const std::string& participant, const std::string& reason) {
  return {{"type", "participant_left"}, {"participant", participant}, {"reason", reason}};
}

json::object trackPublished(const std::string& participant, const Track& what) {
  return {{"type", "track_published"}, {"participant", participant}, {"track", track(what)}};
}

json::object trackUnpublished(const std::string& participant, const std::string& track) {
  return {{"type", "track_unpublished"}, {"participant", participant}, {"track", track}};
}

json::object trackMuted(const std::string& participant, const Track& track) {
  return {{"type", "track_muted"},
          {"participant", participant},
          {"track", track.id},
          {"muted", track.muted()},
          {"muted_by_moderator", track.muted_by_moderator}};
}

json::object settings(const RoomSettings& settings) {
  return {{"participants_max", settings.participants_max},
          {"tracks_max", settings.tracks_max},
          {"last_n", settings.last_n ? json::value(*settings.last_n) : json::value(nullptr)},
          {"loudest", settings.loudest},
          {"forward_silence", settings.forward_silence}};
}

json::object dominantSpeakerChanged(const std::string& participant) {
  return {{"type", "dominant_speaker_changed"},
          {"participant", participant.empty() ? json::value(nullptr) : json::value(participant)}};
}

json::object roomOpened(const Room& room) {
  json::object notice = settings(room.settings);
  notice["type"] = "room_opened";
  return notice;
}

json::object roomClosed() {
  return {{"type", "room_closed"}};
}

}  // namespace penstock::notices
