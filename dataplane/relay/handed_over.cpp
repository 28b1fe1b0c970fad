#include "dataplane/relay/handed_over.h"

#include "dataplane/packet/rtp_extension.h"
#include "dataplane/relay/cache_share.h"
#include "dataplane/relay/checks.h"
#include "dataplane/relay/layers.h"
#include "dataplane/relay/link.h"
#include "dataplane/relay/requests.h"
#include "dataplane/relay/restart.h"
#include "dataplane/relay/transmit.h"

namespace penstock {

/// Takes over the reference; the place is good until finish().
const Packet& HandedOver::hold(const Packet& packet) {
  if (held_count_ == held_.size()) finish();
  return held_[held_count_++] = packet;
}

void HandedOver::finish() {
  s_.media.finish(s_, now_ns_);
  s_.forwarder.flush(s_);
  s_.outbox.flush();
  s_.io.release(std::span(held_).first(held_count_));
  held_count_ = 0;
}

TrackState* HandedOver::find(const contract::RowReference& track, bool foreign) {
  TrackState* found = s_.tracks.find(track.index);
  const bool same = found != nullptr && found->row.generation == track.generation && found->foreign == foreign;
  return same ? found : nullptr;
}

void HandedOver::take(uint32_t, const handover::Frame& frame) {
  const Packet& packet = hold(frame.packet);
  if (const auto outcome = take_frame_(s_, packet, now_ns_)) s_.count(*outcome);
}

void HandedOver::take(uint32_t, const handover::Media& media) {
  const Packet& packet = hold(media.packet);
  TrackState* track = find(media.track, /*foreign=*/true);
  if (track == nullptr) return;  // unsubscribed meanwhile
  const auto view = parseRtpHeader(std::span(packet.data + media.rtp_offset, media.rtp_length));
  if (!view) return;                                        // cannot be: its worker accepted it
  if (media.encoding >= track->row.encoding_count) return;  // a row changed meanwhile
  const auto source = describe(s_.transports[track->row.transport.index], *view, RtpExtensions::parse(*view));
  auto frame = frameOf(*track, media.encoding, *view, source);
  if (track->isVideo()) {
    const CachedPacket kept{packet, media.rtp_offset, media.rtp_length, frame.spatial_id, frame.frame_end};
    keep(s_, *track, media.encoding, kept, view->sequence, now_ns_);
    noteFrame(s_, media.track.index, media.encoding, *view, frame, now_ns_);
  }
  s_.stages.mark(contract::Stage::account, 1);
  s_.forwarder.forward(s_, *track, {*view, source, frame, media.encoding}, now_ns_);
}

void HandedOver::take(uint32_t, const handover::Inject& inject) {
  const Packet& packet = hold(inject.packet);
  sendDatagram(s_, inject.transport, std::span(packet.data, packet.length_bytes), now_ns_);
}

void HandedOver::take(uint32_t, const handover::LeftOut& left_out) {
  if (const TrackState* track = find(left_out.track, true)) {
    leaveOut(s_, *track, left_out.encoding, left_out.sequence);
  }
}

void HandedOver::take(uint32_t, const handover::Restarted& restarted) {
  TrackState* track = find(restarted.track, true);
  if (track == nullptr || restarted.encoding >= track->row.encoding_count) return;
  beginAgain(s_, *track, restarted.encoding, restarted.key_frame_begun ? KeyFrame::kHasBegun : KeyFrame::kComesWhole);
}

void HandedOver::take(uint32_t, const handover::Resumed& resumed) {
  TrackState* track = find(resumed.track, true);
  if (track == nullptr) return;
  track->resumed_ns = now_ns_;
  for (const uint32_t index : track->subscriptions) {
    s_.subscriptions[index].layers.restart();
    requestKeyFrameFor(s_, index, now_ns_);
  }
}

void HandedOver::take(uint32_t, const handover::SenderReport& report) {
  TrackState* track = find(report.track, true);
  if (track == nullptr || report.encoding >= track->encoding.size()) return;
  track->encoding[report.encoding].clock.onSenderReport(report.info.ntp, report.info.rtp_timestamp);
  s_.transports[track->row.transport.index].clock.onSenderReport(report.info.ntp, report.received_ns);
}

void HandedOver::take(uint32_t, const handover::KeyFrame& wanted) {
  if (find(wanted.track, false) != nullptr) requestKeyFrame(s_, wanted.track.index, wanted.encoding, now_ns_);
}

void HandedOver::take(uint32_t from, const handover::Remote& remote) {
  const uint32_t* at = s_.by_remote.find(remote.address);
  if (!remote.known) {
    if (at != nullptr && *at == remote.transport) s_.by_remote.erase(remote.address);
    return;
  }
  if (s_.owner_of[remote.transport] != from) return;              // the transport is gone meanwhile
  if (at != nullptr && s_.owns(*at) && s_.is_plain[*at]) return;  // its address is not to be taken
  if (at != nullptr && s_.owns(*at)) loseAddress(s_, *at, remote.address, now_ns_);
  s_.by_remote.set(remote.address, remote.transport);
}

void HandedOver::take(uint32_t, const handover::Seen& seen) {
  learn(s_, seen.neighbour, seen.solicited, now_ns_);
}

}  // namespace penstock
