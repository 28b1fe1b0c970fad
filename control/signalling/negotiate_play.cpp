// A player (WHEP) offers sections to receive in; each is a slot that carries one track after another.
#include <algorithm>

#include "control/signalling/codecs.h"
#include "control/signalling/negotiate_common.h"

namespace penstock {
namespace {

using contract::Extension;

/// What the relay never writes into what it sends.
const std::set<Extension> kNotForPlayers = {Extension::kRid, Extension::kRepairedRid, Extension::kVideoLayersAllocation,
                                            Extension::kTransmissionOffset};

/// The track that this slot can carry and that no other slot does: one that is heard rather than not, then the first.
const RemoteTrack* trackFor(const MediaSection& slot, const std::vector<RemoteTrack>& tracks, const std::string& from,
                            const std::vector<Subscription>& subscriptions) {
  const RemoteTrack* best = nullptr;
  for (const RemoteTrack& remote : tracks) {
    if (best && best->life <= remote.life) continue;
    if (remote.track->kind != slot.kind || (!from.empty() && remote.participant != from)) continue;
    if (std::ranges::find(subscriptions, remote.track->id, &Subscription::track) != subscriptions.end()) continue;
    if (!commonCodecs(slot.codecs, remote.track->codecs).empty()) best = &remote;
  }
  return best;
}

bool hasRtx(const MediaSection& slot) {
  return std::ranges::any_of(slot.codecs, [](const Codec& codec) { return codec.rtx_payload_type.has_value(); });
}

/// Its SSRCs are its own as long as the session: many clients can be told of no others, as they know sections by SSRC
/// and not by MID. So the stream goes on from track to track.
void giveSsrcs(MediaSection& slot, Session& session) {
  if (slot.ssrc != 0) return;
  const auto [ssrc, rtx_ssrc] = takeSsrcs(session);
  slot.ssrc = ssrc;
  slot.rtx_ssrc = hasRtx(slot) ? rtx_ssrc : 0;
}

Subscription fill(MediaSection& slot, const RemoteTrack& remote, Session& session) {
  giveSsrcs(slot, session);
  slot.track = remote.track->id;
  return {.track = remote.track->id,
          .mid = slot.mid,
          .ssrc = slot.ssrc,
          .rtx_ssrc = slot.rtx_ssrc,
          .codecs = commonCodecs(slot.codecs, remote.track->codecs),
          .active = true,
          .wish = {}};
}

struct Play {
  const Participant& who;
  const std::vector<RemoteTrack>& tracks;
  const LocalSide& local;
  const sdp::Session& offer;
  PlayOutcome outcome;
  std::vector<sdp::Media> answers;

  /// What the section was in the round before; on a new transport there is none.
  const MediaSection* before(const std::string& mid) const {
    if (outcome.handshake) return nullptr;
    const auto found = std::ranges::find(who.subscribe_session.sections, mid, &MediaSection::mid);
    return found == who.subscribe_session.sections.end() ? nullptr : &*found;
  }

  void section(const sdp::Media& media) {
    MediaSection slot{.mid = media.mid, .kind = kindOf(media)};
    const bool carries = isUsed(media) && isRtp(media) && clientReceives(media);
    if (carries) slot.codecs = supportedCodecs(media, slot.kind, kSubscribeFeedback);
    if (slot.codecs.empty()) {
      answers.push_back(rejectedSection(media));
      outcome.session.sections.push_back(std::move(slot));
      return;
    }
    slot.slot = true;
    const sdp::Setup setup =
        outcome.transport.dtls_role == DtlsRole::server ? sdp::Setup::kPassive : sdp::Setup::kActive;
    sdp::Media answer = ourSection(media.type, media.mid, outcome.transport, local, setup);
    answer.protocol = media.protocol;
    answer.rtcp_rsize = media.rtcp_rsize;
    answer.direction = sdp::Direction::kSendOnly;
    answer.formats = formatsOf(slot.codecs);
    answer.extmaps =
        answerExtensions(media, offer.extmap_allow_mixed, kNotForPlayers, false, outcome.transport.extension_id);
    stream(slot, answer);
    answers.push_back(std::move(answer));
    outcome.session.sections.push_back(std::move(slot));
  }

  /// Keeps what the slot carries, or finds it something; announces the SSRC either way.
  void stream(MediaSection& slot, sdp::Media& answer) {
    const MediaSection* old = before(slot.mid);
    if (old && old->slot && (old->rtx_ssrc != 0) == hasRtx(slot)) {
      slot.ssrc = old->ssrc;
      slot.rtx_ssrc = old->rtx_ssrc;
    }
    giveSsrcs(slot, outcome.session);
    const Subscription* kept = nullptr;
    for (const Subscription& each : who.subscriptions)
      if (old && each.mid == slot.mid && each.track == old->track) kept = &each;
    const RemoteTrack* remote = kept ? findRemote(tracks, kept->track) : nullptr;
    if (!remote || commonCodecs(slot.codecs, remote->track->codecs).empty()) {
      kept = nullptr;
      remote = trackFor(slot, tracks, outcome.session.play_from, outcome.subscriptions);
    }
    if (!remote) return addStream(answer, who.id, "slot-" + slot.mid, slot.ssrc, slot.rtx_ssrc);
    Subscription filled = fill(slot, *remote, outcome.session);
    if (kept) filled.wish = kept->wish;
    addStream(answer, remote->participant, remote->track->id, slot.ssrc, slot.rtx_ssrc);
    outcome.subscriptions.push_back(std::move(filled));
  }
};

}  // namespace

Result<PlayOutcome> negotiatePlay(const Participant& who, const std::vector<RemoteTrack>& tracks,
                                  const std::string& text, const std::string& from, const LocalSide& local,
                                  Fresh& fresh) {
  auto offer = readDescription(text);
  if (!offer) return Unwanted(offer.error());
  const auto remote = remoteSide(*offer);
  if (!remote) return Unwanted(remote.error());
  TransportStep step =
      stepTransport(who.subscribe_transport, who.subscribe_session, Purpose::subscribe, *remote, local, fresh);
  if (auto good = checkOrder(*offer, step.session); !good) return Unwanted(good.error());
  Play play{who, tracks, local, *offer, {}, {}};
  PlayOutcome& outcome = play.outcome;
  outcome.transport = std::move(step.transport);
  outcome.session = std::move(step.session);
  outcome.handshake = step.handshake;
  outcome.session.sections.clear();
  outcome.session.play_from = from;
  outcome.transport.extension_id = {};
  for (const sdp::Media& media : offer->media) play.section(media);
  if (std::ranges::none_of(outcome.session.sections, &MediaSection::slot))
    return sdpUnsupported("No section of the offer can receive: recvonly with opus; VP8, VP9, H264 or AV1.");
  outcome.answer = describe(std::move(play.answers), outcome.session, local, offer->extmap_allow_mixed);
  return std::move(outcome);
}

std::optional<SlotOutcome> fillSlots(const Participant& who, const std::vector<RemoteTrack>& tracks) {
  SlotOutcome outcome{who.subscribe_session, who.subscriptions};
  bool changed = false;
  for (MediaSection& slot : outcome.session.sections) {
    if (!slot.slot) continue;
    const auto carried = std::ranges::find(outcome.subscriptions, slot.mid, &Subscription::mid);
    const bool carries = carried != outcome.subscriptions.end();
    const RemoteTrack* now = carries ? findRemote(tracks, carried->track) : nullptr;
    if (now && now->life != Life::silent) continue;
    const RemoteTrack* remote = trackFor(slot, tracks, outcome.session.play_from, outcome.subscriptions);
    if (carries && (!remote || remote->life != Life::heard)) continue;  // it may come back
    if (carries) outcome.subscriptions.erase(carried);
    changed = changed || !slot.track.empty();
    slot.track.clear();
    if (!remote) continue;
    outcome.subscriptions.push_back(fill(slot, *remote, outcome.session));
    changed = true;
  }
  if (!changed) return std::nullopt;
  return outcome;
}

}  // namespace penstock
