#include "control/signalling/negotiate_common.h"

#include <algorithm>
#include <map>

#include "control/signalling/codecs.h"
#include "dataplane/contract/limits.h"

namespace penstock {

Unwanted sdpInvalid(const std::string& message) {
  return Unwanted(Refusal{400, "sdp_invalid", message});
}
Unwanted sdpUnsupported(const std::string& message) {
  return Unwanted(Refusal{422, "sdp_unsupported", message});
}

bool clientSends(const sdp::Media& media) {
  return media.direction == sdp::Direction::kSendRecv || media.direction == sdp::Direction::kSendOnly;
}

bool clientReceives(const sdp::Media& media) {
  return media.direction == sdp::Direction::kSendRecv || media.direction == sdp::Direction::kRecvOnly;
}

namespace {

std::string nameOf(const sdp::Media& media) {
  return media.mid.empty() ? "The section without a=mid" : "The section of a=mid:" + media.mid;
}

/// Every section in use has a mid of its own, unless it is alone.
Result<void> checkMids(const sdp::Session& description) {
  const auto used = std::ranges::count_if(description.media, isUsed);
  std::set<std::string_view> mids;
  for (const sdp::Media& media : description.media) {
    if (media.mid.empty()) {  // some leave it out of sections that were rejected long ago
      if (isUsed(media) && used > 1) return sdpInvalid("A section has no a=mid (RFC 8843 section 7.1).");
      continue;
    }
    if (media.mid.size() > contract::kMidMax) return sdpUnsupported("A mid is longer than 16 characters.");
    if (!mids.insert(media.mid).second) return sdpInvalid("Two sections have the same a=mid:" + media.mid + ".");
  }
  return {};
}

/// Fills group and tagged. The first a=group:BUNDLE with a section in use is the one that counts.
void readBundle(Description& description) {
  std::map<std::string_view, size_t> used;
  for (size_t i = 0; i < description.media.size(); ++i)
    if (isUsed(description.media[i])) used.emplace(description.media[i].mid, i);
  // RFC 8843 section 7.1: the first of the group is the tagged one, and never bundle-only; who errs is understood.
  const auto tag = [&](size_t index) {
    const bool better = description.tagged && description.media[*description.tagged].port == 0;
    if (!description.tagged || (better && description.media[index].port != 0)) description.tagged = index;
  };
  for (const std::vector<std::string>& mids : description.bundle) {
    for (const std::string& mid : mids) {
      const auto found = used.find(mid);
      if (found == used.end()) continue;
      tag(found->second);
      description.group.push_back(mid);
      used.erase(found);  // named twice, it counts once
    }
    if (description.tagged) break;
  }
  if (description.tagged) {
    const auto first = std::ranges::find(description.group, description.media[*description.tagged].mid);
    std::rotate(description.group.begin(), first, first + 1);
  } else if (used.size() == 1) {
    description.tagged = used.begin()->second;
  }
}

}  // namespace

Result<Description> readDescription(const std::string& text, size_t answered_sections) {
  auto parsed = sdp::parse(text, answered_sections);
  if (!parsed) return sdpInvalid(parsed.error().text());
  if (parsed->media.empty()) return sdpInvalid("The SDP has no m= section.");
  if (auto good = checkMids(*parsed); !good) return Unwanted(good.error());
  Description description{std::move(*parsed), {}, {}};
  readBundle(description);
  const std::set<std::string_view> bundled(description.group.begin(), description.group.end());
  for (const sdp::Media& media : description.media) {
    if (!isUsed(media) || !isRtp(media) || description.isTagged(media) || bundled.contains(media.mid)) continue;
    return sdpUnsupported("All sections must be in one a=group:BUNDLE: the relay has one port.");
  }
  // RFC 8858 section 3: we demultiplex always. Other sections have what the tagged one has (RFC 8843 section 7.1.3).
  if (description.tagged) {
    const sdp::Media& tagged = description.media[*description.tagged];
    if (isRtp(tagged) && !tagged.rtcp_mux)
      return sdpUnsupported(nameOf(tagged) + " lacks a=rtcp-mux, which the relay needs.");
  }
  return description;
}

std::string refusalOf(const sdp::Media& media) {
  if (!isRtp(media)) return nameOf(media) + " is neither audio nor video: m=" + media.type + ".";
  if (!sdp::isRtpProfile(media.protocol)) return nameOf(media) + " is of a protocol that is not known.";
  return nameOf(media) + " offers none of the codecs that are forwarded: " + forwardedCodecs(kindOf(media)) + ".";
}

Result<void> checkTagged(const Description& offer, const std::vector<sdp::Media>& answers) {
  if (!offer.tagged || isUsed(answers[*offer.tagged]) || std::ranges::none_of(answers, isUsed)) return {};
  return sdpUnsupported(refusalOf(offer.media[*offer.tagged]) +
                        " It cannot be refused alone, being the bundle's tagged one (RFC 8843 section 7.3.3).");
}

std::vector<std::string> answeredGroup(const Description& offer, const std::vector<sdp::Media>& answers) {
  std::set<std::string_view> used;
  for (const sdp::Media& media : answers)
    if (isUsed(media)) used.insert(media.mid);
  std::vector<std::string> group = offer.group;
  std::erase_if(group, [&](const std::string& mid) { return !used.contains(mid); });
  return group;
}

Result<RemoteSide> remoteSide(const Description& description) {
  if (!description.tagged) return sdpUnsupported("No section is in use.");
  const sdp::Media* tagged = &description.media[*description.tagged];
  const sdp::Security& security = tagged->security;
  if (security.ice_ufrag.empty() || security.ice_pwd.empty()) return sdpInvalid("a=ice-ufrag or a=ice-pwd is missing.");
  if (security.fingerprints.empty()) return sdpInvalid("a=fingerprint is missing: media is DTLS-SRTP only (RFC 8827).");
  if (security.setup == sdp::Setup::kHoldconn) return sdpUnsupported("a=setup:holdconn is not supported.");
  for (const char* hash : {"sha-256", "sha-384", "sha-512"}) {
    const auto found = std::ranges::find(security.fingerprints, hash, &sdp::Fingerprint::hash);
    if (found == security.fingerprints.end()) continue;
    const size_t bytes = (found->value.size() + 1) / 3;
    if (bytes != static_cast<size_t>(std::atoi(hash + 4)) / 8)
      return sdpInvalid("a=fingerprint has the wrong length for its hash.");
    return RemoteSide{security.ice_ufrag, found->hash + " " + found->value, security.setup};
  }
  return sdpUnsupported("a=fingerprint has none of sha-256, sha-384, sha-512.");
}

Result<void> checkOrder(const sdp::Session& offer, const Session& session) {
  if (offer.media.size() < session.sections.size())
    return sdpInvalid("The offer has fewer sections than the one before (RFC 3264 section 8).");
  for (size_t i = 0; i < session.sections.size(); ++i) {
    const MediaSection& before = session.sections[i];
    if (before.track.empty() || before.mid == offer.media[i].mid) continue;
    // RFC 8829 section 5.2.2: a rejected section may be replaced; so its track is over.
    if (!isUsed(offer.media[i])) continue;
    return sdpInvalid("Section " + std::to_string(i + 1) + " had a=mid:" + before.mid +
                      " before (RFC 3264 section 8).");
  }
  return {};
}

DtlsRole roleAgainst(sdp::Setup setup) {
  // RFC 5763 section 5: to actpass the answerer may be either; being passive, we wait for a client that is behind NAT.
  return setup == sdp::Setup::kPassive ? DtlsRole::client : DtlsRole::server;
}

sdp::Setup setupOf(const Transport& transport) {
  return transport.dtls_role == DtlsRole::server ? sdp::Setup::kPassive : sdp::Setup::kActive;
}

Transport newTransport(Purpose purpose, const LocalSide& local, Fresh& fresh) {
  Transport transport;
  transport.id = fresh.id("x_");
  transport.purpose = purpose;
  transport.ice_ufrag = fresh.credential(8);
  transport.ice_pwd = fresh.credential(24);
  transport.rtcp_ssrc = fresh.ssrc();
  transport.receive_bitrate_max_bps = purpose == Purpose::publish ? local.receive_bitrate_max_bps : 0;
  return transport;
}

Session newSession(Fresh& fresh) {
  Session session;
  session.id = fresh.sessionId();
  session.next_ssrc = fresh.ssrc();
  return session;
}

TransportStep stepTransport(const std::optional<Transport>& now, const Session& session, Purpose purpose,
                            const RemoteSide& remote, const LocalSide& local, Fresh& fresh) {
  TransportStep step;
  // Another certificate is another connection of the client, and another DTLS association (RFC 8842 section 5.1).
  step.handshake = !now || now->remote_fingerprint != remote.fingerprint;
  if (step.handshake) {
    step.transport = newTransport(purpose, local, fresh);
    step.session = newSession(fresh);
    step.transport.remote_fingerprint = remote.fingerprint;
    step.transport.dtls_role = roleAgainst(remote.setup);
  } else {
    step.transport = *now;
    step.session = session;
    if (session.remote_ufrag != remote.ice_ufrag) {  // RFC 8839 section 4.4.1.1.1: ICE restart, answered with one
      step.transport.ice_ufrag = fresh.credential(8);
      step.transport.ice_pwd = fresh.credential(24);
    }
  }
  step.session.remote_ufrag = remote.ice_ufrag;
  ++step.session.version;
  return step;
}

const RemoteTrack* findRemote(const std::vector<RemoteTrack>& tracks, const std::string& track) {
  const auto found = std::ranges::find_if(tracks, [&](const RemoteTrack& each) { return each.track->id == track; });
  return found == tracks.end() ? nullptr : &*found;
}

std::pair<uint32_t, uint32_t> takeSsrcs(Session& session) {
  const uint32_t first = session.next_ssrc;
  session.next_ssrc += 2;
  return {first, first + 1};
}

}  // namespace penstock
