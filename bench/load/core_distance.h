// How far apart two cores are. A hypervisor may move a virtual core to another part of the machine, where whatever two
// cores share takes several times as long to get from one to the other: what net_memif carries drops by as much, and no
// other sign shows it.
#pragma once

#include <cstdint>
#include <optional>

namespace penstock::bench {

/// A cache line, there and back, in nanoseconds: the median of 1,000. One to two milliseconds, at a priority above that
/// of whoever polls there, where the system allows that.
uint64_t coreRoundTripNs(int core, int other);

/// Two cores over time. They are near as long as a round trip takes at most twice what it took at best.
class CoreDistance {
 public:
  /// With no core, or the same twice, always near.
  CoreDistance(std::optional<int> core, std::optional<int> other) : core_(core), other_(other) {}

  bool near();
  /// Returns after `patience_ns` whatever the distance is then.
  void waitUntilNear(uint64_t patience_ns);
  /// The shortest and the longest round trip seen; 0: never looked.
  uint64_t nearestNs() const { return nearest_ns_; }
  uint64_t farthestNs() const { return farthest_ns_; }

 private:
  bool known() const { return core_ && other_ && *core_ != *other_; }

  const std::optional<int> core_, other_;
  uint64_t nearest_ns_ = 0, farthest_ns_ = 0;
};

}  // namespace penstock::bench
