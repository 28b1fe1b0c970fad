// From measured points to a purchase: a cost model fitted to what was measured, its error on points it was not fitted
// to, and what a demand then needs. Pure arithmetic; no file, no clock.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/suite/least_squares.h"

namespace penstock::bench {

/// What one worker did in one measured second at the highest rate without loss.
struct MeasuredPoint {
  std::string name;
  double packets_in = 0, packets_out = 0, bytes = 0;  // per second; bytes in and out together, with Ethernet headers
  double cycles = 0;                                  // busy, per second
  double busy_share = 1;
  // Memory of the scenario's rows, and what they were.
  double memory_bytes = 0, participants = 0, subscriptions = 0, tracks = 0;
};

/// cycles = per_packet_in * packets in + per_packet_out * packets out + per_byte * bytes
struct CostModel {
  Terms cycles{};
  Terms memory{};  // bytes per participant, per subscription, per track
  double clock_hz = 0;
  double usable = 1;  // share of a worker's time that was busy when the first packet was lost: median of the points
  size_t points = 0;
  // Relative errors of each point, predicted by a model fitted to all others. Empty with fewer than three points.
  double error_median = 0, error_max = 0;
  std::vector<double> errors;  // by point, signed

  double perPacketIn() const { return cycles[0]; }
  double perPacketOut() const { return cycles[1]; }
  double perByte() const { return cycles[2]; }
};
CostModel fitCosts(const std::vector<MeasuredPoint>& points, double clock_hz);

/// Rooms alike. Bit rates are of the payload, without any header.
struct RoomDemand {
  double rooms = 0;
  double size = 0;        // participants
  double publishers = 0;  // of them; everybody receives everybody else
  double video_kbps = 0;
  double audio_kbps = 40;
  double video_payload_bytes = 1100;
  double audio_per_second = 50;
};

struct Demand {
  std::vector<RoomDemand> rooms;
  double surge = 1;       // how many times that much the hardware must carry
  double headroom = 0.3;  // share of every resource that stays free even then
  double workers_per_machine = 7;
  double scaling = 1;  // what the next worker adds, as a share of the first: 1 = nothing is lost
  double nic_gbit = 25;
  double memory_gib = 16;  // for the relay, of one machine
  double joins_per_second = 0;
  double joins_per_second_and_core = 0;  // measured; 0 = not known
  double control_cores = 1;              // of a machine
};

/// One resource: how many machines it alone asks for.
struct Need {
  std::string resource;
  double amount = 0;       // in all
  double per_machine = 0;  // what a machine offers, headroom taken off
  std::string unit;
  double machines = 0;  // not rounded
};

struct Plan {
  double packets_in = 0, packets_out = 0;  // per second, with surge
  double gbit_in = 0, gbit_out = 0;        // on the wire, with preamble, gap and FCS
  double participants = 0, subscriptions = 0, tracks = 0;
  double cycles_per_packet_out = 0;
  double workers = 0;
  double machines = 0;
  std::vector<Need> needs;  // the first limits
  double memory_bytes = 0;
};
Plan planFor(const CostModel& model, const Demand& demand);

}  // namespace penstock::bench
