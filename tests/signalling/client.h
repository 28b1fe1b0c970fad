// A client's half of offer/answer, as far as tests need it.
#pragma once

#include <string>

#include "control/signalling/sdp.h"

namespace penstock::test {

inline constexpr const char* kClientFingerprint =
    "AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA";

/// Takes everything that the relay offers.
inline sdp::Session acceptAll(const std::string& offer, const std::string& ufrag = "clnt") {
  sdp::Session answer = *sdp::parse(offer, sdp::kMediaMax);
  answer.ice_lite = false;
  for (sdp::Media& media : answer.media) {
    media.security.ice_ufrag = ufrag;
    media.security.ice_pwd = "0123456789012345678901";
    media.security.fingerprints = {{"sha-256", kClientFingerprint}};
    media.security.setup = sdp::Setup::kActive;
    media.direction =
        media.direction == sdp::Direction::kSendOnly ? sdp::Direction::kRecvOnly : sdp::Direction::kInactive;
    media.ssrcs.clear();
    media.ssrc_groups.clear();
    media.msid_stream.clear();
    media.candidates.clear();
  }
  return answer;
}

}  // namespace penstock::test
