// ICE connectivity checks (RFC 8445, lite): the only way an address is learned, changed or kept.
#pragma once

#include "dataplane/relay/state.h"

namespace penstock {

/// Answers one STUN message; says how the packet ended.
Counter answerCheck(RelayState& s, const FrameView& view, uint64_t now_ns);

/// Media of the transport goes to `address` from now on, and may come from there.
void nominate(RelayState& s, uint32_t index, const Address& address, uint64_t now_ns);

/// Forgets every address of the transport.
void forgetRemotes(RelayState& s, uint32_t index);

/// Media may not go to the transport's addresses any more: control is told, and they are forgotten.
void loseConsent(RelayState& s, uint32_t index, uint64_t now_ns);

/// Ends the transport's sending if nobody proved consent for 30 s (RFC 7675).
void expireConsent(RelayState& s, uint32_t index, uint64_t now_ns);

}  // namespace penstock
