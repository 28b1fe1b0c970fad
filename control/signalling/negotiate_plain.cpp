// A plain transport has no offer and no answer: the API said what it sends and what it takes, and the rest is settled
// here, whenever there are other tracks.
#include <algorithm>

#include <fmt/format.h>

#include "control/room/codec.h"
#include "control/signalling/codecs.h"
#include "control/signalling/negotiate_common.h"

namespace penstock {
namespace {

/// How the track's codecs are called on the way to `who`: as it named them, else as everybody is offered them. Without
/// RTX and RED then: who can do with them names the payload types that it knows them by.
std::vector<Codec> codecsFor(const Participant& who, const Track& track) {
  std::vector<Codec> codecs;
  for (const MediaSection& section : who.subscribe_session.sections) {
    const auto common = commonCodecs(section.codecs, track.codecs);
    codecs.insert(codecs.end(), common.begin(), common.end());
  }
  if (!who.subscribe_session.sections.empty()) return codecs;
  codecs = canonicalCodecs(track.codecs);
  std::erase_if(codecs, isRed);
  for (Codec& codec : codecs) {
    codec.rtx_payload_type.reset();
    codec.rtcp_feedback.clear();
  }
  return codecs;
}

bool sameNumbers(const std::vector<Codec>& a, const std::vector<Codec>& b) {
  return std::ranges::equal(a, b, [](const Codec& x, const Codec& y) {
    return identityOf(x) == identityOf(y) && x.payload_type == y.payload_type &&
           x.rtx_payload_type == y.rtx_payload_type;
  });
}

Subscription streamOf(const std::string& track, std::vector<Codec> codecs, Session& session) {
  const auto [ssrc, rtx_ssrc] = takeSsrcs(session);
  const bool rtx = std::ranges::any_of(codecs, [](const Codec& codec) { return codec.rtx_payload_type.has_value(); });
  return {.track = track,
          .mid = fmt::format("{:08x}", ssrc),
          .ssrc = ssrc,
          .rtx_ssrc = rtx ? rtx_ssrc : 0,
          .codecs = std::move(codecs),
          .active = true};
}

}  // namespace

std::optional<SlotOutcome> fillPlain(const Participant& who, const std::vector<RemoteTrack>& tracks) {
  SlotOutcome outcome{who.subscribe_session, who.subscriptions};
  bool changed = false;
  for (Subscription& each : outcome.subscriptions) {
    const RemoteTrack* remote = findRemote(tracks, each.track);
    std::vector<Codec> codecs = remote ? codecsFor(who, *remote->track) : std::vector<Codec>{};
    if (each.active == !codecs.empty() && sameNumbers(codecs, each.codecs)) continue;
    changed = true;
    // What stopped and begins again does so under another SSRC: no keystream twice (RFC 3711 section 9.1).
    each =
        codecs.empty() ? Subscription{.track = each.track} : streamOf(each.track, std::move(codecs), outcome.session);
  }
  if (!changed) return std::nullopt;
  return outcome;
}

}  // namespace penstock
