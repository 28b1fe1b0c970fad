#include "bench/suite/plan_input.h"

#include <array>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include <boost/json/array.hpp>

#include "bench/suite/result.h"

namespace penstock::bench {

namespace json = boost::json;

namespace {

MeasuredPoint pointOf(const json::object& result) {
  const json::object& trial = objectAt(objectAt(result, "ndr"), "trial");
  const double seconds = numberAt(trial, "seconds", 1), sent = numberAt(trial, "sent");
  const json::object& memory = objectAt(result, "memory");
  return {.name = textAt(result, "name"),
          .packets_in = numberAt(trial, "received") / seconds,
          .packets_out = sent / seconds,
          .bytes = (numberAt(trial, "bytes_in") + numberAt(trial, "bytes_out")) / seconds,
          .cycles = numberAt(trial, "cycles_per_packet_out") * sent / seconds,
          .busy_share = numberAt(trial, "busy_share", 1),
          .memory_bytes = numberAt(memory, "scenario_bytes"),
          .participants = numberAt(result, "participants"),
          .subscriptions = numberAt(result, "subscriptions"),
          .tracks = numberAt(result, "tracks")};
}

void takeMachine(PlanInput& input, const json::object& machine) {
  if (!input.machine.empty() && textAt(input.machine, "cpu") != textAt(machine, "cpu")) {
    throw std::invalid_argument("the files are of machines with different CPUs");
  }
  input.machine = machine;
  input.clock_hz = numberAt(machine, "tsc_ghz") * 1e9;
}

}  // namespace

PlanInput collectPlanInput(const std::vector<json::object>& files, const std::string& profile,
                           const std::string& backend) {
  PlanInput input;
  for (const json::object& file : files) {
    const std::string kind = textAt(file, "kind");
    for (const json::value& value : arrayAt(file, "results")) {
      const json::object& result = value.as_object();
      if (kind == "joins") input.joins_per_second_and_core = numberAt(result, "joins_per_second_and_core");
      if (kind != "forward" || textAt(result, "profile") != profile) continue;
      if (!backend.empty() && textAt(result, "backend") != backend) continue;
      const MeasuredPoint point = pointOf(result);
      if (point.packets_out <= 0 || point.cycles <= 0) continue;
      takeMachine(input, objectAt(file, "machine"));
      input.points.push_back(point);
    }
  }
  return input;
}

RoomDemand parseRoomDemand(const std::string& text) {
  RoomDemand demand;
  const std::array<std::pair<std::string_view, double*>, 7> fields = {{{"rooms", &demand.rooms},
                                                                       {"size", &demand.size},
                                                                       {"publishers", &demand.publishers},
                                                                       {"video-kbps", &demand.video_kbps},
                                                                       {"audio-kbps", &demand.audio_kbps},
                                                                       {"video-bytes", &demand.video_payload_bytes},
                                                                       {"audio-per-second", &demand.audio_per_second}}};
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) {
    const size_t equals = word.find('=');
    bool known = false;
    for (const auto& [name, value] : fields) {
      if (equals == std::string::npos || word.substr(0, equals) != name) continue;
      char* end = nullptr;
      *value = std::strtod(word.c_str() + equals + 1, &end);
      known = end != word.c_str() + equals + 1 && *end == '\0' && *value >= 0;
    }
    if (!known)
      throw std::invalid_argument("--demand: \"" + word +
                                  "\" is none of rooms, size, publishers, video-kbps, "
                                  "audio-kbps, video-bytes, audio-per-second, each =NUMBER");
  }
  if (demand.rooms <= 0 || demand.size < 2) throw std::invalid_argument("--demand: rooms of two participants or more");
  if (demand.publishers == 0) demand.publishers = demand.size;
  if (demand.publishers > demand.size || demand.video_payload_bytes <= 0 || demand.audio_per_second <= 0) {
    throw std::invalid_argument("--demand: no more publishers than participants; sizes and rates above 0");
  }
  return demand;
}

}  // namespace penstock::bench
