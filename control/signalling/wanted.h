// What of a track anybody wants: told to who publishes it, so that nothing larger is encoded and sent. Pure.
#pragma once

#include <string>

#include "control/room/model.h"

namespace penstock {

/// The most that a subscriber wishes for; paused: there is none that is not. Width and height only.
Wish wantedOf(const Room& room, const std::string& track);

}  // namespace penstock
