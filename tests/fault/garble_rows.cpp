// Writes into the tables region what no sane penstockd would, and rings: `garble_rows DIRECTORY ACT`. For tests only.
// The dataplane must count each act, skip it, and forward on.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "dataplane/contract/regions.h"

namespace {

using namespace penstock::contract;

constexpr uint32_t kFreeTransport = kTransportMax - 1;
constexpr uint32_t kFreeTrack = kTrackMax - 1;
constexpr uint32_t kFreeSubscription = kSubscriptionMax - 1;

TablesRegion& map(const std::string& directory) {
  const std::string path = directory + "/" + std::string(kTablesFile);
  const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
  void* data = mmap(nullptr, sizeof(TablesRegion), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (file < 0 || data == MAP_FAILED) {
    std::perror(path.c_str());
    std::exit(2);
  }
  return *static_cast<TablesRegion*>(data);
}

void ring(TablesRegion& tables, RowKind kind, uint32_t index) {
  const uint64_t head = tables.doorbell_head.count.load();
  tables.doorbell[head % kDoorbellMax] = {.index = index, .kind = kind};
  tables.doorbell_head.count.store(head + 1);
}

/// A transport in use: somebody real, for rows that refer to somebody.
RowReference somebody(const TablesRegion& tables) {
  TransportRow row{};
  for (uint32_t i = 0; i < kTransportMax; ++i) {
    if (tables.transport[i].read(row) == SlotState::kCommitted && row.state == RowState::kUsed)
      return {i, row.generation};
  }
  std::fprintf(stderr, "no transport is in use\n");
  std::exit(2);
}

TrackRow plausibleTrack(const TablesRegion& tables) {
  TrackRow row{};
  row.generation = 7;
  row.state = RowState::kUsed;
  row.kind = MediaKind::kVideo;
  row.transport = somebody(tables);
  row.encoding_count = 1;
  row.encoding[0].ssrc = 0x5eed'5eed;
  row.payload_type_count = 1;
  row.payload_type[0] = {.payload_type = 96, .associated = kNotRtx, .clock_rate_hz = 90'000};
  return row;
}

SubscriptionRow plausibleSubscription(const TablesRegion& tables) {
  SubscriptionRow row{};
  TrackRow track{};
  for (uint32_t i = 0; i < kTrackMax; ++i) {
    if (tables.track[i].read(track) != SlotState::kCommitted || track.state != RowState::kUsed) continue;
    row.generation = 7;
    row.state = RowState::kUsed;
    row.track = {i, track.generation};
    row.transport = track.transport;
    row.ssrc = 0x5eed'0001;
    row.mapping_count = 1;
    row.mapping[0] = {.from = 96, .to = 96, .rtx_to = kNotRtx};
    return row;
  }
  std::fprintf(stderr, "no track is in use\n");
  std::exit(2);
}

/// As a writer leaves it that died on the way: the mark is odd, and what follows the generation is partly another row.
template <class Row>
void tear(Slot<Row>& slot) {
  slot.commit_mark.store(slot.commit_mark.load() | 1);
  constexpr size_t kWhole = sizeof(uint64_t);  // with the generation: a use of a slot keeps it
  std::memset(reinterpret_cast<uint8_t*>(&slot.row) + kWhole, 0xa5, sizeof(Row) / 4);
}

template <class Row>
Row garbage(unsigned seed) {
  Row row;
  uint8_t bytes[sizeof(Row)];
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>((seed = seed * 1'103'515'245 + 12'345) >> 16);
  std::memcpy(&row, bytes, sizeof(Row));
  row.state = RowState::kUsed;  // a free row is believed whatever else it says
  return row;
}

void doorbellsBeyond(TablesRegion& tables) {
  for (uint32_t index : {0xffff'ffffU, kSubscriptionMax, 0x8000'0000U}) {
    for (RowKind kind : {RowKind::kTransport, RowKind::kTrack, RowKind::kSubscription}) ring(tables, kind, index);
  }
}

void doorbellsOfNoKind(TablesRegion& tables) {
  for (int kind : {0, 4, 255}) ring(tables, static_cast<RowKind>(kind), 0);
}

void referencesBeyond(TablesRegion& tables) {
  TrackRow track = plausibleTrack(tables);
  track.transport.index = kTransportMax;
  tables.track[kFreeTrack].publish(track);
  ring(tables, RowKind::kTrack, kFreeTrack);
  SubscriptionRow subscription = plausibleSubscription(tables);
  subscription.track.index = 0xffff'fff0;
  tables.subscription[kFreeSubscription].publish(subscription);
  ring(tables, RowKind::kSubscription, kFreeSubscription);
}

void generationsOver(TablesRegion& tables) {
  TrackRow track = plausibleTrack(tables);
  track.transport.generation += 1;
  tables.track[kFreeTrack].publish(track);
  ring(tables, RowKind::kTrack, kFreeTrack);
  SubscriptionRow subscription = plausibleSubscription(tables);
  subscription.track.generation += 1;
  tables.subscription[kFreeSubscription].publish(subscription);
  ring(tables, RowKind::kSubscription, kFreeSubscription);
}

void tornRows(TablesRegion& tables) {
  tear(tables.transport[kFreeTransport]);
  tear(tables.track[kFreeTrack]);
  tear(tables.subscription[kFreeSubscription]);
  ring(tables, RowKind::kTransport, kFreeTransport);
  ring(tables, RowKind::kTrack, kFreeTrack);
  ring(tables, RowKind::kSubscription, kFreeSubscription);
}

/// Also the row of somebody who is talking: what was believed of it stays.
void tornInUse(TablesRegion& tables) {
  const uint32_t index = somebody(tables).index;
  tear(tables.transport[index]);
  ring(tables, RowKind::kTransport, index);
}

void garbageRows(TablesRegion& tables) {
  for (unsigned seed = 1; seed <= 64; ++seed) {
    tables.transport[kFreeTransport - seed].publish(garbage<TransportRow>(seed));
    tables.track[kFreeTrack - seed].publish(garbage<TrackRow>(seed));
    tables.subscription[kFreeSubscription - seed].publish(garbage<SubscriptionRow>(seed));
    ring(tables, RowKind::kTransport, kFreeTransport - seed);
    ring(tables, RowKind::kTrack, kFreeTrack - seed);
    ring(tables, RowKind::kSubscription, kFreeSubscription - seed);
  }
}

/// Two transports of one name: the first one keeps it.
void namesTaken(TablesRegion& tables) {
  TransportRow row{};
  if (tables.transport[somebody(tables).index].read(row) != SlotState::kCommitted) std::exit(2);
  row.generation += 100;
  std::memset(&row.receive_key, 0x11, sizeof(row.receive_key));
  tables.transport[kFreeTransport].publish(row);
  ring(tables, RowKind::kTransport, kFreeTransport);
}

void doorbellCursorAbsurd(TablesRegion& tables) {
  tables.doorbell_head.count.fetch_add(uint64_t{1} << 40);
}

void injectCursorAbsurd(TablesRegion& tables) {
  tables.inject_head.count.fetch_sub(1'000'000);
}

void injectsToNobody(TablesRegion& tables) {
  for (RowReference to : {RowReference{kTransportMax, 1}, {0xffff'ffff, 0}, {kFreeTransport - 200, 12'345}}) {
    const uint64_t head = tables.inject_head.count.load();
    Datagram& datagram = tables.inject[head % kInjectMax];
    datagram = {.transport = to, .length_bytes = 100};
    tables.inject_head.count.store(head + 1);
  }
  const uint64_t head = tables.inject_head.count.load();
  tables.inject[head % kInjectMax] = {.transport = somebody(tables), .length_bytes = 0xffff'ffff};
  tables.inject_head.count.store(head + 1);
}

void takenCursorsAbsurd(TablesRegion& tables) {
  tables.punt_tail[0].count.store(uint64_t{1} << 50);
  tables.event_tail[0].count.store(uint64_t{1} << 50);
}

constexpr struct {
  std::string_view name;
  void (*act)(TablesRegion&);
} kActs[] = {
    {"doorbells-beyond", doorbellsBeyond},
    {"doorbells-of-no-kind", doorbellsOfNoKind},
    {"references-beyond", referencesBeyond},
    {"generations-over", generationsOver},
    {"torn-rows", tornRows},
    {"torn-in-use", tornInUse},
    {"garbage-rows", garbageRows},
    {"names-taken", namesTaken},
    {"doorbell-cursor-absurd", doorbellCursorAbsurd},
    {"inject-cursor-absurd", injectCursorAbsurd},
    {"injects-to-nobody", injectsToNobody},
    {"taken-cursors-absurd", takenCursorsAbsurd},
};

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3) {
    for (const auto& [name, act] : kActs) {
      if (name != argv[2]) continue;
      act(map(argv[1]));
      return 0;
    }
  }
  std::fprintf(stderr, "garble_rows DIRECTORY ACT; acts:");
  for (const auto& known : kActs) std::fprintf(stderr, " %s", std::string(known.name).c_str());
  std::fprintf(stderr, "\n");
  return 2;
}
