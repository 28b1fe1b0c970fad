// One received packet to all who subscribe: a header of its own for each, the shared payload protected into each
// buffer.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/packet/rtp_extension.h"
#include "dataplane/relay/packet.h"
#include "dataplane/srtp/crypto.h"
#include "dataplane/stream/header_rewriter.h"

namespace penstock {

struct RelayState;
struct SubscriptionState;
struct TrackState;
struct TransportState;

/// How the publisher's payload type is called for this subscriber; null if it did not accept the codec.
const contract::PayloadTypeMapping* findMapping(const SubscriptionState& subscription, uint8_t payload_type);

/// The publisher's packet as header rewriting needs it: extensions by meaning instead of by id.
stream::SourceHeader describe(const TransportState& publisher, const RtpView& view, const RtpExtensions& extensions);

/// Outgoing RTP packets on their way through crypto: headers are written at once, payloads are read at flush(), which
/// must come before the received burst is released.
class Forwarder {
 public:
  /// To every subscription of the track that can take it. Returns how many wanted it.
  size_t forward(RelayState& s, TrackState& track, const RtpView& view, const stream::SourceHeader& source,
                 uint64_t now_ns);
  /// `view` is the cached packet, `sequence` how the subscriber knows it. The transport is reachable.
  void addRetransmission(RelayState& s, uint32_t subscription, const RtpView& view, uint8_t payload_type,
                         uint16_t sequence, uint64_t now_ns);
  void flush(RelayState& s);

 private:
  struct Outgoing {
    Packet packet;
    uint32_t subscription;
    uint32_t payload_size;
    bool retransmission;
  };

  void add(RelayState& s, uint32_t index, const RtpView& view, const stream::SourceHeader& source, uint64_t now_ns);
  void queue(RelayState& s, const Outgoing& outgoing, const srtp::ProtectJob& job);
  void finish(RelayState& s, const Outgoing& outgoing, const srtp::ProtectJob& job);

  std::array<Outgoing, kBurstMax> outgoing_;
  std::array<srtp::ProtectJob, kBurstMax> jobs_;
  size_t count_ = 0;
};

}  // namespace penstock
