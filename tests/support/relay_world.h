// A relay with heap buffers, a clock that is moved by hand, and clients that hold the other ends of its keys.
#pragma once

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "dataplane/packet/arp.h"
#include "dataplane/packet/parse.h"
#include "dataplane/packet/rtp.h"
#include "dataplane/packet/rtp_extension.h"
#include "dataplane/relay/relay.h"
#include "dataplane/srtp/libsrtp_backend.h"
#include "tests/support/packet_builder.h"

namespace penstock::test {

using contract::Counter;

/// Buffers from the heap with reference counts; what is sent is kept for the test to look at.
class HeapIo : public PacketIo {
 public:
  struct Buffer {
    std::array<uint8_t, 2048> bytes;
    uint32_t references;
  };

  ~HeapIo() override {
    for (Buffer* buffer : live) delete buffer;
  }

  virtual Packet make() {
    auto* buffer = new Buffer{{}, 1};
    live.insert(buffer);
    return {.data = buffer->bytes.data(), .capacity_bytes = kFrameMax, .handle = buffer};
  }
  size_t allocate(std::span<Packet> out) override {
    size_t made = 0;
    for (Packet& packet : out) {
      if (live.size() >= limit) break;
      packet = make();
      ++made;
    }
    return made;
  }
  void retain(std::span<const Packet> packets) override {
    for (const Packet& packet : packets) ++bufferOf(packet)->references;
  }
  void release(std::span<const Packet> packets) override {
    for (const Packet& packet : packets) {
      Buffer* buffer = bufferOf(packet);
      if (--buffer->references > 0) continue;
      live.erase(buffer);
      delete buffer;
    }
  }
  size_t send(std::span<const Packet> packets) override {
    const size_t taken = std::min(packets.size(), port_room);
    for (size_t i = 0; i < taken; ++i) sent.emplace_back(packets[i].data, packets[i].data + packets[i].length_bytes);
    release(packets);
    return taken;
  }

  size_t limit = 100'000;
  size_t port_room = 100'000;
  std::set<Buffer*> live;
  std::vector<Bytes> sent;

 private:
  Buffer* bufferOf(const Packet& packet) {
    auto* buffer = static_cast<Buffer*>(packet.handle);
    if (!live.contains(buffer)) throw std::logic_error("a buffer was used after its last reference was given back");
    return buffer;
  }
};

template <class T>
struct FreeRegion {
  void operator()(T* region) const { std::free(region); }
};
template <class T>
using RegionOwner = std::unique_ptr<T, FreeRegion<T>>;
template <class T>
RegionOwner<T> makeRegion() {
  return RegionOwner<T>(static_cast<T*>(std::calloc(1, sizeof(T))));
}

inline contract::SrtpKey keyOf(uint8_t seed) {
  contract::SrtpKey key{};
  for (size_t i = 0; i < sizeof(key.key); ++i) key.key[i] = static_cast<uint8_t>(seed + i);
  for (size_t i = 0; i < sizeof(key.salt); ++i) key.salt[i] = static_cast<uint8_t>(seed * 3 + i);
  return key;
}

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
};

inline constexpr uint8_t kMidId = 1;
inline constexpr uint8_t kAudioLevelId = 4;
inline constexpr uint8_t kAbsSendTimeId = 5;
inline constexpr uint8_t kTransportCcId = 7;

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
    relay = std::make_unique<Relay>(config, *backend, io, *reports, 0, *flows);
    relay->attach(tails);
  }

  Client makeClient(uint32_t index, std::string_view address,
                    contract::SrtpProfile profile = contract::SrtpProfile::kAeadAes128Gcm) {
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
    return client;
  }

  /// Makes the client's crypto and tells the relay of the transport.
  void apply(Client& client) {
    client.to_relay = backend->expand(client.row.srtp_profile, client.row.receive_key);
    client.from_relay = backend->expand(client.row.srtp_profile, client.row.send_key);
    client.rtcp_sending = srtp::SrtcpSender::open(client.row.srtp_profile, client.row.receive_key, 0);
    client.rtcp_receiving = srtp::SrtcpReceiver::open(client.row.srtp_profile, client.row.send_key);
    TransportCommand command{.index = client.index, .row = client.row};
    command.srtcp_sender = srtp::SrtcpSender::open(client.row.srtp_profile, client.row.send_key,
                                                   flows->transport[client.index].srtcp_index_reserved);
    command.srtcp_receiver = srtp::SrtcpReceiver::open(client.row.srtp_profile, client.row.receive_key);
    applyCommand(std::move(command));
  }
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
  };
  TrackCommand trackCommand(const Client& client, const TrackSpec& spec) {
    TrackCommand command{.index = spec.index};
    contract::TrackRow& row = command.row;
    row = {.generation = spec.generation, .state = contract::RowState::kUsed, .kind = spec.kind, .flags = spec.flags};
    row.transport = {client.index, client.generation};
    row.mid_length_bytes = static_cast<uint8_t>(spec.mid.size());
    std::memcpy(row.mid, spec.mid.data(), spec.mid.size());
    row.encoding_count = 1;
    row.encoding[0] = {.ssrc = spec.ssrc, .rtx_ssrc = spec.rtx_ssrc};
    row.payload_type_count = 2;
    row.payload_type[0] = {spec.payload_type, contract::kNotRtx, 0, spec.clock_rate_hz};
    row.payload_type[1] = {spec.rtx_payload_type, spec.payload_type, 0, spec.clock_rate_hz};
    const auto keys = backend->expand(client.row.srtp_profile, client.row.receive_key);
    const auto& flow = flows->track[spec.index].encoding[0];
    command.encoding[0].media = backend->openReceive(keys, spec.ssrc, flow.highest_index, srtp::kReplayWindowVideo);
    if (spec.rtx_ssrc != 0) {
      command.encoding[0].rtx = backend->openReceive(keys, spec.rtx_ssrc, 0, srtp::kReplayWindowVideo);
    }
    return command;
  }
  void addTrack(const Client& client, const TrackSpec& spec) { applyCommand(trackCommand(client, spec)); }

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
  };
  SubscriptionCommand subscriptionCommand(const Client& client, const SubscriptionSpec& spec) {
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
    const auto keys = backend->expand(client.row.srtp_profile, client.row.send_key);
    command.media = backend->openSend(keys, spec.ssrc, spec.first_index);
    if (spec.rtx_ssrc != 0) command.rtx = backend->openSend(keys, spec.rtx_ssrc, spec.first_index);
    return command;
  }
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
  FrameSpec frameOf(const Client& client) const {
    FrameSpec spec;
    spec.source = client.address;
    spec.source_mac = client.mac;
    spec.destination = isV4(client.address) ? endpoint("198.18.0.1:10000") : endpoint("[2001:db8::1]:10000");
    return spec;
  }
  void receiveUdp(const Client& client, std::span<const uint8_t> payload) {
    receive(udpFrame(frameOf(client), payload));
  }
  StunSpec checkOf(const Client& client) const {
    StunSpec spec;
    spec.username = client.ufrag + ":remote";
    spec.password = client.pwd;
    spec.use_candidate = true;
    return spec;
  }
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

  /// What the client sends, protected.
  Bytes protect(Client& client, const Bytes& rtp, uint32_t roc = 0) {
    const auto view = parseRtpHeader(rtp).value();
    auto& stream = client.sending[view.ssrc];
    if (!stream) stream = backend->openSend(client.to_relay, view.ssrc, 0);
    Bytes out(rtp.begin(), rtp.begin() + view.header_size);
    out.resize(rtp.size() + srtp::kTagMax);
    srtp::ProtectJob job{.stream = stream.get(),
                         .destination = out,
                         .payload = std::span(rtp).subspan(view.header_size),
                         .index = uint64_t{roc} << 16 | view.sequence,
                         .header_length = view.header_size,
                         .written_length = view.header_size};
    backend->protect(std::span(&job, 1));
    if (job.status != srtp::CryptoStatus::kOk) throw std::logic_error("the test could not protect its packet");
    out.resize(job.length);
    return out;
  }
  void sendRtp(Client& client, const RtpSpec& spec, uint32_t roc = 0) {
    receiveUdp(client, protect(client, rtpPacket(spec), roc));
  }
  void sendRtcp(Client& client, Bytes compound) {
    const size_t length = compound.size();
    compound.resize(length + srtp::kSrtcpTrailerMax);
    const auto result = client.rtcp_sending->protect(compound, length);
    compound.resize(result.length);
    receiveUdp(client, compound);
  }

  /// The RTP packet in a frame to the client, decrypted; nothing if it is not for it, not RTP, or not authentic.
  std::optional<Bytes> openRtp(Client& client, const Bytes& frame) {
    auto datagram = payloadFor(client, frame);
    if (!datagram) return std::nullopt;
    const auto view = parseRtpHeader(*datagram);
    if (!view || (view->payload_type >= 64 && view->payload_type < 96)) return std::nullopt;
    auto& stream = client.receiving[view->ssrc];
    if (!stream) stream = backend->openReceive(client.from_relay, view->ssrc, 0, srtp::kReplayWindowVideo);
    srtp::UnprotectJob job{.stream = stream.get(), .packet = *datagram};
    backend->unprotect(std::span(&job, 1));
    if (job.status != srtp::CryptoStatus::kOk) return std::nullopt;
    datagram->resize(job.length);
    return datagram;
  }
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
      auto datagram = payloadFor(client, frame);
      if (!datagram || datagram->size() < 8 || (*datagram)[1] < 192 || (*datagram)[1] > 223) continue;
      const auto result = client.rtcp_receiving->unprotect(*datagram);
      if (result.status != srtp::CryptoStatus::kOk) continue;
      datagram->resize(result.length);
      packets.push_back(std::move(*datagram));
    }
    std::erase_if(io.sent, [&](const Bytes& frame) { return payloadFor(client, frame).has_value(); });
    return packets;
  }
  std::optional<Bytes> payloadFor(const Client& client, const Bytes& frame) const {
    const auto view = parseFrame(frame);
    if (!view || view->kind != FrameKind::kUdp || !(view->destination == client.address)) return std::nullopt;
    return Bytes(view->payload.begin(), view->payload.end());
  }

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
  std::unique_ptr<srtp::Backend> backend = srtp::makeLibsrtpBackend();
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
