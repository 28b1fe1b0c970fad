// A relay with heap buffers, a clock that is moved by hand, and clients.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/packet/arp.h"
#include "dataplane/packet/parse.h"
#include "dataplane/packet/rtp.h"
#include "dataplane/packet/rtp_extension.h"
#include "dataplane/relay/handover.h"
#include "dataplane/relay/relay.h"
#include "dataplane/srtp/make_backend.h"
#include "tests/support/heap_io.h"
#include "tests/support/relay_client.h"

namespace penstock::test {

using contract::Counter;

class World {
  std::unique_ptr<HeapIo> io_owner_;  // first: it outlives the relay

 public:
  explicit World(RelayConfig base = {}, std::unique_ptr<HeapIo> packet_io = std::make_unique<HeapIo>())
      : io_owner_(std::move(packet_io)), io(*io_owner_) {
    config = std::move(base);
    config.mac = kRelayMac;
    if (config.addresses.empty()) config.addresses = {*parseCidr("198.18.0.1/15"), *parseCidr("2001:db8::1/64")};
    restart();
    tails.punt = &punt_tail;
    tails.event = &event_tail;
    relay->attach(tails);
  }

  /// A new process with the old flows region.
  void restart() {
    relay.reset();
    relay = std::make_unique<Relay>(config, *backend, io, *reports, rings, 0, *flows);
    relay->attach(tails);
  }

  Client makeClient(uint32_t index, std::string_view address,
                    contract::SrtpProfile profile = contract::SrtpProfile::kAeadAes128Gcm) {
    return test::makeClient(index, address, profile);
  }
  /// Makes the client's crypto and tells the relay of the transport.
  void apply(Client& client) {
    client.openKeys(*backend);
    resume(client);
  }
  /// Only the latter: after a restart.
  void resume(const Client& client) { applyCommand(transportCommand(*backend, *flows, client)); }
  Client& addClient(uint32_t index, std::string_view address,
                    contract::SrtpProfile profile = contract::SrtpProfile::kAeadAes128Gcm) {
    clients.push_back(std::make_unique<Client>(makeClient(index, address, profile)));
    apply(*clients.back());
    return *clients.back();
  }
  /// The same, nominated and resolved: media can flow both ways.
  Client& addConnected(uint32_t index, std::string_view address,
                       contract::SrtpProfile profile = contract::SrtpProfile::kAeadAes128Gcm) {
    Client& client = addClient(index, address, profile);
    check(client);
    answerNeighbours();
    return client;
  }

  using TrackSpec = test::TrackSpec;
  using SubscriptionSpec = test::SubscriptionSpec;
  TrackCommand trackCommand(const Client& client, const TrackSpec& spec) {
    return test::trackCommand(*backend, *flows, client, spec);
  }
  SubscriptionCommand subscriptionCommand(const Client& client, const SubscriptionSpec& spec) {
    return test::subscriptionCommand(*backend, client, spec);
  }
  void addTrack(const Client& client, const TrackSpec& spec) { applyCommand(trackCommand(client, spec)); }

  void addSubscription(const Client& client, const SubscriptionSpec& spec) {
    applyCommand(subscriptionCommand(client, spec));
  }
  void applyCommand(Command command) { relay->apply(command, now_ns); }

  /// Hands one frame to the relay.
  void receive(std::span<const uint8_t> frame, uint8_t flags = 0) {
    Packet packet = io.make();
    // An empty frame may have no address, and memcpy wants one.
    if (!frame.empty()) std::memcpy(packet.data, frame.data(), std::min<size_t>(frame.size(), 2048));
    packet.length_bytes = static_cast<uint16_t>(frame.size());
    packet.flags = flags;
    relay->receive(std::span(&packet, 1), now_ns);
  }
  FrameSpec frameOf(const Client& client) const { return client.frame(); }
  void receiveUdp(const Client& client, std::span<const uint8_t> payload) {
    receive(udpFrame(frameOf(client), payload));
  }
  StunSpec checkOf(const Client& client) const { return client.check(); }
  void check(const Client& client) { receiveUdp(client, stunMessage(checkOf(client))); }

  /// Lets the relay ask for its neighbours, and answers for every client; other frames sent meanwhile are dropped.
  void answerNeighbours() {
    for (const auto& client : clients) {
      if (isV4(client->address)) {
        FrameSpec spec = frameOf(*client);
        receive(arpFrame(spec, 1));  // the client asks first, so the relay may already know it
      }
    }
    for (int turn = 0; turn < 3; ++turn) {
      advance(2'000'000);
      std::vector<Bytes> frames = take();
      for (const Bytes& frame : frames) answerNeighbourRequest(frame);
    }
    io.sent.clear();
  }
  void advance(uint64_t ns) {
    now_ns += ns;
    relay->timers(now_ns);
  }
  std::vector<Bytes> take() { return std::exchange(io.sent, {}); }

  Bytes protect(Client& client, const Bytes& rtp, uint32_t roc = 0) { return client.protect(*backend, rtp, roc); }
  void sendRtp(Client& client, const RtpSpec& spec, uint32_t roc = 0) {
    receiveUdp(client, protect(client, rtpPacket(spec), roc));
  }
  void sendRtcp(Client& client, const Bytes& compound) { receiveUdp(client, client.protectRtcp(compound)); }

  std::optional<Bytes> openRtp(Client& client, const Bytes& frame) { return client.openRtp(*backend, frame); }
  std::vector<Bytes> takeRtp(Client& client) {
    std::vector<Bytes> packets;
    for (const Bytes& frame : std::vector<Bytes>(io.sent)) {
      if (auto packet = openRtp(client, frame)) packets.push_back(std::move(*packet));
    }
    std::erase_if(io.sent, [&](const Bytes& frame) { return payloadFor(client, frame).has_value(); });
    return packets;
  }
  std::vector<Bytes> takeRtcp(Client& client) {
    std::vector<Bytes> packets;
    for (const Bytes& frame : io.sent) {
      if (auto packet = client.openRtcp(frame)) packets.push_back(std::move(*packet));
    }
    std::erase_if(io.sent, [&](const Bytes& frame) { return payloadFor(client, frame).has_value(); });
    return packets;
  }
  std::optional<Bytes> payloadFor(const Client& client, const Bytes& frame) const { return client.payload(frame); }

  uint64_t count(Counter counter) const { return reports->worker[0].counters.read(counter); }
  /// received = forwarded + punted + answered + drops by name.
  bool conserved() const {
    uint64_t outs = count(Counter::forwarded) + count(Counter::punted) + count(Counter::answered);
    uint64_t lost = count(Counter::sent);
    for (size_t i = 0; i < contract::kCounterCount; ++i) {
      const uint64_t n = reports->worker[0].counters.read(i);
      if (contract::isReceiveDrop(i)) outs += n;
      if (contract::isSendDrop(i)) lost += n;
    }
    return outs == count(Counter::received) && lost == count(Counter::made);
  }
  /// Every counter that is not zero, for failure messages.
  std::string counters() const {
    std::string text;
    for (size_t i = 0; i < contract::kCounterCount; ++i) {
      const uint64_t n = reports->worker[0].counters.read(i);
      if (n > 0) text += std::string(contract::kCounterTexts[i].name) + "=" + std::to_string(n) + " ";
    }
    return text;
  }
  uint64_t receiveDrops() const {
    uint64_t drops = 0;
    for (size_t i = contract::kFirstReceiveDrop; i < contract::kFirstSendDrop; ++i) {
      drops += reports->worker[0].counters.read(i);
    }
    return drops;
  }

  RelayConfig config;
  HeapIo& io;
  RegionOwner<contract::ReportsRegion> reports = makeRegion<contract::ReportsRegion>();
  RegionOwner<contract::FlowsRegion> flows = makeRegion<contract::FlowsRegion>();
  contract::Cursor punt_tail{}, event_tail{};
  ReportWriter::Tails tails;
  std::unique_ptr<srtp::Backend> backend = srtp::makeBackend(srtp::BackendChoice::kAuto);
  HandOverRings rings{1};
  std::unique_ptr<Relay> relay;
  std::vector<std::unique_ptr<Client>> clients;
  uint64_t now_ns = 1'000'000'000;

 private:
  void answerNeighbourRequest(const Bytes& frame) {
    const auto view = parseFrame(frame);
    if (!view) return;
    for (const auto& client : clients) {
      FrameSpec spec = frameOf(*client);
      if (view->kind == FrameKind::kArp && isV4(client->address)) {
        const auto message = parseArp(*view);
        if (message && message->request && sameIp(message->target, client->address)) {
          receive(arpFrame(spec, 2, kRelayMac));
        }
      } else if (view->kind == FrameKind::kNeighbourDiscovery && !isV4(client->address)) {
        spec.hop_limit = 255;
        spec.source.port_be = spec.destination.port_be = 0;
        receive(neighbourFrame(spec, 136, 0x60, withPort(client->address, 0), client->mac));
      }
    }
  }
};

}  // namespace penstock::test
