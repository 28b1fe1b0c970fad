#include "dataplane/relay/requests.h"

#include <algorithm>

#include "dataplane/relay/forward.h"
#include "dataplane/relay/transmit.h"
#include "dataplane/stream/report_builder.h"

namespace penstock {

namespace {

void sendPictureLossIndication(RelayState& s, uint32_t index, uint8_t encoding, uint64_t now_ns) {
  TrackState& track = s.tracks[index];
  const uint32_t ssrc = track.encoding[encoding].ssrc;
  if (ssrc == 0) return;  // nothing received yet: what comes first is a key frame
  const uint32_t transport = track.row.transport.index;
  s.count(Counter::key_frame_requests_sent);
  s.reports.track[index].key_frame_requests += 1;
  transmitRtcp(s, transport, now_ns, [&](std::span<uint8_t> out) {
    const TransportState& publisher = s.transports[transport];
    const uint32_t self = publisher.row.rtcp_ssrc;
    return stream::buildFeedback(publisher.takesReducedRtcp(), self, kRelayCname, out,
                                 [&](RtcpWriter& writer) { return writer.addPli(self, ssrc); });
  });
}

}  // namespace

void requestKeyFrame(RelayState& s, uint32_t index, uint8_t encoding, uint64_t now_ns) {
  TrackState& track = s.tracks[index];
  if (!track.isVideo() || encoding >= track.encoding.size()) return;
  if (track.foreign) {
    s.peers.tell(s.owner_of[track.row.transport.index], handover::KeyFrame{{index, track.row.generation}, encoding});
  } else if (track.encoding[encoding].key_frames.request(now_ns)) {
    sendPictureLossIndication(s, index, encoding, now_ns);
  }
}

void requestKeyFrameFor(RelayState& s, uint32_t index, uint64_t now_ns) {
  const SubscriptionState& subscription = s.subscriptions[index];
  if (!subscription.hasTrack()) return;
  requestKeyFrame(s, subscription.row.track.index, subscription.layers.target(), now_ns);
}

void requestKeyFramesFor(RelayState& s, uint32_t transport, uint64_t now_ns) {
  for (const uint32_t subscription : s.transports[transport].subscriptions) requestKeyFrameFor(s, subscription, now_ns);
}

void onKeyFrameRequest(RelayState& s, uint32_t index, uint64_t now_ns) {
  SubscriptionState& subscription = s.subscriptions[index];
  s.count(Counter::key_frame_requests_received);
  s.reports.subscription[index].key_frame_requests += 1;
  if (subscription.paused()) return;  // it gets one when it goes on
  if (!subscription.key_frame_budget.allow(now_ns)) return;
  requestKeyFrameFor(s, index, now_ns);
  // What it sees until then is of another encoding.
  const uint8_t shown = subscription.layers.current();
  if (subscription.layers.waits() && shown != contract::kNoEncoding) {
    requestKeyFrame(s, subscription.row.track.index, shown, now_ns);
  }
}

void pollKeyFrames(RelayState& s, uint32_t index, uint64_t now_ns) {
  TrackState& track = s.tracks[index];
  for (uint8_t e = 0; e < track.row.encoding_count; ++e) {
    if (track.encoding[e].key_frames.poll(now_ns)) sendPictureLossIndication(s, index, e, now_ns);
  }
}

namespace {

/// A receiver asks for what nobody has any more, as after a second in which nothing reached it. Its picture stands
/// still, and browsers ask for a key frame only when it has stood for three seconds.
void replaceByKeyFrame(RelayState& s, uint32_t index, const stream::SourceSequence& source, uint64_t now_ns) {
  SubscriptionState& subscription = s.subscriptions[index];
  const TrackState& track = s.tracks[subscription.row.track.index];
  if (!track.isVideo() || source.source != subscription.layers.current()) return;
  const EncodingState& encoding = track.encoding[source.source];
  if (encoding.isSuperseded(source.sequence) || encoding.key_frames.isAsked(now_ns)) return;
  if (subscription.key_frame_budget.allow(now_ns)) requestKeyFrameFor(s, index, now_ns);
}

}  // namespace

void retransmit(RelayState& s, uint32_t index, uint16_t sequence, uint64_t now_ns) {
  SubscriptionState& subscription = s.subscriptions[index];
  s.reports.subscription[index].nacks += 1;
  if (!subscription.hasTrack()) return s.count(Counter::nack_unanswerable);
  TrackState& track = s.tracks[subscription.row.track.index];
  TransportState& transport = s.transports[subscription.row.transport.index];
  const auto source = subscription.sequence.sourceOf(sequence);
  const bool kept = source && source->source < track.caches.size();
  const CachedPacket* cached = kept ? track.caches[source->source].find(source->sequence, now_ns) : nullptr;
  if (cached == nullptr || !subscription.rtx) {
    s.count(Counter::nack_unanswerable);
    if (kept && track.caches[source->source].isGone(source->sequence, now_ns)) {
      replaceByKeyFrame(s, index, *source, now_ns);
    }
    return;
  }
  const auto view = parseRtpHeader(std::span(cached->packet.data + cached->rtp_offset, cached->rtp_length));
  const auto* mapping = view ? subscription.mapping(view->payload_type) : nullptr;
  if (mapping == nullptr || mapping->rtx_to == contract::kNotRtx) return s.count(Counter::nack_unanswerable);
  const uint64_t rtt_ns = uint64_t{s.reports.transport[subscription.row.transport.index].round_trip_time_us} * 1000;
  if (!subscription.answers.allow(sequence, now_ns, rtt_ns) ||
      !subscription.retransmission_budget.spend(cached->rtp_length)) {
    return s.count(Counter::nack_budget_spent);
  }
  if (const auto drop = unreachable(s, transport, now_ns)) return s.outbox.lose(*drop);
  const bool ends_picture = cached->frame_end && cached->spatial_id == source->offsets.layers.top_spatial;
  s.forwarder.addRetransmission(s, index, *view, {mapping->rtx_to, sequence, source->offsets, ends_picture}, now_ns);
}

}  // namespace penstock
