// Values that settings are made of: addresses with prefix, places to listen on, lists of cores.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

/// An IP address; IPv4 uses the first four bytes.
struct IpValue {
  bool v6 = false;
  std::array<uint8_t, 16> bytes{};

  size_t size() const { return v6 ? 16 : 4; }
  bool isLoopback() const;
  bool isUnspecified() const;
  bool isMulticast() const;  // or IPv4 limited broadcast
  bool operator==(const IpValue&) const = default;
};
std::optional<IpValue> parseIpValue(std::string_view text);

/// "198.18.0.1/24": an interface's address and the length of the prefix that is on-link.
struct PrefixValue {
  IpValue address;
  unsigned length = 0;

  bool contains(const IpValue& other) const;
  /// No bit is set behind the prefix: "10.0.0.0/8", not "10.0.0.1/8".
  bool isNetwork() const;
};
std::optional<PrefixValue> parsePrefix(std::string_view text);

/// "127.0.0.1:8080", "[::1]:8080".
struct ListenValue {
  IpValue address;
  uint16_t port = 0;
};
std::optional<ListenValue> parseListen(std::string_view text);

/// "2", "2,3", "2-5,8": the cores named, in order; nullopt when it is no such list or names a core twice.
std::optional<std::vector<unsigned>> parseCores(std::string_view text);

}  // namespace penstock
