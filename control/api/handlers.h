// Every handler, by the file that holds it. api.cpp lists them with their methods and paths.
#pragma once

#include "control/api/api.h"

namespace penstock::handlers {

// rooms_api.cpp
Response listRooms(ApiContext& api, const Call& call);
Response openRoom(ApiContext& api, const Call& call);
Response showRoom(ApiContext& api, const Call& call);
Response changeRoom(ApiContext& api, const Call& call);
Response closeRoom(ApiContext& api, const Call& call);
Response listParticipants(ApiContext& api, const Call& call);
Response showParticipant(ApiContext& api, const Call& call);
Response changeParticipant(ApiContext& api, const Call& call);
Response kickParticipant(ApiContext& api, const Call& call);
Response listSubscriptions(ApiContext& api, const Call& call);
Response subscribe(ApiContext& api, const Call& call);
Response unsubscribe(ApiContext& api, const Call& call);
Response listTracks(ApiContext& api, const Call& call);
Response showTrack(ApiContext& api, const Call& call);
Response muteTrack(ApiContext& api, const Call& call);
Response unpublishTrack(ApiContext& api, const Call& call);

// plain_api.cpp
Response listPlain(ApiContext& api, const Call& call);
Response addPlain(ApiContext& api, const Call& call);
Response showPlain(ApiContext& api, const Call& call);
Response removePlain(ApiContext& api, const Call& call);

// relay_api.cpp
Response roomStats(ApiContext& api, const Call& call);
Response relayStats(ApiContext& api, const Call& call);
Response listCounters(ApiContext& api, const Call& call);
Response events(ApiContext& api, const Call& call);
Response description(ApiContext& api, const Call& call);
Response conference(ApiContext& api, const Call& call);
Response prometheusMetrics(ApiContext& api, const Call& call);
Response alive(ApiContext& api, const Call& call);
Response ready(ApiContext& api, const Call& call);
Response page(ApiContext& api, const Call& call);
Response operatorPage(ApiContext& api, const Call& call);
Response asset(ApiContext& api, const Call& call);

// whip.cpp
Response whipPost(ApiContext& api, const Call& call);
Response whepPost(ApiContext& api, const Call& call);
Response whipPatch(ApiContext& api, const Call& call);
Response whepPatch(ApiContext& api, const Call& call);
Response whipDelete(ApiContext& api, const Call& call);
Response whepDelete(ApiContext& api, const Call& call);
Response whipGet(ApiContext& api, const Call& call);

// Shared by them.
/// nullptr: there is no such room.
const Room* findRoom(const ApiContext& api, const std::string& room);
const Participant* findParticipant(const ApiContext& api, const std::string& room, const std::string& participant);
Response roomUnknown();
Response participantUnknown();
Response trackUnknown();
Response badRequest(const std::string& code, const std::string& message);
Response notPermitted(const std::string& message);
/// WHIP and WHEP: an offer of one client's few sections, where a conference's has hundreds.
inline constexpr size_t kSdpBodyMax = 64 * 1024;
Response sdpTooLong();

}  // namespace penstock::handlers
