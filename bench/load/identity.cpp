#include "bench/load/identity.h"

#include <cstdio>
#include <cstring>

namespace penstock::bench {

namespace {

/// splitmix64: well mixed from any seed.
uint64_t mixed(uint64_t seed) {
  seed += 0x9e37'79b9'7f4a'7c15;
  seed = (seed ^ seed >> 30) * 0xbf58'476d'1ce4'e5b9;
  seed = (seed ^ seed >> 27) * 0x94d0'49bb'1331'11eb;
  return seed ^ seed >> 31;
}

void fill(std::span<uint8_t> bytes, uint64_t seed) {
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(mixed(seed + i / 8) >> i % 8 * 8);
}

void setMid(auto& row, const char* mid) {
  row.mid_length_bytes = static_cast<uint8_t>(std::strlen(mid));
  std::memcpy(row.mid, mid, row.mid_length_bytes);
}

}  // namespace

Address addressOf(uint32_t participant) {
  const uint8_t ip[4] = {198, 19, static_cast<uint8_t>(participant / 250), static_cast<uint8_t>(1 + participant % 250)};
  return withPort(addressFromV4(ip), 5000);
}

std::string ufragOf(uint32_t participant) {
  char text[16];
  std::snprintf(text, sizeof(text), "u%07u", participant);
  return text;
}
std::string passwordOf(uint32_t participant) {
  return "passwordOfParticipant" + std::to_string(participant);
}

contract::SrtpKey keyOf(uint32_t participant, bool to_relay) {
  contract::SrtpKey key{};
  const uint64_t seed = uint64_t{participant} << 16 | (to_relay ? 1u << 12 : 0);
  fill(key.key, seed);
  fill(key.salt, seed + 64);
  return key;
}

contract::TransportRow transportRow(uint32_t participant, contract::SrtpProfile profile) {
  contract::TransportRow row{.generation = 1, .state = contract::RowState::kUsed};
  const std::string ufrag = ufragOf(participant), password = passwordOf(participant);
  row.ufrag_length_bytes = static_cast<uint8_t>(ufrag.size());
  row.pwd_length_bytes = static_cast<uint8_t>(password.size());
  std::memcpy(row.ice_ufrag, ufrag.data(), ufrag.size());
  std::memcpy(row.ice_pwd, password.data(), password.size());
  row.srtp_profile = profile;
  // Only a plain transport goes without encryption: its address is given, and nobody checks it.
  if (profile == contract::SrtpProfile::kUnprotected) {
    row.kind = contract::TransportKind::kPlain;
    row.remote = addressOf(participant);
  }
  row.rtcp_ssrc = 0xaa00'0000 + participant;
  row.receive_key = keyOf(participant, true);
  row.send_key = keyOf(participant, false);
  const auto set = [&](contract::Extension extension, uint8_t id) {
    row.extension_id[static_cast<size_t>(extension)] = id;
  };
  set(contract::Extension::kMid, kMidExtension);
  set(contract::Extension::kAudioLevel, kAudioLevelExtension);
  set(contract::Extension::kAbsSendTime, kAbsSendTimeExtension);
  set(contract::Extension::kTransportCc, kTransportCcExtension);
  return row;
}

contract::TrackRow trackRow(const Scenario& scenario, uint32_t track) {
  const TrackPlan& plan = scenario.tracks[track];
  contract::TrackRow row{.generation = 1, .state = contract::RowState::kUsed, .kind = plan.kind};
  row.transport = {plan.publisher, 1};
  setMid(row, plan.kind == contract::MediaKind::kAudio ? "0" : "1");
  row.encoding_count = 1;
  row.encoding[0].ssrc = ssrcOfTrack(track);
  row.payload_type_count = 2;
  const bool audio = plan.kind == contract::MediaKind::kAudio;
  const uint32_t clock_rate_hz = audio ? 48'000 : 90'000;
  const auto codec = audio ? contract::Codec::kOther : contract::Codec::kVp8;
  row.payload_type[0] = {kPublishedPayloadType, contract::kNotRtx, codec, 0, clock_rate_hz};
  row.payload_type[1] = {kPublishedPayloadType + 1, kPublishedPayloadType, contract::Codec::kOther, 0, clock_rate_hz};
  return row;
}

contract::SubscriptionRow subscriptionRow(const Scenario& scenario, uint32_t subscription) {
  const SubscriptionPlan& plan = scenario.subscriptions[subscription];
  contract::SubscriptionRow row{.generation = 1, .state = contract::RowState::kUsed};
  setMid(row, "7");
  row.track = {plan.track, 1};
  row.transport = {plan.participant, 1};
  row.ssrc = ssrcOfSubscription(subscription);
  row.rtx_ssrc = row.ssrc + 1;
  row.mapping_count = 1;
  row.mapping[0] = {kPublishedPayloadType, 100, 101, 0};
  return row;
}

}  // namespace penstock::bench
