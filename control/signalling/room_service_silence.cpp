// Publishers that fell silent: what plays them goes on with who is heard, and who comes back under the same identity
// takes its own place. ICE consent tells it too, but only after 30 s (RFC 7675).
#include <algorithm>

#include <spdlog/spdlog.h>

#include "control/signalling/room_service.h"

namespace penstock {
namespace {

/// Heard: at most so long ago. Audio without voice still comes every 400 ms (DTX), a still screen every second.
constexpr uint64_t kHeardMs = 1'500;
/// Silent: a player would rather see another.
constexpr uint64_t kSilentMs = 2'500;
/// Dead: of who sent media until then, and of who did not, which checks its consent every 4 to 6 s (RFC 7675
/// section 5.1).
constexpr uint64_t kDeadMs = 2'000, kDeadIdleMs = 7'000;

}  // namespace

Life RoomService::lifeOf(const std::string& track) const {
  const auto quiet = quiet_.find(track);
  if (quiet == quiet_.end()) return Life::heard;
  return quiet->second.silent ? Life::silent : Life::unknown;
}

void RoomService::watchSilence(const Room& room) {
  const uint64_t now = edges_.clock.monotonicMs();
  bool changed = false;
  for (const auto& [id, who] : room.participants) {
    if (who.tracks.empty() || !who.publish_transport) continue;
    const bool watched = edges_.reports.consent(who.publish_transport->id) != Consent::kUnknown;
    for (const Track& track : who.tracks) {
      const auto heard = watched ? edges_.reports.sinceHeardMs(track.id) : std::nullopt;
      if (heard && *heard <= kHeardMs) {
        changed |= quiet_.erase(track.id) > 0;
        continue;
      }
      Quiet& quiet = quiet_.try_emplace(track.id, Quiet{.since_ms = now}).first->second;
      if (heard) quiet.since_ms = now - std::min(now, *heard);
      if (!watched) quiet = {.since_ms = now};  // the dataplane is away: nobody can tell
      const bool silent = now - quiet.since_ms >= kSilentMs;
      changed |= silent != std::exchange(quiet.silent, silent);
    }
  }
  const auto players = players_.find(room.name);
  if (!changed || players == players_.end()) return;
  for (const std::string& player : players->second) due_.insert({room.name, player});
}

void RoomService::watchSilence() {
  for (const auto& [name, players] : players_)
    if (const Room* room = players.empty() ? nullptr : rooms_.room(name)) watchSilence(*room);
  settle();
}

bool RoomService::isDead(const Participant& who) const {
  if (!who.publish_transport) return false;
  const std::string& transport = who.publish_transport->id;
  if (edges_.reports.consent(transport) == Consent::kUnknown) return false;
  uint64_t within = kDeadIdleMs;
  std::optional<uint64_t> last = edges_.reports.sinceCheckMs(transport);
  for (const Track& track : who.tracks) {
    const auto heard = edges_.reports.sinceHeardMs(track.id);
    if (!heard) continue;
    last = std::min(*heard, last.value_or(*heard));
    if (!track.muted()) within = kDeadMs;
  }
  const uint64_t here = edges_.clock.unixMs() - std::min(edges_.clock.unixMs(), who.joined_unix_ms);
  return last.value_or(here) >= within;
}

void RoomService::noteSuccession(const ParticipantKey& key) {
  const Participant* successor = participant(key);
  if (!successor || successor->protocol != "whip" || successor->identity.empty()) return;
  if (succeeded_by_.contains(key)) return;  // an offer of a session that another has followed
  for (const auto& [id, who] : rooms_.room(key.room)->participants)
    if (id != key.participant && who.protocol == "whip" && who.identity == successor->identity)
      succeeded_by_[{key.room, id}] = key.participant;
  replaceDead();
}

void RoomService::replaceDead() {
  for (auto next = succeeded_by_.begin(); next != succeeded_by_.end();) {
    const auto [key, successor] = *next;
    const Participant* who = participant(key);
    const bool stands = who && participant({key.room, successor});
    if (stands && !isDead(*who)) {
      ++next;
      continue;
    }
    next = succeeded_by_.erase(next);
    if (!stands) continue;
    // Who plays the one that is dead, plays the other.
    const auto players = players_.find(key.room);
    for (const std::string& id : players == players_.end() ? std::set<std::string>() : players->second) {
      const Participant& player = *participant({key.room, id});
      if (player.subscribe_session.play_from != key.participant) continue;
      Subscribed event{key.room, id, *player.subscribe_transport, player.subscribe_session, player.subscriptions};
      event.session.play_from = successor;
      (void)apply(event);
    }
    (void)drop(key, "replaced");
  }
}

}  // namespace penstock
