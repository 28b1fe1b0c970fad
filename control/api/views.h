// Rooms, participants, tracks and figures as the JSON API shows them. openapi.json describes every field.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control/metrics/metrics.h"
#include "control/room/model.h"

namespace penstock {

boost::json::object roomView(const Room& room);
boost::json::object participantView(const Participant& participant);
boost::json::object trackView(const Participant& publisher, const Track& track);
boost::json::object subscriptionView(const Room& room, const Subscription& subscription);
boost::json::array trackViews(const Room& room);

boost::json::object roomStatsView(const Room& room, const ReportSource& reports);
/// Every counter of the dataplane with its meaning: drops too.
boost::json::array counterViews(const DataplaneFigures& figures);
boost::json::object relayStatsView(const std::map<std::string, Room>& rooms, const Metrics& metrics);

/// The participant that publishes the track; nullptr when none does.
const Participant* publisherOf(const Room& room, const std::string& track);
const Track* trackOf(const Room& room, const std::string& track);

}  // namespace penstock
