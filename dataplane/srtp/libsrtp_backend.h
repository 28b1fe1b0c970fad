// The backend that is right everywhere and fast nowhere: libsrtp, one packet at a time. It breaks one rule of Backend:
// Debian's libsrtp 2.5 does its arithmetic with NSS, which takes locks, and allocates and frees within each packet (5
// times for GCM, 14 for HMAC-SHA1).
#pragma once

#include <memory>

#include "dataplane/srtp/crypto.h"

namespace penstock::srtp {

std::unique_ptr<Backend> makeLibsrtpBackend();

}  // namespace penstock::srtp
