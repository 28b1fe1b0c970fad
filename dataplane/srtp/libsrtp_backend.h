// The backend that is right everywhere and fast nowhere: libsrtp, one packet at a time.
#pragma once

#include <memory>

#include "dataplane/srtp/crypto.h"

namespace penstock::srtp {

std::unique_ptr<Backend> makeLibsrtpBackend();

}  // namespace penstock::srtp
