// What housekeeping hands to a worker: a validated row and the crypto objects that it needs, already made; and what it
// must know of what belongs to other workers.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "dataplane/contract/rows.h"
#include "dataplane/srtp/crypto.h"
#include "dataplane/srtp/srtcp.h"

namespace penstock {

// In every command: `row.state` kFree closes what has that index. A null object means "keep the one you have". The
// relay swaps what it takes with what it had, so that an applied command goes back holding what is to be freed, off the
// path.

/// A client that publishes under the same SSRC again goes on from the same index (RFC 3711 section 3.3.1), and what it
/// sent before stays a replay.
struct RetiredStream {
  uint32_t ssrc;
  std::unique_ptr<srtp::ReceiveStream> stream;
};

struct TransportCommand {
  uint32_t index;
  contract::TransportRow row;
  std::unique_ptr<srtp::SrtcpSender> srtcp_sender;
  std::unique_ptr<srtp::SrtcpReceiver> srtcp_receiver;

  // From the flows region after a restart of the dataplane.
  contract::Address resume_remote{};  // port 0 = none
  std::vector<RetiredStream> retired;

  bool foreign = false;  // another worker's, the publisher of a track that has subscribers here
};

struct TrackCommand {
  struct Streams {
    std::unique_ptr<srtp::ReceiveStream> media, rtx;
  };
  uint32_t index;
  contract::TrackRow row;
  std::array<Streams, contract::kEncodingMax> encoding;
  bool foreign = false;  // of a foreign transport: comes decrypted from the worker that owns it
};

/// The first index that will be used is the streams' nextIndex().
struct SubscriptionCommand {
  uint32_t index;
  contract::SubscriptionRow row;
  std::unique_ptr<srtp::SendStream> media, rtx;
  uint32_t timestamp_offset = 0;  // subscriber's RTP timestamp = publisher's + this
};

/// A transport belongs to another worker: frames for it are to be handed there. The row has no secrets.
struct ElsewhereCommand {
  uint32_t index;
  contract::TransportRow row;
  uint32_t worker;
};

/// Other workers, as bits, that have subscribers of a track that is this one's.
struct FanOutCommand {
  contract::RowReference track;
  uint32_t workers;
};

/// How packets of a track are recognised before the address of its transport is known.
struct LatchKeys {
  std::array<uint32_t, contract::kEncodingMax> ssrcs{};  // 0 = none
  bool any_ssrc = false;                                 // only SRTP authentication tells
  friend bool operator==(const LatchKeys&, const LatchKeys&) = default;
};

/// Of a track of another worker's latching transport; no keys = no more.
struct LatchCommand {
  uint32_t track;
  uint32_t transport;
  LatchKeys keys{};
};

/// Where a publisher stands in its room.
struct SpeakerRank {
  static constexpr uint16_t kNone = 0xffff;
  uint32_t transport;
  uint16_t rank = kNone;  // among those whose picture `last_n` counts, who spoke last first
  bool loud = true;       // its audio is forwarded
};

/// The ranks that changed. For every worker.
struct RanksCommand {
  std::vector<SpeakerRank> ranks;
};

using Command = std::variant<TransportCommand, TrackCommand, SubscriptionCommand, ElsewhereCommand, FanOutCommand,
                             LatchCommand, RanksCommand>;

/// RTX comes after media, from where that came from.
inline LatchKeys latchKeys(const contract::TransportRow& transport, const contract::TrackRow& track) {
  LatchKeys keys;
  if (!contract::isLatching(transport) || track.state != contract::RowState::kUsed) return keys;
  for (size_t i = 0; i < track.encoding_count && i < keys.ssrcs.size(); ++i) keys.ssrcs[i] = track.encoding[i].ssrc;
  keys.any_ssrc = track.flags & contract::kTrackAnySsrc;
  return keys;
}

}  // namespace penstock
