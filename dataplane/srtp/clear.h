// RTP in the clear (contract::SrtpProfile::kUnprotected): the same few lines in every backend. What there is of order
// stays: sequence numbers become indices, and what was received is not received again.
#pragma once

#include <memory>

#include "dataplane/srtp/crypto.h"

namespace penstock::srtp {

std::shared_ptr<const Keys> clearKeys();
std::unique_ptr<SendStream> openClearSend(uint32_t ssrc, uint64_t first_index);
std::unique_ptr<ReceiveStream> openClearReceive(uint32_t ssrc, uint64_t highest_index, uint32_t window);

/// Of streams that are inTheClear().
void protectClear(ProtectJob& job);
void unprotectClear(UnprotectJob& job);

}  // namespace penstock::srtp
