// Everything one worker knows: what belongs to a transport, a track, a subscription, and how one finds another.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "dataplane/congestion/arrival_log.h"
#include "dataplane/congestion/receive_estimator.h"
#include "dataplane/contract/regions.h"
#include "dataplane/packet/announcement_schedule.h"
#include "dataplane/packet/build.h"
#include "dataplane/packet/hmac_sha1.h"
#include "dataplane/packet/neighbour_table.h"
#include "dataplane/packet/prefetch.h"
#include "dataplane/packet/route.h"
#include "dataplane/packet/rtcp_writer.h"
#include "dataplane/relay/command.h"
#include "dataplane/relay/fixed_map.h"
#include "dataplane/relay/forward.h"
#include "dataplane/relay/handover.h"
#include "dataplane/relay/media_burst.h"
#include "dataplane/relay/outbox.h"
#include "dataplane/relay/packet.h"
#include "dataplane/relay/relay.h"
#include "dataplane/relay/report_writer.h"
#include "dataplane/relay/slot_array.h"
#include "dataplane/relay/stage_meter.h"
#include "dataplane/stream/audio_level.h"
#include "dataplane/stream/clock_mapping.h"
#include "dataplane/stream/encoding_activity.h"
#include "dataplane/stream/header_rewriter.h"
#include "dataplane/stream/index_reservation.h"
#include "dataplane/stream/layer_selector.h"
#include "dataplane/stream/minute_count.h"
#include "dataplane/stream/nack_generator.h"
#include "dataplane/stream/ntp_time.h"
#include "dataplane/stream/packet_cache.h"
#include "dataplane/stream/picture_numbers.h"
#include "dataplane/stream/receive_statistics.h"
#include "dataplane/stream/request_limiter.h"
#include "dataplane/stream/sequence_rewriter.h"
#include "dataplane/stream/speech_activity.h"
#include "dataplane/stream/timestamp_rewriter.h"

namespace penstock {

inline constexpr uint8_t kNoExtension = 0xff;

/// RFC 7675 section 5.1: "consent expires after 30 seconds".
inline constexpr uint64_t kConsentNs = 30 * stream::kNsPerSecond;
/// Addresses of one client that may send to us at a time: candidates that it checked from, nominated or not.
inline constexpr size_t kRemoteMax = 4;
/// So long after its last authentic packet, an address is still its transport's, and nobody else's to nominate.
inline constexpr uint64_t kAddressKeptNs = 5 * stream::kNsPerSecond;
/// So long a new address has to prove that the client is there, before media goes back to where it was.
inline constexpr uint64_t kAddressProofNs = 5 * stream::kNsPerSecond;
/// RFC 9000 section 8.1 has the same rule: an address that is not validated gets so many times what came from it.
inline constexpr uint64_t kUnprovenFactor = 3;
/// How long a packet can be asked for again.
inline constexpr uint64_t kCacheAgeNs = stream::kNsPerSecond;
inline constexpr size_t kVideoCachePackets = 512;
/// RFC 3550 section 6.2 allows 5 s and more; feedback-driven senders want a report each second.
inline constexpr uint64_t kReportIntervalNs = stream::kNsPerSecond;

/// RFC 3550 section 6.5.1: the name under which the relay itself reports and asks.
inline constexpr std::string_view kRelayCname = "penstock";

/// A received packet kept for retransmission, and where its RTP packet stands in it.
struct CachedPacket {
  Packet packet;
  uint16_t rtp_offset = 0;
  uint16_t rtp_length = 0;
  // Of its frame: what it takes a descriptor's structure to know, which may be another by now.
  uint8_t spatial_id = 0;
  bool frame_end = false;
};

/// An address that a check of the client's came from.
struct Remote {
  Address address{};
  uint64_t last_check_ns = 0;
  uint64_t credit_bytes = 0;  // what may be sent there before it is proven
  bool proven = false;        // the client reads what is sent there, or sent SRTP or SRTCP from there
};

/// A receiver's clock (RFC 3611 section 4.4), from which it will know the round trip.
struct ReferenceTime {
  uint32_t ssrc;
  uint32_t ntp_middle;
  uint64_t received_ns;
};

/// What each packet to it needs stands together, at the beginning.
struct alignas(64) TransportState {
  TransportState() {}  // leaves `arrivals` as it is: kilobytes that only publishers touch

  HeaderTemplate header;  // towards `nominated`; empty until the next hop is resolved
  uint16_t transport_sequence = 0;
  bool limited = false;  // `nominated` is not proven: what goes there is counted, see withinCredit
  Address nominated{};   // one of `remotes`; port 0 = nowhere yet, or consent lost

  contract::TransportRow row{};
  bool foreign = false;         // another worker's; here because tracks of it have subscribers here
  bool remotes_untold = false;  // a peer was too busy to be told where it is
  HmacSha1Key check_key;
  std::unique_ptr<srtp::SrtcpSender> srtcp_sender;
  std::unique_ptr<srtp::SrtcpReceiver> srtcp_receiver;

  // Where it is. Learned from integrity-checked checks only.
  std::array<Remote, kRemoteMax> remotes{};
  uint32_t remote_count = 0;
  bool placed = false;          // it was somewhere with its keys: where it goes to next must be proven
  uint64_t nominated_ns = 0;    // when `nominated` became that
  Address former{};             // proven, nominated before; port 0 = none
  Address punted_from{};        // where its last DTLS came from
  Address answered_at{};        // where DTLS was sent before there were keys
  bool answered_twice = false;  // ... and also elsewhere
  stream::RequesterLimiter check_budget{50, 20'000'000};  // checks: 50 at once, then 50 a second
  stream::RequesterLimiter punt_budget{64, 10'000'000};   // DTLS: 64 at once, then 100 a second
  // RTCP: 500 at once, then 1,000 a second. Who sees 30 cameras over a bad path sends some 350.
  stream::RequesterLimiter rtcp_budget{500, 1'000'000};
  // Packets asked for: 1,000 at once, then 2,000 a second. One of ten of 25 good cameras is some 700.
  stream::RequesterLimiter nack_budget{1000, 500'000};

  stream::ClockMapping clock;              // as publisher
  bool lacking = false;                    // one of its encodings has missing packets
  bool watched = false;                    // in RelayState::watched
  std::optional<ReferenceTime> reference;  // as subscriber: to be echoed with the next report
  stream::IndexReservation srtcp_reservation{0};
  uint64_t next_report_ns = 0;
  uint32_t active_position = 0;                // in RelayState::active
  uint32_t cached_packets = 0;                 // of its tracks, see cache_share.h
  std::array<char, 24> cname{};                // its streams' towards subscribers, see cnameOf
  std::array<uint8_t, 256> extension_of_id{};  // header extension id -> contract::Extension, or kNoExtension
  std::vector<uint32_t> tracks, subscriptions;
  std::vector<RetiredStream> retired;
  std::vector<uint32_t> forgotten;                               // SSRCs that were retired longest ago
  std::unique_ptr<srtp::ReceiveStream> spare;                    // checks packets of an SSRC that is not known
  stream::RequesterLimiter rebindings{8, stream::kNsPerSecond};  // each allocates another spare at once
  uint32_t keys_generation = 0;
  congestion::ReceiveEstimator estimator;
  congestion::ArrivalLog arrivals;  // last: it is large

  uint8_t extensionId(contract::Extension extension) const { return row.extension_id[static_cast<size_t>(extension)]; }
  /// Its client says when it sends, and wants to be told how much it may: one that knows REMB only.
  bool isEstimated() const {
    return row.receive_bitrate_max_bps != 0 && extensionId(contract::Extension::kTransportCc) == 0 &&
           extensionId(contract::Extension::kAbsSendTime) != 0;
  }
  /// Feedback to it may go without an RR in front (RFC 5506).
  bool takesReducedRtcp() const { return row.flags & contract::kTransportReducedRtcp; }
  bool sendable() const { return nominated.port_be != 0; }
  bool reachable() const { return sendable() && !header.empty(); }
};

/// Of a plain transport whose address is given: where its RTCP comes from and goes to.
inline Address rtcpAddressOf(const contract::TransportRow& row) {
  Address address = row.remote;
  if (row.rtcp_port_be != 0) address.port_be = row.rtcp_port_be;
  return address;
}

struct EncodingState {
  std::unique_ptr<srtp::ReceiveStream> media, rtx;
  uint32_t ssrc = 0;  // as signalled, or bound by MID
  uint32_t rtx_ssrc = 0;
  std::array<uint64_t, 2> heard_ns{};  // media, RTX
  uint32_t keys_generation = 0;        // of its transport, when its streams came
  stream::ReceiveStatistics statistics{90'000};
  stream::NackGenerator nacks;
  std::optional<uint32_t> key_frame_timestamp;  // of the last one
  std::optional<uint16_t> key_frame_sequence;   // with which it began
  stream::RtpClock clock{90'000};
  stream::KeyFrameLimiter key_frames;
  stream::EncodingActivity activity;
  codec::DependencyTracker dependencies;

  /// The first packet of a picture, in order.
  void onPicture(bool key_frame, uint16_t sequence) {
    if (key_frame) {
      key_frame_sequence = sequence;
    } else if (key_frame_sequence && !isNewer(sequence, *key_frame_sequence)) {
      key_frame_sequence.reset();  // so long ago that numbers come round again
    }
  }
  /// No decoder needs the packet any more: a key frame came behind it.
  bool isSuperseded(uint16_t sequence) const { return key_frame_sequence && isNewer(*key_frame_sequence, sequence); }
};

struct TrackState {
  contract::TrackRow row{};
  std::array<uint32_t, 128> clock_rate_hz{};  // by payload type; 0 = not negotiated
  std::array<uint8_t, 128> repairs;           // by payload type: what it retransmits, or kNotRtx
  std::array<contract::Codec, 128> codec;     // by payload type
  std::array<EncodingState, contract::kEncodingMax> encoding;
  std::vector<stream::PacketCache<CachedPacket>> caches;  // by encoding
  stream::AudioLevelMeter audio_level;
  stream::SpeechActivity speech;
  stream::SilenceWatch silence;
  uint64_t resumed_ns = 0;  // until then nobody was to hear it: frames of before must not come by RED. 0 = never
  bool kept_back = false;   // its last audio packet was not forwarded, see keepBack
  stream::MinuteCount key_frames;
  bool started = false;
  bool foreign = false;  // of a foreign transport
  uint32_t fan_out = 0;  // other workers with subscribers, as bits
  std::vector<uint32_t> subscriptions;

  bool wanted() const { return !subscriptions.empty() || fan_out != 0; }
  bool muted() const { return row.flags & contract::kTrackMuted; }
  bool alwaysSent() const { return row.flags & contract::kTrackAlwaysSent; }
  bool isRtx(uint8_t payload_type) const { return repairs[payload_type] != contract::kNotRtx; }
  bool isRed(uint8_t payload_type) const { return codec[payload_type] == contract::Codec::kRed; }
  bool isVideo() const { return row.kind == contract::MediaKind::kVideo; }
  /// Several encodings of the same: a subscriber gets one of them.
  bool isSimulcast() const { return row.encoding_count > 1; }
};

/// What each packet needs stands together, at the beginning.
struct alignas(64) SubscriptionState {
  SubscriptionState(const contract::SubscriptionRow& r, const contract::TransportRow& transport, uint64_t first_index,
                    uint64_t first_rtx_index, uint32_t timestamp_offset)
      : row(r),
        header(transport.extension_id, std::span(r.mid).first(r.mid_length_bytes)),
        timestamp(timestamp_offset, 90'000),
        sequence(first_index),
        rtx_sequence(first_rtx_index) {
    sequence.setOffsets({.timestamp = timestamp_offset});
  }

  contract::SubscriptionRow row;
  std::unique_ptr<srtp::SendStream> media;
  uint8_t tag_length = 0;     // of `media` and `rtx`, which are under the same keys
  uint32_t packets_sent = 0;  // of sender reports: modulo 2^32
  uint32_t octets_sent = 0;
  stream::HeaderRewriter header;
  stream::TimestampRewriter timestamp;
  stream::IndexReservation reservation{0};
  stream::RetransmissionBudget retransmission_budget;
  stream::LayerSelector layers;
  uint8_t shown = contract::kNoEncoding;  // the encoding whose numbers go on; kOtherTrack if that began again
  bool held = false;                      // not among the last N, see speakers.h
  stream::PictureNumbers pictures;
  stream::SequenceRewriter sequence;

  std::unique_ptr<srtp::SendStream> rtx;
  stream::RtxCounter rtx_sequence;
  stream::IndexReservation rtx_reservation{0};
  stream::KeyFrameBudget key_frame_budget;
  uint32_t clock_rate_hz = 90'000;
  uint32_t track_position = 0, transport_position = 0;
  stream::AnswerLimiter answers;
  /// Since when it waits for a key frame of another track than before, or of one that began again: kSoon until the
  /// first packet that is none.
  uint64_t awaiting_ns = kNot;
  static constexpr uint64_t kNot = UINT64_MAX, kSoon = 0;
  static constexpr uint8_t kOtherTrack = contract::kNoEncoding - 1;

  bool hasTrack() const { return row.track.generation != 0; }
  /// The packet does not go out: what follows closes up.
  void leaveOut(uint8_t encoding, uint16_t number) {
    if (layers.current() == encoding) sequence.leaveOut(number);
  }
  bool paused() const { return held || (row.flags & contract::kSubscriptionPaused); }
  bool pinned() const { return row.flags & contract::kSubscriptionPinned; }
  /// How the publisher's payload type is called for this subscriber; null if it did not accept the codec.
  const contract::PayloadTypeMapping* mapping(uint8_t payload_type) const {
    for (uint32_t i = 0; i < row.mapping_count; ++i) {
      if (row.mapping[i].from == payload_type) return &row.mapping[i];
    }
    return nullptr;
  }
};

// What forwarding a packet touches of them, from the beginning.
inline constexpr size_t kSubscriptionHot = 512, kTransportHot = 128;

/// Which RTP stream an SSRC on a transport is: incoming (a track's encoding) or outgoing (a subscription).
struct StreamKey {
  uint32_t transport;
  uint32_t ssrc;
  friend bool operator==(const StreamKey&, const StreamKey&) = default;
};
// Hashes of what clients choose, or help to choose: each with the process's seed.
struct StreamKeyHash {
  uint64_t seed;
  uint64_t operator()(const StreamKey& key) const { return seededHash(uint64_t{key.transport} << 32 | key.ssrc, seed); }
};
/// A transport that packets from unknown addresses may be of.
struct Latch {
  uint32_t transport = 0;
  uint32_t track = 0;
  stream::RequesterLimiter budget{50, 20'000'000};  // packets: 50 at once, then 50 a second
};
struct SsrcHash {
  uint64_t seed;
  uint64_t operator()(uint32_t ssrc) const { return seededHash(ssrc, seed); }
};
using UfragKey = std::array<uint8_t, contract::kIceUfragMax>;  // zero-padded
struct UfragHash {
  uint64_t seed;
  uint64_t operator()(const UfragKey& key) const {
    return seededHash(loadBigEndian<uint64_t>(key.data()) ^ seededHash(loadBigEndian<uint64_t>(key.data() + 8), seed),
                      seed);
  }
};

/// Media and RTX of every encoding that rows can hold, all on one worker.
inline constexpr size_t kIncomingMax = size_t{contract::kTrackMax} * contract::kEncodingMax * 2;
static_assert(kIncomingMax == contract::kTrackMax * std::extent_v<decltype(contract::TrackRow::encoding)> * 2,
              "each SSRC that a track's row can name, or have bound by MID, has its place");
inline constexpr size_t kOutgoingMax = size_t{contract::kSubscriptionMax} * 2;

/// Where the publisher on a transport, of whatever worker, stands in its room.
struct SpeakerPlace {
  uint16_t rank = SpeakerRank::kNone;
  bool loud = true;
  bool due = false;  // in RelayState::ranks_due
};

struct RelayState {
  RelayState(const RelayConfig& c, srtp::Backend& b, PacketIo& packet_io, contract::ReportsRegion& r, Peers p,
             contract::FlowsRegion& f);

  RelayConfig config;
  srtp::Backend& backend;
  PacketIo& io;
  contract::ReportsRegion& reports;
  contract::FlowsRegion& flows;
  ReportWriter report;
  StageMeter stages;
  Peers peers;
  Routes routes;
  NeighbourTable neighbours;
  AnnouncementSchedule announcements;
  Outbox outbox;
  std::array<Packet, kBurstMax> stock{};  // empty buffers taken from the pool ahead of need
  size_t stock_count = 0;
  MediaBurst media;
  Forwarder forwarder;

  SlotArray<TransportState> transports;
  SlotArray<TrackState> tracks;
  SlotArray<SubscriptionState> subscriptions;
  // Of all workers' transports: what arrives for another one's is handed over.
  FixedMap<Address, uint32_t, AddressHash> by_remote;
  FixedMap<UfragKey, uint32_t, UfragHash> by_ufrag;
  std::vector<uint8_t> owner_of;                           // by transport
  std::unordered_map<uint32_t, UfragKey> ufrag_elsewhere;  // by transport; changed by apply() alone
  FixedMap<StreamKey, IncomingStream, StreamKeyHash> incoming;
  FixedMap<StreamKey, uint32_t, StreamKeyHash> outgoing;  // media and RTX SSRCs of subscriptions

  // Of all workers' transports that latch; the lists are changed by apply() alone.
  FixedMap<uint32_t, Latch, SsrcHash> latches;  // by SSRC
  std::vector<Latch> any_ssrc_latches;
  std::unordered_map<uint32_t, LatchKeys> latching;  // by track
  std::vector<uint8_t> is_plain;                     // by transport, of all workers

  std::vector<SpeakerPlace> speakers;   // by transport
  std::vector<uint32_t> subscriber_of;  // by publishing transport: the same client's other one
  std::vector<uint32_t> ranks_due;      // publishers whose rank changed: who subscribes to them is to be looked at

  std::vector<uint32_t> active;   // transports in use, in no order: what timers go through
  std::vector<uint32_t> watched;  // transports that receive feedback is due for soon
  uint64_t timers_ran_ns = 0;
  size_t timer_cursor = 0;
  uint64_t visits_owed_ns = 0;  // see visitTransports
  uint32_t cached_packets = 0;  // of all tracks, see cache_share.h
  uint32_t largest_holder = 0;  // the transport with most of them, as far as is known

  bool owns(uint32_t transport) const { return owner_of[transport] == peers.self(); }
  /// The transport of this worker's that the address leads to; null if it leads nowhere, or to another worker.
  const uint32_t* ownAt(const Address& remote) const {
    const uint32_t* transport = by_remote.find(remote);
    return transport != nullptr && owns(*transport) ? transport : nullptr;
  }
  void count(Counter counter, uint64_t n = 1) { report.count(counter, n); }
  uint64_t ntp(uint64_t now_ns) const { return ntpFromUnix(now_ns + config.unix_offset_ns); }
};

}  // namespace penstock
