// What a room is like unless somebody says otherwise.
#pragma once

#include "config/config.h"
#include "control/room/model.h"

namespace penstock {

inline RoomSettings roomDefaults(const RoomsConfig& config) {
  return {.participants_max = config.participants_max,
          .tracks_max = config.tracks_max,
          .last_n = config.last_n,
          .loudest = config.loudest,
          .forward_silence = config.forward_silence};
}

}  // namespace penstock
