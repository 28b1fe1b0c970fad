// What the dataplane reports, as metrics and the API want to read it. control/seam implements it over the reports
// region.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/contract/counters.h"

namespace penstock {

using CounterValues = std::array<uint64_t, contract::kCounterCount>;

/// Everything that is not about one row, copied at one moment.
struct DataplaneFigures {
  bool attached = false;          // the reports region is there, believed, and its dataplane reads our tables
  uint64_t heartbeat_age_ns = 0;  // since the dataplane last said that it lives
  uint64_t started_ns = 0;        // CLOCK_MONOTONIC
  uint32_t port_count = 0;
  bool hugepages = false;
  CounterValues housekeeping{};
  std::vector<CounterValues> workers;
};

/// A dataplane that has been silent for this long is called dead: ten heartbeats.
inline constexpr uint64_t kHeartbeatAgeMaxNs = 1'000'000'000;

inline bool isAlive(const DataplaneFigures& figures) {
  return figures.attached && figures.heartbeat_age_ns < kHeartbeatAgeMaxNs;
}

/// Rows are named as the room model names them; nullopt means that there is no such row now, or nothing reported of it.
class ReportSource {
 public:
  virtual ~ReportSource() = default;
  virtual DataplaneFigures figures() const = 0;
  virtual std::optional<contract::TransportStats> transport(const std::string& transport) const = 0;
  virtual std::optional<contract::TrackStats> track(const std::string& track) const = 0;
  virtual std::optional<contract::SubscriptionStats> subscription(const std::string& transport,
                                                                  const std::string& track) const = 0;
  /// Of a transport that publishes.
  virtual std::optional<contract::SpeakerStats> speaker(const std::string& transport) const = 0;
};

}  // namespace penstock
