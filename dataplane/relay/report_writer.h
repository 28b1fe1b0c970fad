// A worker's side of the reports region: counters, punts and events, written to plain memory that control maps
// read-only.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

#include "dataplane/contract/regions.h"

namespace penstock {

class ReportWriter {
 public:
  /// `tails` is what control has taken; null until the tables region is attached (then nothing can be handed up).
  struct Tails {
    const contract::Cursor* punt = nullptr;
    const contract::Cursor* event = nullptr;
  };

  explicit ReportWriter(contract::WorkerReports& reports) : reports_(reports) {}

  void attach(Tails tails) { tails_ = tails; }
  void count(contract::Counter counter, uint64_t n = 1) { reports_.counters.add(counter, n); }

  /// Hands a datagram to control; false when its ring is full.
  bool punt(contract::RowReference transport, const contract::Address& remote, std::span<const uint8_t> bytes) {
    const uint64_t head = reports_.punt_head.count.load(std::memory_order_relaxed);
    if (bytes.size() > contract::kDatagramMax || full(head, tails_.punt, contract::kPuntMax)) return false;
    contract::Datagram& entry = reports_.punt[head % contract::kPuntMax];
    entry.transport = transport;
    entry.remote = remote;
    entry.length_bytes = static_cast<uint32_t>(bytes.size());
    std::memcpy(entry.bytes, bytes.data(), bytes.size());
    reports_.punt_head.count.store(head + 1, std::memory_order_release);
    return true;
  }

  /// Tells control; an event that finds the ring full is lost and counted.
  void event(const contract::Event& event) {
    const uint64_t head = reports_.event_head.count.load(std::memory_order_relaxed);
    if (full(head, tails_.event, contract::kEventMax)) return count(contract::Counter::events_lost);
    reports_.event[head % contract::kEventMax] = event;
    reports_.event_head.count.store(head + 1, std::memory_order_release);
  }

 private:
  // A tail that is absurd (ahead of the head) reads as full: control is broken then, and media goes on.
  static bool full(uint64_t head, const contract::Cursor* tail, uint64_t size) {
    return tail == nullptr || head - tail->count.load(std::memory_order_acquire) >= size;
  }

  contract::WorkerReports& reports_;
  Tails tails_;
};

}  // namespace penstock
