// Which backend does the RTP crypto of this process: one place that decides, from a wish and what is there.
#pragma once

#include <memory>

#include "dataplane/srtp/crypto.h"

namespace penstock::srtp {

enum class BackendChoice { kAuto, kIpsecMb, kLibsrtp };

/// kAuto: intel-ipsec-mb where it runs, else libsrtp. Null if the one that was asked for does not run here.
std::unique_ptr<Backend> makeBackend(BackendChoice choice);

}  // namespace penstock::srtp
