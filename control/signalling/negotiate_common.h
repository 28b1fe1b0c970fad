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

/// What a client says, and which of its sections are on the one transport (RFC 8843).
struct Description : sdp::Session {
  /// Mids of its a=group:BUNDLE that are in use, the tagged one first. Empty: a single section needs no group.
  std::vector<std::string> group;
  /// The tagged section, whose transport attributes are those of all (RFC 8843 section 7.1.3); none: none is in use.
  std::optional<size_t> tagged;

  bool isTagged(const sdp::Media& section) const { return tagged && &section == &media[*tagged]; }
};

/// Parses and checks all that does not depend on what went before: mids, bundle, rtcp-mux.
Result<Description> readDescription(const std::string& text, size_t answered_sections = 0);
Result<RemoteSide> remoteSide(const Description& description);
/// Why we do not take a section of media that is in use, as a sentence.
std::string refusalOf(const sdp::Media& media);
/// A data channel in use. The relay forwards none: what comes on it is not answered. One that the bundle stands on is
/// kept, as it cannot be refused alone; another is refused, which leaves the media whole.
inline bool isData(const sdp::Media& media) {
  return isUsed(media) && media.type == "application" && sdp::isDataProfile(media.protocol);
}
/// RFC 8843 section 7.3.3: the tagged section is refused only with all others of its bundle.
Result<void> checkTagged(const Description& offer, const std::vector<sdp::Media>& answers);
/// Mids of the answer's group: those of the offer's that are in use in the answer.
std::vector<std::string> answeredGroup(const Description& offer, const std::vector<sdp::Media>& answers);
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
/// a=setup of our answer.
sdp::Setup setupOf(const Transport& transport);

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
sdp::Media rejectedSection(const sdp::Media& offered, const Transport& transport, const LocalSide& local);
/// The answer to a data channel that is kept.
sdp::Media dataSection(const sdp::Media& offered, const Transport& transport, const LocalSide& local);
/// Session lines, BUNDLE group and candidates around the sections. An empty group: none is written.
std::string describe(std::vector<sdp::Media> sections, const Session& session, const LocalSide& local, bool allow_mixed,
                     const std::vector<std::string>& group);
std::vector<std::string> candidateLines(const LocalSide& local);
/// a=ssrc, a=ssrc-group and a=msid of a stream that we send.
void addStream(sdp::Media& section, const std::string& participant, const std::string& track, uint32_t ssrc,
               uint32_t rtx_ssrc);

const RemoteTrack* findRemote(const std::vector<RemoteTrack>& tracks, const std::string& track);
/// Two SSRCs that were never used on this transport.
std::pair<uint32_t, uint32_t> takeSsrcs(Session& session);

}  // namespace penstock
