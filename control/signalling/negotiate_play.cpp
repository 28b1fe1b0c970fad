// A player (WHEP) offers sections to receive in; each is a slot that carries one track after another.
#include <algorithm>

#include "control/room/codec.h"
#include "control/signalling/codecs.h"
#include "control/signalling/negotiate_common.h"

namespace penstock {
namespace {

using contract::Extension;

/// What the relay never writes into what it sends.
const std::set<Extension> kNotForPlayers = {Extension::kRid, Extension::kRepairedRid, Extension::kVideoLayersAllocation,
                                            Extension::kTransmissionOffset};

/// The tracks that slots may get, each once. What their codecs are is read once, however many slots there are.
class Supply {
 public:
  Supply(const std::vector<RemoteTrack>& tracks, const std::string& from) {
    for (const RemoteTrack& remote : tracks)
      if (from.empty() || remote.participant == from) all_.push_back({&remote, identitiesOf(remote.track->codecs)});
  }

  void take(const std::string& track) { mark(track, true); }
  void release(const std::string& track) { mark(track, false); }

  /// The track that this slot can carry and that no other slot does: one that is heard rather than not, then the first.
  /// Notes in the slot if there is none for want of a codec only.
  const RemoteTrack* bestFor(MediaSection& slot) const {
    const std::vector<CodecIdentity> receivers = identitiesOf(slot.codecs);
    const RemoteTrack* best = nullptr;
    bool others = false;
    for (const Each& each : all_) {
      if (each.taken || each.remote->track->kind != slot.kind) continue;
      others = true;
      if (best && best->life <= each.remote->life) continue;
      const auto fits = [&](const CodecIdentity& sent) { return decoderOf(receivers, sent).has_value(); };
      if (std::ranges::any_of(each.codecs, fits)) best = each.remote;
    }
    slot.undecodable = others && !best;
    return best;
  }

 private:
  struct Each {
    const RemoteTrack* remote;
    std::vector<CodecIdentity> codecs;
    bool taken = false;
  };
  void mark(const std::string& track, bool taken) {
    for (Each& each : all_)
      if (each.remote->track->id == track) each.taken = taken;
  }
  std::vector<Each> all_;
};

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
  const Description& offer;
  Supply supply;
  PlayOutcome outcome;
  std::vector<sdp::Media> answers;
  std::string refused;  // why a section is not taken, of the first such

  /// What the section was in the round before; on a new transport there is none.
  const MediaSection* before(const std::string& mid) const {
    if (outcome.handshake) return nullptr;
    const auto found = std::ranges::find(who.subscribe_session.sections, mid, &MediaSection::mid);
    return found == who.subscribe_session.sections.end() ? nullptr : &*found;
  }

  void section(const sdp::Media& media) {
    MediaSection slot{.mid = media.mid, .kind = kindOf(media)};
    if (isData(media) && offer.isTagged(media)) {
      answers.push_back(dataSection(media, outcome.transport, local));
      outcome.session.sections.push_back(std::move(slot));
      return;
    }
    if (isUsed(media) && isRtp(media)) slot.codecs = supportedCodecs(media, slot.kind, kSubscribeFeedback);
    if (slot.codecs.empty()) {
      answers.push_back(rejectedSection(media, outcome.transport, local));
      if (isUsed(media) && !isData(media) && refused.empty()) refused = refusalOf(media);
      outcome.session.sections.push_back(std::move(slot));
      return;
    }
    slot.slot = clientReceives(media);
    sdp::Media answer = ourSection(media.type, media.mid, outcome.transport, local, setupOf(outcome.transport));
    answer.protocol = media.protocol;
    answer.rtcp_rsize = media.rtcp_rsize;
    answer.direction = slot.slot ? sdp::Direction::kSendOnly : sdp::Direction::kInactive;
    answer.formats = formatsOf(slot.codecs);
    answer.extmaps =
        answerExtensions(media, offer.extmap_allow_mixed, kNotForPlayers, false, outcome.transport.extension_id);
    if (slot.slot) stream(slot, answer);
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
      remote = supply.bestFor(slot);
    }
    if (!remote) return addStream(answer, who.id, "slot-" + slot.mid, slot.ssrc, slot.rtx_ssrc);
    supply.take(remote->track->id);
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
  Play play{who, tracks, local, *offer, Supply(tracks, from), {}, {}, {}};
  PlayOutcome& outcome = play.outcome;
  outcome.transport = std::move(step.transport);
  outcome.session = std::move(step.session);
  outcome.handshake = step.handshake;
  outcome.session.sections.clear();
  outcome.session.play_from = from;
  outcome.transport.extension_id = {};
  for (const sdp::Media& media : offer->media) play.section(media);
  if (!play.refused.empty()) return sdpUnsupported(play.refused);
  if (std::ranges::none_of(outcome.session.sections, &MediaSection::slot))
    return sdpUnsupported("No section of the offer can receive: none is recvonly or sendrecv.");
  const std::vector<std::string> group = answeredGroup(*offer, play.answers);
  outcome.answer = describe(std::move(play.answers), outcome.session, local, offer->extmap_allow_mixed, group);
  return std::move(outcome);
}

std::optional<SlotOutcome> fillSlots(const Participant& who, const std::vector<RemoteTrack>& tracks) {
  SlotOutcome outcome{who.subscribe_session, who.subscriptions};
  Supply supply(tracks, outcome.session.play_from);
  for (const Subscription& each : who.subscriptions) supply.take(each.track);
  bool changed = false;
  for (MediaSection& slot : outcome.session.sections) {
    if (!slot.slot) continue;
    const auto carried = std::ranges::find(outcome.subscriptions, slot.mid, &Subscription::mid);
    const bool carries = carried != outcome.subscriptions.end();
    const RemoteTrack* now = carries ? findRemote(tracks, carried->track) : nullptr;
    if (now && now->life != Life::silent) continue;
    const bool undecodable = slot.undecodable;
    const RemoteTrack* remote = supply.bestFor(slot);
    if (carries) slot.undecodable = false;
    if (carries && (!remote || remote->life != Life::heard)) continue;  // it may come back
    if (carries) {
      supply.release(carried->track);
      outcome.subscriptions.erase(carried);
    }
    changed = changed || !slot.track.empty() || slot.undecodable != undecodable;
    slot.track.clear();
    if (!remote) continue;
    supply.take(remote->track->id);
    outcome.subscriptions.push_back(fill(slot, *remote, outcome.session));
    changed = true;
  }
  if (!changed) return std::nullopt;
  return outcome;
}

}  // namespace penstock
