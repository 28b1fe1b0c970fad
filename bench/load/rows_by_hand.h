// A scenario's rows, given to a relay as housekeeping would: validated, with their crypto made.
#pragma once

#include <functional>

#include "bench/load/scenario.h"
#include "dataplane/relay/relay.h"

namespace penstock::bench {

/// The relay of the load run, as identity.h places it.
RelayConfig relayConfig(uint32_t packet_buffers, uint32_t workers = 1);

/// How much resident memory this process took meanwhile, in bytes.
struct RowMemory {
  uint64_t transports = 0, tracks = 0, subscriptions = 0;
  uint64_t all() const { return transports + tracks + subscriptions; }
};

/// A command for each row, in an order in which they can be applied. Everybody is where identity.h says, nominated
/// already. Throws std::runtime_error if the backend cannot do the profile.
RowMemory forEachRow(srtp::Backend& backend, const Scenario& scenario, contract::SrtpProfile profile,
                     const std::function<void(Command)>& give);

/// All of them to one relay.
void applyScenario(Relay& relay, srtp::Backend& backend, const Scenario& scenario, contract::SrtpProfile profile,
                   uint64_t now_ns);

}  // namespace penstock::bench
