// The ceiling of the fast backend: ipsec-mb alone, its jobs filled in ahead, with as many keys, over many buffers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "dataplane/contract/rows.h"

namespace penstock::bench {

class IpsecMbAlone {
 public:
  /// Packets of one pass, more than their buffers have room for in the nearest caches.
  static constexpr size_t kPass = 2048;

  /// `batch`: packets of a burst, at most 64; with GCM each packet is a call of its own.
  IpsecMbAlone(contract::SrtpProfile profile, size_t payload_bytes, size_t batch, size_t keys);
  ~IpsecMbAlone();

  /// kPass packets, keys taken in turn: protected out of place, or unprotected in place.
  void pass(bool sending);

  /// False where this build or this CPU is without it, or for a profile that it has nothing to do with.
  static bool can(contract::SrtpProfile profile);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::bench
