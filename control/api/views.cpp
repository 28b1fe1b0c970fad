// See views.h.
#include "control/api/views.h"

#include <boost/describe/enum_to_string.hpp>

#include "control/api/encoding.h"
#include "control/room/address.h"
#include "control/room/notices.h"

namespace penstock {
namespace {

namespace json = boost::json;

template <class Enum>
json::string word(Enum value) {
  return boost::describe::enum_to_string(value, "");
}

json::value transportStats(const std::optional<Transport>& transport, const ReportSource& reports) {
  if (!transport) return nullptr;
  json::object view{{"secured", transport->keys.has_value()}, {"connected", false}};
  const auto stats = reports.transport(transport->id);
  if (!stats) return view;
  view["connected"] = stats->nominated != 0;
  if (stats->nominated != 0) view["remote"] = addressText(stats->remote);
  view["packets_received"] = stats->packets_received;
  view["bytes_received"] = stats->bytes_received;
  view["packets_sent"] = stats->packets_sent;
  view["bytes_sent"] = stats->bytes_sent;
  if (stats->round_trip_time_us != 0) view["round_trip_time_ms"] = stats->round_trip_time_us / 1000.0;
  return view;
}

json::object trackStats(const Participant& publisher, const Track& track, const ReportSource& reports) {
  json::object view = trackView(publisher, track);
  if (const auto stats = reports.track(track.id)) {
    view["packets"] = stats->packets;
    view["bytes"] = stats->bytes;
    view["packets_lost"] = stats->packets_lost;
    view["jitter_ms"] = stats->jitter_us / 1000.0;
    view["key_frame_requests"] = stats->key_frame_requests;
    if (track.kind == Kind::video) {
      view["key_frames"] = stats->key_frames;
      view["key_frames_per_minute"] = stats->key_frames_per_minute;
    }
    if (track.kind == Kind::audio) view["audio_level_dbov"] = -static_cast<int>(stats->audio_level_dbov);
  }
  return view;
}

/// Which of a track's encodings it is: by its RID, where it has one.
json::object encodingView(const Track* published, uint8_t number) {
  json::object view{{"number", number}};
  if (published != nullptr && number < published->encodings.size() && !published->encodings[number].rid.empty()) {
    view["rid"] = published->encodings[number].rid;
  }
  return view;
}

/// A player's section: what it carries, or why nothing.
json::object slotView(const MediaSection& section) {
  return {{"mid", section.mid},
          {"kind", word(section.kind)},
          {"track", section.track.empty() ? json::value(nullptr) : json::value(section.track)},
          {"undecodable", section.undecodable}};
}

/// A plain transport may be both.
size_t transportCount(const Participant& who) {
  const bool one = who.publish_transport && who.subscribe_transport && who.publish_transport->plain;
  return one ? 1 : who.publish_transport.has_value() + who.subscribe_transport.has_value();
}

size_t trackCount(const Room& room) {
  size_t count = 0;
  for (const auto& [id, participant] : room.participants) count += participant.tracks.size();
  return count;
}

}  // namespace

PublishedTracks::PublishedTracks(const Room& room) {
  for (const auto& [id, participant] : room.participants) {
    for (const Track& track : participant.tracks) by_id_.emplace(track.id, Entry{&participant, &track});
  }
}

const Participant* PublishedTracks::publisher(const std::string& track) const {
  const auto found = by_id_.find(track);
  return found == by_id_.end() ? nullptr : found->second.publisher;
}

const Track* PublishedTracks::track(const std::string& track) const {
  const auto found = by_id_.find(track);
  return found == by_id_.end() ? nullptr : found->second.track;
}

json::object roomView(const Room& room) {
  json::object view = notices::settings(room.settings);
  view["name"] = room.name;
  view["participants"] = room.participants.size();
  view["tracks"] = trackCount(room);
  view["keep_when_empty"] = room.keep_when_empty;
  view["created"] = rfc3339(room.created_unix_ms);
  return view;
}

json::object participantView(const Participant& participant) {
  json::array tracks, slots;
  for (const Track& track : participant.tracks) tracks.push_back(trackView(participant, track));
  for (const MediaSection& section : participant.subscribe_session.sections)
    if (section.slot) slots.push_back(slotView(section));
  const Permissions& permissions = participant.permissions;
  return {{"id", participant.id},
          {"name", participant.name},
          {"identity", participant.identity},
          {"protocol", participant.protocol},
          {"joined", rfc3339(participant.joined_unix_ms)},
          {"last_n", participant.last_n ? json::value(*participant.last_n) : json::value(nullptr)},
          {"permissions", json::object{{"publish", permissions.publish},
                                       {"subscribe", permissions.subscribe},
                                       {"moderate", permissions.moderate}}},
          {"tracks", std::move(tracks)},
          {"slots", std::move(slots)},
          {"subscriptions", participant.subscriptions.size()}};
}

json::object trackView(const Participant& publisher, const Track& track) {
  json::array codecs;
  for (const Codec& codec : track.codecs) codecs.push_back(json::string(codec.name));
  return {{"id", track.id},
          {"participant", publisher.id},
          {"kind", word(track.kind)},
          {"source", word(track.source)},
          {"name", track.name},
          {"muted", track.muted()},
          {"muted_by_moderator", track.muted_by_moderator},
          {"codecs", std::move(codecs)},
          {"encodings", track.encodings.size()}};
}

json::object subscriptionView(const PublishedTracks& published, const Subscription& subscription) {
  const Wish& wish = subscription.wish;
  json::object view{{"track", subscription.track},
                    {"active", subscription.active},
                    {"undecodable", subscription.undecodable},
                    {"paused", wish.paused},
                    {"width_max", wish.width_max},
                    {"height_max", wish.height_max},
                    {"frame_rate_max", wish.frame_rate_max},
                    {"pinned", wish.pinned},
                    {"priority", wish.priority}};
  if (const Participant* publisher = published.publisher(subscription.track)) view["participant"] = publisher->id;
  return view;
}

json::object participantStats(const Participant& participant, const ReportSource& reports) {
  json::array tracks, slots;
  for (const Track& track : participant.tracks) tracks.push_back(trackStats(participant, track, reports));
  for (const MediaSection& section : participant.subscribe_session.sections)
    if (section.slot) slots.push_back(slotView(section));
  json::object view{{"id", participant.id},
                    {"name", participant.name},
                    {"publish_transport", transportStats(participant.publish_transport, reports)},
                    {"subscribe_transport", transportStats(participant.subscribe_transport, reports)},
                    {"tracks", std::move(tracks)},
                    {"slots", std::move(slots)}};
  const auto& publishes = participant.publish_transport;
  if (const auto speaker = publishes ? reports.speaker(publishes->id) : std::nullopt) {
    view["speaker"] =
        json::object{{"order", speaker->order}, {"dominant", speaker->dominant != 0}, {"loud", speaker->loud != 0}};
  }
  return view;
}

json::object subscriptionStats(const PublishedTracks& published, const Participant& subscriber,
                               const Subscription& subscription, const ReportSource& reports) {
  json::object view = subscriptionView(published, subscription);
  if (!subscriber.subscribe_transport) return view;
  if (const auto stats = reports.subscription(subscriber.subscribe_transport->id, subscription.track)) {
    if (stats->encoding != contract::kNoEncoding)
      view["encoding"] = encodingView(published.track(subscription.track), stats->encoding);
    view["held"] = stats->held != 0;
    view["packets"] = stats->packets;
    view["bytes"] = stats->bytes;
    view["retransmissions"] = stats->retransmissions;
    view["packets_lost"] = stats->packets_lost;
    view["jitter_ms"] = stats->jitter_us / 1000.0;
    view["nacks"] = stats->nacks;
    view["key_frame_requests"] = stats->key_frame_requests;
    view["fraction_lost"] = stats->fraction_lost_q8 / 256.0;
  }
  return view;
}

json::array counterViews(const DataplaneFigures& figures) {
  json::array views;
  for (size_t i = 0; i < contract::kCounterCount; ++i) {
    const char* kind = contract::isReceiveDrop(i) ? "receive_drop" : contract::isSendDrop(i) ? "send_drop" : "counter";
    views.push_back(json::object{{"name", contract::kCounterTexts[i].name},
                                 {"kind", kind},
                                 {"meaning", contract::kCounterTexts[i].help},
                                 {"value", total(figures, i)}});
  }
  return views;
}

json::object relayStatsView(const std::map<std::string, Room>& rooms, const Metrics& metrics) {
  size_t participants = 0, tracks = 0, subscriptions = 0, transports = 0;
  for (const auto& [name, room] : rooms) {
    participants += room.participants.size();
    tracks += trackCount(room);
    for (const auto& [id, participant] : room.participants) {
      subscriptions += participant.subscriptions.size();
      transports += transportCount(participant);
    }
  }
  const DataplaneFigures figures = metrics.reports().figures();
  json::object counters, receive_drops, send_drops;
  for (size_t i = 0; i < contract::kCounterCount; ++i) {
    json::object& to = contract::isReceiveDrop(i) ? receive_drops : contract::isSendDrop(i) ? send_drops : counters;
    to[contract::kCounterTexts[i].name] = total(figures, i);
  }
  const Load& load = metrics.load();
  json::array busy;
  for (const double ratio : load.worker_busy_ratio) busy.push_back(ratio);
  return {{"rooms", rooms.size()},
          {"participants", participants},
          {"tracks", tracks},
          {"subscriptions", subscriptions},
          {"transports", transports},
          {"dataplane", json::object{{"alive", isAlive(figures)},
                                     {"attached", figures.attached},
                                     {"heartbeat_age_ms", figures.heartbeat_age_ns / 1'000'000},
                                     {"workers", figures.workers.size()},
                                     {"ports", figures.port_count},
                                     {"hugepages", figures.hugepages}}},
          {"load", json::object{{"worker_busy_ratio", std::move(busy)},
                                {"packets_received_per_s", load.packets_received_per_s},
                                {"packets_sent_per_s", load.packets_sent_per_s},
                                {"bits_received_per_s", load.bits_received_per_s},
                                {"bits_sent_per_s", load.bits_sent_per_s}}},
          {"counters", std::move(counters)},
          {"receive_drops", std::move(receive_drops)},
          {"send_drops", std::move(send_drops)}};
}

}  // namespace penstock
