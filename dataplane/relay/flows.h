// The worker's notes in the flows region of what it received: what a dataplane that starts again must not take twice. A
// process may be killed between any two stores, so a number is written last and taken away first.
#pragma once

#include "dataplane/packet/serial.h"
#include "dataplane/relay/state.h"

namespace penstock {

/// The replay state of one sender's SRTCP.
inline void storeSrtcpSender(contract::TransportFlow& flow, const srtp::SrtcpReceiver& receiver, size_t sender) {
  const contract::SrtcpSenderFlow seen = receiver.seen(sender);
  contract::SrtcpSenderFlow& to = flow.srtcp_sender[sender];
  if (to.ssrc != seen.ssrc) {  // of one that gave up its place
    __atomic_store_n(&to.index_end, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&to.ssrc, seen.ssrc, __ATOMIC_RELEASE);
  }
  __atomic_store_n(&to.index_end, seen.index_end, __ATOMIC_RELEASE);
}

/// The streams of withdrawn tracks, oldest first.
inline void storeRetired(contract::TransportFlow& flow, const TransportState& transport) {
  for (size_t i = 0; i < contract::kRetiredStreamMax; ++i) {
    contract::RetiredFlow& to = flow.retired[i];
    __atomic_store_n(&to.highest_index, 0, __ATOMIC_RELEASE);
    if (i >= transport.retired.size()) continue;
    __atomic_store_n(&to.ssrc, transport.retired[i].ssrc, __ATOMIC_RELEASE);
    __atomic_store_n(&to.highest_index, transport.retired[i].stream->highestIndex(), __ATOMIC_RELEASE);
  }
}

/// The highest index of an encoding, and which SSRC it is that of. True: it is so far ahead of the one before that the
/// stream has begun again.
inline bool storeIndex(contract::EncodingFlow& flow, const EncodingState& encoding, bool rtx, uint64_t index) {
  uint32_t& ssrc = rtx ? flow.rtx_ssrc : flow.ssrc;
  uint64_t& highest = rtx ? flow.highest_rtx_index : flow.highest_index;
  const uint32_t bound = rtx ? encoding.rtx_ssrc : encoding.ssrc;
  if (ssrc != bound) {
    __atomic_store_n(&highest, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&ssrc, bound, __ATOMIC_RELEASE);
  }
  if (index <= highest) return false;
  const bool jumped = highest != 0 && index - highest >= uint64_t{kDropoutMax};
  __atomic_store_n(&highest, index, __ATOMIC_RELEASE);
  return jumped;
}

}  // namespace penstock
