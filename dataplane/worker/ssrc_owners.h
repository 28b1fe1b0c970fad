// Which row bears an SSRC on a transport: RFC 3550 section 8 wants each SSRC of a session to mean one stream.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <unordered_map>

#include "dataplane/contract/rows.h"
#include "dataplane/relay/fixed_map.h"

namespace penstock {

/// The SSRCs that a row signals, zeros aside.
template <class Use>
void forEachSsrc(const contract::TrackRow& row, Use&& use) {
  for (const contract::EncodingRow& encoding : std::span(row.encoding, row.encoding_count)) {
    if (encoding.ssrc != 0) use(encoding.ssrc);
    if (encoding.rtx_ssrc != 0) use(encoding.rtx_ssrc);
  }
}
template <class Use>
void forEachSsrc(const contract::SubscriptionRow& row, Use&& use) {
  use(row.ssrc);
  if (row.rtx_ssrc != 0) use(row.rtx_ssrc);
}

/// For rows of one kind.
template <class Row>
class SsrcOwners {
 public:
  /// Whether another row than `index` bears an SSRC of `row`.
  bool isTaken(const Row& row, uint32_t index) const {
    bool taken = false;
    forEachSsrc(row, [&](uint32_t ssrc) {
      const auto owner = owners_.find(key(row, ssrc));
      taken = taken || (owner != owners_.end() && owner->second != index);
    });
    return taken;
  }
  void take(const Row& row, uint32_t index) {
    forEachSsrc(row, [&](uint32_t ssrc) { owners_[key(row, ssrc)] = index; });
  }
  void giveBack(const Row& row) {
    forEachSsrc(row, [&](uint32_t ssrc) { owners_.erase(key(row, ssrc)); });
  }

 private:
  /// Clients choose SSRCs; which of them get into one bucket they must not.
  struct Hash {
    uint64_t seed = uint64_t{std::random_device{}()} << 32 | std::random_device{}();
    size_t operator()(uint64_t key) const { return seededHash(key, seed); }
  };
  static uint64_t key(const Row& row, uint32_t ssrc) { return uint64_t{row.transport.index} << 32 | ssrc; }
  std::unordered_map<uint64_t, uint32_t, Hash> owners_;
};

}  // namespace penstock
