// The fast backend: intel-ipsec-mb, keys expanded once per transport, whole bursts, payload encrypted on its way from
// the shared plaintext to each destination. x86-64 only.
#pragma once

#include <memory>

#include "dataplane/srtp/crypto.h"

namespace penstock::srtp {

/// Null if this build has no intel-ipsec-mb, or this CPU no AES instructions: its portable code is slow, and tells keys
/// by its timing.
std::unique_ptr<Backend> makeIpsecMbBackend();

}  // namespace penstock::srtp
