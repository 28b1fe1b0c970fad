// The clients of a load run, all in one thread: sends prepared packets when they are due, and looks at everything that
// comes back.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "bench/load/histogram.h"
#include "bench/load/loaded_relay.h"
#include "bench/load/packet_store.h"
#include "bench/load/run_plan.h"
#include "bench/load/sink.h"
#include "dataplane/port/eal.h"
#include "dataplane/port/port.h"
#include "dataplane/port/port_io.h"

namespace penstock::bench {

/// From `from_ns` of a trial on, so many packets are published per second.
struct RateStep {
  uint64_t from_ns;
  double packets_per_second;
};

struct TrialRequest {
  std::vector<RateStep> steps;  // the first from 0 on
  uint64_t duration_ns = 1'000'000'000;
  bool delays = false;
  uint64_t slice_ns = 0;  // not 0: slices are filled, and delays measured
};

/// Crossing both ports and a burst or two take less than a millisecond; a stall of the machine a few.
inline constexpr uint64_t kBacklogMaxNs = 10'000'000;

struct Trial {
  double offered_per_second = 0;  // asked for, on average
  double seconds = 0;
  uint64_t sent = 0;               // given to the port, or refused by it
  uint64_t refused = 0;            // the port's ring was full: the relay did not keep up
  uint64_t stalled_ns = 0;         // the generator itself was held up; it does not catch up
  uint64_t backlog_ns = 0;         // from the end of sending to the last arrival: what had queued up
  bool generator_limited = false;  // less was offered than was asked for
  bool held_up = false;            // too much of the time: the machine has other things to do
  bool moved = false;              // a hypervisor moved the cores apart
  std::array<uint64_t, kClasses> expected{}, lost{};
  SinkCounts sink;
  Sink::Checked samples;
  CounterValues relay;  // counted during the trial, drain included
  std::vector<Slice> slices;
  std::unique_ptr<Histogram> delays;

  uint64_t expectedAll() const { return expected[0] + expected[1]; }
  uint64_t lostAll() const { return lost[0] + lost[1]; }
  double lossRatio() const {
    return expectedAll() == 0 ? 0 : static_cast<double>(lostAll()) / static_cast<double>(expectedAll());
  }
  /// Otherwise the rate was only borrowed from queues, which hold a good part of a short trial.
  bool keptUp() const { return backlog_ns <= kBacklogMaxNs; }
  /// Nothing arrived twice, out of order, wrongly numbered or undecryptable.
  bool sound() const { return sink.behind == 0 && sink.renumbered == 0 && sink.foreign == 0 && samples.bad == 0; }
};

class Generator {
 public:
  /// Starts DPDK. Throws StartError.
  Generator(const RunPlan& plan, const LoadedRelay& relay);

  /// Until the relay forwards the first packet of every track, or throws std::runtime_error.
  void connect();
  /// As many packets can be encrypted ahead of a trial.
  size_t storeCapacity() const { return store_.capacity(); }
  Trial run(const TrialRequest& request);

  const Scenario& scenario() const { return plan_.scenario; }

 private:
  static constexpr size_t kSendBurst = 32;

  /// A queue of the port, one for each worker, and what is to be sent on it.
  struct Queue {
    Queue(std::span<const std::unique_ptr<Port>> ports, MbufPool& pool, uint16_t number) : io(ports, pool, number) {}
    PortIo io;
    std::array<Packet, kSendBurst> burst;
    size_t count = 0;
  };

  void waitForLink();
  /// Asks who has the relay's address.
  void meetRelay();
  void keepConsent();
  void sendFrame(std::span<const uint8_t> frame);
  size_t receiveFrom(PortIo& io);
  /// Which queue a publisher's packets arrive on: any, but always the same, as with RSS.
  size_t queueOf(uint32_t track) const { return plan_.scenario.tracks[track].publisher % queues_.size(); }
  void sendDue(Trial& trial, uint64_t packets, uint64_t now_ns);
  size_t receive();
  uint64_t drain();
  void send(Trial& trial, const TrialRequest& request);
  void noteSent(const PreparedPacket& packet, Trial& trial, uint64_t now_ns);

  const RunPlan& plan_;
  const LoadedRelay& relay_;
  DataplaneConfig config_;
  Eal eal_;
  MbufPool pool_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::vector<std::unique_ptr<Queue>> queues_;
  std::unique_ptr<srtp::Backend> backend_, oracle_;
  PacketStore store_;
  Sink sink_;
  SentTimes sent_times_;
  bool note_times_ = false;
  uint64_t begin_ns_ = 0, slice_ns_ = 1;  // of the trial
  std::vector<uint64_t> sent_of_track_;
  std::vector<std::vector<uint8_t>> checks_;  // one ICE check a participant, made once
  uint64_t consent_ns_ = 0;
  std::optional<MacAddress> relay_mac_;
  const uint64_t stall_ns_;
};

}  // namespace penstock::bench
