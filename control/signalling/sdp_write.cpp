// Writing SDP, in the order of RFC 8866 section 5 with CRLF.
#include "control/signalling/sdp.h"

namespace penstock::sdp {
namespace {

class Lines {
 public:
  template <class... Parts>
  void add(const Parts&... parts) {
    (append(parts), ...);
    text_ += "\r\n";
  }
  std::string take() { return std::move(text_); }

 private:
  void append(std::string_view part) { text_ += part; }
  void append(const std::string& part) { text_ += part; }
  void append(const char* part) { text_ += part; }
  void append(uint64_t part) { text_ += std::to_string(part); }

  std::string text_;
};

void writeSecurity(Lines& out, const Security& security) {
  if (!security.ice_ufrag.empty()) out.add("a=ice-ufrag:", security.ice_ufrag);
  if (!security.ice_pwd.empty()) out.add("a=ice-pwd:", security.ice_pwd);
  if (!security.ice_options.empty()) out.add("a=ice-options:", security.ice_options);
  for (const Fingerprint& each : security.fingerprints) out.add("a=fingerprint:", each.hash, " ", each.value);
  if (security.setup != Setup::kAbsent) out.add("a=setup:", text(security.setup));
}

void writeFormat(Lines& out, const Format& format) {
  const uint64_t payload_type = format.payload_type;
  const std::string channels = format.channels == 0 ? "" : "/" + std::to_string(format.channels);
  if (!format.name.empty())
    out.add("a=rtpmap:", payload_type, " ", format.name, "/", uint64_t{format.clock_rate_hz}, channels);
  for (const std::string& feedback : format.feedback) out.add("a=rtcp-fb:", payload_type, " ", feedback);
  if (!format.fmtp.empty()) out.add("a=fmtp:", payload_type, " ", format.fmtp);
}

void writeStreams(Lines& out, const Media& media) {
  if (!media.msid_stream.empty()) out.add("a=msid:", media.msid_stream, " ", media.msid_track);
  for (const SsrcGroup& group : media.ssrc_groups) {
    std::string ssrcs;
    for (const uint32_t ssrc : group.ssrcs) ssrcs += " " + std::to_string(ssrc);
    out.add("a=ssrc-group:", group.semantics, ssrcs);
  }
  for (const Ssrc& ssrc : media.ssrcs) {
    if (!ssrc.cname.empty()) out.add("a=ssrc:", uint64_t{ssrc.ssrc}, " cname:", ssrc.cname);
    if (!ssrc.msid.empty()) out.add("a=ssrc:", uint64_t{ssrc.ssrc}, " msid:", ssrc.msid);
  }
  for (const Rid& rid : media.rids) out.add("a=rid:", rid.id, rid.send ? " send" : " recv");
  if (!media.simulcast.empty()) out.add("a=simulcast:", media.simulcast);
}

void writeMedia(Lines& out, const Media& media) {
  std::string formats;
  for (const Format& format : media.formats) formats += " " + std::to_string(format.payload_type);
  if (formats.empty())
    for (const std::string& each : media.formats_text) formats += " " + each;
  if (formats.empty()) formats = " 0";  // RFC 8866 section 9: one at least
  out.add("m=", media.type, " ", uint64_t{media.port}, " ", media.protocol, formats);
  out.add("c=", media.connection.empty() ? "IN IP4 0.0.0.0" : media.connection);
  if (!media.mid.empty()) out.add("a=mid:", media.mid);
  // RFC 3264 section 6: of a rejected section, port 0, the rest means nothing. GStreamer reads the transport all the
  // same, and gives up the whole session where it is missing.
  if (media.port == 0 && !media.bundle_only) {
    out.add("a=inactive");
    return writeSecurity(out, media.security);
  }
  if (!isDataProfile(media.protocol)) out.add("a=", text(media.direction));
  if (media.bundle_only) out.add("a=bundle-only");
  writeSecurity(out, media.security);
  if (media.rtcp_mux) out.add("a=rtcp-mux");
  if (media.rtcp_rsize) out.add("a=rtcp-rsize");
  for (const Extmap& extmap : media.extmaps) {
    const std::string way = extmap.direction ? std::string("/") + text(*extmap.direction) : std::string();
    out.add("a=extmap:", uint64_t{extmap.id}, way, " ", extmap.uri);
  }
  for (const Format& format : media.formats) writeFormat(out, format);
  writeStreams(out, media);
  for (const std::string& candidate : media.candidates) out.add("a=candidate:", candidate);
  if (media.sctp_port) out.add("a=sctp-port:", uint64_t{*media.sctp_port});
  if (media.end_of_candidates) out.add("a=end-of-candidates");
}

}  // namespace

std::string write(const Session& session) {
  Lines out;
  out.add("v=0");
  out.add("o=- ", session.id, " ", session.version, " IN IP4 0.0.0.0");
  out.add("s=-");
  out.add("t=0 0");
  for (const auto& group : session.bundle) {
    std::string mids;
    for (const std::string& mid : group) mids += " " + mid;
    out.add("a=group:BUNDLE", mids);
  }
  if (session.ice_lite) out.add("a=ice-lite");
  if (session.extmap_allow_mixed) out.add("a=extmap-allow-mixed");
  writeSecurity(out, session.security);
  for (const Media& media : session.media) writeMedia(out, media);
  return out.take();
}

std::string Error::text() const {
  return line == 0 ? "SDP: " + message + "." : "SDP line " + std::to_string(line) + ": " + message + ".";
}

const char* text(Direction direction) {
  switch (direction) {
    case Direction::kSendRecv:
      return "sendrecv";
    case Direction::kSendOnly:
      return "sendonly";
    case Direction::kRecvOnly:
      return "recvonly";
    case Direction::kInactive:
      break;
  }
  return "inactive";
}

const char* text(Setup setup) {
  switch (setup) {
    case Setup::kActive:
      return "active";
    case Setup::kPassive:
      return "passive";
    case Setup::kHoldconn:
      return "holdconn";
    case Setup::kActpass:
    case Setup::kAbsent:
      break;
  }
  return "actpass";
}

}  // namespace penstock::sdp
