// ICE connectivity checks (RFC 8445, lite): the only way an address is learned, changed or kept.
//
// A check proves who sent it, not where it came from: the sender may have written somebody else's address into it. So
// an address that another transport uses is not given away, and a new one gets little until the client proves to be
// there.
#pragma once

#include "dataplane/relay/state.h"

namespace penstock {

/// Answers one STUN message; says how the packet ended.
Counter answerCheck(RelayState& s, const FrameView& view, uint64_t now_ns);

/// Packets of the transport may come from `address` too, where nothing but RTCP goes to.
void addRtcpAddress(RelayState& s, uint32_t index, const Address& address, uint64_t now_ns);

/// Media of the transport goes to `address` from now on, and may come from there. `proven`: it is known to be there.
void nominate(RelayState& s, uint32_t index, const Address& address, bool proven, uint64_t now_ns);

/// The client is at `address`: it sent SRTP or SRTCP from there, or read the DTLS that was sent there.
void proveAddress(RelayState& s, uint32_t index, const Address& address);

/// Whether `bytes` may go to a transport whose address is not proven; they count as sent then.
bool spendCredit(TransportState& transport, size_t bytes);

/// Its handshake is done: DTLS was sent to one place only, so the client has read it there, or to several, of which
/// none is proven: a check and a record may have been sent with somebody else's address in them.
void onKeys(RelayState& s, uint32_t index);

/// Of what may be sent to the transport now, whether `bytes` more may.
inline bool withinCredit(TransportState& transport, size_t bytes) {
  return !transport.limited || spendCredit(transport, bytes);
}

/// Forgets every address of the transport.
void forgetRemotes(RelayState& s, uint32_t index);

/// The address is another transport's now.
void loseAddress(RelayState& s, uint32_t index, const Address& address, uint64_t now_ns);

/// Ends the transport's sending if nobody proved consent for 30 s (RFC 7675); goes back from an address that was not
/// proven in time.
void reviewAddresses(RelayState& s, uint32_t index, uint64_t now_ns);

}  // namespace penstock
