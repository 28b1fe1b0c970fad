#include "dataplane/relay/forward.h"

#include "dataplane/relay/state.h"
#include "dataplane/relay/transmit.h"

namespace penstock {

const contract::PayloadTypeMapping* findMapping(const SubscriptionState& subscription, uint8_t payload_type) {
  for (uint32_t i = 0; i < subscription.row.mapping_count; ++i) {
    if (subscription.row.mapping[i].from == payload_type) return &subscription.row.mapping[i];
  }
  return nullptr;
}

stream::SourceHeader describe(const TransportState& publisher, const RtpView& view, const RtpExtensions& extensions) {
  stream::SourceHeader source;
  source.marker = view.marker;
  source.csrcs = view.packet.subspan(kRtpHeaderSize, size_t{view.csrc_count} * 4);
  for (const ExtensionElement& element : extensions.elements()) {
    const uint8_t extension = publisher.extension_of_id[element.id];
    if (extension != kNoExtension) source.extension[extension] = extensions.value(element);
  }
  return source;
}

size_t Forwarder::forward(RelayState& s, TrackState& track, const RtpView& view, const stream::SourceHeader& source,
                          uint64_t now_ns) {
  size_t wanted = 0;
  for (const uint32_t index : track.subscriptions) {
    if (s.subscriptions[index].paused()) continue;
    ++wanted;
    add(s, index, view, source, now_ns);
  }
  s.stages.mark(contract::Stage::rewrite, wanted);
  return wanted;
}

void Forwarder::add(RelayState& s, uint32_t index, const RtpView& view, const stream::SourceHeader& source,
                    uint64_t now_ns) {
  SubscriptionState& subscription = s.subscriptions[index];
  TransportState& transport = s.transports[subscription.row.transport.index];
  if (!subscription.media) return s.outbox.lose(Counter::send_no_address);  // its handshake is not done yet
  if (const auto drop = unreachable(s, transport, now_ns)) return s.outbox.lose(*drop);
  const auto* mapping = findMapping(subscription, view.payload_type);
  if (mapping == nullptr) return s.outbox.lose(Counter::send_payload_type_unmapped);
  const auto packet_index = subscription.sequence.map(view.sequence);
  if (!packet_index) return;  // older than the subscription
  std::optional<Packet> packet = takeBuffer(s);
  if (!packet) return s.outbox.lose(Counter::send_pool_empty);

  const auto space = payloadSpace(s, transport, *packet);
  const auto payload = view.payload();
  const auto written = subscription.header.write(source,
                                                 {.ssrc = subscription.row.ssrc,
                                                  .timestamp = subscription.timestamp.map(view.timestamp, now_ns),
                                                  .sequence = static_cast<uint16_t>(*packet_index),
                                                  .payload_type = mapping->to,
                                                  .transport_sequence = transport.transport_sequence,
                                                  .abs_send_time = absSendTime(now_ns)},
                                                 space);
  if (!written || written->written_length + payload.size() + subscription.media->tagLength() > space.size()) {
    s.io.release(std::span(&*packet, 1));
    return s.outbox.lose(Counter::send_too_long);
  }
  transport.transport_sequence += subscription.header.stampsTransportSequence() ? 1 : 0;
  if (subscription.reservation.reserve(*packet_index)) {
    s.flows.subscription[index].index_reserved = subscription.reservation.reserved();
  }
  queue(s, {*packet, index, static_cast<uint32_t>(payload.size()), false},
        {.stream = subscription.media.get(),
         .destination = space,
         .payload = payload,
         .index = *packet_index,
         .header_length = written->header_length,
         .written_length = written->written_length});
}

void Forwarder::queue(RelayState& s, const Outgoing& outgoing, const srtp::ProtectJob& job) {
  outgoing_[count_] = outgoing;
  jobs_[count_] = job;
  if (++count_ == jobs_.size()) flush(s);
}

void Forwarder::addRetransmission(RelayState& s, uint32_t index, const RtpView& view, uint8_t payload_type,
                                  uint16_t sequence, uint64_t now_ns) {
  SubscriptionState& subscription = s.subscriptions[index];
  TransportState& transport = s.transports[subscription.row.transport.index];
  const auto extensions = RtpExtensions::parse(view);
  if (!extensions) return s.count(Counter::nack_unanswerable);  // cannot be: it was accepted with them
  std::optional<Packet> packet = takeBuffer(s);
  if (!packet) return s.outbox.lose(Counter::send_pool_empty);

  const TrackState& track = s.tracks[subscription.row.track.index];
  const auto space = payloadSpace(s, transport, *packet);
  const uint64_t rtx_index = subscription.rtx_sequence.take();
  const auto written =
      subscription.header.writeRtx(describe(s.transports[track.row.transport.index], view, *extensions),
                                   {.ssrc = subscription.row.rtx_ssrc,
                                    .timestamp = view.timestamp + subscription.timestamp.offset(),
                                    .sequence = static_cast<uint16_t>(rtx_index),
                                    .payload_type = payload_type,
                                    .transport_sequence = transport.transport_sequence,
                                    .abs_send_time = absSendTime(now_ns)},
                                   sequence, space);
  const auto payload = view.payload();
  if (!written || written->written_length + payload.size() + subscription.rtx->tagLength() > space.size()) {
    s.io.release(std::span(&*packet, 1));
    return s.outbox.lose(Counter::send_too_long);
  }
  transport.transport_sequence += subscription.header.stampsTransportSequence() ? 1 : 0;
  if (subscription.rtx_reservation.reserve(rtx_index)) {
    s.flows.subscription[index].rtx_index_reserved = subscription.rtx_reservation.reserved();
  }
  queue(s, {*packet, index, static_cast<uint32_t>(payload.size()), true},
        {.stream = subscription.rtx.get(),
         .destination = space,
         .payload = payload,
         .index = rtx_index,
         .header_length = written->header_length,
         .written_length = written->written_length});
}

void Forwarder::flush(RelayState& s) {
  if (count_ == 0) return;
  s.stages.mark(contract::Stage::rewrite, 0);
  s.backend.protect(std::span(jobs_).first(count_));
  s.stages.mark(contract::Stage::protect, count_);
  for (size_t i = 0; i < count_; ++i) finish(s, outgoing_[i], jobs_[i]);
  s.stages.mark(contract::Stage::stamp, 0);
  count_ = 0;
}

void Forwarder::finish(RelayState& s, const Outgoing& outgoing, const srtp::ProtectJob& job) {
  if (job.status != srtp::CryptoStatus::kOk) {
    s.io.release(std::span(&outgoing.packet, 1));
    return s.outbox.lose(Counter::send_protect_failed);
  }
  SubscriptionState& subscription = s.subscriptions[outgoing.subscription];
  contract::SubscriptionStats& stats = s.reports.subscription[outgoing.subscription];
  contract::TransportStats& transport_stats = s.reports.transport[subscription.row.transport.index];
  if (outgoing.retransmission) {
    stats.retransmissions += 1;
    s.count(Counter::retransmissions_sent);
  } else {
    subscription.packets_sent += 1;
    subscription.octets_sent += outgoing.payload_size;
    subscription.retransmission_budget.onSent(job.length);
    stats.packets += 1;
    stats.bytes += job.length;
    s.count(Counter::media_sent);
  }
  transport_stats.packets_sent += 1;
  transport_stats.bytes_sent += job.length;
  transmit(s, s.transports[subscription.row.transport.index], outgoing.packet, job.length);
}

}  // namespace penstock
