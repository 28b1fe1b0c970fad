// Reading SDP: the frame of a session and its sections around the attributes.
#include "control/signalling/sdp_attributes.h"

namespace penstock::sdp {
namespace {

/// RFC 3551 section 6: types that need no a=rtpmap, as far as the relay forwards them.
Format formatOf(uint8_t payload_type, bool audio) {
  Format format{.payload_type = payload_type};
  const char* name = !audio ? nullptr : payload_type == 0 ? "PCMU" : payload_type == 8 ? "PCMA" : nullptr;
  if (audio && payload_type == 9) name = "G722";
  if (name) format.name = name, format.clock_rate_hz = 8000;
  return format;
}

/// What stands after the protocol of an m= line. RFC 8866 wants one at least; a rejected section of some has none.
Done formatsOf(Words& words, Media& media) {
  const bool rtp = isRtpProfile(media.protocol);
  for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
    if (media.formats_text.size() >= kFormatsMax) return Refused("more than 64 formats on one m= line");
    media.formats_text.emplace_back(word);
    if (!rtp) continue;
    const auto payload_type = number<uint8_t>(word);
    if (!payload_type || *payload_type > 127) return Refused("m= has a payload type that is not 0 to 127");
    if (!findFormat(media, word)) media.formats.push_back(formatOf(*payload_type, media.type == "audio"));
  }
  return {};
}

std::expected<Media, std::string> mediaLine(std::string_view value, const Session& session, Direction way) {
  Words words(value);
  Media media;
  media.type = words.next();
  const std::string_view port = words.next();
  media.protocol = words.next();
  const auto port_number = number<uint16_t>(port.substr(0, port.find('/')));
  if (!isToken(media.type) || !port_number || media.protocol.empty())
    return Refused("m= is not media, port, protocol and formats (RFC 8866 section 5.14)");
  media.port = *port_number;
  media.direction = way;
  media.security = session.security;
  media.security.fingerprints.clear();  // inherited only by a section that has none: see parse()
  if (const Done done = formatsOf(words, media); !done) return Refused(done.error());
  return media;
}

Done sessionAttribute(const Attribute& attribute, Session& session, Direction& way) {
  const auto& [name, value] = attribute;
  if (name == "group") {
    Words words(value);
    if (words.next() != "BUNDLE") return {};
    std::vector<std::string> mids;
    for (std::string_view word = words.next(); !word.empty() && mids.size() < kMediaMax; word = words.next())
      mids.emplace_back(word);
    if (session.bundle.size() < kItemsMax) session.bundle.push_back(std::move(mids));
  }
  if (name == "ice-lite") session.ice_lite = true;
  if (name == "extmap-allow-mixed") session.extmap_allow_mixed = true;
  if (const auto given = readDirection(name)) way = *given;
  return readSecurity(attribute, session.security);
}

struct Reader {
  Session session;
  Direction way = Direction::kSendRecv;  // of sections that do not say

  Done line(char type, std::string_view value) {
    if (type == 'm') return media(value);
    if (type == 'c' && !session.media.empty()) session.media.back().connection = value;
    if (type == 'o') {
      Words words(value);
      words.next();
      session.id = number<uint64_t>(words.next()).value_or(0);
      session.version = number<uint64_t>(words.next()).value_or(0);
    }
    if (type != 'a') return {};
    const Attribute attribute = attributeOf(value);
    if (session.media.empty()) return sessionAttribute(attribute, session, way);
    if (attribute.name == "extmap-allow-mixed") session.extmap_allow_mixed = true;
    return readMediaAttribute(attribute, session.media.back());
  }

  Done media(std::string_view value) {
    if (session.media.size() >= kMediaMax) return Refused("too many m= sections");
    auto opened = mediaLine(value, session, way);
    if (!opened) return Refused(opened.error());
    session.media.push_back(std::move(*opened));
    return {};
  }
};

}  // namespace

bool isRtpProfile(std::string_view protocol) {
  constexpr std::string_view kProfiles[] = {"UDP/TLS/RTP/SAVPF",  "UDP/TLS/RTP/SAVP", "RTP/SAVPF",
                                            "RTP/SAVP",           "RTP/AVPF",         "RTP/AVP",
                                            "TCP/DTLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVP"};
  return std::ranges::find(kProfiles, protocol) != std::end(kProfiles);
}

bool isDataProfile(std::string_view protocol) {
  return protocol == "UDP/DTLS/SCTP" || protocol == "TCP/DTLS/SCTP" || protocol == "DTLS/SCTP";
}

std::expected<Session, Error> parse(std::string_view text, size_t sections) {
  Reader reader;
  const auto read = forLines(text, sections, [&](size_t count, char type, std::string_view value) -> Done {
    if (count == 1 && (type != 'v' || value != "0")) return Refused("the first line is not v=0");
    return reader.line(type, value);
  });
  if (!read) return std::unexpected(read.error());
  if (text.empty()) return std::unexpected(Error{0, "it is empty"});
  for (Media& media : reader.session.media)
    if (media.security.fingerprints.empty()) media.security.fingerprints = reader.session.security.fingerprints;
  return std::move(reader.session);
}

std::expected<Security, Error> parseFragment(std::string_view text) {
  Security found;
  const auto read = forLines(text, 0, [&](size_t, char type, std::string_view value) -> Done {
    return type == 'a' ? readSecurity(attributeOf(value), found) : Done{};
  });
  if (!read) return std::unexpected(read.error());
  return found;
}

}  // namespace penstock::sdp
