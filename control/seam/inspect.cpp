#include "control/seam/inspect.h"

#include <algorithm>
#include <array>
#include <functional>
#include <string>

#include <fmt/format.h>
#include <boost/json/array.hpp>

#include "control/room/address.h"
#include "control/seam/table_scan.h"

namespace penstock {
namespace {

using boost::json::array;
using boost::json::object;
using contract::Counter;
using contract::ReportsRegion;
using contract::RowReference;
using contract::RowState;
using contract::Slot;
using contract::SlotState;
using contract::TablesRegion;

constexpr uint64_t kAliveNs = 1'000'000'000;  // ten heartbeats

std::string nameOf(contract::SrtpProfile profile) {
  switch (profile) {
    case contract::SrtpProfile::kUnprotected:
      return "unprotected";
    case contract::SrtpProfile::kNone:
      return "none yet";
    case contract::SrtpProfile::kAes128CmHmacSha1_80:
      return "AES-CM-SHA1-80";
    case contract::SrtpProfile::kAes128CmHmacSha1_32:
      return "AES-CM-SHA1-32";
    case contract::SrtpProfile::kAeadAes128Gcm:
      return "AES-128-GCM";
    case contract::SrtpProfile::kAeadAes256Gcm:
      return "AES-256-GCM";
  }
  return fmt::format("unknown {}", static_cast<int>(profile));
}

std::string text(const uint8_t* bytes, size_t length, size_t length_max) {
  return {reinterpret_cast<const char*>(bytes), std::min(length, length_max)};
}

std::string text(RowReference row) {
  return fmt::format("{}.{}", row.index, row.generation);
}

std::string remoteOf(const ReportsRegion* reports, RowReference row) {
  if (reports == nullptr) return "";
  const contract::TransportStats& stats = reports->transport[row.index];
  return stats.generation == row.generation && stats.nominated == 1 ? addressText(stats.remote) : "";
}

std::string extensionsOf(const contract::TransportRow& row) {
  static constexpr const char* kNames[] = {"mid",           "rid",
                                           "rrid",          "audio-level",
                                           "abs-send-time", "abs-capture-time",
                                           "transport-cc",  "dd",
                                           "orientation",   "playout-delay",
                                           "content-type",  "timing",
                                           "color-space",   "layers-allocation",
                                           "toffset"};
  static_assert(std::size(kNames) == static_cast<size_t>(contract::Extension::kCount));
  std::string out;
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (row.extension_id[i] != 0) out += fmt::format("{}{}={}", out.empty() ? "" : " ", kNames[i], row.extension_id[i]);
  }
  return out;
}

/// How its remote address comes to be known.
const char* kindOf(const contract::TransportRow& row) {
  if (row.kind == contract::TransportKind::kIce) return "ICE";
  return contract::isLatching(row) ? "plain, latching" : "plain";
}

object describe(RowReference self, const contract::TransportRow& row, const ReportsRegion* reports) {
  return {{"row", text(self)},
          {"kind", kindOf(row)},
          {"ended", (row.flags & contract::kTransportEnded) != 0},
          {"ufrag", text(row.ice_ufrag, row.ufrag_length_bytes, sizeof(row.ice_ufrag))},
          {"srtp", nameOf(row.srtp_profile)},
          {"remote", remoteOf(reports, self)},
          {"given", row.remote == contract::Address{} ? "" : addressText(row.remote)},
          {"rtcp_ssrc", row.rtcp_ssrc},
          {"receive_max_bps", row.receive_bitrate_max_bps},
          {"extensions", extensionsOf(row)},
          {"room", row.room},
          {"partner", row.partner.generation != 0 ? text(row.partner) : ""},
          {"last_n", (row.flags & contract::kTransportLastN) != 0 ? std::to_string(row.last_n) : "all"},
          {"loudest", row.loudest != 0 ? std::to_string(row.loudest) : "all"},
          {"drops_silence", (row.flags & contract::kTransportDropSilence) != 0}};
}

object describe(RowReference self, const contract::TrackRow& row, const ReportsRegion*) {
  std::string encodings, payload_types;
  for (size_t i = 0; i < std::min<size_t>(row.encoding_count, contract::kEncodingMax); ++i) {
    const contract::EncodingRow& encoding = row.encoding[i];
    encodings += fmt::format("{}{}/{}", i ? " " : "", encoding.ssrc, encoding.rtx_ssrc);
    if (encoding.rid_length_bytes)
      encodings += "(" + text(encoding.rid, encoding.rid_length_bytes, sizeof(encoding.rid)) + ")";
  }
  for (size_t i = 0; i < std::min<size_t>(row.payload_type_count, contract::kPayloadTypeMax); ++i) {
    const contract::PayloadTypeRow& type = row.payload_type[i];
    payload_types += fmt::format("{}{}", i ? " " : "", type.payload_type);
    if (type.associated != contract::kNotRtx) payload_types += fmt::format("(rtx {})", type.associated);
  }
  return {{"row", text(self)},
          {"transport", text(row.transport)},
          {"kind", row.kind == contract::MediaKind::kAudio ? "audio" : "video"},
          {"mid", text(row.mid, row.mid_length_bytes, sizeof(row.mid))},
          {"muted", (row.flags & contract::kTrackMuted) != 0},
          {"always_sent", (row.flags & contract::kTrackAlwaysSent) != 0},
          {"nack", (row.flags & contract::kTrackNoNack) == 0},
          {"ssrc/rtx", encodings},
          {"payload_types", payload_types}};
}

object describe(RowReference self, const contract::SubscriptionRow& row, const ReportsRegion*) {
  std::string mapping;
  for (size_t i = 0; i < std::min<size_t>(row.mapping_count, std::size(row.mapping)); ++i) {
    mapping += fmt::format("{}{}>{}", i ? " " : "", row.mapping[i].from, row.mapping[i].to);
    if (row.mapping[i].rtx_to != contract::kNotRtx) mapping += fmt::format("(rtx {})", row.mapping[i].rtx_to);
  }
  return {{"row", text(self)},
          {"track", text(row.track)},
          {"transport", text(row.transport)},
          {"mid", text(row.mid, row.mid_length_bytes, sizeof(row.mid))},
          {"ssrc/rtx", fmt::format("{}/{}", row.ssrc, row.rtx_ssrc)},
          {"paused", (row.flags & contract::kSubscriptionPaused) != 0},
          {"pinned", (row.flags & contract::kSubscriptionPinned) != 0},
          {"priority", row.priority},
          {"width_max", row.width_max},
          {"height_max", row.height_max},
          {"frame_rate_max", row.frame_rate_max},
          {"payload_types", mapping}};
}

template <class Row, size_t N>
array describeTable(const Slot<Row> (&table)[N], const ReportsRegion* reports) {
  array rows;
  scanTable(table, [&](uint32_t index, const Slot<Row>& slot) {
    Row row;
    switch (slot.read(row)) {
      case SlotState::kEmpty:
        break;
      case SlotState::kTorn:
        rows.push_back(object{{"row", fmt::format("{}.? (torn)", index)}});
        break;
      case SlotState::kCommitted:
        if (row.state == RowState::kUsed) rows.push_back(describe({index, row.generation}, row, reports));
        break;
    }
  });
  return rows;
}

uint32_t workersOf(const ReportsRegion& reports) {
  return std::min(reports.status.worker_count, contract::kWorkerMax);
}

uint64_t ageMs(uint64_t heartbeat_ns, uint64_t now_ns) {
  return now_ns > heartbeat_ns ? (now_ns - heartbeat_ns) / 1'000'000 : 0;
}

object describeHeader(const contract::RegionHeader& header, uint64_t now_ns) {
  const uint64_t heartbeat_ns = header.heartbeat_ns.load(std::memory_order_relaxed);
  return {{"present", true},
          {"alive", heartbeat_ns + kAliveNs > now_ns},
          {"heartbeat_age_ms", ageMs(heartbeat_ns, now_ns)},
          {"pid", header.writer_pid.load(std::memory_order_relaxed)},
          {"epoch", fmt::format("{:016x}", header.epoch)}};
}

template <class Row, size_t N, class Wanted>
uint64_t usedIn(const Slot<Row> (&table)[N], Wanted wanted) {
  uint64_t used = 0;
  scanTable(table, [&](uint32_t, const Slot<Row>& slot) {
    Row row;
    if (slot.read(row) == SlotState::kCommitted && row.state == RowState::kUsed && wanted(row)) ++used;
  });
  return used;
}

uint64_t waitingIn(const contract::Cursor& head, const contract::Cursor& tail) {
  return head.count.load(std::memory_order_relaxed) - tail.count.load(std::memory_order_relaxed);
}

}  // namespace

object inspectTables(const TablesRegion& tables, const ReportsRegion* reports) {
  return {{"transports", describeTable(tables.transport, reports)},
          {"tracks", describeTable(tables.track, reports)},
          {"subscriptions", describeTable(tables.subscription, reports)}};
}

object inspectDrops(const ReportsRegion& reports) {
  std::array<uint64_t, contract::kCounterCount> values{};
  const auto add = [&](const contract::CounterBlock& block) {
    for (size_t i = 0; i < values.size(); ++i) values[i] += block.read(i);
  };
  add(reports.housekeeping);
  for (uint32_t i = 0; i < workersOf(reports); ++i) add(reports.worker[i].counters);

  array counters;
  uint64_t receive_drops = 0, send_drops = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (contract::isReceiveDrop(i)) receive_drops += values[i];
    if (contract::isSendDrop(i)) send_drops += values[i];
    const contract::CounterText& name = contract::kCounterTexts[i];
    counters.push_back(object{{"name", name.name},
                              {"value", values[i]},
                              {"kind", contract::isReceiveDrop(i) ? "receive drop"
                                       : contract::isSendDrop(i)  ? "send drop"
                                                                  : "counter"},
                              {"help", name.help}});
  }
  const auto value = [&](Counter counter) { return values[static_cast<size_t>(counter)]; };
  const uint64_t handled =
      value(Counter::forwarded) + value(Counter::punted) + value(Counter::answered) + receive_drops;
  const uint64_t settled = value(Counter::sent) + send_drops;
  return {{"counters", std::move(counters)},
          {"receive", object{{"received", value(Counter::received)},
                             {"forwarded", value(Counter::forwarded)},
                             {"punted", value(Counter::punted)},
                             {"answered", value(Counter::answered)},
                             {"dropped", receive_drops},
                             {"difference", static_cast<int64_t>(value(Counter::received) - handled)}}},
          {"send", object{{"made", value(Counter::made)},
                          {"sent", value(Counter::sent)},
                          {"dropped", send_drops},
                          {"difference", static_cast<int64_t>(value(Counter::made) - settled)}}}};
}

object inspectCycles(const contract::ReportsRegion& reports) {
  array workers;
  for (uint32_t worker = 0; worker < workersOf(reports); ++worker) {
    const contract::StageBlock& stages = reports.worker[worker].stages;
    uint64_t total = 0;
    for (size_t i = 0; i < contract::kStageCount; ++i) total += stages.read(i).cycles;
    array rows;
    for (size_t i = 0; i < contract::kStageCount; ++i) {
      const contract::StageBlock::Sum sum = stages.read(i);
      rows.push_back(object{{"stage", contract::kStageTexts[i].name},
                            {"cycles", sum.cycles},
                            {"packets", sum.packets},
                            {"cycles_per_packet", sum.packets == 0 ? 0 : sum.cycles / sum.packets},
                            {"percent", total == 0 ? 0 : sum.cycles * 100 / total},
                            {"help", contract::kStageTexts[i].help}});
    }
    workers.push_back(object{{"worker", worker}, {"stages", std::move(rows)}});
  }
  return {{"cycles_hz", reports.status.cycles_hz}, {"workers", std::move(workers)}};
}

object inspectStatus(const TablesRegion* tables, const ReportsRegion* reports, uint64_t now_ns) {
  object control{{"present", false}}, dataplane{{"present", false}}, rings;
  if (tables != nullptr) {
    control = describeHeader(tables->header, now_ns);
    const auto ended = [](const contract::TransportRow& row) { return (row.flags & contract::kTransportEnded) != 0; };
    const auto all = [](const auto&) { return true; };
    control["transports"] = usedIn(tables->transport, std::not_fn(ended));
    control["transports_ended"] = usedIn(tables->transport, ended);
    control["tracks"] = usedIn(tables->track, all);
    control["subscriptions"] = usedIn(tables->subscription, all);
  }
  if (reports != nullptr) {
    dataplane = describeHeader(reports->header, now_ns);
    dataplane["reads_these_tables"] = tables != nullptr && reports->status.tables_epoch == tables->header.epoch;
    dataplane["workers"] = workersOf(*reports);
    dataplane["ports"] = reports->status.port_count;
    dataplane["hugepages"] = reports->status.hugepages != 0;
    dataplane["running_s"] = ageMs(reports->status.started_ns, now_ns) / 1000;
  }
  if (tables != nullptr && reports != nullptr) {
    rings["doorbells"] = waitingIn(tables->doorbell_head, reports->doorbell_tail);
    rings["injects"] = waitingIn(tables->inject_head, reports->inject_tail);
    uint64_t punts = 0, events = 0;
    for (uint32_t i = 0; i < workersOf(*reports); ++i) {
      punts += waitingIn(reports->worker[i].punt_head, tables->punt_tail[i]);
      events += waitingIn(reports->worker[i].event_head, tables->event_tail[i]);
    }
    rings["punts"] = punts;
    rings["events"] = events;
  }
  return {{"control", std::move(control)}, {"dataplane", std::move(dataplane)}, {"rings", std::move(rings)}};
}

}  // namespace penstock
