#include "dataplane/worker/command_maker.h"

#include <sys/random.h>

#include <span>
#include <utility>

namespace penstock {
namespace {

uint32_t randomBits() {
  uint32_t bits = 0;
  while (getrandom(&bits, sizeof(bits), 0) != sizeof(bits)) continue;
  return bits;
}

/// RFC 3711 section 3.3.1: a receiver starts at roll-over counter 0. RFC 3550 section 5.1: "The initial value of the
/// sequence number SHOULD be random"; kept below 2^15, so that a loss at the start cannot look like a wrap.
uint64_t newFirstIndex() {
  return 1 + randomBits() % 0x7ffe;
}

// The worker writes its flows as packets pass; a value read here is at least as old as this call.
uint64_t load(const uint64_t& value) {
  return __atomic_load_n(&value, __ATOMIC_RELAXED);
}

}  // namespace

CommandMaker::CommandMaker(srtp::Backend& backend, const contract::FlowsRegion& flows,
                           std::function<void(Command)> send)
    : backend_(backend), flows_(flows), send_(std::move(send)), keys_(contract::kTransportMax) {}

void CommandMaker::putTransport(uint32_t index, const contract::TransportRow& row,
                                const contract::TransportRow* before) {
  TransportCommand command{.index = index, .row = row};
  const contract::TransportFlow& flow = flows_.transport[index];
  const bool resumed = flow.generation == row.generation;
  const bool keyed = row.srtp_profile != contract::SrtpProfile::kNone;
  if (!keyed) keys_[index] = {};
  if (keyed && (before == nullptr || keysDiffer(*before, row))) {
    keys_[index] = {.receive = counted(backend_.expand(row.srtp_profile, row.receive_key)),
                    .send = counted(backend_.expand(row.srtp_profile, row.send_key))};
    const uint64_t first_index = resumed ? load(flow.srtcp_index_reserved) : 0;
    command.srtcp_sender = counted(srtp::SrtcpSender::open(row.srtp_profile, row.send_key, first_index));
    // Of other keys nothing was received yet; of an association that an earlier process knew, what that says.
    using Seen = std::span<const contract::SrtcpSenderFlow>;
    const Seen seen = before == nullptr && resumed ? Seen(flow.srtcp_sender) : Seen();
    command.srtcp_receiver = counted(srtp::SrtcpReceiver::open(row.srtp_profile, row.receive_key, seen));
  }
  // Of an association that this process sees for the first time, an earlier one may know where it is.
  if (before == nullptr && resumed) {
    command.resume_remote = flow.remote;
    resumeRetired(index, command);
  }
  send_(std::move(command));
}

void CommandMaker::resumeRetired(uint32_t index, TransportCommand& command) {
  for (const contract::RetiredFlow& retired : flows_.transport[index].retired) {
    const uint64_t highest_index = load(retired.highest_index);
    if (highest_index == 0) continue;
    // Whether it was audio is not remembered: the wider window takes both.
    auto stream = openReceive(keys_[index], retired.ssrc, highest_index, contract::MediaKind::kVideo);
    if (stream) command.retired.push_back({retired.ssrc, std::move(stream)});
  }
}

void CommandMaker::putTrack(uint32_t index, const contract::TrackRow& row, const contract::TrackRow* before,
                            bool keys_changed) {
  TrackCommand command{.index = index, .row = row};
  const TransportKeys& keys = keys_[row.transport.index];
  const contract::TrackFlow& track_flow = flows_.track[index];
  for (size_t i = 0; i < row.encoding_count; ++i) {
    const contract::EncodingRow& encoding = row.encoding[i];
    const bool known = before != nullptr && i < before->encoding_count && !keys_changed;
    const contract::EncodingFlow& flow = track_flow.encoding[i];
    const bool resumed = before == nullptr && track_flow.generation == row.generation;
    // An SSRC that is not signalled was bound by an authenticated packet; the flow remembers to which.
    const auto open = [&](uint32_t signalled, uint32_t signalled_before, uint32_t bound, uint64_t highest_index) {
      if (known && signalled == signalled_before) return std::unique_ptr<srtp::ReceiveStream>();
      const bool same = resumed && bound != 0 && (signalled == 0 || signalled == bound);
      return openReceive(keys, same ? bound : signalled, same ? load(highest_index) : 0, row.kind);
    };
    command.encoding[i].media =
        open(encoding.ssrc, known ? before->encoding[i].ssrc : 0, flow.ssrc, flow.highest_index);
    // With a signalled SSRC, no RTX SSRC means no RTX.
    if (encoding.ssrc != 0 && encoding.rtx_ssrc == 0) continue;
    command.encoding[i].rtx =
        open(encoding.rtx_ssrc, known ? before->encoding[i].rtx_ssrc : 0, flow.rtx_ssrc, flow.highest_rtx_index);
  }
  send_(std::move(command));
}

void CommandMaker::putSubscription(uint32_t index, const contract::SubscriptionRow& row,
                                   const contract::SubscriptionRow* before, bool keys_changed) {
  SubscriptionCommand command{.index = index, .row = row};
  const TransportKeys& keys = keys_[row.transport.index];
  const contract::SubscriptionFlow& flow = flows_.subscription[index];
  // Also for another key under the same SSRC: to go on from the reserved index is always safe.
  const bool resumed = flow.generation == row.generation && flow.ssrc == row.ssrc;
  const bool fresh = before == nullptr || keys_changed;
  if (fresh) {
    const uint64_t reserved = resumed ? load(flow.index_reserved) : 0;
    command.media = openSend(keys, row.ssrc, reserved != 0 ? reserved : newFirstIndex());
  }
  if (row.rtx_ssrc != 0 && (fresh || before->rtx_ssrc != row.rtx_ssrc)) {
    const uint64_t reserved = resumed ? load(flow.rtx_index_reserved) : 0;
    command.rtx = openSend(keys, row.rtx_ssrc, reserved != 0 ? reserved : newFirstIndex());
  }
  command.timestamp_offset = resumed ? flow.timestamp_offset : randomBits();
  send_(std::move(command));
}

void CommandMaker::close(contract::RowKind kind, uint32_t index) {
  switch (kind) {
    case contract::RowKind::kTransport:
      keys_[index] = {};
      return send_(TransportCommand{.index = index, .row = {}});
    case contract::RowKind::kTrack:
      return send_(TrackCommand{.index = index, .row = {}});
    case contract::RowKind::kSubscription:
      return send_(SubscriptionCommand{.index = index, .row = {}});
  }
}

std::unique_ptr<srtp::ReceiveStream> CommandMaker::openReceive(const TransportKeys& keys, uint32_t ssrc,
                                                               uint64_t highest_index, contract::MediaKind kind) {
  if (!keys.receive) return nullptr;
  const uint32_t window = kind == contract::MediaKind::kAudio ? srtp::kReplayWindowAudio : srtp::kReplayWindowVideo;
  return counted(backend_.openReceive(keys.receive, ssrc, highest_index, window));
}

std::unique_ptr<srtp::SendStream> CommandMaker::openSend(const TransportKeys& keys, uint32_t ssrc,
                                                         uint64_t first_index) {
  if (!keys.send) return nullptr;
  return counted(backend_.openSend(keys.send, ssrc, first_index));
}

template <class Object>
Object CommandMaker::counted(Object object) {
  if (!object) ++refusals_;
  return object;
}

}  // namespace penstock
