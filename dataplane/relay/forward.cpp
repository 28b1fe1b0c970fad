#include "dataplane/relay/forward.h"

#include <algorithm>
#include <utility>

#include "dataplane/relay/layers.h"
#include "dataplane/relay/state.h"
#include "dataplane/relay/transmit.h"
#include "dataplane/stream/descriptor_rewriter.h"

namespace penstock {

namespace {

bool fits(const std::optional<stream::WrittenHeader>& written, std::span<const uint8_t> payload, size_t tag_length,
          std::span<uint8_t> space) {
  return written && written->written_length + payload.size() + tag_length <= space.size();
}

void loseTooLong(RelayState& s, const Packet& packet) {
  s.io.release(std::span(&packet, 1));
  s.outbox.lose(Counter::send_too_long);
}

}  // namespace

stream::SourceHeader describe(const TransportState& publisher, const RtpView& view, const RtpExtensions& extensions) {
  stream::SourceHeader source;
  source.marker = view.marker;
  source.csrcs = view.packet.subspan(kRtpHeaderSize, size_t{view.csrc_count} * 4);
  for (const ExtensionElement& element : extensions.elements()) {
    const uint8_t extension = publisher.extension_of_id[element.id];
    if (extension != kNoExtension) source.set(extension, extensions.value(element));
  }
  return source;
}

namespace {

std::span<const uint8_t> descriptorOf(const stream::SourceHeader& source) {
  return source.extension[static_cast<size_t>(contract::Extension::kDependencyDescriptor)];
}

}  // namespace

codec::FrameInfo frameOf(TrackState& track, uint8_t encoding, const RtpView& view, const stream::SourceHeader& source) {
  if (!track.isVideo()) return {};
  return codec::frameInfo(track.codec[view.payload_type], view.payload(), descriptorOf(source), view.sequence,
                          track.encoding[encoding].dependencies);
}

namespace {

bool endsPicture(const codec::FrameInfo& frame, const stream::NumberOffsets& offsets) {
  return frame.frame_end && frame.spatial_id == offsets.layers.top_spatial;
}

// So many subscribers ahead their state is asked for, and, when that has come, what it refers to.
constexpr size_t kStateAhead = 8, kWayAhead = 4;

void prefetchState(const RelayState& s, uint32_t index) {
  prefetch<kSubscriptionHot>(&s.subscriptions[index]);
  prefetch<sizeof(contract::SubscriptionStats)>(&s.reports.subscription[index]);
}

void prefetchWay(const RelayState& s, uint32_t index) {
  const SubscriptionState& subscription = s.subscriptions[index];
  const uint32_t transport = subscription.row.transport.index;
  prefetch<kTransportHot>(&s.transports[transport]);
  prefetch<sizeof(contract::TransportStats)>(&s.reports.transport[transport]);
  subscription.sequence.prefetch();
  if (subscription.media) subscription.media->prefetch();
}

}  // namespace

void Forwarder::expectNext(const RelayState& s, uint32_t track) {
  const std::span<const uint32_t> subscriptions(s.tracks[track].subscriptions);
  for (size_t n = 0; n < std::min(subscriptions.size(), kStateAhead); ++n) prefetchState(s, subscriptions[n]);
}

void Forwarder::expectNow(const RelayState& s, uint32_t track) {
  const std::span<const uint32_t> subscriptions(s.tracks[track].subscriptions);
  for (size_t n = 0; n < std::min(subscriptions.size(), kWayAhead); ++n) prefetchWay(s, subscriptions[n]);
}

size_t Forwarder::forward(RelayState& s, TrackState& track, const Published& published, uint64_t now_ns) {
  const uint8_t payload_type = published.view.payload_type;
  Shared shared{published, published.view.payload(), now_ns, absSendTime(now_ns), payload_type};
  const auto descriptor = descriptorOf(published.source);
  if (published.frame.structure != nullptr && stream::tellsTargets(descriptor)) {
    shared.mask_place = codec::findMask(descriptor, published.frame.structure->target_count);
  }
  size_t wanted = 0;
  if (track.isRed(payload_type)) {
    wanted = forwardRed(s, track, shared);
    s.stages.mark(contract::Stage::rewrite, wanted);
    return wanted;
  }
  const std::span<const uint32_t> subscriptions(track.subscriptions);
  for (size_t n = 0; n < subscriptions.size(); ++n) {
    const uint32_t index = subscriptions[n];
    if (n + kStateAhead < subscriptions.size()) prefetchState(s, subscriptions[n + kStateAhead]);
    if (n + kWayAhead < subscriptions.size()) prefetchWay(s, subscriptions[n + kWayAhead]);
    if (!s.subscriptions[index].paused()) wanted += add(s, index, shared);
  }
  s.stages.mark(contract::Stage::rewrite, wanted);
  return wanted;
}

bool Forwarder::add(RelayState& s, uint32_t index, const Shared& shared) {
  const RtpView& view = shared.published.view;
  SubscriptionState& subscription = s.subscriptions[index];
  TransportState& transport = s.transports[subscription.row.transport.index];
  const auto lose = [&](Counter drop) { return s.outbox.lose(drop), false; };
  if (!subscription.media) return lose(Counter::send_no_address);  // its handshake is not done yet
  if (!transport.reachable()) [[unlikely]] {
    if (const auto drop = unreachable(s, transport, shared.now_ns)) return lose(*drop);
  }
  const auto* mapping = subscription.mapping(shared.payload_type);
  if (mapping == nullptr) return loseUnmapped(s, index, shared, Counter::send_payload_type_unmapped);
  const auto verdict = subscription.layers.on(shared.published.encoding, shared.published.frame,
                                              subscription.sequence.isInOrder(view.sequence));
  if (verdict != stream::LayerSelector::Verdict::kForward &&
      !takeVerdict(s, index, verdict, shared.published, shared.now_ns)) {
    return false;
  }
  const auto numbers = subscription.sequence.map(view.sequence);
  if (!numbers) return false;  // older than the subscription
  const codec::FrameInfo& frame = shared.published.frame;
  subscription.pictures.note(frame, numbers->offsets);
  Packet& packet = outgoing_[count_].packet;
  if (!takeBuffer(s, packet)) return lose(Counter::send_pool_empty);

  const auto space = payloadSpace(s, transport.header, packet);
  const auto described = descriptorOf(shared.published.source);
  stream::DescriptorSpace descriptor_space;
  std::span<const uint8_t> descriptor;
  if (stream::isRedescribed(described, numbers->offsets)) [[unlikely]] {
    descriptor = stream::redescribe(described, numbers->offsets, shared.mask_place, descriptor_space);
  }
  auto written = subscription.header.write(shared.published.source,
                                           {.ssrc = subscription.row.ssrc,
                                            .timestamp = subscription.timestamp.map(view.timestamp, shared.now_ns),
                                            .sequence = static_cast<uint16_t>(numbers->index),
                                            .payload_type = mapping->to,
                                            .transport_sequence = transport.transport_sequence,
                                            .abs_send_time = shared.abs_send_time,
                                            .ends_picture = endsPicture(frame, numbers->offsets),
                                            .dependency_descriptor = descriptor},
                                           space);
  if (!fits(written, shared.payload, subscription.tag_length, space)) return loseTooLong(s, packet), false;
  auto payload = shared.payload;
  if (!shared.lead.empty()) [[unlikely]] {
    std::ranges::copy(shared.lead, space.begin() + written->written_length);
    written->written_length = static_cast<uint16_t>(written->written_length + shared.lead.size());
    payload = payload.subspan(shared.lead.size());
  } else if (stream::isRenumbered(frame.ids, numbers->offsets)) {
    payload = stream::renumber(*frame.ids, numbers->offsets, payload, space, *written);
  }
  transport.transport_sequence += subscription.header.stampsTransportSequence() ? 1 : 0;
  if (subscription.reservation.reserve(numbers->index)) {
    s.flows.subscription[index].index_reserved = subscription.reservation.reserved();
  }
  jobs_[count_] = {.stream = subscription.media.get(),
                   .destination = space,
                   .payload = payload,
                   .index = numbers->index,
                   .header_length = written->header_length,
                   .written_length = written->written_length};
  queue(s, index, /*retransmission=*/false);
  return true;
}

/// The subscriber did not accept what is in it: nothing is missing for that.
bool Forwarder::loseUnmapped(RelayState& s, uint32_t index, const Shared& shared, Counter drop) {
  s.subscriptions[index].leaveOut(shared.published.encoding, shared.published.view.sequence);
  s.outbox.lose(drop);
  return false;
}

void Forwarder::addRetransmission(RelayState& s, uint32_t index, const RtpView& view, const Retransmitted& as,
                                  uint64_t now_ns) {
  SubscriptionState& subscription = s.subscriptions[index];
  TransportState& transport = s.transports[subscription.row.transport.index];
  Packet& packet = outgoing_[count_].packet;
  if (!takeBuffer(s, packet)) return s.outbox.lose(Counter::send_pool_empty);

  const TrackState& track = s.tracks[subscription.row.track.index];
  const auto space = payloadSpace(s, transport.header, packet);
  const uint64_t rtx_index = subscription.rtx_sequence.take();
  const auto source = describe(s.transports[track.row.transport.index], view, RtpExtensions::parse(view));
  const auto described = descriptorOf(source);
  stream::DescriptorSpace descriptor_space;
  std::span<const uint8_t> descriptor;
  if (stream::isRedescribed(described, as.offsets)) {
    descriptor = stream::redescribe(described, as.offsets, std::nullopt, descriptor_space);
  }
  auto written = subscription.header.writeRtx(source,
                                              {.ssrc = subscription.row.rtx_ssrc,
                                               .timestamp = view.timestamp + as.offsets.timestamp,
                                               .sequence = static_cast<uint16_t>(rtx_index),
                                               .payload_type = as.payload_type,
                                               .transport_sequence = transport.transport_sequence,
                                               .abs_send_time = absSendTime(now_ns),
                                               .ends_picture = as.ends_picture,
                                               .dependency_descriptor = descriptor},
                                              as.sequence, space);
  if (!fits(written, view.payload(), subscription.tag_length, space)) return loseTooLong(s, packet);
  const auto ids = codec::pictureIds(track.codec[view.payload_type], view.payload());
  auto payload = view.payload();
  if (stream::isRenumbered(ids, as.offsets)) payload = stream::renumber(*ids, as.offsets, payload, space, *written);
  transport.transport_sequence += subscription.header.stampsTransportSequence() ? 1 : 0;
  if (subscription.rtx_reservation.reserve(rtx_index)) {
    s.flows.subscription[index].rtx_index_reserved = subscription.rtx_reservation.reserved();
  }
  jobs_[count_] = {.stream = subscription.rtx.get(),
                   .destination = space,
                   .payload = payload,
                   .index = rtx_index,
                   .header_length = written->header_length,
                   .written_length = written->written_length};
  queue(s, index, /*retransmission=*/true);
}

/// Its packet and job are in place.
void Forwarder::queue(RelayState& s, uint32_t subscription, bool retransmission) {
  Outgoing& outgoing = outgoing_[count_];
  outgoing.subscription = subscription;
  outgoing.transport = s.subscriptions[subscription].row.transport.index;
  outgoing.retransmission = retransmission;
  if (++count_ == jobs_.size()) flush(s);
}

void Forwarder::flush(RelayState& s) {
  if (count_ == 0) return;
  s.stages.mark(contract::Stage::rewrite, 0);
  s.backend.protect(std::span(jobs_).first(count_));
  s.stages.mark(contract::Stage::protect, count_);
  for (size_t i = 0; i < count_; ++i) finish(s, outgoing_[i], jobs_[i]);
  s.stages.mark(contract::Stage::stamp, 0);
  s.count(Counter::media_sent, std::exchange(media_sent_, 0));
  count_ = 0;
}

void Forwarder::finish(RelayState& s, Outgoing& outgoing, const srtp::ProtectJob& job) {
  if (job.status != srtp::CryptoStatus::kOk) [[unlikely]] {
    s.io.release(std::span(&outgoing.packet, 1));
    return s.outbox.lose(Counter::send_protect_failed);
  }
  TransportState& transport = s.transports[outgoing.transport];
  if (!withinCredit(transport, job.length)) [[unlikely]]
    return loseUnproven(s, outgoing.packet);
  contract::SubscriptionStats& stats = s.reports.subscription[outgoing.subscription];
  contract::TransportStats& transport_stats = s.reports.transport[outgoing.transport];
  if (outgoing.retransmission) {
    stats.retransmissions += 1;
    s.count(Counter::retransmissions_sent);
  } else {
    SubscriptionState& subscription = s.subscriptions[outgoing.subscription];
    subscription.packets_sent += 1;
    subscription.octets_sent += static_cast<uint32_t>(job.written_length - job.header_length + job.payload.size());
    subscription.retransmission_budget.onSent(job.length);
    stats.packets += 1;
    stats.bytes += job.length;
    media_sent_ += 1;
  }
  transport_stats.packets_sent += 1;
  transport_stats.bytes_sent += job.length;
  transmit(s, transport.header, outgoing.packet, job.length);
}

}  // namespace penstock
