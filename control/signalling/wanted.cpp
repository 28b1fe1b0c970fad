#include "control/signalling/wanted.h"

#include <algorithm>

#include "control/room/rooms.h"

namespace penstock {

namespace {

/// 0 is any, hence the most.
uint16_t larger(uint16_t a, uint16_t b) {
  return a == 0 || b == 0 ? 0 : std::max(a, b);
}

}  // namespace

Wish wantedOf(const Room& room, const std::string& track) {
  Wish wanted{.paused = true};
  for (const auto& [id, who] : room.participants) {
    const Subscription* subscription = findSubscription(who, track);
    if (!subscription || !subscription->active || subscription->wish.paused) continue;
    const Wish& wish = subscription->wish;
    wanted.width_max = wanted.paused ? wish.width_max : larger(wanted.width_max, wish.width_max);
    wanted.height_max = wanted.paused ? wish.height_max : larger(wanted.height_max, wish.height_max);
    wanted.paused = false;
  }
  return wanted;
}

}  // namespace penstock
