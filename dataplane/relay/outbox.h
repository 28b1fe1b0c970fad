// Packets on their way out: collected until a burst is full, then given to the port at once.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/relay/packet.h"
#include "dataplane/relay/report_writer.h"
#include "dataplane/relay/stage_meter.h"

namespace penstock {

class Outbox {
 public:
  Outbox(PacketIo& io, ReportWriter& report, StageMeter& stages) : io_(io), report_(report), stages_(stages) {}

  void push(const Packet& packet) {
    packets_[count_++] = packet;
    if (count_ == packets_.size()) flush();
  }

  /// Every packet pushed is counted as made, and as sent or as send_queue_full.
  void flush() {
    if (count_ == 0) return;
    uint64_t bytes = 0;
    for (size_t i = 0; i < count_; ++i) bytes += packets_[i].length_bytes;
    stages_.mark(contract::Stage::stamp, count_);
    const size_t taken = io_.send(std::span(packets_).first(count_));
    for (size_t i = taken; i < count_; ++i) bytes -= packets_[i].length_bytes;
    stages_.mark(contract::Stage::send, count_);
    report_.count(contract::Counter::made, count_);
    report_.count(contract::Counter::sent, taken);
    report_.count(contract::Counter::sent_bytes, bytes);
    if (taken < count_) report_.count(contract::Counter::send_queue_full, count_ - taken);
    count_ = 0;
  }

  /// A packet that was wanted but will not be sent, for the reason `drop`.
  void lose(contract::Counter drop, uint64_t n = 1) {
    report_.count(contract::Counter::made, n);
    report_.count(drop, n);
  }

 private:
  PacketIo& io_;
  ReportWriter& report_;
  StageMeter& stages_;
  std::array<Packet, kBurstMax> packets_;
  size_t count_ = 0;
};

}  // namespace penstock
