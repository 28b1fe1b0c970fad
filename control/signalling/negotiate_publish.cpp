// The client offers what it publishes; we answer what we take.
#include <algorithm>

#include "control/signalling/codecs.h"
#include "control/signalling/negotiate_common.h"
#include "dataplane/contract/limits.h"

namespace penstock {
namespace {

using contract::Extension;

/// RFC 8853: the RIDs of the streams that the client would send, most wanted first; alternatives of one stream (",")
/// are not: the first counts. Nothing: no simulcast, or more than the relay takes.
std::vector<std::string> simulcastRids(const sdp::Media& media) {
  constexpr std::string_view kSend = "send ";
  const size_t begin = media.simulcast.find(kSend);
  if (begin == std::string::npos) return {};
  std::string list = media.simulcast.substr(begin + kSend.size());
  list = list.substr(0, list.find(' '));
  std::vector<std::string> rids;
  for (size_t at = 0; at <= list.size();) {
    const size_t end = std::min(list.find(';', at), list.size());
    std::string rid = list.substr(at, end - at);
    rid = rid.substr(0, rid.find(','));
    if (rid.starts_with("~")) rid.erase(0, 1);  // begins paused
    const auto named = [&](const sdp::Rid& each) { return each.send && each.id == rid; };
    const bool known = std::ranges::any_of(media.rids, named) && std::ranges::find(rids, rid) == rids.end();
    if (known && rid.size() <= contract::kRidMax && rids.size() < contract::kEncodingMax) rids.push_back(rid);
    at = end + 1;
  }
  return rids.size() > 1 ? rids : std::vector<std::string>();
}

/// The streams of a section that names them: several in a group of simulcast, or one. RFC 5576: FID pairs a stream with
/// its RTX.
std::vector<Encoding> namedEncodings(const sdp::Media& media) {
  std::vector<Encoding> encodings;
  for (const sdp::SsrcGroup& group : media.ssrc_groups) {
    if (group.semantics != "SIM" || !encodings.empty()) continue;
    for (const uint32_t ssrc : group.ssrcs)
      if (encodings.size() < contract::kEncodingMax) encodings.push_back({.ssrc = ssrc});
  }
  if (encodings.empty()) encodings.push_back({.ssrc = media.ssrcs.front().ssrc});
  for (const sdp::SsrcGroup& group : media.ssrc_groups) {
    if (group.semantics != "FID" || group.ssrcs.size() != 2) continue;
    const auto of = std::ranges::find(encodings, group.ssrcs[0], &Encoding::ssrc);
    if (of != encodings.end()) of->rtx_ssrc = group.ssrcs[1];
  }
  return encodings;
}

Result<std::vector<Encoding>> encodingsOf(const sdp::Media& media, const ExtensionIds& ids) {
  const bool by_mid = ids[static_cast<size_t>(Extension::kMid)] != 0;
  const bool by_rid = by_mid && ids[static_cast<size_t>(Extension::kRid)] != 0;
  std::vector<Encoding> encodings;
  if (by_rid)
    for (const std::string& rid : simulcastRids(media)) encodings.push_back({.rid = rid});
  if (!encodings.empty()) return encodings;
  if (!media.ssrcs.empty()) return namedEncodings(media);
  if (!by_mid || media.mid.empty())
    return sdpUnsupported("The section of a=mid:" + media.mid + " has neither a=ssrc nor the MID header extension.");
  return std::vector<Encoding>(1);  // bound by MID
}

/// RFC 8853 section 5.3.2: what we take of the streams offered.
void answerSimulcast(const std::vector<Encoding>& encodings, sdp::Media& answer) {
  for (const Encoding& encoding : encodings) {
    if (encoding.rid.empty()) return;
    answer.rids.push_back({encoding.rid, false});
    answer.simulcast += (answer.simulcast.empty() ? "recv " : ";") + encoding.rid;
  }
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
  const Description& offer;
  PublishOutcome outcome;
  std::vector<sdp::Media> answers;
  std::string refused;  // why a section is not taken, of the first such

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
    outcome.session.sections.push_back({.mid = media.mid, .kind = kindOf(media)});
    if (isData(media) && offer.isTagged(media)) {
      answers.push_back(dataSection(media, outcome.transport, local));
      return {};
    }
    std::vector<Codec> codecs;
    if (isUsed(media) && isRtp(media)) codecs = supportedCodecs(media, kindOf(media), kPublishFeedback);
    if (codecs.empty()) {
      answers.push_back(rejectedSection(media, outcome.transport, local));
      if (isUsed(media) && !isData(media) && refused.empty()) refused = refusalOf(media);
      return {};
    }
    sdp::Media answer = ourSection(media.type, media.mid, outcome.transport, local, setupOf(outcome.transport));
    answer.protocol = media.protocol;
    answer.rtcp_rsize = media.rtcp_rsize;
    outcome.transport.reduced_rtcp |= media.rtcp_rsize;  // Firefox says so of video only, where requests are
    answer.formats = formatsOf(codecs);
    answer.extmaps = answerExtensions(media, offer.extmap_allow_mixed, {}, true, outcome.transport.extension_id);
    answer.direction = clientSends(media) ? sdp::Direction::kRecvOnly : sdp::Direction::kInactive;
    if (clientSends(media)) {
      Track track = trackOf(media);
      auto encodings = encodingsOf(media, outcome.transport.extension_id);
      if (!encodings) return Unwanted(encodings.error());
      track.codecs = std::move(codecs);
      track.encodings = std::move(*encodings);
      answerSimulcast(track.encodings, answer);
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
  Publish publish{who, hints, local, fresh, *offer, {}, {}, {}};
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
  outcome.transport.reduced_rtcp = false;
  for (const sdp::Media& media : offer->media)
    if (auto done = publish.section(media); !done) return Unwanted(done.error());
  // RFC 9725 section 4.4.2: no ingest of a part, which would mislead who sends the whole.
  if (who.protocol == "whip" && !publish.refused.empty()) return sdpUnsupported(publish.refused);
  const bool wanted = std::ranges::any_of(
      offer->media, [](const sdp::Media& media) { return isUsed(media) && isRtp(media) && clientSends(media); });
  if (wanted && outcome.tracks.empty()) return sdpUnsupported(publish.refused);
  if (auto good = checkTagged(*offer, publish.answers); !good) return Unwanted(good.error());
  const std::vector<std::string> group = answeredGroup(*offer, publish.answers);
  outcome.answer = describe(std::move(publish.answers), outcome.session, local, offer->extmap_allow_mixed, group);
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
