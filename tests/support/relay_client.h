// Clients of a relay under test: the other ends of its keys, and the rows that control would write for them.
#pragma once

#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "dataplane/contract/regions.h"
#include "dataplane/packet/parse.h"
#include "dataplane/packet/rtp.h"
#include "dataplane/relay/command.h"
#include "dataplane/srtp/crypto.h"
#include "tests/support/packet_builder.h"

namespace penstock::test {

inline contract::SrtpKey keyOf(uint8_t seed) {
  contract::SrtpKey key{};
  for (size_t i = 0; i < sizeof(key.key); ++i) key.key[i] = static_cast<uint8_t>(seed + i);
  for (size_t i = 0; i < sizeof(key.salt); ++i) key.salt[i] = static_cast<uint8_t>(seed * 3 + i);
  return key;
}

inline constexpr uint8_t kMidId = 1;
inline constexpr uint8_t kAudioLevelId = 4;
inline constexpr uint8_t kAbsSendTimeId = 5;
inline constexpr uint8_t kTransportCcId = 7;
inline constexpr uint8_t kDependencyDescriptorId = 9;

/// A client's end of one transport.
struct Client {
  uint32_t index;
  uint32_t generation;
  Address address;
  MacAddress mac;
  std::string ufrag, pwd;
  contract::TransportRow row;
  std::shared_ptr<const srtp::Keys> to_relay, from_relay;
  std::map<uint32_t, std::unique_ptr<srtp::SendStream>> sending;
  std::map<uint32_t, std::unique_ptr<srtp::ReceiveStream>> receiving;
  std::unique_ptr<srtp::SrtcpSender> rtcp_sending;
  std::unique_ptr<srtp::SrtcpReceiver> rtcp_receiving;

  /// From it to the relay.
  FrameSpec frame() const {
    FrameSpec spec;
    spec.source = address;
    spec.source_mac = mac;
    spec.destination = isV4(address) ? endpoint("198.18.0.1:10000") : endpoint("[2001:db8::1]:10000");
    return spec;
  }
  StunSpec check() const {
    StunSpec spec;
    spec.username = ufrag + ":remote";
    spec.password = pwd;
    spec.use_candidate = true;
    return spec;
  }
  void openKeys(srtp::Backend& backend) {
    to_relay = backend.expand(row.srtp_profile, row.receive_key);
    from_relay = backend.expand(row.srtp_profile, row.send_key);
    rtcp_sending = srtp::SrtcpSender::open(row.srtp_profile, row.receive_key, 0);
    rtcp_receiving = srtp::SrtcpReceiver::open(row.srtp_profile, row.send_key);
  }

  /// What it sends, protected.
  Bytes protect(srtp::Backend& backend, const Bytes& rtp, uint32_t roc) {
    const auto view = parseRtpHeader(rtp).value();
    if (row.srtp_profile == contract::SrtpProfile::kUnprotected) return rtp;  // whatever its number
    auto& stream = sending[view.ssrc];
    // A little before the roll-over, where there was one: a stream does not jump.
    const uint64_t first = roc == 0 ? 0 : (uint64_t{roc} << 16) - 0x100;
    if (!stream) stream = backend.openSend(to_relay, view.ssrc, first);
    Bytes out(rtp.begin(), rtp.begin() + view.header_size);
    out.resize(rtp.size() + srtp::kTagMax);
    srtp::ProtectJob job{.stream = stream.get(),
                         .destination = out,
                         .payload = std::span(rtp).subspan(view.header_size),
                         .index = uint64_t{roc} << 16 | view.sequence,
                         .header_length = view.header_size,
                         .written_length = view.header_size};
    backend.protect(std::span(&job, 1));
    if (job.status != srtp::CryptoStatus::kOk) throw std::logic_error("the test could not protect its packet");
    out.resize(job.length);
    return out;
  }
  Bytes protectRtcp(Bytes compound) {
    const size_t length = compound.size();
    compound.resize(length + srtp::kSrtcpTrailerMax);
    compound.resize(rtcp_sending->protect(compound, length).length);
    return compound;
  }

  /// The datagram in a frame to it.
  std::optional<Bytes> payload(const Bytes& frame) const {
    const auto view = parseFrame(frame);
    if (!view || view->kind != FrameKind::kUdp || !(view->destination == address)) return std::nullopt;
    return Bytes(view->payload.begin(), view->payload.end());
  }
  /// The RTP packet in a frame to it, decrypted; nothing if it is not for it, not RTP, or not authentic.
  std::optional<Bytes> openRtp(srtp::Backend& backend, const Bytes& frame) {
    auto datagram = payload(frame);
    if (!datagram) return std::nullopt;
    const auto view = parseRtpHeader(*datagram);
    if (!view || (view->payload_type >= 64 && view->payload_type < 96)) return std::nullopt;
    auto& stream = receiving[view->ssrc];
    if (!stream) stream = backend.openReceive(from_relay, view->ssrc, 0, srtp::kReplayWindowVideo);
    srtp::UnprotectJob job{.stream = stream.get(), .packet = *datagram};
    backend.unprotect(std::span(&job, 1));
    if (job.status != srtp::CryptoStatus::kOk) return std::nullopt;
    datagram->resize(job.length);
    return datagram;
  }
  std::optional<Bytes> openRtcp(const Bytes& frame) {
    auto datagram = payload(frame);
    if (!datagram || datagram->size() < 8 || (*datagram)[1] < 192 || (*datagram)[1] > 223) return std::nullopt;
    const auto result = rtcp_receiving->unprotect(*datagram);
    if (result.status != srtp::CryptoStatus::kOk) return std::nullopt;
    datagram->resize(result.length);
    return datagram;
  }
};

inline Client makeClient(uint32_t index, std::string_view address, contract::SrtpProfile profile) {
  Client client{.index = index, .generation = 1, .address = endpoint(address), .mac = kClientMac};
  client.mac.bytes[4] = static_cast<uint8_t>(index >> 8);
  client.mac.bytes[5] = static_cast<uint8_t>(index);
  client.ufrag = "u" + std::to_string(index) + "frag";
  client.pwd = "password-of-transport-" + std::to_string(index);
  contract::TransportRow& row = client.row;
  row = {.generation = client.generation, .state = contract::RowState::kUsed};
  row.ufrag_length_bytes = static_cast<uint8_t>(client.ufrag.size());
  row.pwd_length_bytes = static_cast<uint8_t>(client.pwd.size());
  std::memcpy(row.ice_ufrag, client.ufrag.data(), client.ufrag.size());
  std::memcpy(row.ice_pwd, client.pwd.data(), client.pwd.size());
  row.srtp_profile = profile;
  row.rtcp_ssrc = 0xaa00'0000 + index;
  row.receive_key = keyOf(static_cast<uint8_t>(1 + index * 2));
  row.send_key = keyOf(static_cast<uint8_t>(2 + index * 2));
  row.extension_id[static_cast<size_t>(contract::Extension::kMid)] = kMidId;
  row.extension_id[static_cast<size_t>(contract::Extension::kAudioLevel)] = kAudioLevelId;
  row.extension_id[static_cast<size_t>(contract::Extension::kAbsSendTime)] = kAbsSendTimeId;
  row.extension_id[static_cast<size_t>(contract::Extension::kTransportCc)] = kTransportCcId;
  row.extension_id[static_cast<size_t>(contract::Extension::kDependencyDescriptor)] = kDependencyDescriptorId;
  return client;
}

/// As the housekeeping thread makes it, after a restart too.
inline TransportCommand transportCommand(srtp::Backend& backend, const contract::FlowsRegion& flows,
                                         const Client& client) {
  const contract::TransportRow& row = client.row;
  static const contract::TransportFlow kNew{};
  const contract::TransportFlow& written = flows.transport[client.index];
  const contract::TransportFlow& flow = written.generation == row.generation ? written : kNew;
  TransportCommand command{.index = client.index, .row = row};
  command.srtcp_sender = srtp::SrtcpSender::open(row.srtp_profile, row.send_key, flow.srtcp_index_reserved);
  command.srtcp_receiver = srtp::SrtcpReceiver::open(row.srtp_profile, row.receive_key, flow.srtcp_sender);
  command.resume_remote = flow.remote;
  const auto keys = backend.expand(row.srtp_profile, row.receive_key);
  for (const contract::RetiredFlow& retired : flow.retired) {
    if (retired.highest_index == 0) continue;
    command.retired.push_back(
        {retired.ssrc, backend.openReceive(keys, retired.ssrc, retired.highest_index, srtp::kReplayWindowVideo)});
  }
  return command;
}

struct TrackSpec {
  uint32_t index = 0;
  uint32_t ssrc = 0x1111'1111;
  uint32_t rtx_ssrc = 0;
  contract::MediaKind kind = contract::MediaKind::kVideo;
  uint8_t payload_type = 96;
  uint8_t rtx_payload_type = 97;
  uint32_t clock_rate_hz = 90'000;
  std::string mid = "0";
  uint8_t flags = 0;
  uint32_t generation = 1;
  contract::Codec codec = contract::Codec::kOther;
  uint8_t red_payload_type = 0;        // 0: none
  std::vector<uint32_t> more_ssrcs{};  // of further encodings
};
inline TrackCommand trackCommand(srtp::Backend& backend, const contract::FlowsRegion& flows, const Client& client,
                                 const TrackSpec& spec) {
  TrackCommand command{.index = spec.index};
  contract::TrackRow& row = command.row;
  row = {.generation = spec.generation, .state = contract::RowState::kUsed, .kind = spec.kind, .flags = spec.flags};
  row.transport = {client.index, client.generation};
  row.mid_length_bytes = static_cast<uint8_t>(spec.mid.size());
  std::memcpy(row.mid, spec.mid.data(), spec.mid.size());
  row.encoding_count = 1;
  row.encoding[0] = {.ssrc = spec.ssrc, .rtx_ssrc = spec.rtx_ssrc};
  row.payload_type_count = 2;
  row.payload_type[0] = {spec.payload_type, contract::kNotRtx, spec.codec, 0, spec.clock_rate_hz};
  row.payload_type[1] = {spec.rtx_payload_type, spec.payload_type, contract::Codec::kOther, 0, spec.clock_rate_hz};
  if (spec.red_payload_type != 0) {
    row.payload_type[row.payload_type_count++] = {spec.red_payload_type, contract::kNotRtx, contract::Codec::kRed, 0,
                                                  spec.clock_rate_hz};
  }
  const auto keys = backend.expand(client.row.srtp_profile, client.row.receive_key);
  const contract::TrackFlow& written = flows.track[spec.index];
  const auto flow = written.generation == spec.generation ? written.encoding[0] : contract::EncodingFlow{};
  command.encoding[0].media = backend.openReceive(keys, spec.ssrc, flow.highest_index, srtp::kReplayWindowVideo);
  if (spec.rtx_ssrc != 0) {
    command.encoding[0].rtx =
        backend.openReceive(keys, spec.rtx_ssrc, flow.highest_rtx_index, srtp::kReplayWindowVideo);
  }
  for (const uint32_t ssrc : spec.more_ssrcs) {
    row.encoding[row.encoding_count] = {.ssrc = ssrc};
    command.encoding[row.encoding_count++].media = backend.openReceive(keys, ssrc, 0, srtp::kReplayWindowVideo);
  }
  return command;
}

struct SubscriptionSpec {
  uint32_t index = 0;
  uint32_t track = 0;
  uint32_t ssrc = 0x2222'2222;
  uint32_t rtx_ssrc = 0x2222'2223;
  uint8_t from = 96, to = 100, rtx_to = 101;
  std::string mid = "7";
  uint8_t flags = 0;
  uint64_t first_index = 5000;
  uint32_t timestamp_offset = 1'000'000;
  uint32_t generation = 1;
  uint32_t track_generation = 1;
  uint8_t red_from = 0, red_to = 0;  // 0: does not take RED
};
inline SubscriptionCommand subscriptionCommand(srtp::Backend& backend, const Client& client,
                                               const SubscriptionSpec& spec) {
  SubscriptionCommand command{.index = spec.index, .timestamp_offset = spec.timestamp_offset};
  contract::SubscriptionRow& row = command.row;
  row = {.generation = spec.generation, .state = contract::RowState::kUsed, .flags = spec.flags};
  row.mid_length_bytes = static_cast<uint8_t>(spec.mid.size());
  std::memcpy(row.mid, spec.mid.data(), spec.mid.size());
  row.track = {spec.track, spec.track_generation};
  row.transport = {client.index, client.generation};
  row.ssrc = spec.ssrc;
  row.rtx_ssrc = spec.rtx_ssrc;
  row.mapping_count = 1;
  row.mapping[0] = {spec.from, spec.to, spec.rtx_to, 0};
  if (spec.red_from != 0) row.mapping[row.mapping_count++] = {spec.red_from, spec.red_to, contract::kNotRtx, 0};
  const auto keys = backend.expand(client.row.srtp_profile, client.row.send_key);
  command.media = backend.openSend(keys, spec.ssrc, spec.first_index);
  if (spec.rtx_ssrc != 0) command.rtx = backend.openSend(keys, spec.rtx_ssrc, spec.first_index);
  return command;
}

}  // namespace penstock::test
