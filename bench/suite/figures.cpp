#include "bench/suite/figures.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

#include "bench/suite/result.h"
#include "bench/suite/svg.h"

namespace penstock::bench {

namespace json = boost::json;

namespace {

using Files = std::vector<json::object>;
using Result = const json::object*;

template <class... Arguments>
std::string text(const char* format, Arguments... arguments) {
  char out[200];
  std::snprintf(out, sizeof(out), format, arguments...);
  return out;
}

std::vector<Result> resultsOf(const Files& files, const char* kind) {
  std::vector<Result> results;
  for (const json::object& file : files) {
    if (textAt(file, "kind") != kind) continue;
    for (const json::value& value : arrayAt(file, "results")) results.push_back(&value.as_object());
  }
  return results;
}

struct Shape {
  const char* workload;
  double size, keys;
  const char* profile;
  const char* backend;  // nullptr: the fast one, whatever its name
};

/// A result of forward with one worker and 1200 bytes.
Result forwarded(const Files& files, const Shape& shape) {
  for (const Result result : resultsOf(files, "forward")) {
    const std::string backend = textAt(*result, "backend");
    if (textAt(*result, "workload") == shape.workload && numberAt(*result, "size") == shape.size &&
        numberAt(*result, "keys") == shape.keys && numberAt(*result, "payload_bytes") == 1200 &&
        numberAt(*result, "workers", 1) == 1 && textAt(*result, "profile") == shape.profile &&
        (shape.backend != nullptr ? backend == shape.backend : backend != "libsrtp")) {
      return result;
    }
  }
  return nullptr;
}

double ndrOf(Result result) {
  return result == nullptr ? 0 : numberAt(objectAt(*result, "ndr"), "out_per_second");
}

std::string sayRate(Result result) {
  const json::object& ndr = objectAt(*result, "ndr");
  const json::value* limited = ndr.if_contains("generator_limited");
  const bool at_least = limited != nullptr && limited->is_bool() && limited->get_bool();
  return (at_least ? "at least " : "") + shortNumber(ndrOf(result)) + " packets/s";
}

std::string sayRepeats(Result result) {
  const json::object& ndr = objectAt(*result, "ndr");
  return "repeats " + shortNumber(numberAt(ndr, "min")) + " to " + shortNumber(numberAt(ndr, "max")) + "; " +
         text("%.0f cycles each", numberAt(objectAt(ndr, "trial"), "cycles_per_packet_out"));
}

void addEgress(std::vector<Figure>& figures, const Files& files, const char* profile, const char* name, double wanted) {
  Figure rate{.name = std::string("egress per worker, 1 x 50, 1200 B, 1000 keys, memif, no loss: ") + name,
              .wanted = shortNumber(wanted) + " packets/s"};
  Figure share{.name = "of it, of what ipsec-mb alone does with as many keys", .wanted = "70 %"};
  if (const Result result = forwarded(files, {"webinar", 50, 1000, profile, nullptr})) {
    rate.measured = sayRate(result);
    rate.reached = ndrOf(result) >= wanted;
    rate.beside = sayRepeats(result);
    const double ratio = numberAt(*result, "ratio_to_alone");
    share.measured = text("%.0f %%", 100 * ratio);
    share.reached = ratio >= 0.7;
    share.beside =
        textAt(*result, "alone_is") + ": " + shortNumber(numberAt(*result, "alone_out_per_second")) + " packets/s";
  }
  figures.push_back(rate);
  figures.push_back(share);
}

void addClear(std::vector<Figure>& figures, const Files& files) {
  constexpr double kWanted = 2e6, kShareWanted = 0.8;
  Figure figure{.name = "same, null cipher", .wanted = "2 M packets/s, or 80 % of macswap over the same memif"};
  if (const Result result = forwarded(files, {"webinar", 50, 1000, "null", nullptr})) {
    figure.measured = sayRate(result);
    double swapped = 0;
    for (const json::object& file : files) {
      const json::object& other = objectAt(file, "mac_swap");
      if (other.empty()) continue;
      swapped = numberAt(other, "per_second");
      figure.measured += text(", %.0f %% of macswap", 100 * ndrOf(result) / swapped);
      figure.beside = textAt(other, "program") + ": " + shortNumber(swapped) + " packets/s; ";
    }
    figure.reached = ndrOf(result) >= kWanted || (swapped > 0 && ndrOf(result) >= kShareWanted * swapped);
    figure.beside += sayRepeats(result);
  }
  figures.push_back(figure);
}

void addUnprotect(std::vector<Figure>& figures, const Files& files, const char* profile, const char* name) {
  Figure figure{.name = std::string("unprotect, 50 publishers to one recorder: ") + name,
                .wanted = "70 % of ipsec-mb alone (each packet unprotected, and protected once)"};
  if (const Result result = forwarded(files, {"recorder", 50, 0, profile, nullptr})) {
    const double ratio = numberAt(*result, "ratio_to_alone");
    figure.measured = text("%.0f %%", 100 * ratio) + ", " + sayRate(result);
    figure.reached = ratio >= 0.7;
    figure.beside = sayRepeats(result);
  }
  figures.push_back(figure);
}

void addBackends(std::vector<Figure>& figures, const Files& files, const char* profile, const char* name) {
  Figure figure{.name = std::string("fast backend against libsrtp, forwarding 1 x 50, 1000 keys: ") + name,
                .wanted = "10 times"};
  const Result fast = forwarded(files, {"webinar", 50, 1000, profile, nullptr});
  const Result slow = forwarded(files, {"webinar", 50, 1000, profile, "libsrtp"});
  if (fast != nullptr && slow != nullptr && ndrOf(slow) > 0) {
    const double times = ndrOf(fast) / ndrOf(slow);
    figure.measured = text("%.1f times", times);
    figure.reached = times >= 10;
    figure.beside = "libsrtp " + sayRate(slow) + "; crypto alone: " +
                    text("%.1f times", numberAt(*fast, "backend_alone_out_per_second") /
                                           numberAt(*slow, "backend_alone_out_per_second", 1));
  }
  figures.push_back(figure);
}

std::string sayDelays(const json::object& delay) {
  return text("%.0f / %.0f / %.0f us", numberAt(delay, "p50_us"), numberAt(delay, "p99_us"),
              numberAt(delay, "p999_us"));
}

void addDelays(std::vector<Figure>& figures, const Files& files) {
  for (const json::object& file : files) {
    if (textAt(file, "kind") != "latency") continue;
    std::string machine;
    for (const json::value& core : arrayAt(file, "machine_jitter")) {
      if (!machine.empty()) machine += ", ";
      machine += text("core %.0f ", numberAt(core.as_object(), "core")) + sayDelays(core.as_object());
    }
    for (const json::value& value : arrayAt(file, "results")) {
      const json::object& result = value.as_object();
      if (numberAt(result, "size") > 10) continue;
      for (const json::value& entry : arrayAt(result, "loads")) {
        const json::object& load = entry.as_object();
        if (numberAt(load, "share_of_ndr") != 0.5) continue;
        const json::object& delay = objectAt(load, "delay");
        figures.push_back({.name = "added delay at 50 % of NDR, fan-out " + text("%.0f", numberAt(result, "size")) +
                                   ": p50 / p99 / p99.9",
                           .wanted = "20 / 100 / 500 us",
                           .measured = sayDelays(delay),
                           .reached = numberAt(delay, "p50_us") <= 20 && numberAt(delay, "p99_us") <= 100 &&
                                      numberAt(delay, "p999_us") <= 500,
                           .beside = "an empty loop on this machine: " + machine});
      }
    }
  }
  if (std::ranges::none_of(figures, [](const Figure& f) { return f.name.starts_with("added delay"); })) {
    figures.push_back({.name = "added delay at 50 % of NDR: p50 / p99 / p99.9", .wanted = "20 / 100 / 500 us"});
  }
}

void addCores(std::vector<Figure>& figures, const Files& files) {
  Figure scaling{.name = "two workers against one, one room of 1 x 2000", .wanted = "1.9 times"};
  Figure growth{.name = "cost per packet, 10,000 subscriptions against 10", .wanted = "less than 1.5 times"};
  Result few = nullptr, many = nullptr;
  for (const Result result : resultsOf(files, "cores")) {
    const double subscriptions = numberAt(*result, "subscriptions");
    if (numberAt(*result, "workers") == 2 && subscriptions == 2000 && numberAt(*result, "tracks") == 1) {
      const double times = numberAt(*result, "speedup"), by_cycles = numberAt(*result, "speedup_by_cycles");
      scaling.measured = text("%.2f times; by cycles per packet %.2f", times, by_cycles);
      scaling.reached = std::max(times, by_cycles) >= 1.9;
      scaling.beside =
          "the path without a port, every core a worker's: " + shortNumber(numberAt(*result, "out_per_second")) +
          " packets/s";
    }
    if (numberAt(*result, "workers") != 1 || numberAt(*result, "size") != 10) continue;
    if (subscriptions == 10) few = result;
    if (subscriptions == 10'000) many = result;
  }
  if (few != nullptr && many != nullptr) {
    const double least = numberAt(*few, "cycles_per_packet_out"), most = numberAt(*many, "cycles_per_packet_out");
    growth.measured = text("%.2f times", most / least);
    growth.reached = most / least < 1.5;
    growth.beside = text("%.0f and %.0f cycles, rooms of 1 x 10, without a port", least, most);
  }
  figures.push_back(scaling);
  figures.push_back(growth);
}

void addIdle(std::vector<Figure>& figures, const Files& files) {
  Figure cpu{.name = "idle: CPU of the whole relay with 100 silent participants", .wanted = "under 5 % of one core"};
  Figure wake{.name = "first packet after idle", .wanted = "within 1 ms"};
  for (const Result result : resultsOf(files, "idle")) {
    const double share = numberAt(*result, "cpu_share");
    cpu.measured = text("%.2f %%", 100 * share);
    cpu.reached = share < 0.05;
    cpu.beside = textAt(*result, "what");
    const json::object& delay = objectAt(*result, "first_packet");
    const double worst = numberAt(delay, "max_us");
    wake.measured = text("p50 %.0f us, longest %.0f us", numberAt(delay, "p50_us"), worst);
    wake.reached = worst <= 1000;
    wake.beside = text("%.0f times, each after ", numberAt(delay, "count")) + textAt(*result, "silence");
  }
  figures.push_back(cpu);
  figures.push_back(wake);
}

void addMemory(std::vector<Figure>& figures, const Files& files) {
  Figure figure{.name = "memory of the dataplane", .wanted = "stated"};
  double most = 0;
  for (const Result result : resultsOf(files, "cores")) {
    const json::object& memory = objectAt(*result, "memory");
    if (numberAt(*result, "workers") != 1 || numberAt(*result, "subscriptions") < most) continue;
    most = numberAt(*result, "subscriptions");
    const double transport = numberAt(memory, "per_transport"), subscription = numberAt(memory, "per_subscription");
    // A conference of ten as browsers make it: each has a transport to publish and one to subscribe, and two tracks.
    const double room = 20 * transport + 20 * numberAt(memory, "per_track") + 180 * subscription;
    const double base = numberAt(memory, "base_bytes");
    figure.measured = text("%.1f KiB a transport, %.1f KiB a track, %.2f KiB a subscription", transport / 1024,
                           numberAt(memory, "per_track") / 1024, subscription / 1024);
    figure.beside = text("%.0f subscriptions; besides %.0f MiB. ", most, base / 1048576) +
                    text("Rooms of 10 with camera and microphone in 1 GiB: %.0f (a relay holds %d transports: 819)",
                         std::floor((1073741824.0 - base) / room), 16384);
  }
  figures.push_back(figure);
  Figure control{.name = "memory of control", .wanted = "stated"};
  for (const Result result : resultsOf(files, "idle")) {
    const double bytes = numberAt(*result, "control_bytes_per_participant");
    if (bytes > 0) control.measured = text("%.1f KiB a participant", bytes / 1024);
  }
  figures.push_back(control);
}

}  // namespace

std::vector<Figure> figuresOf(const Files& files) {
  std::vector<Figure> figures;
  addEgress(figures, files, "gcm", "AEAD_AES_128_GCM", 1.0e6);
  addEgress(figures, files, "cm", "AES_CM_128_HMAC_SHA1_80", 0.6e6);
  addClear(figures, files);
  addUnprotect(figures, files, "gcm", "AEAD_AES_128_GCM");
  addUnprotect(figures, files, "cm", "AES_CM_128_HMAC_SHA1_80");
  addBackends(figures, files, "gcm", "AEAD_AES_128_GCM");
  addBackends(figures, files, "cm", "AES_CM_128_HMAC_SHA1_80");
  addDelays(figures, files);
  addCores(figures, files);
  addIdle(figures, files);
  addMemory(figures, files);
  return figures;
}

json::array describe(const std::vector<Figure>& figures) {
  json::array described;
  for (const Figure& figure : figures) {
    json::object entry{{"name", figure.name},
                       {"wanted", figure.wanted},
                       {"measured", figure.measured.empty() ? "not measured" : figure.measured},
                       {"beside", figure.beside}};
    if (figure.reached) entry["reached"] = *figure.reached;
    described.push_back(std::move(entry));
  }
  return described;
}

}  // namespace penstock::bench
