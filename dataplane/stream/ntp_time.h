// NTP formats (RFC 3550 section 4) to nanoseconds and back, without overflow. See also ntpFromUnix, ntpMiddle.
#pragma once

#include <cstdint>

namespace penstock::stream {

inline constexpr uint64_t kNsPerSecond = 1'000'000'000;

/// `ns` may be of any origin; the origin becomes NTP zero.
constexpr uint64_t ntpFromNs(uint64_t ns) {
  return (ns / kNsPerSecond) << 32 | ((ns % kNsPerSecond) << 32) / kNsPerSecond;
}
constexpr uint64_t nsFromNtp(uint64_t ntp) {
  return (ntp >> 32) * kNsPerSecond + ((ntp & 0xffff'ffff) * kNsPerSecond >> 32);
}

/// Delay in units of 1/65536 s, as DLSR is; saturates.
constexpr uint32_t shortNtpFromNs(uint64_t ns) {
  if (ns / kNsPerSecond >= 0x10000) return 0xffff'ffff;
  return static_cast<uint32_t>((ns << 16) / kNsPerSecond);
}
constexpr uint64_t nsFromShortNtp(uint32_t units) {
  return uint64_t{units} * kNsPerSecond >> 16;
}

}  // namespace penstock::stream
