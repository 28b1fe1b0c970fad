// Which stream of which track a publisher's packet belongs to, and what checks that it is authentic.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "dataplane/relay/state.h"

namespace penstock {

/// What a packet claims to be. `receiver` null: there are no keys to check it with.
struct IncomingClaim {
  IncomingStream stream;
  srtp::ReceiveStream* receiver;
};

/// By its SSRC; else by MID and RID (RFC 8843 section 9.2, RFC 8852), RTX by its payload type too; else by the payload
/// type of a track that takes any SSRC. The packet is not authenticated yet: this only chooses what gets to check it.
std::optional<IncomingClaim> findStream(RelayState& s, uint32_t transport, const RtpView& view, uint64_t now_ns);

/// The packet was authentic. A first one of an SSRC makes the stream that SSRC's, in the place of another if it had
/// one. False: it belongs to another stream meanwhile.
bool bind(RelayState& s, uint32_t transport, const IncomingStream& stream, uint32_t ssrc, uint64_t now_ns);

/// Keeps the replay state of an SSRC that no stream has any more.
void retire(RelayState& s, uint32_t transport, uint32_t ssrc, std::unique_ptr<srtp::ReceiveStream> stream);

/// Makes what the next SSRC is checked with, if it is missing. Allocates.
void provideSpare(RelayState& s, uint32_t transport);

}  // namespace penstock
