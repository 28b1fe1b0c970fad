// RTP coming in: a burst is matched to streams, unprotected at once, then each packet is accounted for, kept,
// forwarded.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/contract/rows.h"
#include "dataplane/packet/parse.h"
#include "dataplane/packet/rtp.h"
#include "dataplane/relay/packet.h"
#include "dataplane/srtp/crypto.h"

namespace penstock {

struct RelayState;

/// An RTP stream of a track's.
struct IncomingStream {
  uint32_t track;
  uint8_t encoding;
  bool rtx;
};

/// One at a time: made once, as it is larger than what a short burst takes to handle.
class MediaBurst {
 public:
  /// Matches one packet to its stream. Returns how it ended, or nothing: it waits for finish().
  std::optional<Counter> add(RelayState& s, const Packet& packet, const FrameView& view, uint64_t now_ns);
  /// Unprotects what waits and forwards it; counts how each packet ended.
  void finish(RelayState& s, uint64_t now_ns);

 private:
  struct Item {
    const Packet* packet;
    uint32_t transport;
    uint16_t rtp_offset;
    IncomingStream stream;
    RtpView view;
    bool learns;  // where it comes from is news, if it is authentic: in source_
  };
  std::array<Item, kBurstMax> items_;
  std::array<srtp::UnprotectJob, kBurstMax> jobs_;
  std::array<contract::Address, kBurstMax> source_;
  size_t count_ = 0;
};

}  // namespace penstock
