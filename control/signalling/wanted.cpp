#include "control/signalling/wanted.h"

#include <algorithm>

#include "control/room/rooms.h"

namespace penstock {

namespace {

/// 0 is any, hence the most.
uint16_t larger(uint16_t a, uint16_t b) {
  return a == 0 || b == 0 ? 0 : std::max(a, b);
}

uint16_t smaller(uint16_t a, uint16_t b) {
  return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
}

}  // namespace

Wish wantedOf(const Room& room, const std::string& track, const std::function<bool(const std::string&)>& is_held) {
  Wish wanted{.paused = true};
  for (const auto& [id, who] : room.participants) {
    const Subscription* subscription = findSubscription(who, track);
    if (!subscription || !subscription->active || subscription->wish.paused) continue;
    Wish wish = subscription->wish;
    if (is_held(id)) {
      wish.width_max = smaller(wish.width_max, kHeldWidth);
      wish.height_max = smaller(wish.height_max, kHeldHeight);
    }
    wanted.width_max = wanted.paused ? wish.width_max : larger(wanted.width_max, wish.width_max);
    wanted.height_max = wanted.paused ? wish.height_max : larger(wanted.height_max, wish.height_max);
    wanted.paused = false;
  }
  return wanted;
}

}  // namespace penstock
