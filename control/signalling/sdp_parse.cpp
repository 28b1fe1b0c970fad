// Reading SDP: tolerant of what it does not know, strict about sizes and about what it uses.
#include <algorithm>
#include <charconv>

#include "control/signalling/sdp.h"

namespace penstock::sdp {
namespace {

using Refused = std::unexpected<std::string>;
using Done = std::expected<void, std::string>;

/// Cuts text into words at `separator`, one at a time.
class Words {
 public:
  explicit Words(std::string_view text, char separator = ' ') : rest_(text), separator_(separator) {}
  std::string_view next() {
    while (!rest_.empty() && rest_.front() == separator_) rest_.remove_prefix(1);
    const size_t end = std::min(rest_.find(separator_), rest_.size());
    const std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return word;
  }
  std::string_view rest() {
    while (!rest_.empty() && rest_.front() == separator_) rest_.remove_prefix(1);
    return rest_;
  }

 private:
  std::string_view rest_;
  char separator_;
};

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// RFC 8866 section 9: token-char.
bool isToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return c > 0x20 && c < 0x7f && !std::string_view("\"(),/:;<=>?@[\\]").contains(static_cast<char>(c));
  });
}

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

std::optional<Direction> direction(std::string_view name) {
  if (name == "sendrecv") return Direction::kSendRecv;
  if (name == "sendonly") return Direction::kSendOnly;
  if (name == "recvonly") return Direction::kRecvOnly;
  if (name == "inactive") return Direction::kInactive;
  return std::nullopt;
}

Done security(std::string_view name, std::string_view value, Security& to) {
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

Done rtpmap(std::string_view value, Media& media) {
  Words words(value);
  Format* format = findFormat(media, words.next());
  if (!format) return {};  // of a payload type that the m= line does not name: of no meaning
  Words parts(words.next(), '/');
  format->name = parts.next();
  const auto clock = number<uint32_t>(parts.next());
  const std::string_view channels = parts.next();
  const auto channel_count = channels.empty() ? 1u : number<uint32_t>(channels).value_or(0);
  if (!isToken(format->name) || format->name.size() > 32 || !clock || *clock == 0 || channel_count == 0 ||
      channel_count > 255)
    return Refused("a=rtpmap is not name/clock rate[/channels] (RFC 8866 section 6.6)");
  format->clock_rate_hz = *clock;
  format->channels = channel_count;
  return {};
}

Done fmtp(std::string_view value, Media& media) {
  Words words(value);
  if (Format* format = findFormat(media, words.next())) format->fmtp = words.rest();
  return {};
}

Done rtcpFb(std::string_view value, Media& media) {
  Words words(value);
  const std::string_view payload_type = words.next();
  const std::string feedback(words.rest());
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
  extmap.direction = direction(head.next());
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
  auto found = std::ranges::find(media.ssrcs, *id, &Ssrc::ssrc);
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

Done mediaAttribute(std::string_view name, std::string_view value, Media& media) {
  if (name == "mid") return mid(value, media);
  if (name == "rtpmap") return rtpmap(value, media);
  if (name == "fmtp") return fmtp(value, media);
  if (name == "rtcp-fb") return rtcpFb(value, media);
  if (name == "extmap") return extmap(value, media);
  if (name == "ssrc") return ssrc(value, media);
  if (name == "ssrc-group") return ssrcGroup(value, media);
  if (name == "rid") return rid(value, media);
  if (name == "simulcast") media.simulcast = value;
  if (name == "rtcp-mux") media.rtcp_mux = true;
  if (name == "rtcp-rsize") media.rtcp_rsize = true;
  if (name == "bundle-only") media.bundle_only = true;
  if (name == "end-of-candidates") media.end_of_candidates = true;
  if (name == "candidate" && media.candidates.size() < kItemsMax) media.candidates.emplace_back(value);
  if (name == "msid") {
    Words words(value);
    media.msid_stream = words.next();
    media.msid_track = words.next();
  }
  if (const auto way = direction(name)) media.direction = *way;
  return security(name, value, media.security);
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
  const bool rtp = media.protocol.contains("RTP/");
  for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
    if (media.formats_text.size() >= kItemsMax) return Refused("too many formats on one m= line");
    media.formats_text.emplace_back(word);
    if (!rtp) continue;
    const auto payload_type = number<uint8_t>(word);
    if (!payload_type || *payload_type > 127) return Refused("m= has a payload type that is not 0 to 127");
    if (findFormat(media, word)) return Refused("m= names a payload type twice");
    media.formats.push_back({.payload_type = *payload_type});
  }
  if (media.formats_text.empty()) return Refused("m= has no formats (RFC 8866 section 5.14)");
  return media;
}

Done sessionAttribute(std::string_view name, std::string_view value, Session& session, Direction& way) {
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
  if (const auto given = direction(name)) way = *given;
  return security(name, value, session.security);
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
    const size_t colon = std::min(value.find(':'), value.size());
    const std::string_view name = value.substr(0, colon);
    std::string_view rest = value.substr(std::min(colon + 1, value.size()));
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    while (!rest.empty() && rest.back() == ' ') rest.remove_suffix(1);
    if (session.media.empty()) return sessionAttribute(name, rest, session, way);
    if (name == "extmap-allow-mixed") session.extmap_allow_mixed = true;
    return mediaAttribute(name, rest, session.media.back());
  }

  Done media(std::string_view value) {
    if (session.media.size() >= kMediaMax) return Refused("too many m= sections");
    auto opened = mediaLine(value, session, way);
    if (!opened) return Refused(opened.error());
    session.media.push_back(std::move(*opened));
    return {};
  }
};

/// Calls `each` with every line; the error of the first that it refuses.
template <class Each>
std::expected<void, Error> forLines(std::string_view text, Each each) {
  if (text.size() > kBytesMax) return std::unexpected(Error{0, "it is longer than 256 KiB"});
  size_t count = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++count;
    // RFC 8866 section 5: parsers SHOULD be tolerant and accept a newline alone.
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (count > kLinesMax) return std::unexpected(Error{count, "there are too many lines"});
    if (line.size() > kLineBytesMax) return std::unexpected(Error{count, "the line is too long"});
    if (line.contains('\0')) return std::unexpected(Error{count, "the line has a NUL in it"});
    if (line.empty()) continue;
    if (line.size() < 2 || line[1] != '=') return std::unexpected(Error{count, "the line is not of the form x=..."});
    if (const Done done = each(count, line[0], line.substr(2)); !done)
      return std::unexpected(Error{count, done.error()});
  }
  return {};
}

}  // namespace

std::expected<Session, Error> parse(std::string_view text) {
  Reader reader;
  const auto read = forLines(text, [&](size_t count, char type, std::string_view value) -> Done {
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
  const auto read = forLines(text, [&](size_t, char type, std::string_view value) -> Done {
    if (type != 'a') return {};
    const size_t colon = std::min(value.find(':'), value.size());
    return security(value.substr(0, colon), value.substr(std::min(colon + 1, value.size())), found);
  });
  if (!read) return std::unexpected(read.error());
  return found;
}

}  // namespace penstock::sdp
