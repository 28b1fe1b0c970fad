#include "bench/load/rows_by_hand.h"

#include <stdexcept>

#include "bench/load/identity.h"
#include "bench/load/process_use.h"
#include "dataplane/srtp/srtcp.h"

namespace penstock::bench {

namespace {

constexpr uint64_t kFirstIndex = 5000;  // of every outgoing stream: somewhere, as control chooses at random
constexpr uint32_t kCacheShare = 4;     // of all buffers may wait for a NACK, as in the dataplane

}  // namespace

RelayConfig relayConfig(uint32_t packet_buffers, uint32_t workers) {
  RelayConfig config;
  config.mac = kRelayMacAddress;
  config.addresses = {*parseCidr(kRelayNetwork)};
  config.gateways = {*parseIp(kRouterAddress)};
  config.cached_packets_max = packet_buffers / kCacheShare / workers;
  config.seed = 0x5eed;
  return config;
}

RowMemory forEachRow(srtp::Backend& backend, const Scenario& scenario, contract::SrtpProfile profile,
                     const std::function<void(Command)>& give) {
  std::vector<std::shared_ptr<const srtp::Keys>> receiving(scenario.participants), sending(scenario.participants);
  const uint64_t before = residentMemoryBytes();
  for (uint32_t i = 0; i < scenario.participants; ++i) {
    TransportCommand command{.index = i, .row = transportRow(i, profile), .resume_remote = addressOf(i)};
    command.srtcp_sender = srtp::SrtcpSender::open(profile, command.row.send_key, 0);
    command.srtcp_receiver = srtp::SrtcpReceiver::open(profile, command.row.receive_key);
    receiving[i] = backend.expand(profile, command.row.receive_key);
    sending[i] = backend.expand(profile, command.row.send_key);
    if (!receiving[i] || !sending[i]) throw std::runtime_error("the crypto backend does not know the profile");
    give(std::move(command));
  }
  const uint64_t with_transports = residentMemoryBytes();
  for (uint32_t i = 0; i < scenario.tracks.size(); ++i) {
    TrackCommand command{.index = i, .row = trackRow(scenario, i)};
    const bool audio = scenario.tracks[i].kind == contract::MediaKind::kAudio;
    command.encoding[0].media = backend.openReceive(receiving[scenario.tracks[i].publisher], ssrcOfTrack(i), 0,
                                                    audio ? srtp::kReplayWindowAudio : srtp::kReplayWindowVideo);
    give(std::move(command));
  }
  const uint64_t with_tracks = residentMemoryBytes();
  for (uint32_t i = 0; i < scenario.subscriptions.size(); ++i) {
    SubscriptionCommand command{.index = i, .row = subscriptionRow(scenario, i)};
    const auto& keys = sending[scenario.subscriptions[i].participant];
    command.media = backend.openSend(keys, command.row.ssrc, kFirstIndex);
    command.rtx = backend.openSend(keys, command.row.rtx_ssrc, kFirstIndex);
    give(std::move(command));
  }
  return {with_transports - before, with_tracks - with_transports, residentMemoryBytes() - with_tracks};
}

void applyScenario(Relay& relay, srtp::Backend& backend, const Scenario& scenario, contract::SrtpProfile profile,
                   uint64_t now_ns) {
  forEachRow(backend, scenario, profile, [&](Command command) { relay.apply(command, now_ns); });
}

}  // namespace penstock::bench
