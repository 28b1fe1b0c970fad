// Addresses as people write them, and as rows have them: the address of a plain transport is given by the API.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "dataplane/contract/rows.h"

namespace penstock {

/// nullopt: not an IPv4 or IPv6 address. IPv4 that is written as ::ffff:a.b.c.d is IPv4.
std::optional<contract::Address> readAddress(const std::string& ip, uint16_t port);

/// "198.51.100.7:40000", "[2001:db8::7]:40000"
std::string addressText(const contract::Address& address);
/// The same without brackets and port.
std::string ipText(const contract::Address& address);
bool isIpv4(const contract::Address& address);

/// Whether one host can be sent to there: no multicast, no loopback, nothing unspecified, no port 0.
bool isOneHost(const contract::Address& address);

}  // namespace penstock
