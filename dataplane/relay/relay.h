// START HERE: the packet path of one worker, over plain types. Packets come in by receive(); what is to be sent goes
// out through PacketIo. No clock, no socket, no driver, no lock; nothing allocates after construction but apply().
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/contract/regions.h"
#include "dataplane/packet/build.h"
#include "dataplane/relay/command.h"
#include "dataplane/relay/packet.h"
#include "dataplane/relay/report_writer.h"

namespace penstock {

class HandOverRings;
struct RelayState;

/// How the relay appears on the network, and its limits.
struct RelayConfig {
  MacAddress mac{};
  std::vector<Cidr> addresses;
  std::vector<Address> gateways;
  std::vector<Cidr> denied;  // networks that no client may be in
  uint16_t port = 10'000;
  uint16_t vlan = kNoVlan;
  UdpChecksum checksum = UdpChecksum::kSoftware;  // kPseudoHeader where the port completes it
  uint16_t mtu_bytes = 1500;
  uint64_t unix_offset_ns = 0;         // wall clock - CLOCK_MONOTONIC, for the NTP time of reports (RFC 3550)
  uint32_t cached_packets_max = 8192;  // received packets kept for retransmission, all tracks together
  uint64_t seed = 1;                   // random: nobody outside can choose hash collisions
};

class Relay {
 public:
  Relay(const RelayConfig& config, srtp::Backend& backend, PacketIo& io, contract::ReportsRegion& reports,
        HandOverRings& rings, uint32_t worker, contract::FlowsRegion& flows);
  ~Relay();

  /// Once in the thread that is to call everything below, before its first packet.
  void prepareThread();
  /// Takes a validated row; afterwards `command` holds what is to be freed.
  void apply(Command& command, uint64_t now_ns);
  /// One burst, at most kBurstMax packets, whose references are taken.
  void receive(std::span<const Packet> burst, uint64_t now_ns);
  /// What the other workers have for this one. Returns whether there was anything.
  bool takeHandOvers(uint64_t now_ns);
  /// Sends a datagram of control's to the transport's nominated address.
  void inject(const contract::Datagram& datagram, uint64_t now_ns);
  /// Reports, deferred requests, consent, announcements, neighbours. Cheap when nothing is due; to be called at least
  /// every 10 ms.
  void timers(uint64_t now_ns);
  /// A port's link came up after start: whoever is behind it is told anew where the relay is.
  void linkCameUp(uint64_t now_ns);
  /// Where control's cursors are; again when the tables region is replaced.
  void attach(ReportWriter::Tails tails);

 private:
  std::unique_ptr<RelayState> state_;
};

}  // namespace penstock
