// AEAD_AES_128_GCM and AEAD_AES_256_GCM (RFC 7714) with ipsec-mb's direct API. One packet fills the vector units, so
// there is nothing that a queue of several could gain.
#pragma once

#include <intel-ipsec-mb.h>

#include "dataplane/srtp/ipsec_mb_stream.h"
#include "dataplane/srtp/key_derivation.h"

namespace penstock::srtp {

class GcmKeys final : public MbKeys {
 public:
  GcmKeys(IMB_MGR& manager, contract::SrtpProfile profile, const SessionKeys& session);
  ~GcmKeys() override;
  const gcm_key_data& expanded() const { return expanded_; }

 private:
  alignas(64) gcm_key_data expanded_;
};

/// `job` was examined and its index marked used.
void protectGcm(IMB_MGR& manager, const MbSendStream& stream, ProtectJob& job);
/// The whole of it: examined, verified, accepted.
CryptoStatus unprotectGcm(IMB_MGR& manager, MbReceiveStream& stream, UnprotectJob& job);

}  // namespace penstock::srtp
