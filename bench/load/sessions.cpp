#include "bench/load/sessions.h"

#include <cstring>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "bench/load/identity.h"
#include "bench/load/pin.h"
#include "bench/load/router.h"
#include "bench/load/run_plan.h"
#include "bench/load/whip_client.h"
#include "control/seam/desired_rows.h"
#include "control/transport/dtls_association.h"
#include "dataplane/packet/build.h"
#include "dataplane/packet/classify.h"
#include "dataplane/packet/rtp.h"
#include "dataplane/port/eal.h"
#include "dataplane/port/port.h"
#include "dataplane/port/port_io.h"
#include "dataplane/srtp/libsrtp_backend.h"
#include "dataplane/worker/clock.h"
#include "tests/support/packet_builder.h"

namespace penstock::bench {

namespace {

constexpr uint64_t kMsNs = 1'000'000, kSecondNs = 1'000'000'000;
constexpr uint64_t kCheckIntervalNs = 2'500 * kMsNs;  // of a path that works
constexpr uint64_t kFirstChecksNs = 50 * kMsNs;       // RFC 8445 section 14.2: Ta, until there is an answer
constexpr uint64_t kPatienceNs = 10 * kSecondNs;
constexpr uint64_t kTimersNs = 5 * kMsNs;
constexpr size_t kAudioBytes = 80;

struct Client {
  enum class State : uint8_t { kAsked, kChecking, kHandshaking, kSecured, kPlaying, kFailed };
  uint32_t number = 0, room = 0;
  bool publishes = false;
  State state = State::kAsked;
  std::string ufrag, password;
  uint64_t began_ns = 0, next_check_ns = 0, next_packet_ns = 0;
  std::vector<uint8_t> check;
  HeaderTemplate header;
  std::unique_ptr<DtlsAssociation> dtls;
  std::unique_ptr<srtp::SendStream> stream;
  uint64_t index = 1;
};

RunPlan planAt(const std::string& socket) {
  RunPlan plan;
  plan.socket = socket;
  return plan;
}

}  // namespace

struct Sessions::Impl {
  Impl(Daemons& all, std::optional<int> core)
      : daemons(all),
        config(portConfig(planAt(all.memifSocket()), false)),
        eal(config),
        pool(config.packet_buffers / 2),
        certificate(makeCertificate()),
        context(certificate),
        fingerprint(fingerprintOf(certificate)),
        backend(srtp::makeLibsrtpBackend()),
        signalling(all.httpPort()) {
    ports.push_back(std::make_unique<Port>(eal, PortRequest{.device = config.device[0]}, pool));
    io = std::make_unique<PortIo>(ports, pool, 0);
    if (core) pinThread(*core);
    meetRelay();
  }

  void meetRelay();
  void ask(uint32_t room, bool publishes, SessionCounts& counts);
  void takeAnswers(SessionCounts& counts);
  void answered(Client& client, const HttpReply& reply, SessionCounts& counts);
  void fail(Client& client, const std::string& why, SessionCounts& counts);
  void receive(SessionCounts& counts);
  void take(Client& client, std::span<const uint8_t> datagram, SessionCounts& counts);
  void secured(Client& client, SessionCounts& counts);
  void timers(uint64_t now_ns, SessionCounts& counts);
  void publish(Client& client);
  void turn(SessionCounts& counts);
  void sendDtls(Client& client) {
    for (const auto& datagram : client.dtls->takeOutput()) sendTo(client, datagram);
  }
  void sendTo(const Client& client, std::span<const uint8_t> payload);
  void sendFrame(std::span<const uint8_t> frame);

  Daemons& daemons;
  DataplaneConfig config;
  Eal eal;
  MbufPool pool;
  std::vector<std::unique_ptr<Port>> ports;
  std::unique_ptr<PortIo> io;
  Certificate certificate;
  DtlsContext context;
  std::string fingerprint;
  std::unique_ptr<srtp::Backend> backend;
  std::vector<std::unique_ptr<Client>> clients;
  std::optional<MacAddress> relay_mac;
  uint32_t rooms = 0;
  uint64_t interval_ns = 0, next_timers_ns = 0;  // 0: publishers are silent
  uint64_t woken_ns = 0;                         // when the packet of wake() left
  Histogram* woken = nullptr;
  Signalling signalling;  // last: its threads end first
};

/// Where it is, and that it is ready.
void Sessions::Impl::meetRelay() {
  const uint64_t begin_ns = monotonicNow();
  uint64_t asked_ns = 0;
  SessionCounts none;
  for (bool ready = false; !ready || !relay_mac;) {
    const uint64_t now_ns = monotonicNow();
    if (now_ns - begin_ns > kPatienceNs) throw std::runtime_error("the relay did not become ready");
    if (now_ns - asked_ns > 100 * kMsNs) {
      daemons.check();
      std::array<uint8_t, kArpFrameMax> out;
      const Neighbour own{*parseIp(kRouterAddress), kRouterMacAddress};
      const Address relay = withPort(*parseEndpoint(kRelayAddress), 0);
      sendFrame(std::span(out).first(writeArpRequest(own, relay, std::nullopt, kNoVlan, out)));
      ready = daemons.ready();
      asked_ns = now_ns;
    }
    receive(none);
  }
}

void Sessions::Impl::sendFrame(std::span<const uint8_t> frame) {
  Packet packet;
  if (pool.allocate(std::span(&packet, 1)) == 0) return;
  std::memcpy(packet.data, frame.data(), frame.size());
  packet.length_bytes = static_cast<uint16_t>(frame.size());
  io->send(std::span(&packet, 1));
}

void Sessions::Impl::sendTo(const Client& client, std::span<const uint8_t> payload) {
  Packet packet;
  if (payload.size() > contract::kDatagramMax || pool.allocate(std::span(&packet, 1)) == 0) return;
  std::memcpy(packet.data + client.header.size(), payload.data(), payload.size());
  client.header.stamp(packet.data, payload.size());
  packet.length_bytes = static_cast<uint16_t>(client.header.size() + payload.size());
  io->send(std::span(&packet, 1));
}

void Sessions::Impl::ask(uint32_t room, bool publishes, SessionCounts& counts) {
  auto client = std::make_unique<Client>();
  client->number = static_cast<uint32_t>(clients.size());
  client->room = room;
  client->publishes = publishes;
  client->ufrag = ufragOf(client->number);
  client->password = passwordOf(client->number);
  client->header = HeaderTemplate({.source_mac = kRouterMacAddress,
                                   .destination_mac = *relay_mac,
                                   .source = addressOf(client->number),
                                   .destination = *parseEndpoint(kRelayAddress)},
                                  UdpChecksum::kSoftware);
  client->began_ns = monotonicNow();
  signalling.ask({client->number, (publishes ? "/whip/room" : "/whep/room") + std::to_string(room),
                  offerOf({.ufrag = client->ufrag,
                           .password = client->password,
                           .fingerprint = fingerprint,
                           .ssrc = publishes ? ssrcOfTrack(client->number) : 0})});
  clients.push_back(std::move(client));
  ++counts.begun;
}

void Sessions::Impl::fail(Client& client, const std::string& why, SessionCounts& counts) {
  client.state = Client::State::kFailed;
  ++counts.failed;
  counts.failure = why;
}

void Sessions::Impl::takeAnswers(SessionCounts& counts) {
  for (const Signalling::Answer& answer : signalling.take()) {
    Client& client = *clients[answer.client];
    counts.to_answer.record(answer.came_ns - client.began_ns);
    answered(client, answer.reply, counts);
  }
}

void Sessions::Impl::answered(Client& client, const HttpReply& reply, SessionCounts& counts) {
  const std::string ufrag = attributeOf(reply.body, "ice-ufrag"), password = attributeOf(reply.body, "ice-pwd");
  const std::string theirs = attributeOf(reply.body, "fingerprint");
  if (reply.status != 201 || ufrag.empty() || theirs.empty()) {
    return fail(client, std::to_string(reply.status) + " " + reply.body.substr(0, 200), counts);
  }
  test::StunSpec stun;
  stun.username = ufrag + ":" + client.ufrag;
  stun.password = password;
  stun.use_candidate = true;
  client.check = test::stunMessage(stun);
  client.dtls = std::make_unique<DtlsAssociation>(context, DtlsRole::client, theirs);
  client.state = Client::State::kChecking;
  client.next_check_ns = 0;
}

void Sessions::Impl::receive(SessionCounts& counts) {
  std::array<Packet, kBurstMax> burst;
  const size_t count = io->receive(0, burst);
  for (size_t i = 0; i < count; ++i) {
    const std::span<const uint8_t> frame(burst[i].data, burst[i].length_bytes);
    const auto view = parseFrame(frame);
    if (!view) continue;
    if (view->kind == FrameKind::kArp) {
      if (const auto mac = macOfRelay(frame)) relay_mac = mac;
      std::array<uint8_t, kArpFrameMax> out;
      if (const auto answer = answerAsRouter(frame, out); !answer.empty()) sendFrame(answer);
      continue;
    }
    if (view->kind != FrameKind::kUdp || view->destination.ip[13] != 19) continue;
    const size_t number = view->destination.ip[14] * size_t{250} + view->destination.ip[15] - 1;
    if (number < clients.size()) take(*clients[number], view->payload, counts);
  }
  MbufPool::release(std::span<const Packet>(burst).first(count));
}

/// RFC 7983, by the first byte.
void Sessions::Impl::take(Client& client, std::span<const uint8_t> datagram, SessionCounts& counts) {
  using State = Client::State;
  if (datagram.size() < kRtpHeaderSize || client.state == State::kFailed) return;
  if (datagram[0] < 4) {
    // A success response (RFC 8489 section 5).
    if (client.state != State::kChecking || load16(datagram.data()) != 0x0101) return;
    client.state = State::kHandshaking;
    client.next_check_ns = monotonicNow() + kCheckIntervalNs;
    client.dtls->start();
    return sendDtls(client);
  }
  if (datagram[0] >= 20 && datagram[0] < 64 && client.dtls) {
    client.dtls->receive(datagram);
    sendDtls(client);
    if (client.state == State::kHandshaking) secured(client, counts);
    return;
  }
  const uint8_t type = datagram[1];
  if (datagram[0] < 128 || datagram[0] > 191 || (type >= 192 && type <= 223) || client.publishes) return;
  const uint64_t now_ns = monotonicNow();
  if (woken != nullptr) woken->record(now_ns - woken_ns);
  if (client.state == State::kPlaying) return;
  // SRTP may overtake the last flight of the handshake; without keys it is of no use.
  if (client.state != State::kSecured) return;
  client.state = State::kPlaying;
  ++counts.playing;
  counts.to_packet.record(now_ns - client.began_ns);
}

void Sessions::Impl::secured(Client& client, SessionCounts& counts) {
  const auto state = client.dtls->state();
  if (state == DtlsAssociation::State::kFailed) return fail(client, "DTLS failed", counts);
  if (state != DtlsAssociation::State::kSecured) return;
  client.state = Client::State::kSecured;
  counts.to_keys.record(monotonicNow() - client.began_ns);
  if (!client.publishes) return;
  const SrtpKeys& keys = client.dtls->keys();
  const auto key = srtpKey(keys.profile, keys.send_key, keys.send_salt);
  const auto expanded = key ? backend->expand(static_cast<contract::SrtpProfile>(keys.profile), *key) : nullptr;
  if (expanded) client.stream = backend->openSend(expanded, ssrcOfTrack(client.number), client.index);
  if (!client.stream) fail(client, "no SRTP stream", counts);
}

void Sessions::Impl::publish(Client& client) {
  std::array<uint8_t, kRtpHeaderSize + kAudioBytes + srtp::kTagMax> packet{};
  const std::array<uint8_t, kAudioBytes> payload{};
  writeRtpHeader(packet.data(),
                 {.payload_type = kOfferedOpus,
                  .sequence = static_cast<uint16_t>(client.index),
                  .timestamp = static_cast<uint32_t>(client.index * 960),
                  .ssrc = ssrcOfTrack(client.number)},
                 false);
  srtp::ProtectJob job{.stream = client.stream.get(),
                       .destination = packet,
                       .payload = payload,
                       .index = client.index++,
                       .header_length = kRtpHeaderSize,
                       .written_length = kRtpHeaderSize};
  backend->protect(std::span(&job, 1));
  if (job.status == srtp::CryptoStatus::kOk) sendTo(client, std::span(packet).first(job.length));
}

void Sessions::Impl::timers(uint64_t now_ns, SessionCounts& counts) {
  using State = Client::State;
  for (const auto& client : clients) {
    if (client->state == State::kAsked || client->state == State::kFailed) continue;
    if (client->next_check_ns <= now_ns) {
      sendTo(*client, client->check);
      client->next_check_ns = now_ns + (client->state == State::kChecking ? kFirstChecksNs : kCheckIntervalNs);
    }
    if (client->state == State::kHandshaking) {
      if (const auto timeout = client->dtls->timeout(); timeout && timeout->count() <= 0) {
        client->dtls->onTimeout();
        sendDtls(*client);
        secured(*client, counts);
      }
    }
    if (interval_ns != 0 && client->stream && client->next_packet_ns <= now_ns) {
      publish(*client);
      client->next_packet_ns = now_ns + interval_ns;
    }
  }
}

void Sessions::Impl::turn(SessionCounts& counts) {
  receive(counts);
  const uint64_t now_ns = monotonicNow();
  if (now_ns < next_timers_ns) return;
  takeAnswers(counts);
  timers(now_ns, counts);
  next_timers_ns = now_ns + kMsNs;
}

Sessions::Sessions(Daemons& daemons, std::optional<int> core) : impl_(std::make_unique<Impl>(daemons, core)) {}
Sessions::~Sessions() = default;

SessionCounts Sessions::join(uint32_t rooms, uint32_t players, double per_second, uint64_t interval_ns) {
  Impl& s = *impl_;
  s.interval_ns = interval_ns;
  SessionCounts publishers;
  const uint32_t first = s.rooms;
  s.rooms += rooms;
  const size_t before = s.clients.size();
  for (uint32_t i = 0; i < rooms; ++i) s.ask(first + i, true, publishers);
  const auto allSend = [&] {
    for (size_t i = before; i < before + rooms; ++i) {
      if (!s.clients[i]->stream) return false;
    }
    return true;
  };
  for (const uint64_t begin_ns = monotonicNow(); !allSend();) {
    s.turn(publishers);
    if (publishers.failed > 0 || monotonicNow() - begin_ns > kPatienceNs) {
      throw std::runtime_error("a publisher could not join: " + publishers.failure);
    }
  }
  SessionCounts counts;
  const uint64_t begin_ns = monotonicNow(), wanted = uint64_t{rooms} * players;
  uint64_t last_ns = begin_ns;
  while (counts.playing + counts.failed < wanted && monotonicNow() - last_ns < kPatienceNs) {
    const uint64_t now_ns = monotonicNow();
    const auto due =
        per_second <= 0 ? wanted : static_cast<uint64_t>(static_cast<double>(now_ns - begin_ns) / 1e9 * per_second);
    for (int burst = 0; counts.begun < std::min(due, wanted) && burst < 4; ++burst) {
      s.ask(first + static_cast<uint32_t>(counts.begun % rooms), false, counts);
      last_ns = now_ns;
    }
    const uint64_t playing = counts.playing;
    s.turn(counts);
    if (counts.playing > playing) last_ns = now_ns;
  }
  counts.seconds = static_cast<double>(monotonicNow() - begin_ns) / 1e9;
  if (counts.playing + counts.failed < wanted) counts.failure = "no packet came";
  counts.failed = wanted - counts.playing;
  return counts;
}

void Sessions::fallSilent(double seconds) {
  Impl& s = *impl_;
  s.interval_ns = 0;
  SessionCounts none;
  for (const uint64_t begin_ns = monotonicNow(); static_cast<double>(monotonicNow() - begin_ns) < seconds * 1e9;) {
    s.turn(none);
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

Histogram Sessions::wake(uint32_t times, uint64_t silence_ns) {
  Impl& s = *impl_;
  Histogram delays;
  SessionCounts none;
  for (uint32_t i = 0; i < times; ++i) {
    fallSilent(static_cast<double>(silence_ns) / 1e9);
    const auto publisher =
        std::ranges::find_if(s.clients, [](const auto& client) { return client->stream != nullptr; });
    if (publisher == s.clients.end()) throw std::runtime_error("nobody publishes");
    s.woken = &delays;
    s.woken_ns = monotonicNow();
    s.publish(**publisher);
    while (monotonicNow() - s.woken_ns < 20 * kMsNs) s.receive(none);
    s.woken = nullptr;
  }
  return delays;
}

}  // namespace penstock::bench
