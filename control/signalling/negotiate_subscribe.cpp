// We offer what the client subscribes to; it answers what it takes.
#include <algorithm>
#include <map>
#include <string_view>

#include "control/room/codec.h"
#include "control/signalling/codecs.h"
#include "control/signalling/negotiate_common.h"

namespace penstock {
namespace {

using contract::Extension;

/// Extensions of an offer of ours, each with its value + 1 as id. Left out: those about simulcast between publisher and
/// relay, and the transmission offset, whose id would be 15, which one-byte headers reserve (RFC 8285 section 4.2).
constexpr Extension kAudioExtensions[] = {Extension::kMid, Extension::kAudioLevel, Extension::kAbsSendTime,
                                          Extension::kAbsCaptureTime, Extension::kTransportCc};
constexpr Extension kVideoExtensions[] = {
    Extension::kMid,          Extension::kAbsSendTime,          Extension::kAbsCaptureTime,
    Extension::kTransportCc,  Extension::kDependencyDescriptor, Extension::kVideoOrientation,
    Extension::kPlayoutDelay, Extension::kVideoContentType,     Extension::kVideoTiming,
    Extension::kColorSpace};

constexpr uint16_t offeredId(Extension extension) {
  return static_cast<uint16_t>(static_cast<uint16_t>(extension) + 1);
}
// Firefox refuses a whole description in which an id is 15.
constexpr uint16_t kOneByteIdMax = 14;
static_assert(offeredId(std::ranges::max(kAudioExtensions, {}, offeredId)) <= kOneByteIdMax);
static_assert(offeredId(std::ranges::max(kVideoExtensions, {}, offeredId)) <= kOneByteIdMax);

std::vector<sdp::Extmap> offeredExtensions(Kind kind) {
  std::vector<sdp::Extmap> offered;
  const auto add = [&](Extension extension) {
    offered.push_back({offeredId(extension), std::nullopt, uriOf(extension)});
  };
  if (kind == Kind::audio)
    for (const Extension each : kAudioExtensions) add(each);
  else
    for (const Extension each : kVideoExtensions) add(each);
  return offered;
}

/// An inactive section still needs a codec to be a valid m= line; one that every peer has.
std::vector<Codec> placeholder(Kind kind) {
  const Codec any = kind == Kind::audio ? Codec{.name = "opus", .clock_rate_hz = 48000, .channels = 2}
                                        : Codec{.name = "VP8", .clock_rate_hz = 90000};
  return {*canonicalCodec(any)};
}

struct Offer {
  const Participant& who;
  const std::vector<RemoteTrack>& tracks;
  const LocalSide& local;
  OfferOutcome outcome;

  Subscription* subscriptionOf(const std::string& mid) {
    const auto found = std::ranges::find(outcome.subscriptions, mid, &Subscription::mid);
    return found == outcome.subscriptions.end() ? nullptr : &*found;
  }

  /// Gives every subscription without a section one: a free one of its kind, or a new one.
  void assign() {
    std::vector<MediaSection>& sections = outcome.session.sections;
    std::vector<std::string> free;  // inactive since the last round: the client has let go of what was in them
    for (const MediaSection& section : sections)
      if (section.track.empty()) free.push_back(section.mid);
    std::map<std::string_view, const Subscription*> current;
    for (const Subscription& subscription : outcome.subscriptions) current[subscription.mid] = &subscription;
    bool let_go = false;
    for (MediaSection& section : sections) {
      const auto found = current.find(section.mid);
      if (section.track.empty() || (found != current.end() && found->second->track == section.track)) continue;
      section.track.clear();
      let_go = true;
    }
    for (auto& [subscription, kind] : waiting()) {
      auto place = std::ranges::find_if(sections, [&](const MediaSection& section) {
        return section.kind == kind && section.track.empty() && std::ranges::find(free, section.mid) != free.end();
      });
      if (place == sections.end() && sections.size() == sdp::kMediaMax) {
        outcome.again = let_go;
        continue;
      }
      if (place == sections.end())
        place = sections.insert(sections.end(), {.mid = std::to_string(sections.size()), .kind = kind});
      place->track = subscription->track;
      subscription->mid = place->mid;
      // A new stream, whatever the section carried before: an SSRC is used once under its key (RFC 3711 section 9.1).
      const auto [ssrc, rtx_ssrc] = takeSsrcs(outcome.session);
      subscription->ssrc = ssrc;
      subscription->rtx_ssrc = kind == Kind::video ? rtx_ssrc : 0;
      subscription->active = subscription->undecodable = false;
    }
  }

  /// Subscriptions that have no section. Where there are not enough for all, sounds come first.
  std::vector<std::pair<Subscription*, Kind>> waiting() {
    std::vector<std::pair<Subscription*, Kind>> all;
    for (Subscription& subscription : outcome.subscriptions) {
      const RemoteTrack* remote = subscription.mid.empty() ? findRemote(tracks, subscription.track) : nullptr;
      if (remote && !canonicalCodecs(remote->track->codecs).empty())
        all.push_back({&subscription, remote->track->kind});
    }
    if (outcome.session.sections.size() + all.size() > sdp::kMediaMax)
      std::ranges::stable_partition(all, [](const auto& each) { return each.second == Kind::audio; });
    return all;
  }

  sdp::Media section(const MediaSection& from) {
    sdp::Media media = ourSection(from.kind == Kind::audio ? "audio" : "video", from.mid, outcome.transport, local,
                                  sdp::Setup::kActpass);
    media.extmaps = offeredExtensions(from.kind);
    const Subscription* subscription = from.track.empty() ? nullptr : subscriptionOf(from.mid);
    const RemoteTrack* remote = subscription ? findRemote(tracks, subscription->track) : nullptr;
    if (!remote) {
      media.direction = sdp::Direction::kInactive;
      media.formats = formatsOf(placeholder(from.kind));
      return media;
    }
    media.direction = sdp::Direction::kSendOnly;
    media.formats = formatsOf(canonicalCodecs(remote->track->codecs));
    addStream(media, remote->participant, remote->track->id, subscription->ssrc, subscription->rtx_ssrc);
    return media;
  }
};

}  // namespace

OfferOutcome makeOffer(const Participant& who, const std::vector<RemoteTrack>& tracks, bool restart_ice,
                       const LocalSide& local, Fresh& fresh) {
  Offer offer{who, tracks, local, {}};
  OfferOutcome& outcome = offer.outcome;
  const bool first = !who.subscribe_transport;
  outcome.transport = first ? newTransport(Purpose::subscribe, local, fresh) : *who.subscribe_transport;
  outcome.session = first ? newSession(fresh) : who.subscribe_session;
  outcome.session.version = who.subscribe_session.version + 1;
  outcome.subscriptions = who.subscriptions;
  if (!first && restart_ice) {
    outcome.transport.ice_ufrag = fresh.credential(8);
    outcome.transport.ice_pwd = fresh.credential(24);
  }
  offer.assign();
  std::vector<sdp::Media> sections;
  std::vector<std::string> group;
  for (const MediaSection& section : outcome.session.sections) {
    sections.push_back(offer.section(section));
    group.push_back(section.mid);
  }
  outcome.offer = describe(std::move(sections), outcome.session, local, true, group);
  return std::move(outcome);
}

namespace {

/// What the client takes of one section.
void acceptSection(const sdp::Media& media, const RemoteTrack* remote, Subscription& subscription) {
  subscription.active = subscription.undecodable = false;
  subscription.codecs.clear();
  // RFC 8829 section 5.3.1: who has none of the codecs rejects the section.
  if (remote && !isUsed(media)) subscription.undecodable = true;
  if (!remote || !isUsed(media) || !clientReceives(media)) return;
  subscription.codecs =
      commonCodecs(supportedCodecs(media, remote->track->kind, kSubscribeFeedback), remote->track->codecs);
  subscription.active = !subscription.codecs.empty();
  subscription.undecodable = !subscription.active;
  const bool rtx =
      std::ranges::any_of(subscription.codecs, [](const Codec& codec) { return codec.rtx_payload_type.has_value(); });
  if (!rtx) subscription.rtx_ssrc = 0;
}

/// Extension ids that the client accepted: only what we offered counts, with the id that we offered it with.
void acceptExtensions(const sdp::Media& media, bool allow_mixed, ExtensionIds& ids) {
  const std::vector<sdp::Extmap> offered = offeredExtensions(kindOf(media));
  for (const sdp::Extmap& extmap : media.extmaps) {
    const auto known = extensionOf(extmap.uri);
    const bool ours = std::ranges::any_of(
        offered, [&](const sdp::Extmap& each) { return each.uri == extmap.uri && each.id == extmap.id; });
    if (!known || !ours || extmap.direction == sdp::Direction::kInactive) continue;
    if (isLong(*known) && !allow_mixed) continue;
    ids[static_cast<size_t>(*known)] = static_cast<uint8_t>(extmap.id);
  }
}

Result<void> checkAnswer(const sdp::Session& answer, const Session& session) {
  // RFC 3264 section 6: the answer has as many sections as the offer, in its order.
  if (answer.media.size() != session.sections.size())
    return sdpInvalid("The answer has another number of sections than the offer.");
  for (size_t i = 0; i < session.sections.size(); ++i) {
    if (!isUsed(answer.media[i]) && answer.media[i].mid.empty()) continue;
    if (answer.media[i].mid != session.sections[i].mid || kindOf(answer.media[i]) != session.sections[i].kind)
      return sdpInvalid("Section " + std::to_string(i + 1) + " of the answer is not that of the offer.");
  }
  return {};
}

}  // namespace

Result<AnswerOutcome> acceptAnswer(const Participant& who, const std::vector<RemoteTrack>& tracks,
                                   const std::string& text) {
  auto answer = readDescription(text, who.subscribe_session.sections.size());
  if (!answer) return Unwanted(answer.error());
  if (auto good = checkAnswer(*answer, who.subscribe_session); !good) return Unwanted(good.error());
  AnswerOutcome outcome;
  outcome.transport = *who.subscribe_transport;
  outcome.session = who.subscribe_session;
  outcome.subscriptions = who.subscriptions;

  if (answer->tagged) {
    const auto remote = remoteSide(*answer);
    if (!remote) return Unwanted(remote.error());
    if (remote->setup == sdp::Setup::kActpass)
      return sdpInvalid("An answer cannot say a=setup:actpass (RFC 5763 section 5).");
    const std::string& before = outcome.transport.remote_fingerprint;
    outcome.transport_stale = !before.empty() && before != remote->fingerprint;
    outcome.handshake = before.empty();
    if (outcome.handshake) {
      outcome.transport.remote_fingerprint = remote->fingerprint;
      outcome.transport.dtls_role = roleAgainst(remote->setup);
    }
    outcome.session.remote_ufrag = remote->ice_ufrag;
  }
  outcome.transport.extension_id = {};
  for (size_t i = 0; i < answer->media.size(); ++i) {
    const sdp::Media& media = answer->media[i];
    if (isUsed(media)) acceptExtensions(media, answer->extmap_allow_mixed, outcome.transport.extension_id);
    const auto subscription =
        std::ranges::find(outcome.subscriptions, outcome.session.sections[i].mid, &Subscription::mid);
    // Dropped between offer and answer: the section stays marked, and the next offer makes it inactive.
    if (subscription == outcome.subscriptions.end() || subscription->track != outcome.session.sections[i].track)
      continue;
    acceptSection(media, findRemote(tracks, subscription->track), *subscription);
  }
  return outcome;
}

}  // namespace penstock
