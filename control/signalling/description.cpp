// What our descriptions say of ourselves: credentials, candidates, header extensions, streams.
#include <algorithm>

#include "control/signalling/negotiate_common.h"

namespace penstock {

using contract::Extension;

const char* uriOf(Extension extension) {
  switch (extension) {
    case Extension::kMid:
      return "urn:ietf:params:rtp-hdrext:sdes:mid";
    case Extension::kRid:
      return "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
    case Extension::kRepairedRid:
      return "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
    case Extension::kAudioLevel:
      return "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
    case Extension::kAbsSendTime:
      return "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
    case Extension::kAbsCaptureTime:
      return "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";
    case Extension::kTransportCc:
      return "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
    case Extension::kDependencyDescriptor:
      return "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
    case Extension::kVideoOrientation:
      return "urn:3gpp:video-orientation";
    case Extension::kPlayoutDelay:
      return "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay";
    case Extension::kVideoContentType:
      return "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type";
    case Extension::kVideoTiming:
      return "http://www.webrtc.org/experiments/rtp-hdrext/video-timing";
    case Extension::kColorSpace:
      return "http://www.webrtc.org/experiments/rtp-hdrext/color-space";
    case Extension::kVideoLayersAllocation:
      return "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00";
    case Extension::kTransmissionOffset:
      return "urn:ietf:params:rtp-hdrext:toffset";
    case Extension::kCount:
      break;
  }
  return "";
}

std::optional<Extension> extensionOf(const std::string& uri) {
  for (uint8_t i = 0; i < static_cast<uint8_t>(Extension::kCount); ++i)
    if (uri == uriOf(static_cast<Extension>(i))) return static_cast<Extension>(i);
  return std::nullopt;
}

bool isLong(Extension extension) {
  return extension == Extension::kDependencyDescriptor || extension == Extension::kColorSpace;
}

std::vector<sdp::Extmap> answerExtensions(const sdp::Media& offered, bool allow_mixed,
                                          const std::set<Extension>& refused, bool client_sends, ExtensionIds& ids) {
  std::vector<sdp::Extmap> answered;
  for (const sdp::Extmap& each : offered.extmaps) {
    const auto known = extensionOf(each.uri);
    if (!known || refused.contains(*known)) continue;
    if (*known == Extension::kMid && offered.mid.empty()) continue;  // there is nothing to write into it
    // RFC 8285 section 4.2: 15 is reserved in one-byte headers; more than 14 needs two-byte headers, so
    // a=extmap-allow-mixed.
    if (each.id == 15 || each.id > (allow_mixed ? 255 : 14)) continue;
    if (!client_sends && !allow_mixed && isLong(*known)) continue;
    const sdp::Direction useless = client_sends ? sdp::Direction::kRecvOnly : sdp::Direction::kSendOnly;
    if (each.direction == useless || each.direction == sdp::Direction::kInactive) continue;
    uint8_t& id = ids[static_cast<size_t>(*known)];
    const bool taken =
        std::ranges::any_of(ids, [&](const uint8_t& other) { return &other != &id && other == each.id; });
    // RFC 8843 section 10.2: within a bundle an extension has one id. Who offers two gets the first only.
    if (taken || (id != 0 && id != each.id)) continue;
    if (std::ranges::find(answered, each.uri, &sdp::Extmap::uri) != answered.end()) continue;
    id = static_cast<uint8_t>(each.id);
    sdp::Extmap answer{each.id, std::nullopt, each.uri};
    if (each.direction == sdp::Direction::kSendOnly) answer.direction = sdp::Direction::kRecvOnly;
    if (each.direction == sdp::Direction::kRecvOnly) answer.direction = sdp::Direction::kSendOnly;
    answered.push_back(std::move(answer));
  }
  return answered;
}

namespace {

bool isIpv6(const std::string& ip) {
  return ip.find(':') != std::string::npos;
}

sdp::Fingerprint ourFingerprint(const LocalSide& local) {
  const size_t space = std::min(local.fingerprint.find(' '), local.fingerprint.size());
  return {local.fingerprint.substr(0, space), local.fingerprint.substr(std::min(space + 1, local.fingerprint.size()))};
}

}  // namespace

std::vector<std::string> candidateLines(const LocalSide& local) {
  std::vector<LocalSide::Place> places = local.places;
  // RFC 8421 section 4: IPv6 first among equals.
  std::ranges::stable_partition(places, [](const LocalSide::Place& place) { return isIpv6(place.ip); });
  std::vector<std::string> lines;
  uint32_t local_preference = 65'535;
  for (const LocalSide::Place& place : places) {
    // RFC 8445 section 5.1.2.1: 2^24 * type preference (host: 126) + 2^8 * local preference + 256 - component.
    const uint32_t priority = (126u << 24) + (local_preference-- << 8) + 255;
    lines.push_back(std::to_string(lines.size() + 1) + " 1 udp " + std::to_string(priority) + " " + place.ip + " " +
                    std::to_string(place.port) + " typ host");
  }
  // The order of lines means nothing but to FFmpeg, which takes the first, and may have no IPv6.
  const auto end6 = std::ranges::find_if_not(places, [](const LocalSide::Place& place) { return isIpv6(place.ip); });
  std::ranges::rotate(lines, lines.begin() + (end6 - places.begin()));
  return lines;
}

sdp::Media ourSection(const std::string& type, const std::string& mid, const Transport& transport,
                      const LocalSide& local, sdp::Setup setup) {
  sdp::Media media;
  media.type = type;
  media.mid = mid;
  media.rtcp_mux = media.rtcp_rsize = true;
  media.security.ice_ufrag = transport.ice_ufrag;
  media.security.ice_pwd = transport.ice_pwd;
  media.security.fingerprints = {ourFingerprint(local)};
  media.security.setup = setup;
  // RFC 8839 section 4.2.1.2: the default candidate. IPv4 is what a peer without IPv6 can at least name.
  for (const LocalSide::Place& place : local.places) {
    if (!media.connection.empty() && (isIpv6(place.ip) || !media.connection.starts_with("IN IP6"))) continue;
    media.connection = (isIpv6(place.ip) ? "IN IP6 " : "IN IP4 ") + place.ip;
    media.port = place.port;
  }
  return media;
}

sdp::Media rejectedSection(const sdp::Media& offered, const Transport& transport, const LocalSide& local) {
  sdp::Media media = ourSection(offered.type, offered.mid, transport, local, setupOf(transport));
  media.port = 0;
  media.connection.clear();
  media.protocol = offered.protocol;
  if (!offered.formats_text.empty()) media.formats_text = {offered.formats_text.front()};
  return media;
}

sdp::Media dataSection(const sdp::Media& offered, const Transport& transport, const LocalSide& local) {
  sdp::Media media = ourSection(offered.type, offered.mid, transport, local, setupOf(transport));
  media.protocol = offered.protocol;
  media.formats_text = offered.formats_text;
  media.sctp_port = offered.sctp_port;
  media.rtcp_mux = media.rtcp_rsize = false;
  return media;
}

void addStream(sdp::Media& section, const std::string& participant, const std::string& track, uint32_t ssrc,
               uint32_t rtx_ssrc) {
  section.msid_stream = participant;
  section.msid_track = track;
  const std::string msid = participant + " " + track;
  section.ssrcs.push_back({ssrc, participant, msid});
  if (rtx_ssrc == 0) return;
  section.ssrcs.push_back({rtx_ssrc, participant, msid});
  section.ssrc_groups.push_back({"FID", {ssrc, rtx_ssrc}});
}

std::string describe(std::vector<sdp::Media> sections, const Session& session, const LocalSide& local, bool allow_mixed,
                     const std::vector<std::string>& group) {
  sdp::Session description;
  description.id = session.id;
  description.version = session.version;
  description.ice_lite = true;  // RFC 8445 section 2.5: we have public addresses only, and answer checks
  description.extmap_allow_mixed = allow_mixed;
  // RFC 8843 section 7.1.3: candidates belong to the tagged section.
  const auto tagged = std::ranges::find_if(sections, [&](const sdp::Media& media) {
    return isUsed(media) && (group.empty() || media.mid == group.front());
  });
  if (tagged != sections.end()) {
    tagged->candidates = candidateLines(local);
    tagged->end_of_candidates = true;
  }
  if (!group.empty()) description.bundle.push_back(group);
  description.media = std::move(sections);
  return sdp::write(description);
}

}  // namespace penstock
