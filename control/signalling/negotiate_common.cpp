#include "control/signalling/negotiate_common.h"

#include <algorithm>

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

Result<void> checkSection(const sdp::Media& media) {
  const std::string name = "The section of a=mid:" + media.mid + " ";
  if (!media.protocol.ends_with("RTP/SAVPF")) return sdpUnsupported(name + "is not of the protocol UDP/TLS/RTP/SAVPF.");
  // RFC 8858 section 3: we demultiplex always.
  if (!media.rtcp_mux) return sdpUnsupported(name + "lacks a=rtcp-mux, which the relay needs.");
  return {};
}

}  // namespace

Result<sdp::Session> readDescription(const std::string& text) {
  auto parsed = sdp::parse(text);
  if (!parsed) return sdpInvalid(parsed.error().text());
  if (parsed->media.empty()) return sdpInvalid("The SDP has no m= section.");
  std::set<std::string> mids;
  const sdp::Media* first = nullptr;
  for (const sdp::Media& media : parsed->media) {
    if (!isUsed(media) && media.mid.empty()) continue;  // rejected long ago: some peers then leave the mid out
    if (media.mid.empty()) return sdpInvalid("A section has no a=mid (RFC 8843 section 7.1).");
    if (media.mid.size() > contract::kMidMax) return sdpUnsupported("A mid is longer than 16 characters.");
    if (!mids.insert(media.mid).second) return sdpInvalid("Two sections have the same a=mid:" + media.mid + ".");
    if (!isUsed(media) || !isRtp(media)) continue;
    if (auto good = checkSection(media); !good) return Unwanted(good.error());
    if (!first) first = &media;
    const bool bundled = std::ranges::any_of(parsed->bundle, [&](const std::vector<std::string>& group) {
      return std::ranges::find(group, media.mid) != group.end() && std::ranges::find(group, first->mid) != group.end();
    });
    if (!bundled) return sdpUnsupported("All sections must be in one a=group:BUNDLE: the relay has one port.");
  }
  return std::move(*parsed);
}

Result<RemoteSide> remoteSide(const sdp::Session& description) {
  const sdp::Media* tagged = nullptr;
  for (const sdp::Media& media : description.media)
    if (!tagged && isUsed(media) && isRtp(media)) tagged = &media;
  // RFC 8843 section 7.1: of a bundle, the transport attributes of the first section count; a data channel may be it.
  if (!tagged)
    for (const sdp::Media& media : description.media)
      if (!tagged && isUsed(media)) tagged = &media;
  if (!tagged) return sdpUnsupported("No section is in use.");
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
