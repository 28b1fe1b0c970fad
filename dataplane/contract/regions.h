// The three regions, whole. Tables: written by control. Reports: written by the dataplane. Flows: the dataplane's own.
#pragma once

#include "dataplane/contract/counters.h"
#include "dataplane/contract/limits.h"
#include "dataplane/contract/region.h"
#include "dataplane/contract/rings.h"
#include "dataplane/contract/rows.h"
#include "dataplane/contract/slot.h"
#include "dataplane/contract/stages.h"

namespace penstock::contract {

/// Control writes all of it; the dataplane maps it read-only.
struct TablesRegion {
  RegionHeader header;
  Cursor doorbell_head;           // doorbells rung
  Cursor inject_head;             // datagrams injected
  Cursor punt_tail[kWorkerMax];   // punts taken, by worker
  Cursor event_tail[kWorkerMax];  // events taken, by worker
  Doorbell doorbell[kDoorbellMax];
  Datagram inject[kInjectMax];
  Slot<TransportRow> transport[kTransportMax];
  Slot<TrackRow> track[kTrackMax];
  Slot<SubscriptionRow> subscription[kSubscriptionMax];
};

/// What one worker reports.
struct WorkerReports {
  CounterBlock counters;
  StageBlock stages;
  Cursor punt_head;
  Cursor event_head;
  Datagram punt[kPuntMax];
  Event event[kEventMax];
};

/// What the dataplane says of itself once it runs.
struct alignas(64) DataplaneStatus {
  uint32_t worker_count;
  uint32_t port_count;
  uint64_t started_ns;    // CLOCK_MONOTONIC
  uint64_t tables_epoch;  // epoch of the tables region it reads; 0 = none yet
  uint64_t cycles_hz;     // rate of the counter that stages are measured with
  uint8_t hugepages;      // 1 = in use
  uint8_t reserved[7];
};

/// The dataplane writes all of it; control maps it read-only.
struct ReportsRegion {
  RegionHeader header;
  DataplaneStatus status;
  Cursor doorbell_tail;       // doorbells looked at
  Cursor inject_tail;         // injects sent or refused
  CounterBlock housekeeping;  // counters of the housekeeping thread
  WorkerReports worker[kWorkerMax];
  TransportStats transport[kTransportMax];
  TrackStats track[kTrackMax];
  SubscriptionStats subscription[kSubscriptionMax];
  SpeakerStats speaker[kTransportMax];  // by publisher
};

/// What was received of one sender's SRTCP, whose index each SSRC counts for itself (RFC 3711 section 3.2.3).
struct SrtcpSenderFlow {
  uint32_t ssrc;
  uint32_t index_end;  // every index below it counts as seen; 0 = this place and those behind it are free
};
static_assert(sizeof(SrtcpSenderFlow) == 8);

/// What was received of a stream whose track was withdrawn.
struct RetiredFlow {
  uint32_t ssrc;
  uint32_t reserved;
  uint64_t highest_index;  // 48 bits: ROC << 16 | SEQ; 0 = free
};
static_assert(sizeof(RetiredFlow) == 16);

/// Where media of a transport goes, so that a restarted dataplane need not wait for the next check; and what must not
/// be accepted from it again.
struct alignas(64) TransportFlow {
  uint32_t generation;
  uint32_t reserved;
  Address remote;
  uint64_t srtcp_index_reserved;  // RFC 3711: the next SRTCP index that may be used is this one
  SrtcpSenderFlow srtcp_sender[kSrtcpSenderMax];
  RetiredFlow retired[kRetiredStreamMax];
};

/// The highest index received of an encoding: without it the roll-over counter would be lost.
struct EncodingFlow {
  uint32_t ssrc;
  uint32_t rtx_ssrc;
  uint64_t highest_index;  // 48 bits: ROC << 16 | SEQ
  uint64_t highest_rtx_index;
};

struct alignas(64) TrackFlow {
  uint32_t generation;
  uint32_t reserved;
  EncodingFlow encoding[kEncodingMax];
};

/// How far outgoing indices may have been used. Kept ahead of use: a keystream index is never used twice (RFC
/// 3711 9.1).
struct alignas(64) SubscriptionFlow {
  uint32_t generation;
  uint32_t ssrc;
  uint64_t index_reserved;  // the next index that a restarted dataplane may use
  uint64_t rtx_index_reserved;
  uint32_t timestamp_offset;  // subscriber's RTP timestamp = publisher's + this
  uint32_t reserved;
};

/// Read and written by the dataplane alone; outlives its process.
struct FlowsRegion {
  RegionHeader header;
  alignas(64) uint64_t tables_epoch;  // the tables region that generations refer to; another one makes all of it void
  TransportFlow transport[kTransportMax];
  TrackFlow track[kTrackMax];
  SubscriptionFlow subscription[kSubscriptionMax];
};

}  // namespace penstock::contract
