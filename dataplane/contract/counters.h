// Every counter of the dataplane, by name. A name is a metric label, a line of `penstockctl drops` and a test's
// witness.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dataplane/contract/rows.h"

namespace penstock::contract {

// Why a received packet went no further. received = forwarded + punted + answered + the sum of these.
#define PENSTOCK_RECEIVE_DROPS(X)                                                                            \
  X(frame_truncated, "Ethernet frame shorter than its headers say")                                          \
  X(frame_vlan_other, "VLAN tag missing, or not the configured one")                                         \
  X(frame_type_unknown, "neither ARP, IPv4 nor IPv6")                                                        \
  X(frame_not_ours, "unicast to another MAC address")                                                        \
  X(arp_malformed, "ARP that is not Ethernet/IPv4, or truncated")                                            \
  X(arp_not_ours, "ARP about an address that is not ours")                                                   \
  X(ip_malformed, "IP header inconsistent with itself or with the frame")                                    \
  X(ip_checksum_bad, "IPv4 header checksum wrong")                                                           \
  X(ip_fragment, "fragment: media datagrams are never fragmented")                                           \
  X(ip_not_ours, "destination address is not ours")                                                          \
  X(ip_protocol_unknown, "neither UDP nor ICMP")                                                             \
  X(icmp_unhandled, "ICMP or ICMPv6 other than echo request and neighbour discovery")                        \
  X(nd_malformed, "neighbour discovery that RFC 4861 says to ignore")                                        \
  X(mld_malformed, "multicast listener query that RFC 3810 says to ignore")                                  \
  X(udp_malformed, "UDP length inconsistent")                                                                \
  X(udp_checksum_bad, "UDP checksum wrong, as the port reported")                                            \
  X(udp_port_other, "not the media port")                                                                    \
  X(udp_source_forbidden, "source is loopback, multicast, unspecified or our own")                           \
  X(udp_source_denied, "source is in a network that media.deny names")                                       \
  X(datagram_kind_unknown, "first byte outside the ranges of RFC 7983")                                      \
  X(datagram_too_long, "payload longer than an MTU")                                                         \
  X(stun_malformed, "STUN lengths or attributes inconsistent")                                               \
  X(stun_not_binding_request, "STUN other than a Binding request")                                           \
  X(stun_source_unroutable, "STUN from an address that no route leads back to")                              \
  X(stun_fingerprint_bad, "FINGERPRINT missing or wrong")                                                    \
  X(stun_ufrag_unknown, "USERNAME names no transport of ours")                                               \
  X(stun_integrity_bad, "MESSAGE-INTEGRITY missing or wrong")                                                \
  X(stun_budget_spent, "more checks for one transport than its budget answers")                              \
  X(dtls_source_unvalidated, "DTLS from an address without a valid ICE check")                               \
  X(dtls_budget_spent, "more DTLS than control is asked to look at")                                         \
  X(punt_ring_full, "control did not take punted packets in time")                                           \
  X(handover_queue_full, "the worker whose transport it is for did not take it in time")                     \
  X(rtp_malformed, "RTP header inconsistent")                                                                \
  X(latch_source_unroutable, "RTP for a latching transport from an address that media could not go back to") \
  X(latch_budget_spent, "more RTP from unknown addresses for one latching transport than is looked at")      \
  X(latch_done, "RTP for a plain transport from another address than the one it has latched to")             \
  X(stun_source_plain, "nomination of an address that a plain transport has")                                \
  X(rtp_source_unvalidated, "RTP from an address without a valid ICE check")                                 \
  X(rtp_keys_missing, "RTP before the DTLS handshake was done")                                              \
  X(rtp_ssrc_unsignalled, "SSRC, MID and RID name no signalled stream")                                      \
  X(srtp_authentication_failed, "SRTP tag wrong")                                                            \
  X(srtp_replayed, "SRTP index seen before, or older than the replay window")                                \
  X(rtp_padding_malformed, "RTP padding longer than the payload")                                            \
  X(rtp_padding_only, "padding without media: a probe of the publisher")                                     \
  X(rtp_payload_type_unknown, "payload type was not negotiated for the track")                               \
  X(rtp_rtx_unrequested, "RTX that nothing asked for")                                                       \
  X(rtp_track_muted, "track is muted")                                                                       \
  X(rtp_not_loudest, "audio of somebody who is not among the loudest of the room")                           \
  X(rtp_silence, "audio without sound, which the room does not forward")                                     \
  X(rtp_no_subscriber, "nobody wants the track now")                                                         \
  X(rtcp_budget_spent, "more RTCP from one transport than its budget allows")                                \
  X(rtcp_malformed, "RTCP lengths inconsistent")                                                             \
  X(rtcp_source_unvalidated, "RTCP from an address without a valid ICE check")                               \
  X(rtcp_keys_missing, "RTCP before the DTLS handshake was done")                                            \
  X(srtcp_authentication_failed, "SRTCP tag wrong")                                                          \
  X(srtcp_replayed, "SRTCP index seen before, or older than the replay window")

// Why a packet that the relay wanted to send was not sent. made = sent + the sum of these.
#define PENSTOCK_SEND_DROPS(X)                                                                           \
  X(send_no_address, "the transport has no validated address, or consent ended")                         \
  X(send_address_unproven, "more than three times the bytes that came authenticated from a new address") \
  X(send_no_route, "destination is neither on-link nor behind a gateway, or is forbidden")               \
  X(send_neighbour_unresolved, "next hop did not answer ARP or neighbour discovery yet")                 \
  X(send_payload_type_unmapped, "subscriber did not accept this codec")                                  \
  X(send_red_unreadable, "subscriber without RED, and no primary frame to be found in it")               \
  X(send_too_long, "rewritten packet would exceed the MTU")                                              \
  X(send_protect_failed, "SRTP protection failed")                                                       \
  X(send_pool_empty, "no free packet buffer")                                                            \
  X(send_handover_full, "the worker whose subscribers it is for did not take it in time")                \
  X(send_queue_full, "the port did not take the packet")

// What else is counted.
#define PENSTOCK_COUNTERS(X)                                                                                        \
  X(received, "packets taken from the ports")                                                                       \
  X(received_bytes, "bytes of those, with Ethernet header")                                                         \
  X(forwarded, "received packets that at least one subscription wanted")                                            \
  X(punted, "received packets handed to control")                                                                   \
  X(handed_over, "received packets that went to the worker whose transport they are for; they end there")           \
  X(answered, "received packets that ended here: STUN, RTCP, ARP, neighbour discovery, echo")                       \
  X(neighbour_requests, "ARP requests and neighbour solicitations sent for next hops")                              \
  X(announcements, "ARP announcements, unsolicited advertisements and MLD reports sent")                            \
  X(made, "packets the relay wanted to send")                                                                       \
  X(sent, "packets the ports took")                                                                                 \
  X(sent_bytes, "bytes of those, with Ethernet header")                                                             \
  X(media_sent, "RTP packets sent to subscribers, without retransmissions")                                         \
  X(retransmissions_sent, "RTX packets sent for NACKs")                                                             \
  X(nack_unanswerable, "packets a NACK asked for that are not in the cache, or without RTX")                        \
  X(nack_flood, "packets a NACK asked for beyond what is looked up for one transport")                              \
  X(nack_budget_spent, "packets a NACK asked for beyond the budget")                                                \
  X(key_frame_requests_received, "PLI and FIR from subscribers")                                                    \
  X(key_frame_requests_sent, "PLI to publishers after merging and rate limiting")                                   \
  X(packets_asked_for, "packets of publishers that were missing, each time a NACK named one")                       \
  X(packets_repaired, "packets of publishers that came again as RTX after a NACK")                                  \
  X(extensions_unreadable, "RTP packets forwarded without header extensions that could not be read")                \
  X(streams_restarted, "streams that began again: under their SSRC, or under another one of the same MID and RID")  \
  X(arrival_feedbacks_sent, "transport-wide congestion control feedbacks to publishers")                            \
  X(checks_answered, "STUN Binding requests answered with success")                                                 \
  X(nominations, "addresses learned or changed by a nominated check")                                               \
  X(checks_refused, "STUN Binding requests answered with 403: the session has ended")                               \
  X(stun_source_taken, "nominations of an address that another transport uses: answered, not nominated")            \
  X(addresses_reverted, "transports sent back to their former address, as nothing authentic came from the new one") \
  X(consents_lost, "transports silent for 30 s (RFC 7675), or whose address another took over")                     \
  X(injected, "packets control asked to send")                                                                      \
  X(injects_refused, "packets control asked to send that name no live transport")                                   \
  X(events_lost, "events control did not take in time")                                                             \
  X(doorbells, "row changes looked at")                                                                             \
  X(rows_applied, "rows accepted")                                                                                  \
  X(row_torn, "rows skipped: half written")                                                                         \
  X(row_index_out_of_range, "doorbells or references beyond a table")                                               \
  X(row_generation_wrong, "rows skipped: they refer to a use of a slot that is over")                               \
  X(row_invalid, "rows skipped: a length, kind or count that cannot be")                                            \
  X(row_ufrag_taken, "rows skipped: another transport has the ufrag")                                               \
  X(row_ssrc_taken, "rows skipped: another row has one of the SSRCs")                                               \
  X(row_table_full, "rows skipped: no place for their SSRCs")                                                       \
  X(row_address_taken, "plain transports applied without an address: another one has theirs")                       \
  X(row_address_unroutable, "plain transports applied without an address: nothing is sent to theirs")               \
  X(doorbell_cursor_absurd, "doorbell or inject cursor impossible: all rows were read again")                       \
  X(busy_ns, "time spent on bursts that held packets")                                                              \
  X(idle_ns, "time spent on empty polls and sleeping")

/// One name space: counters, then receive drops, then send drops.
enum class Counter : uint16_t {
#define X(name, help) name,
  PENSTOCK_COUNTERS(X) PENSTOCK_RECEIVE_DROPS(X) PENSTOCK_SEND_DROPS(X)
#undef X
      count_
};
inline constexpr size_t kCounterCount = static_cast<size_t>(Counter::count_);

#define X(name, help) +1
inline constexpr size_t kFirstReceiveDrop = 0 PENSTOCK_COUNTERS(X);
inline constexpr size_t kFirstSendDrop = kFirstReceiveDrop PENSTOCK_RECEIVE_DROPS(X);
#undef X

struct CounterText {
  std::string_view name;
  std::string_view help;
};
inline constexpr std::array<CounterText, kCounterCount> kCounterTexts = {{
#define X(name, help) {#name, help},
    PENSTOCK_COUNTERS(X) PENSTOCK_RECEIVE_DROPS(X) PENSTOCK_SEND_DROPS(X)
#undef X
}};

constexpr bool isReceiveDrop(size_t counter) {
  return counter >= kFirstReceiveDrop && counter < kFirstSendDrop;
}
constexpr bool isSendDrop(size_t counter) {
  return counter >= kFirstSendDrop && counter < kCounterCount;
}

/// A block of counters with one writer thread. Read with relaxed loads: each value is right, the set may be between
/// two packets.
struct alignas(64) CounterBlock {
  uint64_t value[kCounterCount];

  /// Writer only.
  void add(Counter counter, uint64_t n = 1) {
    uint64_t& slot = value[static_cast<size_t>(counter)];
    __atomic_store_n(&slot, slot + n, __ATOMIC_RELAXED);
  }
  uint64_t read(size_t counter) const { return __atomic_load_n(&value[counter], __ATOMIC_RELAXED); }
  uint64_t read(Counter counter) const { return read(static_cast<size_t>(counter)); }
};

// Statistics by row, indexed like the row. Written by the worker that owns the row; a reader compares `generation`.

struct alignas(64) TransportStats {
  uint32_t generation;
  uint32_t nominated;  // 1 while there is a validated, consenting address
  uint64_t packets_received, bytes_received;
  uint64_t packets_sent, bytes_sent;  // written with each packet, in one cache line
  Address remote;                     // of the last nomination; it stays when consent is lost
  uint64_t last_check_ns;             // CLOCK_MONOTONIC of the last valid check
  uint32_t round_trip_time_us;        // from the client's reports (RFC 3550 section 6.4.1); 0 = not known
  uint32_t authentic_ticks;           // when a packet of the client's was last authenticated: see ticksOf(); 0 = never
};

/// CLOCK_MONOTONIC in units of 2^20 ns, about a millisecond: what a packet can be stamped with for a shift. Wraps after
/// 52 days; differences are good for half of that.
constexpr uint32_t ticksOf(uint64_t now_ns) {
  return static_cast<uint32_t>(now_ns >> 20);
}

/// How somebody speaks: activity at the three time scales of stream/speech_activity.h, and how loud.
struct alignas(4) Speech {
  uint8_t immediate;  // of the last 20 ms: 0..9
  uint8_t medium;     // of the last 100 ms: 0..5
  uint8_t lasting;    // of the last second: 0..10
  uint8_t loudness;   // 0 silence .. 127, smoothed
  friend bool operator==(const Speech&, const Speech&) = default;
};

struct alignas(64) TrackStats {
  uint32_t generation;
  uint8_t audio_level_dbov;  // RFC 6464: 0 loudest .. 127 silence; the loudest of the last 100 ms or so
  uint8_t voice;             // RFC 6464 V bit
  uint16_t reserved;
  uint64_t packets, bytes;
  uint64_t last_packet_ns;
  uint64_t packets_lost;  // cumulative, RFC 3550 A.3, all encodings together
  uint32_t jitter_us;     // RFC 3550 A.8
  uint32_t key_frame_requests;
  uint32_t key_frames;             // received, of all encodings together
  uint32_t key_frames_per_minute;  // of them, those of the last minute
  Speech speech;                   // of audio that says how loud it is (RFC 6464); else all 0
};

/// What the housekeeping thread says of a transport that publishes in a room, by transport row.
struct alignas(8) SpeakerStats {
  uint32_t generation;  // of the transport's row; 0 = nothing is said
  uint16_t order;    // 0 = who spoke last, or speaks, and so on; who never spoke comes behind, in the order of coming
  uint8_t dominant;  // 1 = the one who speaks, or spoke last
  uint8_t loud;      // 1 = its audio is forwarded as far as the room's number of the loudest goes
};
static_assert(sizeof(SpeakerStats) == 8);

struct alignas(64) SubscriptionStats {
  uint32_t generation;
  uint8_t encoding;  // that is forwarded; kNoEncoding = none yet
  uint8_t held;      // 1 = not sent, as its publisher is not among the transport's last N
  uint8_t reserved[2];
  uint64_t packets, bytes;
  uint64_t retransmissions;
  uint64_t packets_lost;  // as the client reports
  uint32_t jitter_us;     // as the client reports
  uint32_t nacks;         // packets asked for
  uint32_t key_frame_requests;
  uint32_t fraction_lost_q8;  // of the client's last report
};

}  // namespace penstock::contract
