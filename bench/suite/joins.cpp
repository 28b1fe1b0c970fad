// DTLS joins: how many handshakes a second the pool finishes, and what a storm of them does.
#include <cstdio>

#include "bench/suite/command.h"
#include "bench/suite/join_storm.h"
#include "bench/suite/progress.h"
#include "bench/suite/result.h"
#include "bench/suite/whole_relay.h"

namespace penstock::bench {

namespace json = boost::json;
namespace po = boost::program_options;

namespace {

json::object describe(const JoinCounts& counts) {
  return {{"seconds", counts.seconds},
          {"begun", counts.begun},
          {"done", counts.done},
          {"failed", counts.failed},
          {"datagrams_refused", counts.refused},
          {"joins_per_second", static_cast<double>(counts.done) / counts.seconds},
          {"pool_cpu_ms_per_join",
           counts.done > 0 ? static_cast<double>(counts.pool_cpu_ns) / 1e6 / static_cast<double>(counts.done) : 0},
          {"time_to_keys", delaysOf(counts.time_to_keys)}};
}

void print(const char* what, const json::object& result) {
  const json::object& delay = objectAt(result, "time_to_keys");
  std::printf("  %-22s %8s joins/s, %s begun, %s failed, %s datagrams refused; to keys p50 %.1f ms, p99 %.1f ms\n",
              what, grouped(numberAt(result, "joins_per_second")).c_str(), grouped(numberAt(result, "begun")).c_str(),
              grouped(numberAt(result, "failed")).c_str(), grouped(numberAt(result, "datagrams_refused")).c_str(),
              numberAt(delay, "p50_us") / 1000, numberAt(delay, "p99_us") / 1000);
  std::fflush(stdout);
}

void printSessions(const json::object& result) {
  std::printf("\njoins through the whole relay: %s rooms of a publisher and %s players, WHEP, ICE and DTLS, %s\n",
              grouped(numberAt(result, "rooms")).c_str(), grouped(numberAt(result, "players")).c_str(),
              numberAt(result, "offered_per_second") > 0
                  ? (grouped(numberAt(result, "offered_per_second")) + " a second").c_str()
                  : "all at once");
  std::printf("  %s playing, %s failed %s; %s joins/s\n", grouped(numberAt(result, "playing")).c_str(),
              grouped(numberAt(result, "failed")).c_str(), textAt(result, "failure").c_str(),
              grouped(numberAt(result, "joins_per_second")).c_str());
  for (const auto& [key, words] : {std::pair{"to_answer", "to the SDP answer"}, std::pair{"to_keys", "to the keys"},
                                   std::pair{"to_packet", "to the first packet"}}) {
    const json::object& delay = objectAt(result, key);
    std::printf("  %-22s p50 %7.1f ms, p95 %7.1f ms, longest %7.1f ms\n", words, numberAt(delay, "p50_us") / 1000,
                numberAt(delay, "p95_us") / 1000, numberAt(delay, "max_us") / 1000);
  }
}

/// One after the other at a rate that leaves everybody time, then all at once.
json::array throughTheRelay(const std::string& programs, SessionRequest request, Progress& progress) {
  json::array results;
  if (!hasDaemons(programs)) return results;
  for (const double per_second : {request.per_second, 0.0}) {
    request.per_second = per_second;
    progress.step(per_second > 0 ? "sessions, one after the other" : "sessions, all at once");
    results.push_back(measureSessions(programs, request));
  }
  return results;
}

}  // namespace

int joinsCommand(int argc, char** argv) {
  JoinSettings settings;
  SessionRequest request{.per_second = 50};
  std::string programs = ownPrograms();
  double factor = 5, base = 0.5;
  po::options_description options("Joins", 110);
  auto add = options.add_options();
  add("threads", po::value(&settings.threads)->default_value(settings.threads), "of the DTLS pool (dtls.threads)");
  add("handshakes-max", po::value(&settings.handshakes_max)->default_value(settings.handshakes_max),
      "at once (dtls.handshakes-max)");
  add("concurrent", po::value(&settings.concurrent)->default_value(settings.concurrent),
      "clients under way while capacity is measured");
  add("seconds", po::value(&settings.seconds)->default_value(settings.seconds), "of each measurement");
  add("base", po::value(&base)->default_value(base), "1x of the storm, as a share of capacity");
  add("factor", po::value(&factor)->default_value(factor), "of the storm");
  add("rooms", po::value(&request.rooms)->default_value(request.rooms), "of the joins through the whole relay");
  add("players", po::value(&request.players)->default_value(request.players), "of each such room");
  add("per-second", po::value(&request.per_second)->default_value(request.per_second),
      "of these joins; then again, all at once");
  add("programs", po::value(&programs)->default_value(programs),
      "folder of penstockd and penstock-dataplane; without them there are no joins through the whole relay");
  CommandLine line(
      "joins",
      "DTLS 1.2 handshakes through the pool that penstockd uses, with clients in the same process (ECDSA P-256,\n"
      "both sides show a certificate). Clients cost as much as the pool, so on few cores the rate is shared;\n"
      "CPU time per join is the pool's alone, and joins per second and core follow from it. Then a storm: 1x,\n"
      "5x, 1x of half that capacity. Last, players join through both daemons, over HTTP (WHEP), ICE and DTLS, at\n"
      "a rate and then all at once: how long until each has its first packet of media.",
      options);
  if (!line.parse(argc, argv)) return line.exitCode();
  if (settings.seconds < 0.5 || settings.concurrent == 0 || settings.threads == 0) {
    throw std::invalid_argument("--seconds 0.5 or more, --concurrent and --threads 1 or more");
  }
  json::object file =
      beginResult("joins", {{"threads", settings.threads}, {"handshakes_max", settings.handshakes_max}});
  Progress progress(1, 7);
  progress.begin("joins");
  JoinStorm storm(settings);
  json::object result{{"name", "DTLS joins"}, {"threads", settings.threads}};
  progress.step("capacity");
  const JoinCounts capacity = storm.run(0);
  result["capacity"] = describe(capacity);
  const double cpu_ms = numberAt(objectAt(result, "capacity"), "pool_cpu_ms_per_join");
  result["joins_per_second_and_core"] = cpu_ms > 0 ? 1000 / cpu_ms : 0;
  const double rate = base * numberAt(objectAt(result, "capacity"), "joins_per_second");
  json::array steps;
  for (const double times : {1.0, factor, 1.0}) {
    progress.step("storm " + grouped(times) + "x");
    json::object step = describe(storm.run(rate * times));
    step["factor"] = times;
    step["offered_per_second"] = rate * times;
    steps.push_back(std::move(step));
  }
  result["storm"] = steps;
  result["sessions"] = throughTheRelay(programs, request, progress);
  progress.end();
  std::printf("\nDTLS joins, %u thread(s)\n", settings.threads);
  print("capacity", objectAt(result, "capacity"));
  std::printf("  %-22s %8s joins/s and core (%.2f ms of CPU each)\n", "the pool alone",
              grouped(numberAt(result, "joins_per_second_and_core")).c_str(), cpu_ms);
  for (const json::value& step : steps) {
    print(("storm " + grouped(numberAt(step.as_object(), "factor")) + "x").c_str(), step.as_object());
  }
  for (const json::value& sessions : arrayAt(result, "sessions")) printSessions(sessions.as_object());
  file["results"].as_array().push_back(std::move(result));
  finishResult(file, line.json());
  return kExitOk;
}

}  // namespace penstock::bench
