// A relay that has nothing to do: what CPU it takes with silent participants, and how soon the first packet after a
// silence is through.
#include <cstdio>
#include <stdexcept>

#include "bench/suite/command.h"
#include "bench/suite/progress.h"
#include "bench/suite/result.h"
#include "bench/suite/whole_relay.h"

namespace penstock::bench {

namespace json = boost::json;
namespace po = boost::program_options;

namespace {

void print(const json::object& result) {
  const json::object& delay = objectAt(result, "first_packet");
  std::printf("\n%s: %s\n  idle: %.2f %% of one core\n", textAt(result, "name").c_str(), textAt(result, "what").c_str(),
              100 * numberAt(result, "cpu_share"));
  std::printf("  first packet after %s: p50 %.0f us, p99 %.0f us, longest %.0f us, of %s\n",
              textAt(result, "silence").c_str(), numberAt(delay, "p50_us"), numberAt(delay, "p99_us"),
              numberAt(delay, "max_us"), grouped(numberAt(delay, "count")).c_str());
  std::printf("  memory: dataplane %.1f MiB, control %.1f MiB; each participant made them grow by %.1f and %.1f KiB\n",
              numberAt(result, "dataplane_bytes") / 1048576, numberAt(result, "control_bytes") / 1048576,
              numberAt(result, "dataplane_bytes_per_participant") / 1024,
              numberAt(result, "control_bytes_per_participant") / 1024);
}

}  // namespace

int idleCommand(int argc, char** argv) {
  IdleRequest request;
  std::string programs = ownPrograms();
  po::options_description options("Idle", 110);
  auto add = options.add_options();
  add("participants", po::value(&request.participants)->default_value(request.participants), "of one room, 2 to 1000");
  add("seconds", po::value(&request.seconds)->default_value(request.seconds), "of silence, for the CPU");
  add("wakes", po::value(&request.wakes)->default_value(request.wakes), "packets sent into a silence");
  add("silence-ms", po::value(&request.silence_ms)->default_value(request.silence_ms), "before each of them");
  add("programs", po::value(&programs)->default_value(programs), "folder of penstockd and penstock-dataplane");
  CommandLine line(
      "idle",
      "Starts both daemons, joins participants by WHIP and WHEP, and measures the CPU time of the whole relay\n"
      "while they only show that they are there; then how long a packet sent into a silence takes to each\n"
      "player, and the daemons' memory.",
      options);
  if (!line.parse(argc, argv)) return line.exitCode();
  if (request.participants < 2 || request.participants > 1000) throw std::invalid_argument("--participants: 2 to 1000");
  if (!hasDaemons(programs)) throw std::invalid_argument("no penstockd or penstock-dataplane in " + programs);
  json::object file = beginResult("idle", {{"seconds", request.seconds}, {"wakes", request.wakes}});
  json::object result = measureIdle(programs, request);
  print(result);
  file["results"].as_array().push_back(std::move(result));
  finishResult(file, line.json());
  return kExitOk;
}

}  // namespace penstock::bench
