#include "bench/load/generator.h"

#include <sched.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "bench/load/backend.h"
#include "bench/load/identity.h"
#include "bench/load/pin.h"
#include "bench/load/router.h"
#include "dataplane/srtp/libsrtp_backend.h"
#include "dataplane/worker/clock.h"
#include "tests/support/packet_builder.h"

namespace penstock::bench {

namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;
// Nothing came for so long: the relay has sent all it has.
constexpr uint64_t kQuietNs = 50'000'000;
// RFC 7675: consent lasts 30 s.
constexpr uint64_t kConsentNs = 10 * kSecondNs;
// A generator that was held up longer than this leaves out what it missed, or it would offer a burst nobody asked for.
constexpr uint64_t kStallNs = 200'000;
// Where it takes turns with a worker on one core, turns last some milliseconds.
constexpr uint64_t kStallSharingNs = 20'000'000;
// The share of a trial that may be left out so: the relay rests meanwhile.
constexpr double kStallsMax = 0.02;

std::vector<uint8_t> iceCheck(uint32_t participant, const MacAddress& relay) {
  test::StunSpec stun;
  stun.username = ufragOf(participant) + ":remote";
  stun.password = passwordOf(participant);
  stun.use_candidate = true;
  test::FrameSpec frame;
  frame.source = addressOf(participant);
  frame.destination = *parseEndpoint(kRelayAddress);
  frame.source_mac = kRouterMacAddress;
  frame.destination_mac = relay;
  return test::udpFrame(frame, test::stunMessage(stun));
}

}  // namespace

Generator::Generator(const RunPlan& plan, const LoadedRelay& relay)
    : plan_(plan),
      relay_(relay),
      config_(portConfig(plan, false)),
      eal_(config_),
      pool_(config_.packet_buffers / 2),
      backend_(makeBackend("auto")),  // whatever the relay uses
      oracle_(srtp::makeLibsrtpBackend()),
      store_(plan.scenario, plan.profile, *backend_, plan.store_bytes),
      sink_(plan.scenario, plan.profile, *oracle_),
      sent_times_(plan.scenario.tracks.size()),
      sent_of_track_(plan.scenario.tracks.size()),
      stall_ns_(plan.sharesCore() ? kStallSharingNs : kStallNs) {
  const auto workers = static_cast<uint16_t>(plan.workers());
  PortRequest request{.device = config_.device[0], .workers = workers};
  request.mac.emplace();
  std::ranges::copy(kRouterMacAddress.bytes, request.mac->begin());
  ports_.push_back(std::make_unique<Port>(eal_, request, pool_));
  for (uint16_t i = 0; i < ports_[0]->queues(); ++i) queues_.push_back(std::make_unique<Queue>(ports_, pool_, i));
  if (plan.generator_core) pinThread(*plan.generator_core);
}

void Generator::waitForLink() {
  const uint64_t begin_ns = monotonicNow();
  while (!ports_[0]->linkUp()) {
    if (monotonicNow() - begin_ns > 10 * kSecondNs) throw std::runtime_error("the relay's port did not come up");
    receive();
  }
}

void Generator::meetRelay() {
  std::array<uint8_t, kArpFrameMax> question;
  const Neighbour own{*parseIp(kRouterAddress), kRouterMacAddress};
  const Address relay = withPort(*parseEndpoint(kRelayAddress), 0);
  const size_t size = writeArpRequest(own, relay, std::nullopt, kNoVlan, question);
  for (int attempt = 0; attempt < 100 && !relay_mac_; ++attempt) {
    sendFrame(std::span(question).first(size));
    drain();
  }
  if (!relay_mac_) throw std::runtime_error("the relay does not say where it is: ARP has no answer");
  store_.setRelayMac(*relay_mac_);
  for (uint32_t i = 0; i < plan_.scenario.participants; ++i) checks_.push_back(iceCheck(i, *relay_mac_));
}

void Generator::connect() {
  waitForLink();
  meetRelay();
  std::vector<uint32_t> offsets;
  for (uint32_t i = 0; i < plan_.scenario.subscriptions.size(); ++i) offsets.push_back(relay_.timestampOffset(i));
  sink_.setTimestampOffsets(std::move(offsets));
  std::string last;
  // Until the router's address is known to the relay, and each stream has been seen once.
  for (int attempt = 0; attempt < 50; ++attempt) {
    keepConsent();
    drain();
    const size_t tracks = plan_.scenario.tracks.size();
    const double rate = std::max(100.0, std::min(20'000.0, 100'000.0 / std::max(plan_.scenario.fanOut(), 1.0)));
    const auto duration_ns =
        static_cast<uint64_t>(static_cast<double>(2 * sendOrder(plan_.scenario).size()) / rate * 1e9);
    const Trial trial = run({.steps = {{0, rate}}, .duration_ns = std::min(duration_ns, 5 * kSecondNs)});
    if (trial.sent >= tracks && trial.lostAll() == 0 && trial.refused == 0) return;
    last = "sent " + std::to_string(trial.sent) + " for " + std::to_string(trial.expectedAll()) + " receivers, lost " +
           std::to_string(trial.lostAll()) + ", refused by the port " + std::to_string(trial.refused);
    for (size_t i = 0; i < contract::kCounterCount; ++i) {
      if ((!contract::isReceiveDrop(i) && !contract::isSendDrop(i)) || trial.relay.value[i] == 0) continue;
      last += ", " + std::string(contract::kCounterTexts[i].name) + " " + std::to_string(trial.relay.value[i]);
    }
  }
  throw std::runtime_error("the relay does not forward without loss, not even slowly: " + last);
}

void Generator::keepConsent() {
  for (const auto& check : checks_) {
    sendFrame(check);
    receive();
  }
  consent_ns_ = monotonicNow();
}

void Generator::sendFrame(std::span<const uint8_t> frame) {
  for (int attempt = 0; attempt < 1000; ++attempt) {
    Packet packet;
    if (pool_.allocate(std::span(&packet, 1)) == 0) return;
    std::memcpy(packet.data, frame.data(), frame.size());
    packet.length_bytes = static_cast<uint16_t>(frame.size());
    if (queues_[0]->io.send(std::span(&packet, 1)) == 1) return;
    receive();  // the ring is full: let the other side get at it
  }
}

/// Until the relay has sent nothing for a while: what is queued belongs to this trial. Returns how long that took.
uint64_t Generator::drain() {
  const uint64_t begin_ns = monotonicNow();
  uint64_t last_ns = begin_ns;
  while (monotonicNow() - last_ns < kQuietNs) {
    if (receive() > 0) last_ns = monotonicNow();
  }
  return last_ns - begin_ns;
}

void Generator::sendDue(Trial& trial, uint64_t packets, uint64_t now_ns) {
  std::array<Packet, kSendBurst> burst;
  const size_t wanted = std::min<size_t>({packets, burst.size(), store_.ready()});
  const size_t count = pool_.allocate(std::span(burst).first(wanted));
  for (size_t i = 0; i < count; ++i) {
    store_.prefetch();
    const PreparedPacket prepared = store_.next();
    std::memcpy(burst[i].data, prepared.frame.data(), prepared.frame.size());
    burst[i].length_bytes = static_cast<uint16_t>(prepared.frame.size());
    ++sent_of_track_[prepared.track];
    if (note_times_) noteSent(prepared, trial, now_ns);
    Queue& queue = *queues_[queueOf(prepared.track)];
    queue.burst[queue.count++] = burst[i];
  }
  for (const auto& queue : queues_) {
    if (queue->count == 0) continue;
    trial.refused += queue->count - queue->io.send(std::span<const Packet>(queue->burst).first(queue->count));
    queue->count = 0;
  }
  trial.sent += count;
}

void Generator::noteSent(const PreparedPacket& packet, Trial& trial, uint64_t now_ns) {
  sent_times_.set(packet.track, packet.index, now_ns);
  const size_t at = (now_ns - begin_ns_) / slice_ns_;
  if (at >= trial.slices.size()) return;
  const TrackPlan& track = plan_.scenario.tracks[packet.track];
  trial.slices[at].expected[classOf(track.kind)] += track.subscription_count;
}

size_t Generator::receive() {
  size_t media = 0;
  for (const auto& queue : queues_) media += receiveFrom(queue->io);
  return media;
}

size_t Generator::receiveFrom(PortIo& io) {
  std::array<Packet, kBurstMax> burst;
  const size_t count = io.receive(0, burst);
  if (count == 0) return 0;
  const uint64_t now_ns = note_times_ ? monotonicNow() : 0;
  size_t media = 0;
  for (size_t i = 0; i < count; ++i) {
    const std::span<const uint8_t> frame(burst[i].data, burst[i].length_bytes);
    if (sink_.look(frame, now_ns)) {
      ++media;
    } else if (frame.size() > 14 && load16(frame.data() + 12) == kEtherTypeArp) {
      std::array<uint8_t, kArpFrameMax> out;
      if (const auto answer = answerAsRouter(frame, out); !answer.empty()) sendFrame(answer);
      if (const auto mac = macOfRelay(frame)) relay_mac_ = mac;
    }
  }
  MbufPool::release(std::span<const Packet>(burst).first(count));
  return media;
}

/// The clock decides what is due. What a stall of our own made late is left out of the plan.
void Generator::send(Trial& trial, const TrialRequest& request) {
  uint64_t shift_ns = 0, last_ns = begin_ns_;
  double due = 0;
  size_t step = 0;
  for (uint64_t now_ns = begin_ns_;;) {
    if (now_ns - begin_ns_ - shift_ns >= request.duration_ns) break;
    const uint64_t passed_ns = now_ns - last_ns;
    last_ns = now_ns;
    if (passed_ns > stall_ns_) {
      trial.stalled_ns += passed_ns;
      shift_ns += passed_ns;
    } else {
      while (step + 1 < request.steps.size() && request.steps[step + 1].from_ns <= now_ns - begin_ns_ - shift_ns)
        ++step;
      due += static_cast<double>(passed_ns) * request.steps[step].packets_per_second / 1e9;
    }
    const auto whole = static_cast<uint64_t>(due);
    if (whole > trial.sent) {
      if (store_.ready() == 0) break;
      sendDue(trial, whole - trial.sent, now_ns);
    }
    if (receive() == 0 && plan_.sharesCore()) sched_yield();
    now_ns = monotonicNow();
  }
  trial.seconds = static_cast<double>(monotonicNow() - begin_ns_) / 1e9;
  trial.generator_limited = due - static_cast<double>(trial.sent) > std::max(0.01 * due, 2.0 * kSendBurst);
  trial.held_up = static_cast<double>(trial.stalled_ns) > kStallsMax * static_cast<double>(request.duration_ns);
}

Trial Generator::run(const TrialRequest& request) {
  Trial trial;
  double wanted = 0;
  for (size_t i = 0; i < request.steps.size(); ++i) {
    const uint64_t until_ns = i + 1 < request.steps.size() ? request.steps[i + 1].from_ns : request.duration_ns;
    wanted += request.steps[i].packets_per_second * static_cast<double>(until_ns - request.steps[i].from_ns) / 1e9;
  }
  trial.offered_per_second = wanted * 1e9 / static_cast<double>(request.duration_ns);
  const uint64_t prepare_ns = monotonicNow();
  store_.prepare(static_cast<size_t>(wanted) + kSendBurst);
  // Meanwhile nobody answered the relay, which may have asked for its router.
  const bool was_away = monotonicNow() - prepare_ns > kSecondNs;
  if (was_away || monotonicNow() - consent_ns_ + request.duration_ns > 2 * kConsentNs) {
    keepConsent();
    drain();
  }
  sink_.beginTrial();
  std::ranges::fill(sent_of_track_, 0);
  const CounterValues before = relay_.counters();
  begin_ns_ = monotonicNow();
  slice_ns_ = std::max<uint64_t>(request.slice_ns, 1);
  note_times_ = request.delays || request.slice_ns != 0;
  if (request.delays) trial.delays = std::make_unique<Histogram>();
  if (request.slice_ns != 0) trial.slices.resize(request.duration_ns / request.slice_ns);
  sink_.time({.sent = note_times_ ? &sent_times_ : nullptr,
              .delays = trial.delays.get(),
              .slices = request.slice_ns != 0 ? &trial.slices : nullptr,
              .begin_ns = begin_ns_,
              .slice_ns = slice_ns_});
  send(trial, request);
  trial.backlog_ns = drain();
  sink_.time({});
  note_times_ = false;
  trial.relay = relay_.counters().since(before);
  trial.sink = sink_.counts();
  for (size_t track = 0; track < sent_of_track_.size(); ++track) {
    const TrackPlan& plan = plan_.scenario.tracks[track];
    trial.expected[classOf(plan.kind)] += sent_of_track_[track] * plan.subscription_count;
  }
  trial.lost = sink_.missing(sent_of_track_);
  trial.samples = sink_.checkSamples();
  return trial;
}

}  // namespace penstock::bench
