// The RTCP we originate: sender reports for subscriptions, receiver reports and requests for publishers (RFC 3550
// section 6, RFC 4585, REMB). Each call fills one compound packet of bounded size and says how far it came.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "dataplane/packet/rtcp.h"

namespace penstock::stream {

/// Longer CNAMEs are cut.
inline constexpr size_t kCnameMax = 32;

/// One subscription's sender report.
struct StreamReport {
  uint32_t ssrc;
  SenderInfo info;
  std::string_view cname;
};

struct Built {
  size_t length;    // bytes written; 0: nothing fits
  size_t consumed;  // how many of the items are in it; call again with the rest
};

/// SR and SDES CNAME of each stream, as many as fit.
Built buildSenderReports(std::span<const StreamReport> streams, std::span<uint8_t> out);

/// RR with at most kReportBlockMax blocks, SDES CNAME, and REMB (draft-alvestrand-rmcat-remb) for the same SSRCs if
/// `remb_bps` is not 0. An RR without blocks is legal; it is built when `blocks` is empty.
Built buildReceiverReport(uint32_t sender_ssrc, std::string_view cname, std::span<const ReportBlock> blocks,
                          uint64_t remb_bps, std::span<uint8_t> out);

/// RFC 4585 section 6.3.1 Picture Loss Indication, in a compound with an empty RR and SDES as section 3.1 demands.
/// Returns the length, 0 if it does not fit.
size_t buildPictureLossIndication(uint32_t sender_ssrc, std::string_view cname, uint32_t media_ssrc,
                                  std::span<uint8_t> out);

/// RFC 3550 section 6.4.1: round trip = A - LSR - DLSR. Nothing if there was no LSR or the result cannot be.
/// `ntp` is our clock when the report arrived.
std::optional<uint32_t> roundTripTimeUs(uint64_t ntp, uint32_t last_sr, uint32_t delay_since_last_sr);

}  // namespace penstock::stream
