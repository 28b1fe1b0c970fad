// What the crypto backend does with nothing around it: the rate that a relay's rate is compared with. As many keys as
// the run has, taken in turn, so that key schedules come from where they would come from in the relay.
#pragma once

#include <cstdint>

#include "dataplane/srtp/crypto.h"

namespace penstock::bench {

struct CryptoRates {
  double protect_per_second = 0, unprotect_per_second = 0;
  double protect_cycles = 0, unprotect_cycles = 0;  // per packet
  // ipsec-mb itself, its jobs filled in by nobody's rules; 0 where it is not there.
  double bare_protect_per_second = 0, bare_unprotect_per_second = 0;
};

/// By CPU time of this thread. Each direction takes about `seconds` of it. `senders` keys unprotect, `receivers` keys
/// protect.
CryptoRates measureCryptoAlone(srtp::Backend& backend, contract::SrtpProfile profile, uint16_t payload_bytes,
                               uint32_t receivers, uint32_t senders, double seconds);

}  // namespace penstock::bench
