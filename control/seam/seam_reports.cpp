#include "control/seam/seam_reports.h"

#include "control/seam/monotonic.h"

namespace penstock {
namespace {

/// A track that sent nothing for this long is silent, whatever its last level was.
constexpr uint64_t kLevelAgeMaxNs = 500'000'000;

std::optional<uint64_t> sinceMs(uint64_t then_ns) {
  if (then_ns == 0) return std::nullopt;
  const uint64_t now_ns = monotonicNs();
  return now_ns > then_ns ? (now_ns - then_ns) / 1'000'000 : 0;
}

}  // namespace

DataplaneFigures SeamReports::figures() const {
  return reader_.figures(monotonicNs());
}

std::optional<contract::TransportStats> SeamReports::transport(const std::string& transport) const {
  const auto row = writer_.transport(transport);
  return row ? reader_.transport(*row) : std::nullopt;
}

std::optional<contract::TrackStats> SeamReports::track(const std::string& track) const {
  const auto row = writer_.track(track);
  return row ? reader_.track(*row) : std::nullopt;
}

std::optional<contract::SubscriptionStats> SeamReports::subscription(const std::string& transport,
                                                                     const std::string& track) const {
  const auto row = writer_.subscription(transport, track);
  return row ? reader_.subscription(*row) : std::nullopt;
}

Consent SeamReports::consent(const std::string& transport) const {
  const auto stats = reader_.isAttached() ? this->transport(transport) : std::nullopt;
  if (!stats) return Consent::kUnknown;
  if (stats->nominated != 0) return Consent::kGiven;
  return stats->remote.port_be != 0 ? Consent::kLost : Consent::kNever;
}

std::optional<uint64_t> SeamReports::sinceHeardMs(const std::string& track) const {
  const auto stats = this->track(track);
  return stats ? sinceMs(stats->last_packet_ns) : std::nullopt;
}

std::optional<uint64_t> SeamReports::sinceCheckMs(const std::string& transport) const {
  const auto stats = this->transport(transport);
  return stats ? sinceMs(stats->last_check_ns) : std::nullopt;
}

std::optional<contract::SpeakerStats> SeamReports::speaker(const std::string& transport) const {
  const auto row = writer_.transport(transport);
  return row ? reader_.speaker(*row) : std::nullopt;
}

bool SeamReports::held(const std::string& transport, const std::string& track) const {
  const auto stats = subscription(transport, track);
  return stats && stats->held != 0;
}

std::optional<uint8_t> SeamReports::audioLevel(const std::string& track) const {
  const auto stats = this->track(track);
  if (!stats || stats->packets == 0) return std::nullopt;
  const uint64_t now_ns = monotonicNs();
  if (now_ns > stats->last_packet_ns && now_ns - stats->last_packet_ns > kLevelAgeMaxNs) return std::nullopt;
  return stats->audio_level_dbov;
}

}  // namespace penstock
