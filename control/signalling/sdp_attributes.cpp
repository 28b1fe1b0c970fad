// See sdp_attributes.h. Tolerant of what it does not know, strict about what the relay uses.
#include "control/signalling/sdp_attributes.h"

namespace penstock::sdp {

constexpr size_t kFeedbackBytesMax = 64;

/// RFC 8866 section 9: token-char.
bool isToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return c > 0x20 && c < 0x7f && !std::string_view("\"(),/:;<=>?@[\\]").contains(static_cast<char>(c));
  });
}

namespace {

/// RFC 8839 section 5.4: ice-char.
bool isIce(std::string_view text, size_t min) {
  return text.size() >= min && text.size() <= 256 && std::ranges::all_of(text, [](unsigned char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '/' ||
                  c == '-' || c == '_' || c == '=';  // '-', '_' and '=' are not in the RFC, but are sent
         });
}

std::string changeCase(std::string_view text, bool upper) {
  std::string out(text);
  for (char& c : out) {
    if (upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (!upper && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace

std::optional<Direction> readDirection(std::string_view name) {
  if (name == "sendrecv") return Direction::kSendRecv;
  if (name == "sendonly") return Direction::kSendOnly;
  if (name == "recvonly") return Direction::kRecvOnly;
  if (name == "inactive") return Direction::kInactive;
  return std::nullopt;
}

Done readSecurity(const Attribute& attribute, Security& to) {
  const auto& [name, value] = attribute;
  if (name == "ice-ufrag") {
    if (!isIce(value, 4)) return Refused("a=ice-ufrag has 4 to 256 letters, digits, + or / (RFC 8839 section 5.4)");
    to.ice_ufrag = value;
  } else if (name == "ice-pwd") {
    if (!isIce(value, 22)) return Refused("a=ice-pwd has 22 to 256 letters, digits, + or / (RFC 8839 section 5.4)");
    to.ice_pwd = value;
  } else if (name == "ice-options") {
    to.ice_options = value;
  } else if (name == "fingerprint") {
    Words words(value);
    Fingerprint fingerprint{changeCase(words.next(), false), changeCase(words.next(), true)};
    const bool hex = fingerprint.value.find_first_not_of("0123456789ABCDEF:") == std::string::npos;
    if (!isToken(fingerprint.hash) || fingerprint.value.empty() || fingerprint.value.size() > 200 || !hex)
      return Refused("a=fingerprint is not a hash name and bytes in hexadecimal (RFC 8122 section 5)");
    if (to.fingerprints.size() >= 16) return Refused("more than 16 fingerprints");
    to.fingerprints.push_back(std::move(fingerprint));
  } else if (name == "setup") {
    if (value == "actpass")
      to.setup = Setup::kActpass;
    else if (value == "active")
      to.setup = Setup::kActive;
    else if (value == "passive")
      to.setup = Setup::kPassive;
    else if (value == "holdconn")
      to.setup = Setup::kHoldconn;
    else
      return Refused("a=setup is none of actpass, active, passive, holdconn (RFC 4145 section 4)");
  }
  return {};
}

Format* findFormat(Media& media, std::string_view payload_type) {
  const auto wanted = number<uint8_t>(payload_type);
  if (!wanted) return nullptr;
  const auto found = std::ranges::find(media.formats, *wanted, &Format::payload_type);
  return found == media.formats.end() ? nullptr : &*found;
}

namespace {

Done rtpmap(std::string_view value, Media& media) {
  Words words(value);
  Format* format = findFormat(media, words.next());
  if (!format) return {};  // of a payload type that the m= line does not name: of no meaning
  Words parts(words.next(), '/');
  format->name = parts.next();
  const auto clock = number<uint32_t>(parts.next());
  const std::string_view channels = parts.next();
  const auto channel_count = number<uint8_t>(channels).value_or(0);
  if (!isToken(format->name) || !clock || *clock == 0 || (!channels.empty() && channel_count == 0))
    return Refused("a=rtpmap is not name/clock rate[/channels] (RFC 8866 section 6.6)");
  format->clock_rate_hz = *clock;
  format->channels = channel_count;
  return {};
}

Done fmtp(std::string_view value, Media& media) {
  Words words(value);
  Format* format = findFormat(media, words.next());
  if (!format) return {};
  if (words.rest().size() > kFmtpBytesMax) return Refused("a=fmtp has more than 512 bytes of parameters");
  format->fmtp = words.rest();
  return {};
}

Done rtcpFb(std::string_view value, Media& media) {
  Words words(value);
  const std::string_view payload_type = words.next();
  const std::string feedback(words.rest());
  if (feedback.size() > kFeedbackBytesMax) return {};  // none that anybody knows
  if (feedback.empty()) return Refused("a=rtcp-fb names no feedback (RFC 4585 section 4.2)");
  for (Format& format : media.formats) {
    if (payload_type != "*" && number<uint8_t>(payload_type) != format.payload_type) continue;
    if (format.feedback.size() >= 32) return Refused("more than 32 kinds of feedback for one payload type");
    format.feedback.push_back(feedback);
  }
  return {};
}

Done extmap(std::string_view value, Media& media) {
  Words words(value);
  Words head(words.next(), '/');
  Extmap extmap;
  const auto id = number<uint16_t>(head.next());
  // RFC 8285 section 8: 1..255 are used; 4096..4351 stand for "too many, choose for me", which an answer may leave out.
  if (!id || *id == 0) return Refused("a=extmap has no valid id (RFC 8285 section 8)");
  extmap.id = *id;
  extmap.direction = readDirection(head.next());
  extmap.uri = words.next();
  if (extmap.uri.empty()) return Refused("a=extmap names no extension (RFC 8285 section 8)");
  if (media.extmaps.size() >= kItemsMax) return Refused("too many header extensions");
  media.extmaps.push_back(std::move(extmap));
  return {};
}

Done ssrc(std::string_view value, Media& media) {
  Words words(value);
  const auto id = number<uint32_t>(words.next());
  if (!id || *id == 0) return Refused("a=ssrc has no valid SSRC (RFC 5576 section 4.1)");
  // Lines of one SSRC mostly stand together.
  const bool last = !media.ssrcs.empty() && media.ssrcs.back().ssrc == *id;
  auto found = last ? media.ssrcs.end() - 1 : std::ranges::find(media.ssrcs, *id, &Ssrc::ssrc);
  if (found == media.ssrcs.end()) {
    if (media.ssrcs.size() >= kItemsMax) return Refused("too many SSRCs");
    found = media.ssrcs.insert(media.ssrcs.end(), Ssrc{.ssrc = *id});
  }
  const std::string_view attribute = words.rest();
  if (attribute.starts_with("cname:")) found->cname = attribute.substr(6);
  if (attribute.starts_with("msid:")) found->msid = attribute.substr(5);
  return {};
}

Done ssrcGroup(std::string_view value, Media& media) {
  Words words(value);
  SsrcGroup group{std::string(words.next()), {}};
  for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
    const auto id = number<uint32_t>(word);
    if (!id || *id == 0 || group.ssrcs.size() >= 32)
      return Refused("a=ssrc-group has no valid SSRCs (RFC 5576 section 4.2)");
    group.ssrcs.push_back(*id);
  }
  if (media.ssrc_groups.size() >= kItemsMax) return Refused("too many SSRC groups");
  media.ssrc_groups.push_back(std::move(group));
  return {};
}

Done rid(std::string_view value, Media& media) {
  Words words(value);
  const std::string id(words.next());
  const std::string_view way = words.next();
  if (id.empty() || id.size() > 255 || (way != "send" && way != "recv"))
    return Refused("a=rid is not an id and send or recv (RFC 8851 section 4)");
  if (media.rids.size() >= kItemsMax) return Refused("too many RIDs");
  media.rids.push_back({id, way == "send"});
  return {};
}

Done mid(std::string_view value, Media& media) {
  if (!isToken(value)) return Refused("a=mid is not a token (RFC 5888 section 4)");
  media.mid = value;
  return {};
}

}  // namespace

Done readMediaAttribute(const Attribute& attribute, Media& media) {
  const auto& [name, value] = attribute;
  if (name == "mid") return mid(value, media);
  if (name == "rtpmap") return rtpmap(value, media);
  if (name == "fmtp") return fmtp(value, media);
  if (name == "rtcp-fb") return rtcpFb(value, media);
  if (name == "extmap") return extmap(value, media);
  if (name == "ssrc") return ssrc(value, media);
  if (name == "ssrc-group") return ssrcGroup(value, media);
  if (name == "rid") return rid(value, media);
  if (name == "simulcast") media.simulcast = value;
  if (name == "rtcp-mux" || name == "rtcp-mux-only") media.rtcp_mux = true;
  if (name == "rtcp-rsize") media.rtcp_rsize = true;
  if (name == "bundle-only") media.bundle_only = true;
  if (name == "sctp-port") media.sctp_port = number<uint16_t>(value);
  if (name == "end-of-candidates") media.end_of_candidates = true;
  if (name == "candidate" && media.candidates.size() < kItemsMax) media.candidates.emplace_back(value);
  if (name == "msid") {
    Words words(value);
    media.msid_stream = words.next();
    media.msid_track = words.next();
  }
  if (const auto way = readDirection(name)) media.direction = *way;
  return readSecurity(attribute, media.security);
}

}  // namespace penstock::sdp
