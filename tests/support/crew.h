// Several relays of one dataplane, each a worker, and clients whose frames may arrive at any of them.
#pragma once

#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/packet/arp.h"
#include "dataplane/relay/handover.h"
#include "dataplane/relay/relay.h"
#include "dataplane/srtp/make_backend.h"
#include "dataplane/worker/dispatcher.h"
#include "tests/support/heap_io.h"
#include "tests/support/relay_client.h"

namespace penstock::test {

using contract::Counter;

class Crew {
 public:
  explicit Crew(uint32_t workers) : rings(workers), commands(workers) {
    config.mac = kRelayMac;
    config.addresses = {*parseCidr("198.18.0.1/15"), *parseCidr("2001:db8::1/64")};
    for (uint32_t worker = 0; worker < workers; ++worker) {
      relays.push_back(std::make_unique<Relay>(config, *backend, io, *reports, rings, worker, *flows));
      relays.back()->attach({.punt = &punt_tail, .event = &event_tail});
    }
  }
  ~Crew() {
    finishTurn();  // what is in the rings has references
  }

  Client& connect(uint32_t index, std::string_view address,
                  contract::SrtpProfile profile = contract::SrtpProfile::kAeadAes128Gcm) {
    clients.push_back(std::make_unique<Client>(makeClient(index, address, profile)));
    Client& client = *clients.back();
    client.openKeys(*backend);
    apply(transportCommand(*backend, *flows, client));
    receive(client, stunMessage(client.check()));
    receiveFrame(arpFrame(client.frame(), 1));
    advance(2'000'000);
    io.sent.clear();
    return client;
  }
  /// A row that changed: each worker that has to know applies it at once, or when it is no longer `busy`.
  void apply(Command command) {
    dispatcher.dispatch(std::move(command));
    for (uint32_t worker = 0; worker < relays.size(); ++worker) {
      if (static_cast<int>(worker) != busy) settle(worker);
    }
  }
  void settle(uint32_t worker) {
    for (; !commands[worker].empty(); commands[worker].pop_front()) {
      relays[worker]->apply(commands[worker].front(), now_ns);
    }
  }
  void track(const Client& client, const TrackSpec& spec) { apply(trackCommand(*backend, *flows, client, spec)); }
  void subscribe(const Client& client, const SubscriptionSpec& spec) {
    apply(subscriptionCommand(*backend, client, spec));
  }

  /// A frame at the worker whose turn it is, or at `arrival`; then all deal with what they have for each other.
  void receiveFrame(const Bytes& frame) {
    Packet packet = io.make();
    std::memcpy(packet.data, frame.data(), frame.size());
    packet.length_bytes = static_cast<uint16_t>(frame.size());
    const size_t worker = arrival >= 0 ? static_cast<size_t>(arrival) : turn++ % relays.size();
    relays[worker]->receive(std::span(&packet, 1), now_ns);
    if (!postponed) finishTurn();
  }
  void receive(const Client& client, std::span<const uint8_t> payload) {
    receiveFrame(udpFrame(client.frame(), payload));
  }
  void sendRtp(Client& client, const RtpSpec& spec, uint32_t roc = 0) {
    receive(client, client.protect(*backend, rtpPacket(spec), roc));
  }
  void sendRtcp(Client& client, const Bytes& compound) { receive(client, client.protectRtcp(compound)); }
  void finishTurn() {
    for (bool worked = true; worked;) {
      worked = false;
      for (const auto& relay : relays) worked |= relay->takeHandOvers(now_ns);
    }
  }
  void advance(uint64_t ns) {
    now_ns += ns;
    for (const auto& relay : relays) relay->timers(now_ns);
    finishTurn();
  }

  /// RTP to the client since it was last asked for, decrypted, in order.
  std::vector<Bytes> takeRtp(Client& client) {
    std::vector<Bytes> packets, others;
    for (Bytes& frame : io.sent) {
      if (auto packet = client.openRtp(*backend, frame)) {
        packets.push_back(std::move(*packet));
      } else {
        others.push_back(std::move(frame));
      }
    }
    io.sent = std::move(others);
    return packets;
  }
  std::vector<Bytes> takeRtcp(Client& client) {
    std::vector<Bytes> packets, others;
    for (Bytes& frame : io.sent) {
      if (auto packet = client.openRtcp(frame)) {
        packets.push_back(std::move(*packet));
      } else {
        others.push_back(std::move(frame));
      }
    }
    io.sent = std::move(others);
    return packets;
  }

  uint64_t count(Counter counter) const {
    uint64_t sum = 0;
    for (size_t worker = 0; worker < relays.size(); ++worker) sum += reports->worker[worker].counters.read(counter);
    return sum;
  }
  uint64_t countOf(uint32_t worker, Counter counter) const { return reports->worker[worker].counters.read(counter); }
  /// Of all workers together: received = forwarded + punted + answered + drops, made = sent + drops.
  bool conserved() const {
    uint64_t outs = count(Counter::forwarded) + count(Counter::punted) + count(Counter::answered);
    uint64_t lost = count(Counter::sent);
    for (size_t i = 0; i < contract::kCounterCount; ++i) {
      if (contract::isReceiveDrop(i)) outs += count(static_cast<Counter>(i));
      if (contract::isSendDrop(i)) lost += count(static_cast<Counter>(i));
    }
    return outs == count(Counter::received) && lost == count(Counter::made);
  }
  std::string counters() const {
    std::string text;
    for (size_t i = 0; i < contract::kCounterCount; ++i) {
      const uint64_t n = count(static_cast<Counter>(i));
      if (n > 0) text += std::string(contract::kCounterTexts[i].name) + "=" + std::to_string(n) + " ";
    }
    return text;
  }

  RelayConfig config;
  HeapIo io;
  RegionOwner<contract::ReportsRegion> reports = makeRegion<contract::ReportsRegion>();
  RegionOwner<contract::FlowsRegion> flows = makeRegion<contract::FlowsRegion>();
  contract::Cursor punt_tail{}, event_tail{};
  std::unique_ptr<srtp::Backend> backend = srtp::makeBackend(srtp::BackendChoice::kAuto);
  HandOverRings rings;
  std::vector<std::deque<Command>> commands;  // sent to each worker, not yet applied
  std::vector<std::unique_ptr<Relay>> relays;
  Dispatcher dispatcher{static_cast<uint32_t>(rings.workers()),
                        [this](uint32_t worker, Command command) { commands[worker].push_back(std::move(command)); },
                        [this](uint32_t worker) { settle(worker); }};
  std::vector<std::unique_ptr<Client>> clients;
  uint64_t now_ns = 1'000'000'000;
  size_t turn = 0;
  int arrival = -1;        // -1: each worker in turn
  int busy = -1;           // the worker that does not look at its commands, -1: none
  bool postponed = false;  // nobody looks into its rings before finishTurn()
};

}  // namespace penstock::test
