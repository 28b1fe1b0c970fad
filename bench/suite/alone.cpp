#include "bench/suite/alone.h"

#include <map>
#include <vector>

#include <boost/json/array.hpp>

#include "bench/load/backend.h"
#include "bench/load/crypto_alone.h"

namespace penstock::bench {

namespace json = boost::json;

Alone measureAlone(const Case& what, double seconds) {
  const Scenario& scenario = what.plan.scenario;
  std::map<uint16_t, std::pair<double, double>> sizes;  // payload -> packets in, packets out
  std::vector<bool> publishes(scenario.participants);
  for (const TrackPlan& track : scenario.tracks) {
    auto& [in, out] = sizes[track.payload_bytes];
    in += track.packets_per_second;
    out += track.packets_per_second * track.subscription_count;
    publishes[track.publisher] = true;
  }
  const auto publishers = static_cast<uint32_t>(std::count(publishes.begin(), publishes.end(), true));
  const auto backend = makeBackend(what.plan.backend);
  Alone alone;
  json::array by_size;
  for (const auto& [bytes, packets] : sizes) {
    const CryptoRates rates = measureCryptoAlone(*backend, what.plan.profile, bytes, scenario.receivers(), publishers,
                                                 seconds / static_cast<double>(sizes.size()));
    const auto [in, out] = packets;
    alone.seconds += (out / rates.protect_per_second + in / rates.unprotect_per_second) / scenario.packetsOut();
    if (rates.bare_protect_per_second > 0) {
      alone.bare_seconds +=
          (out / rates.bare_protect_per_second + in / rates.bare_unprotect_per_second) / scenario.packetsOut();
    }
    by_size.push_back(json::object{{"payload_bytes", bytes},
                                   {"protect_per_second", rates.protect_per_second},
                                   {"unprotect_per_second", rates.unprotect_per_second},
                                   {"protect_cycles", rates.protect_cycles},
                                   {"unprotect_cycles", rates.unprotect_cycles},
                                   {"bare_protect_per_second", rates.bare_protect_per_second},
                                   {"bare_unprotect_per_second", rates.bare_unprotect_per_second}});
  }
  alone.described = {{"receiver_keys", scenario.receivers()},
                     {"publisher_keys", publishers},
                     {"by_payload", by_size},
                     {"out_per_second", 1 / alone.seconds},
                     {"bare_out_per_second", alone.bare_seconds > 0 ? 1 / alone.bare_seconds : 0}};
  return alone;
}

}  // namespace penstock::bench
