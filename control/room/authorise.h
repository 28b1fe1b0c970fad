// Who may do what: permissions x request -> nothing, or a refusal. Asked before an event is made of a request.
#pragma once

#include "control/room/model.h"
#include "control/room/refusal.h"

namespace penstock {

enum class Act { kPublish, kSubscribe, kModerate };

Result<void> authorise(const Permissions& permissions, Act act);

/// May `who` mute or unmute this track? Yes for its own track (false: by itself), for others as moderator (true).
Result<bool> authoriseMute(const Room& room, const Participant& who, const std::string& track);

/// May `who` remove this participant? Moderators may.
Result<void> authoriseKick(const Room& room, const Participant& who, const std::string& participant);

/// 1 to 64 characters of A-Z a-z 0-9 _ . -
Result<void> checkRoomName(const std::string& name);
/// At most 64 characters of UTF-8, none of them a control character.
Result<void> checkDisplayName(const std::string& name);

}  // namespace penstock
