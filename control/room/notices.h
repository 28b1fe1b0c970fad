// The notifications of control/signalling/PROTOCOL.md, made of the model. Pure.
#pragma once

#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "control/room/model.h"

namespace penstock::notices {

boost::json::object track(const Track& track);
boost::json::object participant(const Participant& participant);

boost::json::object participantJoined(const Participant& participant);
boost::json::object participantLeft(const std::string& participant, const std::string& reason);
boost::json::object trackPublished(const std::string& participant, const Track& track);
boost::json::object trackUnpublished(const std::string& participant, const std::string& track);
boost::json::object trackMuted(const std::string& participant, const Track& track);
/// As clients and integrators see them: `last_n` null is all.
boost::json::object settings(const RoomSettings& settings);
boost::json::object dominantSpeakerChanged(const std::string& participant);
boost::json::object roomOpened(const Room& room);
boost::json::object roomClosed();

}  // namespace penstock::notices
