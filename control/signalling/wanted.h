// What of a track anybody wants: told to who publishes it, so that nothing larger is encoded and sent. Pure.
#pragma once

#include <functional>
#include <string>

#include "control/room/model.h"

namespace penstock {

/// What is held must be there when its publisher speaks, before it can be told to send more: a small picture.
inline constexpr uint16_t kHeldWidth = 320, kHeldHeight = 180;

/// The most that a subscriber wishes for; paused: there is none that is not. Width and height only. `is_held` says of a
/// participant whether the track is not sent to it because others spoke later.
Wish wantedOf(const Room& room, const std::string& track, const std::function<bool(const std::string&)>& is_held);

}  // namespace penstock
