// Which codecs we take from a publisher, and how we number and describe them to every subscriber.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/room/model.h"
#include "control/signalling/sdp.h"

namespace penstock {

/// Of an m-section of the client: the codecs the relay forwards, in the client's order of preference, at most
/// kPayloadTypeMax payload types with their RTX. `feedback` is what of the offered feedback is accepted.
std::vector<Codec> supportedCodecs(const sdp::Media& media, Kind kind, const std::vector<std::string>& feedback);

/// Their names, for a refusal: "VP8, H264, VP9, AV1".
std::string forwardedCodecs(Kind kind);

/// A publisher's codec as every subscriber gets it offered: payload types and parameters out of one fixed table, so
/// that within a bundle one number never means two things (RFC 8843 section 10.1.2).
std::optional<Codec> canonicalCodec(const Codec& published);

/// All of a track's like that, each once. RED is numbered after the Opus that is in it.
std::vector<Codec> canonicalCodecs(const std::vector<Codec>& published);

/// Those of `answered` that can decode something of what `track` sends.
std::vector<Codec> commonCodecs(const std::vector<Codec>& answered, const std::vector<Codec>& track);

/// The a=rtpmap, a=fmtp, a=rtcp-fb of codecs with their RTX.
std::vector<sdp::Format> formatsOf(const std::vector<Codec>& codecs);

inline const std::vector<std::string> kPublishFeedback = {"nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"};
inline const std::vector<std::string> kSubscribeFeedback = {"nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"};

}  // namespace penstock
