#include "bench/suite/load_options.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "bench/load/backend.h"
#include "bench/suite/command.h"
#include "bench/suite/mix.h"
#include "bench/suite/result.h"
#include "dataplane/port/eal.h"

namespace penstock::bench {

namespace json = boost::json;
namespace po = boost::program_options;

namespace {

std::vector<std::string> splitList(const std::string& list) {
  std::vector<std::string> items;
  std::istringstream stream(list);
  for (std::string item; std::getline(stream, item, ',');) {
    if (!item.empty()) items.push_back(item);
  }
  if (items.empty()) throw std::invalid_argument("an empty list");
  return items;
}

uint32_t numberOf(const std::string& text) {
  char* end = nullptr;
  const unsigned long number = std::strtoul(text.c_str(), &end, 10);
  if (end == text.c_str() || *end != '\0' || number > 1'000'000) throw std::invalid_argument("no number: " + text);
  return static_cast<uint32_t>(number);
}

std::string whatOf(const LoadOptions& options, uint32_t size) {
  if (!options.mix.empty()) return "mix " + std::filesystem::path(options.mix).filename().string();
  if (options.workload == "webinar") return "webinar 1 x " + std::to_string(size);
  if (options.workload == "recorder") return "recorder " + std::to_string(size) + " x 1";
  if (options.workload == "calls") return "calls 1:1";
  return options.workload + " " + std::to_string(size) + " x " + std::to_string(size);
}

std::vector<RoomShape> roomsOf(const LoadOptions& options, uint32_t size, uint32_t keys, uint16_t payload) {
  if (options.mix.empty()) {
    return shapesOf({.name = options.workload,
                     .size = size,
                     .rooms = options.rooms,
                     .keys = keys,
                     .payload_bytes = payload,
                     .audio_payload_bytes = options.audio_payload});
  }
  std::ifstream file(options.mix);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) throw std::invalid_argument("could not read " + options.mix);
  return readMix(text.str());
}

std::optional<int> generatorCore(const LoadOptions& options) {
  if (options.generator_core >= 0) return options.generator_core;
  const std::vector<int> allowed = allowedCores();
  return allowed.size() > 1 ? std::optional(allowed[0]) : std::nullopt;
}

/// One combination of the lists.
struct Choice {
  uint32_t size, keys, payload, workers;
  std::string profile, backend;
};

std::string nameOf(const LoadOptions& options, const Choice& choice) {
  std::string name = whatOf(options, choice.size);
  if (choice.keys > 0) name += ", " + std::to_string(choice.keys) + " keys";
  name += ", " + std::to_string(choice.payload) + " B, " + choice.profile + ", " + backendName(choice.backend);
  if (choice.workers > 1) name += ", " + std::to_string(choice.workers) + " workers";
  if (!options.programs.empty()) name += ", penstock-dataplane";
  return name;
}

Case caseOf(const LoadOptions& options, const Choice& choice) {
  const std::string &profile = choice.profile, &backend = choice.backend;
  Case made;
  made.plan.scenario = makeScenario(
      roomsOf(options, choice.size, choice.keys, static_cast<uint16_t>(std::min(choice.payload, 65'535u))));
  const auto known = profileOf(profile);
  if (!known) throw std::invalid_argument("no profile \"" + profile + "\"; there are " + kProfileNames);
  if (!makeBackend(backend)) throw std::invalid_argument("no backend \"" + backend + "\"; there are " + kBackendNames);
  made.plan.profile = *known;
  made.plan.backend = backend;
  made.plan.device = options.device;
  made.plan.relay_device = options.relay_device;
  made.plan.programs = options.programs;
  made.plan.worker_cores = coresFor(choice.workers, options.worker_cores);
  made.plan.generator_core = generatorCore(options);
  made.busy = options.busy || made.plan.sharesCore();
  made.keys = choice.keys;
  made.plan.ring_log2 = options.ring_log2;
  made.plan.relay_sleeps = options.relay_sleeps;
  made.plan.store_bytes = size_t{options.store_mib} << 20;
  const Scenario& scenario = made.plan.scenario;
  made.name = nameOf(options, choice);
  made.labels = {{"name", made.name},
                 {"what", whatOf(options, choice.size)},
                 {"workload", options.mix.empty() ? options.workload : "mix"},
                 {"size", choice.size},
                 {"keys", choice.keys},
                 {"payload_bytes", choice.payload},
                 {"workers", choice.workers},
                 {"generator_shares_core", made.plan.sharesCore()},
                 {"profile", profile},
                 {"backend", backendName(backend)},
                 {"participants", scenario.participants},
                 {"tracks", scenario.tracks.size()},
                 {"subscriptions", scenario.subscriptions.size()},
                 {"receivers", scenario.receivers()},
                 {"fan_out", scenario.fanOut()},
                 {"payload_in_bytes", scenario.bytesIn() / scenario.packetsIn()},
                 {"payload_out_bytes", scenario.bytesOut() / scenario.packetsOut()},
                 {"relay", options.programs.empty() ? "built in" : "penstock-dataplane"},
                 {"port", options.device.empty() ? "net_memif" : options.device},
                 {"busy_allowed", options.busy},
                 {"relay_idle", options.relay_sleeps ? "sleep" : "poll"}};
  return made;
}

}  // namespace

std::vector<uint32_t> numbersOf(const std::string& list) {
  std::vector<uint32_t> numbers;
  for (const std::string& item : splitList(list)) numbers.push_back(numberOf(item));
  return numbers;
}

std::vector<std::optional<int>> coresFor(uint32_t workers, const std::string& named) {
  if (workers == 0 || workers > contract::kWorkerMax) throw std::invalid_argument("--workers: 1 to 32");
  std::vector<std::optional<int>> cores;
  if (!named.empty()) {
    for (const uint32_t core : numbersOf(named)) cores.push_back(static_cast<int>(core));
    if (cores.size() < workers) throw std::invalid_argument("--worker-cores: fewer than workers");
    cores.resize(workers);
    return cores;
  }
  const std::vector<int> allowed = allowedCores();
  if (workers > allowed.size()) throw std::invalid_argument("--workers: more than this machine has cores");
  for (uint32_t i = 0; i < workers; ++i) cores.push_back(allowed[(i + 1) % allowed.size()]);
  return cores;
}

po::options_description loadOptions(LoadOptions& options, const std::string& sizes) {
  options.sizes = sizes;
  po::options_description description("Load", 110);
  auto add = description.add_options();
  const auto text = [](std::string& to) { return po::value(&to)->default_value(to); };
  add("workload", text(options.workload),
      "webinar: 1 to N; meeting: N to N, audio and video; calls: pairs; audio: N to N; "
      "recorder: N publishers to one");
  add("size", text(options.sizes), "N of each room; a list measures each");
  add("rooms", po::value(&options.rooms)->default_value(options.rooms), "rooms alike");
  add("keys", text(options.keys),
      "as many rooms as it takes for so many receivers, each with a key of its own; a list; 0: --rooms counts");
  add("mix", po::value(&options.mix), "a JSON file of rooms instead of a workload (bench/suite/mix.json is one)");
  add("payload", text(options.payloads), "bytes of video payload; a list");
  add("audio-payload", po::value(&options.audio_payload)->default_value(options.audio_payload), "bytes");
  add("profile", text(options.profiles), ("SRTP profile; a list of: " + std::string(kProfileNames)).c_str());
  add("backend", text(options.backends), ("crypto backend; a list of: " + std::string(kBackendNames)).c_str());
  add("seconds", po::value(&options.seconds)->default_value(options.seconds), "length of a trial, 0.1 to 15");
  add("workers", text(options.workers), "how many workers the relay has; a list measures each");
  add("worker-cores", po::value(&options.worker_cores),
      "their cores, in order (otherwise all but the first, which they get last, sharing it with the generator)");
  add("generator-core", po::value(&options.generator_core), "core of generator and sink (otherwise the first)");
  add("idle-sleep", po::bool_switch(&options.relay_sleeps), "the worker backs off when idle, as in production");
  add("busy", po::bool_switch(&options.busy),
      "go on where the machine is too busy: to try things out, no figure counts");
  add("dataplane", po::value(&options.programs),
      "load the penstock-dataplane of this folder, housekeeping and all, its rows written into its tables region, "
      "instead of the relay built in");
  add("device", po::value(&options.device),
      "DPDK port of the generator instead of net_memif, as a PCI address or virtual device");
  add("relay-device", po::value(&options.relay_device), "the relay's, at the other end of that");
  add("ring", po::value(&options.ring_log2)->default_value(options.ring_log2),
      "net_memif's rings: log2 of entries, 8 to 14");
  add("store-mib", po::value(&options.store_mib)->default_value(options.store_mib),
      "memory for packets encrypted ahead; trials that would need more are shorter");
  return description;
}

std::vector<Case> casesOf(const LoadOptions& options) {
  if (options.seconds < 0.1 || options.seconds > 15) throw std::invalid_argument("--seconds: 0.1 to 15");
  if (options.ring_log2 < 8 || options.ring_log2 > 14) throw std::invalid_argument("--ring: 8 to 14");
  if (options.store_mib < 16) throw std::invalid_argument("--store-mib: 16 or more");
  std::vector<Case> cases;
  std::vector<Choice> choices{{}};
  // Each list multiplies what there is; the last one varies fastest.
  const auto vary = [&](const auto& list, auto member) {
    std::vector<Choice> all;
    for (const Choice& choice : choices) {
      for (const auto& value : list) {
        all.push_back(choice);
        all.back().*member = value;
      }
    }
    choices = std::move(all);
  };
  vary(splitList(options.profiles), &Choice::profile);
  vary(splitList(options.backends), &Choice::backend);
  vary(numbersOf(options.sizes), &Choice::size);
  vary(numbersOf(options.keys), &Choice::keys);
  vary(numbersOf(options.payloads), &Choice::payload);
  vary(numbersOf(options.workers), &Choice::workers);
  for (const Choice& choice : choices) cases.push_back(caseOf(options, choice));
  return cases;
}

int runCases(const CommandLine& line, const std::vector<Case>& cases, LoadCommand command) {
  Progress progress(cases.size(), command.steps_per_case);
  for (const Case& what : cases) {
    progress.begin(what.name);
    json::object result = isolated([&] { return command.measure(what, progress); });
    progress.end();
    command.print(result);
    command.file["results"].as_array().push_back(std::move(result));
  }
  finishResult(command.file, line.json());
  return kExitOk;
}

json::object isolated(const std::function<json::object()>& measure) {
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) throw std::runtime_error("no pipe");
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("no process");
  if (child == 0) {
    close(pipe_ends[0]);
    json::object answer;
    try {
      answer = measure();
    } catch (const std::exception& error) {
      answer = {{"error", error.what()}};
    }
    const std::string text = json::serialize(answer);
    for (size_t at = 0; at < text.size();) {
      const ssize_t wrote = write(pipe_ends[1], text.data() + at, text.size() - at);
      if (wrote <= 0) break;
      at += static_cast<size_t>(wrote);
    }
    _exit(0);
  }
  close(pipe_ends[1]);
  std::string text;
  char buffer[65'536];
  for (ssize_t got; (got = read(pipe_ends[0], buffer, sizeof(buffer))) > 0;)
    text.append(buffer, static_cast<size_t>(got));
  close(pipe_ends[0]);
  waitpid(child, nullptr, 0);
  json::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_object())
    throw std::runtime_error("the measuring process ended without a result: " + text.substr(0, 2000));
  if (value.get_object().contains("error")) throw std::runtime_error(textAt(value.get_object(), "error"));
  return value.get_object();
}

}  // namespace penstock::bench
