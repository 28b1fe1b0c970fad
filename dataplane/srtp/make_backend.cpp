// See make_backend.h.
#include "dataplane/srtp/make_backend.h"

#include "dataplane/srtp/ipsec_mb_backend.h"
#include "dataplane/srtp/libsrtp_backend.h"

namespace penstock::srtp {

#ifndef PENSTOCK_IPSEC_MB
std::unique_ptr<Backend> makeIpsecMbBackend() {
  return nullptr;
}
#endif

std::unique_ptr<Backend> makeBackend(BackendChoice choice) {
  if (choice != BackendChoice::kLibsrtp) {
    auto fast = makeIpsecMbBackend();
    if (fast != nullptr || choice == BackendChoice::kIpsecMb) return fast;
  }
  return makeLibsrtpBackend();
}

}  // namespace penstock::srtp
