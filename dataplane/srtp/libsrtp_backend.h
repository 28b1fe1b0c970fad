// The backend that is right everywhere and fast nowhere: libsrtp, one packet at a time. It breaks one rule of Backend:
// libsrtp 2.5 over OpenSSL 3 allocates and frees within each packet (5 times for GCM, 14 for HMAC-SHA1).
#pragma once

#include <memory>

#include "dataplane/srtp/crypto.h"

namespace penstock::srtp {

std::unique_ptr<Backend> makeLibsrtpBackend();

}  // namespace penstock::srtp
