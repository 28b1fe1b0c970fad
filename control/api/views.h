// Rooms, participants, tracks and figures as the JSON API shows them. openapi.json describes every field.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control/api/http_message.h"
#include "control/metrics/metrics.h"
#include "control/room/model.h"

namespace penstock {

/// Who publishes which track: made once, asked for each subscription of a room.
class PublishedTracks {
 public:
  explicit PublishedTracks(const Room& room);
  /// nullptr when nobody publishes it.
  const Participant* publisher(const std::string& track) const;
  const Track* track(const std::string& track) const;

 private:
  struct Entry {
    const Participant* publisher;
    const Track* track;
  };
  std::unordered_map<std::string_view, Entry> by_id_;  // names are the room's
};

boost::json::object roomView(const Room& room);
boost::json::object participantView(const Participant& participant);
boost::json::object trackView(const Participant& publisher, const Track& track);
boost::json::object subscriptionView(const PublishedTracks& published, const Subscription& subscription);

/// Without the subscriptions: those one by one.
boost::json::object participantStats(const Participant& participant, const ReportSource& reports);
boost::json::object subscriptionStats(const PublishedTracks& published, const Participant& subscriber,
                                      const Subscription& subscription, const ReportSource& reports);
/// room_stats.cpp. `rooms` and `reports` outlive it.
Pieces roomStats(const std::map<std::string, Room>& rooms, const std::string& room, const ReportSource& reports);
/// Every counter of the dataplane with its meaning: drops too.
boost::json::array counterViews(const DataplaneFigures& figures);
boost::json::object relayStatsView(const std::map<std::string, Room>& rooms, const Metrics& metrics);

}  // namespace penstock
