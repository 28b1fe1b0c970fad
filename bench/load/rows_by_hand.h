// A scenario's rows, given to a relay as housekeeping would: validated, with their crypto made.
#pragma once

#include "bench/load/scenario.h"
#include "dataplane/relay/relay.h"

namespace penstock::bench {

/// The relay of the load run, as identity.h places it.
RelayConfig relayConfig(uint32_t packet_buffers);

/// Everybody is where identity.h says, nominated already. Throws std::runtime_error if the relay takes a row not.
void applyScenario(Relay& relay, srtp::Backend& backend, const Scenario& scenario, contract::SrtpProfile profile,
                   uint64_t now_ns);

}  // namespace penstock::bench
