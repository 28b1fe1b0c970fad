// See value.h. Everything is strict: what two readers could take differently is refused.
#include "config/value.h"

#include <algorithm>

#include <arpa/inet.h>

#include "config/option.h"

namespace penstock {

namespace {

constexpr unsigned kCoreMax = 1023;  // of a Linux cpu_set_t

std::optional<unsigned> parseCore(std::string_view text) {
  const auto n = kind::parseNumber(text);
  if (!n || *n > kCoreMax) return std::nullopt;
  return static_cast<unsigned>(*n);
}

}  // namespace

bool IpValue::isLoopback() const {
  if (!v6) return bytes[0] == 127;
  return std::all_of(bytes.begin(), bytes.end() - 1, [](uint8_t b) { return b == 0; }) && bytes[15] == 1;
}

bool IpValue::isUnspecified() const {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b == 0; });
}

bool IpValue::isMulticast() const {
  if (v6) return bytes[0] == 0xff;
  return bytes[0] >= 224 && bytes[0] < 240 ? true : *this == *parseIpValue("255.255.255.255");
}

std::optional<IpValue> parseIpValue(std::string_view text) {
  const std::string copy(text);
  IpValue ip;
  if (inet_pton(AF_INET, copy.c_str(), ip.bytes.data()) == 1) return ip;
  ip.v6 = true;
  if (inet_pton(AF_INET6, copy.c_str(), ip.bytes.data()) == 1) return ip;
  return std::nullopt;
}

bool PrefixValue::contains(const IpValue& other) const {
  if (other.v6 != address.v6) return false;
  for (unsigned bit = 0; bit < length; ++bit) {
    const uint8_t mask = static_cast<uint8_t>(0x80 >> (bit % 8));
    if ((address.bytes[bit / 8] & mask) != (other.bytes[bit / 8] & mask)) return false;
  }
  return true;
}

bool PrefixValue::isNetwork() const {
  for (unsigned bit = length; bit < address.size() * 8; ++bit) {
    if (address.bytes[bit / 8] & 0x80 >> bit % 8) return false;
  }
  return true;
}

std::optional<PrefixValue> parsePrefix(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto ip = parseIpValue(text.substr(0, slash));
  const auto length = kind::parseNumber(text.substr(slash + 1));
  if (!ip || !length || *length == 0 || *length > ip->size() * 8) return std::nullopt;
  return PrefixValue{*ip, static_cast<unsigned>(*length)};
}

std::optional<ListenValue> parseListen(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto ip = parseIpValue(host);
  const auto port = kind::parseNumber(text.substr(colon + 1));
  if (!ip || !port || *port > 65'535 || ip->v6 != bracketed) return std::nullopt;
  return ListenValue{*ip, static_cast<uint16_t>(*port)};
}

std::optional<std::vector<unsigned>> parseCores(std::string_view text) {
  std::vector<unsigned> cores;
  while (true) {
    const size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    const size_t dash = part.find('-');
    const auto first = parseCore(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parseCore(part.substr(dash + 1));
    if (!first || !last || *last < *first) return std::nullopt;
    for (unsigned core = *first; core <= *last; ++core) {
      if (std::find(cores.begin(), cores.end(), core) != cores.end()) return std::nullopt;
      cores.push_back(core);
    }
    if (comma == std::string_view::npos) return cores;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace penstock
