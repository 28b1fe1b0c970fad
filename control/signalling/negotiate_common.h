// What publishing, subscribing and playing have in common: reading an offer, and saying who we are.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/signalling/negotiate.h"
#include "dataplane/contract/rows.h"

namespace penstock {

using Unwanted = std::unexpected<Refusal>;
Unwanted sdpInvalid(const std::string& message);
Unwanted sdpUnsupported(const std::string& message);

/// What an offer or answer says of the one transport that all of its sections share.
struct RemoteSide {
  std::string ice_ufrag;
  std::string fingerprint;
  sdp::Setup setup = sdp::Setup::kAbsent;
};

/// Is the section used at all? RFC 8843 section 6: port 0 with a=bundle-only is not a rejection.
inline bool isUsed(const sdp::Media& media) {
  return media.port != 0 || media.bundle_only;
}
inline bool isRtp(const sdp::Media& media) {
  return media.type == "audio" || media.type == "video";
}
inline Kind kindOf(const sdp::Media& media) {
  return media.type == "video" ? Kind::video : Kind::audio;
}
bool clientSends(const sdp::Media& media);
bool clientReceives(const sdp::Media& media);

/// Parses and checks all that does not depend on what went before: mids, bundle, rtcp-mux, ICE, DTLS.
Result<sdp::Session> readDescription(const std::string& text);
Result<RemoteSide> remoteSide(const sdp::Session& description);
/// RFC 3264 section 8: sections keep their place; only one that was out of use may become another.
Result<void> checkOrder(const sdp::Session& offer, const Session& session);

/// Starts, keeps or restarts the transport that an offer of the client is about. `handshake`: it is new.
struct TransportStep {
  Transport transport;
  Session session;
  bool handshake = false;
};
TransportStep stepTransport(const std::optional<Transport>& now, const Session& session, Purpose purpose,
                            const RemoteSide& remote, const LocalSide& local, Fresh& fresh);
Transport newTransport(Purpose purpose, const LocalSide& local, Fresh& fresh);
Session newSession(Fresh& fresh);
DtlsRole roleAgainst(sdp::Setup setup);

const char* uriOf(contract::Extension extension);
std::optional<contract::Extension> extensionOf(const std::string& uri);
/// May its values be longer than 16 bytes? They need two-byte headers, and packets without them one-byte headers: a
/// stream may have both only after a=extmap-allow-mixed (RFC 8285 section 4.1.2 and section 6).
bool isLong(contract::Extension extension);
using ExtensionIds = std::array<uint8_t, contract::kExtensionMax>;
/// Answers the extensions of a section: `allowed` by value of Extension. Adds to `ids`, which is per transport.
std::vector<sdp::Extmap> answerExtensions(const sdp::Media& offered, bool allow_mixed,
                                          const std::set<contract::Extension>& refused, bool client_sends,
                                          ExtensionIds& ids);

/// A section of ours without media in it yet: credentials, fingerprint, setup, default address.
sdp::Media ourSection(const std::string& type, const std::string& mid, const Transport& transport,
                      const LocalSide& local, sdp::Setup setup);
/// The answer to a section that we do not take.
sdp::Media rejectedSection(const sdp::Media& offered);
/// Session lines, BUNDLE group and candidates around the sections.
std::string describe(std::vector<sdp::Media> sections, const Session& session, const LocalSide& local,
                     bool allow_mixed);
std::vector<std::string> candidateLines(const LocalSide& local);
/// a=ssrc, a=ssrc-group and a=msid of a stream that we send.
void addStream(sdp::Media& section, const std::string& participant, const std::string& track, uint32_t ssrc,
               uint32_t rtx_ssrc);

const RemoteTrack* findRemote(const std::vector<RemoteTrack>& tracks, const std::string& track);
/// Two SSRCs that were never used on this transport.
std::pair<uint32_t, uint32_t> takeSsrcs(Session& session);

}  // namespace penstock
