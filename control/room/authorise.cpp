#include "control/room/authorise.h"

#include "control/room/rooms.h"

namespace penstock {

Result<void> authorise(const Permissions& permissions, Act act) {
  const bool may = act == Act::kPublish     ? permissions.publish
                   : act == Act::kSubscribe ? permissions.subscribe
                                            : permissions.moderate;
  if (may) return {};
  const char* what = act == Act::kPublish ? "publish" : act == Act::kSubscribe ? "subscribe" : "moderate";
  return std::unexpected(Refusal{403, "not_permitted", std::string("The room grant does not allow to ") + what + "."});
}

Result<bool> authoriseMute(const Room& room, const Participant& who, const std::string& track) {
  if (findTrack(who, track)) return false;
  // Permission before existence: whoever may not moderate does not learn which tracks there are.
  if (auto allowed = authorise(who.permissions, Act::kModerate); !allowed) return std::unexpected(allowed.error());
  if (!findTrack(room, track))
    return std::unexpected(Refusal{404, "track_unknown", "There is no such track in the room."});
  return true;
}

Result<void> authoriseKick(const Room& room, const Participant& who, const std::string& participant) {
  if (auto allowed = authorise(who.permissions, Act::kModerate); !allowed) return allowed;
  if (room.participants.contains(participant)) return {};
  return std::unexpected(Refusal{404, "participant_unknown", "There is no such participant in the room."});
}

Result<void> checkRoomName(const std::string& name) {
  static constexpr char kAllowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  const bool good = !name.empty() && name.size() <= 64 && name.find_first_not_of(kAllowed) == std::string::npos;
  if (good) return {};
  return std::unexpected(Refusal{400, "bad_message", "A room name has 1 to 64 characters of A-Z a-z 0-9 _ . -"});
}

Result<void> checkDisplayName(const std::string& name) {
  size_t characters = 0;
  bool control = false;
  for (const unsigned char c : name) {
    if ((c & 0xc0) != 0x80) ++characters;  // counts code points: UTF-8 continuation bytes are 10xxxxxx
    if (c < 0x20 || c == 0x7f) control = true;
  }
  if (characters <= 64 && name.size() <= 256 && !control) return {};
  return std::unexpected(
      Refusal{400, "bad_message", "A display name has at most 64 characters, none of them a control character."});
}

}  // namespace penstock
