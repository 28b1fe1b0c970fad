// The client offers what it publishes; we answer what we take.
#include <algorithm>

#include "control/signalling/codecs.h"
#include "control/signalling/negotiate_common.h"
#include "dataplane/contract/limits.h"

namespace penstock {
namespace {

using contract::Extension;

/// The streams of a section. RFC 5576: FID pairs a stream with its RTX. Simulcast is answered without, so that the
/// client sends one encoding: of several announced ones, the first.
Result<Encoding> encodingOf(const sdp::Media& media, const ExtensionIds& ids) {
  Encoding encoding;
  if (media.ssrcs.empty()) {
    if (ids[static_cast<size_t>(Extension::kMid)] == 0)
      return sdpUnsupported("The section of a=mid:" + media.mid + " has neither a=ssrc nor the MID header extension.");
    return encoding;  // bound by MID
  }
  encoding.ssrc = media.ssrcs.front().ssrc;
  for (const sdp::SsrcGroup& group : media.ssrc_groups)
    if (group.semantics == "SIM" && !group.ssrcs.empty()) encoding.ssrc = group.ssrcs.front();
  for (const sdp::SsrcGroup& group : media.ssrc_groups)
    if (group.semantics == "FID" && group.ssrcs.size() == 2 && group.ssrcs[0] == encoding.ssrc)
      encoding.rtx_ssrc = group.ssrcs[1];
  return encoding;
}

Source sourceOf(Kind kind, const TrackHint* hint) {
  if (hint && hint->source != Source::other) return hint->source;
  if (hint) return Source::other;
  return kind == Kind::audio ? Source::microphone : Source::camera;
}

struct Publish {
  const Participant& who;
  const std::vector<TrackHint>& hints;
  const LocalSide& local;
  Fresh& fresh;
  const sdp::Session& offer;
  PublishOutcome outcome;
  std::vector<sdp::Media> answers;

  const TrackHint* hint(const std::string& mid) const {
    const auto found = std::ranges::find(hints, mid, &TrackHint::mid);
    return found == hints.end() ? nullptr : &*found;
  }

  /// The track that this section carried before; on a new transport there is none.
  const Track* trackBefore(const sdp::Media& media) const {
    if (outcome.handshake) return nullptr;
    for (const MediaSection& section : who.publish_session.sections)
      if (section.mid == media.mid && !section.track.empty()) {
        const auto found = std::ranges::find(who.tracks, section.track, &Track::id);
        if (found != who.tracks.end() && found->kind == kindOf(media)) return &*found;
      }
    return nullptr;
  }

  Track trackOf(const sdp::Media& media) {
    const Track* before = trackBefore(media);
    const TrackHint* given = hint(media.mid);
    Track track;
    if (before) track = *before;
    track.kind = kindOf(media);
    track.mid = media.mid;
    if (!before) {
      track.id = fresh.id("t_");
      track.muted_by_self = given && given->muted;
    }
    if (!before || given) {
      track.source = sourceOf(track.kind, given);
      track.name = given ? given->name : std::string();
    }
    return track;
  }

  Result<void> section(const sdp::Media& media) {
    const bool carries = isUsed(media) && isRtp(media);
    outcome.session.sections.push_back({.mid = media.mid, .kind = kindOf(media)});
    std::vector<Codec> codecs;
    if (carries) codecs = supportedCodecs(media, kindOf(media), kPublishFeedback);
    if (!carries || codecs.empty()) {
      answers.push_back(rejectedSection(media));
      return {};
    }
    const sdp::Setup setup =
        outcome.transport.dtls_role == DtlsRole::server ? sdp::Setup::kPassive : sdp::Setup::kActive;
    sdp::Media answer = ourSection(media.type, media.mid, outcome.transport, local, setup);
    answer.protocol = media.protocol;
    answer.rtcp_rsize = media.rtcp_rsize;
    answer.formats = formatsOf(codecs);
    answer.extmaps = answerExtensions(media, offer.extmap_allow_mixed, {}, true, outcome.transport.extension_id);
    answer.direction = clientSends(media) ? sdp::Direction::kRecvOnly : sdp::Direction::kInactive;
    if (clientSends(media)) {
      Track track = trackOf(media);
      auto encoding = encodingOf(media, outcome.transport.extension_id);
      if (!encoding) return Unwanted(encoding.error());
      track.codecs = std::move(codecs);
      track.encodings = {*encoding};
      outcome.session.sections.back().track = track.id;
      outcome.tracks.push_back(std::move(track));
    }
    answers.push_back(std::move(answer));
    return {};
  }
};

bool nothingUsed(const sdp::Session& offer) {
  return std::ranges::none_of(offer.media, [](const sdp::Media& media) { return isUsed(media) && isRtp(media); });
}

}  // namespace

Result<PublishOutcome> negotiatePublish(const Participant& who, const std::string& text,
                                        const std::vector<TrackHint>& hints, const LocalSide& local, Fresh& fresh) {
  auto offer = readDescription(text);
  if (!offer) return Unwanted(offer.error());
  Publish publish{who, hints, local, fresh, *offer, {}, {}};
  PublishOutcome& outcome = publish.outcome;
  if (nothingUsed(*offer) && who.publish_transport) {  // all that was published is withdrawn
    outcome.transport = *who.publish_transport;
    outcome.session = who.publish_session;
    ++outcome.session.version;
  } else {
    const auto remote = remoteSide(*offer);
    if (!remote) return Unwanted(remote.error());
    TransportStep step =
        stepTransport(who.publish_transport, who.publish_session, Purpose::publish, *remote, local, fresh);
    outcome.transport = std::move(step.transport);
    outcome.session = std::move(step.session);
    outcome.handshake = step.handshake;
  }
  if (auto good = checkOrder(*offer, outcome.session); !good) return Unwanted(good.error());
  outcome.session.sections.clear();
  outcome.transport.extension_id = {};
  for (const sdp::Media& media : offer->media)
    if (auto done = publish.section(media); !done) return Unwanted(done.error());
  const bool wanted = std::ranges::any_of(
      offer->media, [](const sdp::Media& media) { return isUsed(media) && isRtp(media) && clientSends(media); });
  if (wanted && outcome.tracks.empty())
    return sdpUnsupported("None of the offered codecs is supported: opus; VP8, VP9, H264, AV1.");
  outcome.answer = describe(std::move(publish.answers), outcome.session, local, offer->extmap_allow_mixed);
  return std::move(outcome);
}

Result<RestartOutcome> restartIce(const Transport& transport, const Session& session, const std::string& fragment,
                                  const LocalSide& local, Fresh& fresh) {
  const auto read = sdp::parseFragment(fragment);
  if (!read) return sdpInvalid(read.error().text());
  if (read->ice_ufrag.empty() || read->ice_pwd.empty())
    return sdpInvalid("The fragment has no a=ice-ufrag or a=ice-pwd.");
  RestartOutcome outcome{"", transport, session};
  if (read->ice_ufrag != session.remote_ufrag) {
    outcome.transport.ice_ufrag = fresh.credential(8);
    outcome.transport.ice_pwd = fresh.credential(24);
    outcome.session.remote_ufrag = read->ice_ufrag;
  }
  outcome.fragment = "a=ice-lite\r\na=ice-ufrag:" + outcome.transport.ice_ufrag +
                     "\r\na=ice-pwd:" + outcome.transport.ice_pwd + "\r\n";
  for (const MediaSection& section : session.sections) {
    if (section.track.empty()) continue;
    outcome.fragment += std::string("m=") + (section.kind == Kind::audio ? "audio" : "video") +
                        " 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:" + section.mid + "\r\n";
    break;  // RFC 9725 section 4.3.2: the first section of the bundle carries the candidates
  }
  for (const std::string& candidate : candidateLines(local)) outcome.fragment += "a=candidate:" + candidate + "\r\n";
  outcome.fragment += "a=end-of-candidates\r\n";
  return outcome;
}

}  // namespace penstock
