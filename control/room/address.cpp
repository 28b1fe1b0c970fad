#include "control/room/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace penstock {
namespace {

constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

bool isIpv4(const contract::Address& address) {
  return std::equal(std::begin(kMapped), std::end(kMapped), address.ip);
}

std::optional<contract::Address> readAddress(const std::string& ip, uint16_t port) {
  contract::Address address{};
  address.port_be = htons(port);
  if (inet_pton(AF_INET, ip.c_str(), address.ip + 12) == 1) {
    std::memcpy(address.ip, kMapped, sizeof(kMapped));
    return address;
  }
  if (inet_pton(AF_INET6, ip.c_str(), address.ip) == 1) return address;
  return std::nullopt;
}

std::string ipText(const contract::Address& address) {
  char text[INET6_ADDRSTRLEN] = "";
  const bool is_v4 = isIpv4(address);
  inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? address.ip + 12 : address.ip, text, sizeof(text));
  return text;
}

std::string addressText(const contract::Address& address) {
  const std::string ip = ipText(address), port = std::to_string(ntohs(address.port_be));
  return isIpv4(address) ? ip + ":" + port : "[" + ip + "]:" + port;
}

bool isOneHost(const contract::Address& address) {
  if (address.port_be == 0) return false;
  if (isIpv4(address)) {
    const uint8_t first = address.ip[12];
    return first != 0 && first != 127 &&
           first < 224;  // RFC 6890: this network, loopback; RFC 5771: multicast, and above
  }
  static constexpr uint8_t kLoopback[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  static constexpr uint8_t kNone[16] = {};
  return address.ip[0] != 0xff && std::memcmp(address.ip, kLoopback, 16) != 0 &&
         std::memcmp(address.ip, kNone, 16) != 0;
}

}  // namespace penstock
