// From result files and a demand to a purchase: reads, asks the planner, prints.
#include <cstdio>
#include <stdexcept>

#include <boost/json/array.hpp>

#include "bench/suite/command.h"
#include "bench/suite/plan_input.h"
#include "bench/suite/planner.h"
#include "bench/suite/result.h"

namespace penstock::bench {

namespace json = boost::json;
namespace po = boost::program_options;

namespace {

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f %%", 100 * share);
  return text;
}

json::object describe(const CostModel& model, const std::vector<MeasuredPoint>& points) {
  json::array held_out;
  for (size_t i = 0; i < model.errors.size(); ++i) {
    held_out.push_back(json::object{{"name", points[i].name}, {"relative_error", model.errors[i]}});
  }
  return {{"cycles_per_packet_in", model.perPacketIn()},
          {"cycles_per_packet_out", model.perPacketOut()},
          {"cycles_per_byte", model.perByte()},
          {"bytes_per_participant", model.memory[0]},
          {"bytes_per_subscription", model.memory[1]},
          {"bytes_per_track", model.memory[2]},
          {"usable_share_of_a_worker", model.usable},
          {"points", model.points},
          {"error_median", model.error_median},
          {"error_max", model.error_max},
          {"held_out", held_out}};
}

json::object describe(const Plan& plan) {
  json::array needs;
  for (const Need& need : plan.needs) {
    needs.push_back(json::object{{"resource", need.resource},
                                 {"amount", need.amount},
                                 {"per_machine", need.per_machine},
                                 {"unit", need.unit},
                                 {"machines", need.machines}});
  }
  return {{"participants", plan.participants},
          {"tracks", plan.tracks},
          {"subscriptions", plan.subscriptions},
          {"packets_in_per_second", plan.packets_in},
          {"packets_out_per_second", plan.packets_out},
          {"gbit_in", plan.gbit_in},
          {"gbit_out", plan.gbit_out},
          {"cycles_per_packet_out", plan.cycles_per_packet_out},
          {"workers", plan.workers},
          {"machines", plan.machines},
          {"memory_bytes", plan.memory_bytes},
          {"needs", needs},
          {"limits_first", plan.needs.front().resource}};
}

void print(const CostModel& model, const std::vector<MeasuredPoint>& points) {
  std::printf("Cost model of %zu measured points: %.0f cycles per packet in + %.0f per packet out + %.2f per byte\n",
              model.points, model.perPacketIn(), model.perPacketOut(), model.perByte());
  std::printf("  memory: %.0f bytes per participant, %.0f per subscription, %.0f per track\n", model.memory[0],
              model.memory[1], model.memory[2]);
  if (model.errors.empty()) {
    std::printf("  ERROR NOT KNOWN: three points or more are needed to hold one out\n");
    return;
  }
  std::printf("  error on points it was not fitted to (each held out in turn): median %s, worst %s\n",
              percent(model.error_median).c_str(), percent(model.error_max).c_str());
  for (size_t i = 0; i < points.size(); ++i) {
    std::printf("    %+6.1f %%  %s\n", 100 * model.errors[i], points[i].name.c_str());
  }
}

void print(const Plan& plan, const Demand& demand) {
  std::printf("\nDemand, times %.1f: %s participants, %s tracks, %s subscriptions\n", demand.surge,
              grouped(plan.participants).c_str(), grouped(plan.tracks).c_str(), grouped(plan.subscriptions).c_str());
  std::printf("  %s packets/s in, %s out; %.2f Gbit/s in, %.2f out, on the wire; %.0f cycles per packet out\n",
              grouped(plan.packets_in).c_str(), grouped(plan.packets_out).c_str(), plan.gbit_in, plan.gbit_out,
              plan.cycles_per_packet_out);
  std::printf("\n  %-20s %14s %14s %10s\n", "with headroom", "needed", "a machine has", "machines");
  for (const Need& need : plan.needs) {
    std::printf("  %-20s %14.2f %14.2f %10.2f  %s\n", need.resource.c_str(), need.amount, need.per_machine,
                need.machines, need.unit.c_str());
  }
  std::printf("\n=> %s workers, %s machines; what limits first: %s\n", grouped(plan.workers).c_str(),
              grouped(plan.machines).c_str(), plan.needs.front().resource.c_str());
}

}  // namespace

int planCommand(int argc, char** argv) {
  Demand demand;
  std::vector<std::string> files, rooms;
  std::string profile = "gcm", backend;
  po::options_description options("Demand", 110);
  auto add = options.add_options();
  add("demand", po::value(&rooms)->composing(),
      "rooms alike, as in rooms=100,size=10,publishers=10,video-kbps=1500,audio-kbps=40; may be given several times");
  add("surge", po::value(&demand.surge)->default_value(demand.surge), "carry so many times the demand");
  add("headroom", po::value(&demand.headroom)->default_value(demand.headroom), "share that stays free even then");
  add("profile", po::value(&profile)->default_value(profile), "SRTP profile of the clients");
  add("backend", po::value(&backend), "crypto backend, if the files hold several");
  add("workers", po::value(&demand.workers_per_machine)->default_value(demand.workers_per_machine),
      "polled cores of a machine (leave one for housekeeping and control)");
  add("scaling", po::value(&demand.scaling)->default_value(demand.scaling),
      "what each further worker adds, of the first");
  add("nic-gbit", po::value(&demand.nic_gbit)->default_value(demand.nic_gbit),
      "network bandwidth of a machine, each way");
  add("memory-gib", po::value(&demand.memory_gib)->default_value(demand.memory_gib), "of a machine, for the relay");
  add("joins", po::value(&demand.joins_per_second)->default_value(0), "peak of joins per second");
  add("control-cores", po::value(&demand.control_cores)->default_value(demand.control_cores),
      "for joins, of a machine");
  CommandLine line(
      "plan",
      "Workers, machines, network and memory for a demand, from result files of forward (and joins) measured on the\n"
      "machine type in question. A cost model, cycles = a per packet in + b per packet out + c per byte, is fitted\n"
      "to the measured points of the profile; its error is told as each point, held out, was predicted by the rest.",
      options);
  if (!line.parse(argc, argv, &files, "RESULT.json...")) return line.exitCode();
  if (files.empty() || rooms.empty())
    throw std::invalid_argument("plan wants result files, and --demand; --help says more");
  if (demand.headroom < 0 || demand.headroom >= 1 || demand.surge <= 0 || demand.workers_per_machine < 1) {
    throw std::invalid_argument("--headroom 0 to below 1, --surge above 0, --workers 1 or more");
  }
  for (const std::string& room : rooms) demand.rooms.push_back(parseRoomDemand(room));
  std::vector<json::object> results;
  for (const std::string& file : files) results.push_back(readResult(file));
  const PlanInput input = collectPlanInput(results, profile, backend);
  if (input.points.empty()) throw std::invalid_argument("the files hold no result of forward with profile " + profile);
  demand.joins_per_second_and_core = input.joins_per_second_and_core;
  const CostModel model = fitCosts(input.points, input.clock_hz);
  const Plan plan = planFor(model, demand);
  print(model, input.points);
  print(plan, demand);
  json::object file =
      beginResult("plan", {{"profile", profile}, {"surge", demand.surge}, {"headroom", demand.headroom}});
  file["machine"] = input.machine;
  json::object result{{"name", "plan, " + profile}, {"model", describe(model, input.points)}, {"plan", describe(plan)}};
  json::array asked(rooms.begin(), rooms.end());
  result["demand"] = asked;
  file["results"].as_array().push_back(std::move(result));
  finishResult(file, line.json());
  return kExitOk;
}

}  // namespace penstock::bench
