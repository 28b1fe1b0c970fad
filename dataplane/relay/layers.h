// Which encoding and layers of a track each subscriber is to get: by what it asked for, and what the publisher sends.
#pragma once

#include "dataplane/codec/frame_info.h"
#include "dataplane/relay/state.h"

namespace penstock {

/// A packet of a video track is about to be forwarded: keeps up with what its encodings and layers are, and aims all
/// subscribers anew if that changed. Fills in what only comparing timestamps tells.
void noteFrame(RelayState& s, uint32_t track, uint8_t encoding, const RtpView& view, codec::FrameInfo& frame,
               uint64_t now_ns);

/// Chooses what the subscription is to get, and asks for a key frame if that is another encoding. One for another
/// spatial layer is asked for with the next frame, if none of those that go out allows to change.
void aim(RelayState& s, uint32_t subscription, uint64_t now_ns);

/// Does what the selector's verdict means, if it is not simply to forward. Returns whether the packet goes out.
bool takeVerdict(RelayState& s, uint32_t subscription, stream::LayerSelector::Verdict verdict,
                 const Forwarder::Published& published, uint64_t now_ns);

}  // namespace penstock
