#include "bench/suite/whole_relay.h"

#include <filesystem>

#include "bench/load/sessions.h"
#include "bench/suite/load_options.h"
#include "bench/suite/load_session.h"
#include "bench/suite/result.h"
#include "dataplane/port/eal.h"

namespace penstock::bench {

namespace json = boost::json;

namespace {

// Publishers send so often: a player's first packet is at most so late for reasons of ours.
constexpr uint64_t kPacketIntervalNs = 5'000'000;

/// Both daemons and their clients, in a folder that goes with them. One core for the worker, the rest for all else.
struct WholeRelay {
  WholeRelay(const std::string& programs, uint32_t participants_max)
      : cores(allowedCores()),
        daemons({.programs = programs,
                 .folder = folder.path(),
                 .worker_cores = cores.size() > 1 ? std::to_string(cores[1]) : "",
                 .participants_max = participants_max}),
        sessions(daemons, cores.size() > 2 ? std::optional(cores[2]) : std::nullopt) {}
  TemporaryFolder folder;
  std::vector<int> cores;
  Daemons daemons;
  Sessions sessions;
};

json::object describe(const SessionCounts& counts) {
  return {{"seconds", counts.seconds},
          {"begun", counts.begun},
          {"playing", counts.playing},
          {"failed", counts.failed},
          {"failure", counts.failure},
          {"joins_per_second", static_cast<double>(counts.playing) / counts.seconds},
          {"to_answer", delaysOf(counts.to_answer)},
          {"to_keys", delaysOf(counts.to_keys)},
          {"to_packet", delaysOf(counts.to_packet)}};
}

}  // namespace

std::string ownPrograms() {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "daemon").string();
}

bool hasDaemons(const std::string& programs) {
  return std::filesystem::exists(programs + "/penstockd") && std::filesystem::exists(programs + "/penstock-dataplane");
}

json::object measureSessions(const std::string& programs, const SessionRequest& request) {
  return isolated([&] {
    WholeRelay relay(programs, request.players + 1);
    const SessionCounts counts =
        relay.sessions.join(request.rooms, request.players, request.per_second, kPacketIntervalNs);
    json::object result = describe(counts);
    result["rooms"] = request.rooms;
    result["players"] = request.players;
    result["offered_per_second"] = request.per_second;
    return result;
  });
}

json::object measureIdle(const std::string& programs, const IdleRequest& request) {
  return isolated([&] {
    WholeRelay relay(programs, request.participants);
    const uint64_t control_before = relay.daemons.controlMemory(), before = relay.daemons.dataplaneMemory();
    const SessionCounts counts = relay.sessions.join(1, request.participants - 1, 0, kPacketIntervalNs);
    if (counts.failed > 0) throw std::runtime_error("not everybody could join: " + counts.failure);
    relay.sessions.fallSilent(2);
    const double participants = request.participants;
    const uint64_t control = relay.daemons.controlMemory(), dataplane = relay.daemons.dataplaneMemory();
    const uint64_t cpu_ns = relay.daemons.cpuNs();
    relay.sessions.fallSilent(request.seconds);
    const auto spent_ns = static_cast<double>(relay.daemons.cpuNs() - cpu_ns);
    const Histogram delays = relay.sessions.wake(request.wakes, uint64_t{request.silence_ms} * 1'000'000);
    return json::object{{"name", "one room of " + std::to_string(request.participants)},
                        {"what", "penstock-dataplane and penstockd; every participant sends a check each 2.5 s"},
                        {"silence", std::to_string(request.silence_ms) + " ms of silence"},
                        {"participants", request.participants},
                        {"cpu_share", spent_ns / 1e9 / request.seconds},
                        {"first_packet", delaysOf(delays)},
                        {"control_bytes", control},
                        {"dataplane_bytes", dataplane},
                        {"control_bytes_per_participant", static_cast<double>(control - control_before) / participants},
                        {"dataplane_bytes_per_participant", static_cast<double>(dataplane - before) / participants}};
  });
}

}  // namespace penstock::bench
