// The RTCP we originate: sender reports for subscriptions, receiver reports and requests for publishers (RFC 3550
// section 6, RFC 4585, REMB). Each call fills one compound packet of bounded size and says how far it came.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "dataplane/packet/rtcp.h"
#include "dataplane/packet/rtcp_writer.h"

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

/// RR with at most kReportBlockMax blocks, SDES CNAME, our time `ntp` (RFC 3611 section 4.4), which the sender echoes
/// so that we know the round trip, and REMB (draft-alvestrand-rmcat-remb) for the same SSRCs if `remb_bps` is not 0. An
/// RR without blocks is legal; it is built when `blocks` is empty.
Built buildReceiverReport(uint32_t sender_ssrc, std::string_view cname, std::span<const ReportBlock> blocks,
                          uint64_t ntp, uint64_t remb_bps, std::span<uint8_t> out);

/// A compound of an empty RR and SDES, as RFC 4585 section 3.1 demands, and what `add(writer)` appends, which says
/// whether it fitted. Returns the length, 0 if it does not fit.
template <class Add>
size_t buildCompound(uint32_t sender_ssrc, std::string_view cname, std::span<uint8_t> out, Add&& add) {
  RtcpWriter writer(out);
  const bool fits = writer.addReceiverReport(sender_ssrc, {}) &&
                    writer.addSdesCname(sender_ssrc, cname.substr(0, kCnameMax)) && add(writer);
  return fits ? writer.size() : 0;
}

/// A feedback message: alone where that was agreed on (RFC 5506; some receivers look at the first member only), else in
/// a compound.
template <class Add>
size_t buildFeedback(bool reduced, uint32_t sender_ssrc, std::string_view cname, std::span<uint8_t> out, Add&& add) {
  if (!reduced) return buildCompound(sender_ssrc, cname, out, std::forward<Add>(add));
  RtcpWriter writer(out);
  return add(writer) ? writer.size() : 0;
}

/// RFC 3550 section 6.4.1: round trip = A - LSR - DLSR. Nothing if there was no LSR or the result cannot be.
/// `ntp` is our clock when the report arrived.
std::optional<uint32_t> roundTripTimeUs(uint64_t ntp, uint32_t last_sr, uint32_t delay_since_last_sr);

}  // namespace penstock::stream
