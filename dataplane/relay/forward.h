// One received packet to all who subscribe: a header of its own for each, the shared payload protected into each
// buffer.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/codec/frame_info.h"
#include "dataplane/codec/red.h"
#include "dataplane/packet/rtp_extension.h"
#include "dataplane/relay/packet.h"
#include "dataplane/srtp/crypto.h"
#include "dataplane/stream/header_rewriter.h"
#include "dataplane/stream/sequence_rewriter.h"

namespace penstock {

struct RelayState;
struct TrackState;
struct TransportState;

/// The publisher's packet as header rewriting needs it: extensions by meaning instead of by id.
stream::SourceHeader describe(const TransportState& publisher, const RtpView& view, const RtpExtensions& extensions);
/// What its codec and its dependency descriptor say of the frame; of audio nothing.
codec::FrameInfo frameOf(TrackState& track, uint8_t encoding, const RtpView& view, const stream::SourceHeader& source);

/// Outgoing RTP packets on their way through crypto: headers are written at once, payloads are read at flush(), which
/// must come before the received burst is released.
class Forwarder {
 public:
  /// A published packet: of which encoding, and what its codec says of it.
  struct Published {
    const RtpView& view;
    const stream::SourceHeader& source;
    const codec::FrameInfo& frame;
    uint8_t encoding;
  };
  /// How a packet went out that is sent again.
  struct Retransmitted {
    uint8_t payload_type;  // RTX
    uint16_t sequence;
    stream::NumberOffsets offsets;
    bool ends_picture;
  };

  /// To every subscription of the track that can take it. Returns to how many it goes.
  size_t forward(RelayState& s, TrackState& track, const Published& published, uint64_t now_ns);
  /// `view` is the cached packet. The transport is reachable.
  void addRetransmission(RelayState& s, uint32_t subscription, const RtpView& view, const Retransmitted& as,
                         uint64_t now_ns);
  void flush(RelayState& s);

  // Packets of these tracks are forwarded after the next one, and next: what that needs is asked for.
  static void expectNext(const RelayState& s, uint32_t track);
  static void expectNow(const RelayState& s, uint32_t track);

 private:
  struct Outgoing {
    Packet packet;
    uint32_t subscription;
    uint32_t transport;
    bool retransmission;
  };
  /// What the packets to all subscribers have in common.
  struct Shared {
    const Published& published;
    std::span<const uint8_t> payload;
    uint64_t now_ns;
    uint32_t abs_send_time;
    uint8_t payload_type;                          // what the publisher calls `payload`
    std::optional<codec::MaskPlace> mask_place{};  // if its dependency descriptor brings a structure
    std::span<const uint8_t> lead{};  // takes the place of the first so many bytes of `payload`; is read at once
  };

  /// False: it does not go out.
  bool add(RelayState& s, uint32_t index, const Shared& shared);
  static bool loseUnmapped(RelayState& s, uint32_t index, const Shared& shared, Counter drop);
  size_t forwardRed(RelayState& s, const TrackState& track, const Shared& shared);
  bool addRed(RelayState& s, uint32_t index, const Shared& shared, const codec::Red* red);
  void queue(RelayState& s, uint32_t subscription, bool retransmission);
  void finish(RelayState& s, Outgoing& outgoing, const srtp::ProtectJob& job);

  std::array<Outgoing, kBurstMax> outgoing_;
  std::array<srtp::ProtectJob, kBurstMax> jobs_;
  size_t count_ = 0;
  uint64_t media_sent_ = 0;  // since the last flush
};

}  // namespace penstock
