// See report_builder.h.
#include "dataplane/stream/report_builder.h"

#include <algorithm>
#include <array>

#include "dataplane/stream/ntp_time.h"

namespace penstock::stream {
namespace {

/// Members of one compound of ours: more than some receivers look at.
constexpr size_t kMembersMax = 32;
/// A round trip longer than this is a report that refers to something else.
constexpr uint64_t kRoundTripMaxNs = 60 * kNsPerSecond;

std::string_view cut(std::string_view cname) {
  return cname.substr(0, kCnameMax);
}

/// The SSRCs of the blocks, as REMB lists them (8 bits of count are enough for 31).
struct Sources {
  explicit Sources(std::span<const ReportBlock> blocks) : count(blocks.size()) {
    for (size_t i = 0; i < count; ++i) list[i] = blocks[i].ssrc;
  }
  std::span<const uint32_t> all() const { return std::span(list).first(count); }
  std::array<uint32_t, kReportBlockMax> list;
  size_t count;
};

}  // namespace

Built buildSenderReports(std::span<const StreamReport> streams, std::span<uint8_t> out) {
  RtcpWriter writer(out);
  Built built{};
  for (const StreamReport& stream : streams) {
    if (2 * (built.consumed + 1) > kMembersMax) break;
    if (!writer.addSenderReport(stream.ssrc, stream.info, {}) || !writer.addSdesCname(stream.ssrc, cut(stream.cname))) {
      break;  // built.length leaves out a report whose CNAME did not fit
    }
    built = {.length = writer.size(), .consumed = built.consumed + 1};
  }
  return built;
}

Built buildReceiverReport(uint32_t sender_ssrc, std::string_view cname, std::span<const ReportBlock> blocks,
                          uint64_t ntp, uint64_t remb_bps, std::span<uint8_t> out) {
  // Few enough blocks that the members behind them fit as well.
  for (size_t count = std::min(blocks.size(), kReportBlockMax);; --count) {
    const auto some = blocks.first(count);
    RtcpWriter writer(out);
    const bool fits = writer.addReceiverReport(sender_ssrc, some) && writer.addSdesCname(sender_ssrc, cut(cname)) &&
                      writer.addReferenceTime(sender_ssrc, ntp) &&
                      (remb_bps == 0 || some.empty() || writer.addRemb(sender_ssrc, remb_bps, Sources(some).all()));
    if (fits) return {.length = writer.size(), .consumed = count};
    if (count <= 1) return {};
  }
}

std::optional<uint32_t> roundTripTimeUs(uint64_t ntp, uint32_t last_sr, uint32_t delay_since_last_sr) {
  if (last_sr == 0) return std::nullopt;
  const uint32_t units = ntpMiddle(ntp) - last_sr - delay_since_last_sr;
  const uint64_t round_trip_ns = nsFromShortNtp(units);
  // Slightly negative, by rounding or a clock that runs fast, looks like 18 hours.
  if (round_trip_ns > kRoundTripMaxNs) return std::nullopt;
  return static_cast<uint32_t>(round_trip_ns / 1000);
}

}  // namespace penstock::stream
