// What travels between the daemons besides rows: doorbells, injected and punted datagrams, events.
#pragma once

#include <atomic>
#include <cstdint>

#include "dataplane/contract/limits.h"
#include "dataplane/contract/rows.h"

namespace penstock::contract {

/// A ring cursor on a cache line of its own. Counts entries since the region was made; entry = cursor % size.
/// It lives in the region of the side that moves it.
struct alignas(64) Cursor {
  std::atomic<uint64_t> count;
};
static_assert(sizeof(Cursor) == 64);

enum class RowKind : uint8_t { kTransport = 1, kTrack = 2, kSubscription = 3 };

/// "This row changed." Written by control.
struct Doorbell {
  uint32_t index;
  RowKind kind;
  uint8_t reserved[3];
};
static_assert(sizeof(Doorbell) == 8);

/// A UDP payload with the transport it came from (punt) or goes to (inject). DTLS is what travels so.
struct Datagram {
  RowReference transport;
  Address remote;  // punt: where it came from; inject: ignored, it goes to the transport's
                   // nominated address, and before there is one to where its last punt came from
  uint32_t length_bytes;
  uint32_t reserved;
  uint8_t bytes[kDatagramMax];
};
static_assert(sizeof(Datagram) == 40 + kDatagramMax && sizeof(Datagram) % 8 == 0);

enum class EventKind : uint8_t {
  kTransportNominated = 1,     // address: where media now goes (first nomination, or the client moved)
  kTransportConsentLost = 2,   // RFC 7675: no valid check for 30 s; nothing more is sent
  kTrackStarted = 3,           // first authenticated packet of the track
  kSubscriptionHeld = 4,       // its SubscriptionStats::held changed
  kTransportAddressTaken = 5,  // address: another transport proved that it is there now, after this one fell silent
};

/// Something the dataplane tells control. `subject` is the row it is about.
struct Event {
  EventKind kind;
  uint8_t reserved[7];
  RowReference subject;
  Address address;
  uint64_t time_ns;  // CLOCK_MONOTONIC
};
static_assert(sizeof(Event) == 48);

}  // namespace penstock::contract
