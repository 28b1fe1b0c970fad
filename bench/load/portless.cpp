#include "bench/load/portless.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "bench/load/backend.h"
#include "bench/load/packet_store.h"
#include "bench/load/pin.h"
#include "bench/load/process_use.h"
#include "bench/load/region.h"
#include "bench/load/router.h"
#include "bench/load/rows_by_hand.h"
#include "dataplane/port/eal.h"
#include "dataplane/port/mbuf_pool.h"
#include "dataplane/relay/handover.h"
#include "dataplane/relay/relay.h"
#include "dataplane/worker/clock.h"
#include "dataplane/worker/dispatcher.h"

namespace penstock::bench {

namespace {

// A worker is given so many packets at once that about so many leave: one of a large room, a full burst of a small one.
constexpr uint32_t kBurstOut = 256;
constexpr size_t kBurstIn = 32;
// So many published packets of the largest fan-out may wait at a worker before its peers are given more.
constexpr uint64_t kWaitingMax = 32;
// Without progress for so long, what is missing is lost.
constexpr uint64_t kPatienceNs = 200'000'000;
constexpr uint16_t kQuestionMax = 64;  // bytes: no media packet is as small
constexpr double kPartSeconds = 0.5;
constexpr int kFruitlessMax = 3;            // the first packets are lost while the router is asked for
constexpr double kGuessOutPerWorker = 2e6;  // packets a second, for the first part

/// The mempool's buffers; sending gives them back.
class NoPort final : public PacketIo {
 public:
  explicit NoPort(MbufPool& pool) : pool_(pool) {}
  size_t allocate(std::span<Packet> out) override { return pool_.allocate(out); }
  void retain(std::span<const Packet> packets) override { MbufPool::retain(packets); }
  void release(std::span<const Packet> packets) override { MbufPool::release(packets); }
  size_t send(std::span<const Packet> packets) override {
    for (const Packet& packet : packets) {
      if (packet.length_bytes > kQuestionMax) continue;
      const auto made =
          bench::answerAsRouter(std::span<const uint8_t>(packet.data, packet.length_bytes), answer_bytes_);
      if (!made.empty()) answer = made;
    }
    MbufPool::release(packets);
    return packets.size();
  }
  std::span<const uint8_t> answer;  // to the relay's last question for the router

 private:
  MbufPool& pool_;
  std::array<uint8_t, kArpFrameMax> answer_bytes_{};
};

class Portless {
 public:
  explicit Portless(const RunPlan& plan);
  PortlessRun run(double seconds);

 private:
  struct Lane {
    Lane(const RelayConfig& config, srtp::Backend& backend, MbufPool& pool, HandOverRings& rings, uint32_t index,
         Portless& all)
        : io(pool), relay(config, backend, io, *all.reports_, rings, index, *all.flows_) {}
    NoPort io;
    Relay relay;
    std::unique_ptr<PacketStore> store;
    size_t part = 0;              // packets to take in the next part
    std::vector<uint64_t> given;  // packets that each worker is to send for what this one was given
    uint64_t in = 0, busy_ns = 0, idle_ns = 0, began_ns = 0, ended_ns = 0;
  };

  void work(uint32_t index);
  void answerAsRouter(Lane& lane, uint64_t now_ns);
  void meetRouter(Lane& lane);
  void doPart(uint32_t index, Lane& lane);
  size_t give(Lane& lane);
  void giveFrame(Lane& lane, std::span<const uint8_t> frame, uint64_t now_ns);
  bool peersAreBehind() const;
  uint64_t sentBy(uint32_t worker) const {
    return reports_->worker[worker].counters.read(contract::Counter::media_sent);
  }
  uint64_t waitingAt(uint32_t worker) const;
  bool allSent() const;
  void planPart(double seconds_so_far);

  const RunPlan& plan_;
  DataplaneConfig config_;
  Eal eal_;
  MbufPool pool_;
  std::unique_ptr<srtp::Backend> backend_;
  OwnMemory<contract::ReportsRegion> reports_ = makeRegion<contract::ReportsRegion>();
  OwnMemory<contract::FlowsRegion> flows_ = makeRegion<contract::FlowsRegion>();
  HandOverRings rings_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<uint32_t> subscribers_;            // by track and worker
  std::vector<uint64_t> waiting_max_;            // by worker
  std::vector<std::atomic<uint64_t>> expected_;  // by worker: packets it is to send in all
  std::atomic<uint32_t> giving_{0};
  std::atomic<bool> last_{false};
  std::barrier<> begin_, end_;
  RowMemory rows_;
  uint64_t base_bytes_ = 0;
};

DataplaneConfig withoutPort(const RunPlan& plan) {
  DataplaneConfig config = portConfig(plan, true);
  config.device.clear();
  return config;
}

Portless::Portless(const RunPlan& plan)
    : plan_(plan),
      config_(withoutPort(plan)),
      eal_(config_),
      pool_(config_.packet_buffers),
      backend_(makeBackend(plan.backend)),
      rings_(plan.workers()),
      subscribers_(plan.scenario.tracks.size() * plan.workers()),
      waiting_max_(plan.workers()),
      expected_(plan.workers()),
      begin_(plan.workers() + 1),
      end_(plan.workers() + 1) {
  const RelayConfig relay_config = relayConfig(config_.packet_buffers, plan.workers());
  for (uint32_t i = 0; i < plan.workers(); ++i) {
    lanes_.push_back(std::make_unique<Lane>(relay_config, *backend_, pool_, rings_, i, *this));
  }
  Dispatcher dispatcher(
      plan.workers(), [&](uint32_t worker, Command command) { lanes_[worker]->relay.apply(command, monotonicNow()); },
      [](uint32_t) {});
  base_bytes_ = residentMemoryBytes();
  rows_ = forEachRow(*backend_, plan.scenario, plan.profile,
                     [&](Command command) { dispatcher.dispatch(std::move(command)); });
  const Scenario& scenario = plan.scenario;
  for (const SubscriptionPlan& subscription : scenario.subscriptions) {
    const uint32_t worker = dispatcher.ownerOf(subscription.participant);
    const uint64_t count = ++subscribers_[subscription.track * plan.workers() + worker];
    waiting_max_[worker] = std::max(waiting_max_[worker], count * kWaitingMax);
  }
  for (uint32_t i = 0; i < plan.workers(); ++i) {
    lanes_[i]->given.resize(plan.workers());
    lanes_[i]->store = std::make_unique<PacketStore>(
        scenario, plan.profile, *backend_, plan.store_bytes / plan.workers(),
        [&](uint32_t track) { return dispatcher.ownerOf(scenario.tracks[track].publisher) == i; });
  }
}

void Portless::giveFrame(Lane& lane, std::span<const uint8_t> frame, uint64_t now_ns) {
  Packet packet;
  if (pool_.allocate(std::span(&packet, 1)) != 1) throw std::runtime_error("no packet buffer");
  std::memcpy(packet.data, frame.data(), frame.size());
  packet.length_bytes = static_cast<uint16_t>(frame.size());
  lane.relay.receive(std::span(&packet, 1), now_ns);
}

/// The relay asks for its router's address, at the latest for the first packet, and now and then whether it is there.
void Portless::answerAsRouter(Lane& lane, uint64_t now_ns) {
  if (lane.io.answer.empty()) return;
  giveFrame(lane, std::exchange(lane.io.answer, {}), now_ns);
}

void Portless::meetRouter(Lane& lane) {
  const uint64_t begin_ns = monotonicNow();
  for (uint64_t now_ns = begin_ns; now_ns - begin_ns < 50'000'000; now_ns = monotonicNow()) {
    lane.relay.takeHandOvers(now_ns);
    lane.relay.timers(now_ns);
    answerAsRouter(lane, now_ns);
    std::this_thread::yield();
  }
}

uint64_t Portless::waitingAt(uint32_t worker) const {
  const uint64_t expected = expected_[worker].load(std::memory_order_relaxed), sent = sentBy(worker);
  return expected > sent ? expected - sent : 0;
}

bool Portless::peersAreBehind() const {
  for (uint32_t worker = 0; worker < plan_.workers(); ++worker) {
    if (waitingAt(worker) > waiting_max_[worker]) return true;
  }
  return false;
}

bool Portless::allSent() const {
  if (giving_.load(std::memory_order_acquire) != 0) return false;
  for (uint32_t worker = 0; worker < plan_.workers(); ++worker) {
    if (waitingAt(worker) > 0) return false;
  }
  return true;
}

/// One burst of published packets; returns how many.
size_t Portless::give(Lane& lane) {
  std::array<Packet, kBurstIn> burst;
  const auto fan_out = static_cast<uint32_t>(std::max(plan_.scenario.fanOut(), 1.0));
  const size_t wanted = std::min({burst.size(), lane.part, std::max<size_t>(kBurstOut / fan_out, 1)});
  const size_t count = pool_.allocate(std::span(burst).first(wanted));
  const uint32_t workers = plan_.workers();
  for (size_t i = 0; i < count; ++i) {
    lane.store->prefetch();
    const PreparedPacket prepared = lane.store->next();
    std::memcpy(burst[i].data, prepared.frame.data(), prepared.frame.size());
    burst[i].length_bytes = static_cast<uint16_t>(prepared.frame.size());
    for (uint32_t worker = 0; worker < workers; ++worker) {
      lane.given[worker] += subscribers_[prepared.track * workers + worker];
    }
  }
  // Before the packets leave: nobody must have sent more than was expected.
  for (uint32_t worker = 0; worker < workers; ++worker) {
    expected_[worker].fetch_add(std::exchange(lane.given[worker], 0), std::memory_order_relaxed);
  }
  lane.part -= count;
  lane.in += count;
  lane.relay.receive(std::span<const Packet>(burst).first(count), monotonicNow());
  return count;
}

void Portless::doPart(uint32_t index, Lane& lane) {
  lane.store->prepare(lane.part);
  lane.part = lane.store->ready();
  if (lane.part > 0) giving_.fetch_add(1);
  begin_.arrive_and_wait();
  lane.began_ns = monotonicNow();
  uint64_t progress_ns = lane.began_ns, sent_before = sentBy(index);
  bool gives = lane.part > 0;
  for (uint64_t turn_ns = lane.began_ns;;) {
    bool worked = lane.relay.takeHandOvers(turn_ns);
    if (lane.part > 0 && !peersAreBehind()) worked |= give(lane) > 0;
    if (gives && lane.part == 0) {
      gives = false;
      giving_.fetch_sub(1, std::memory_order_release);
    }
    lane.relay.timers(turn_ns);
    answerAsRouter(lane, turn_ns);
    const uint64_t now_ns = monotonicNow();
    (worked ? lane.busy_ns : lane.idle_ns) += now_ns - turn_ns;
    if (worked) progress_ns = now_ns;
    turn_ns = now_ns;
    if (worked) continue;
    if (allSent() || now_ns - progress_ns > kPatienceNs) break;
  }
  lane.ended_ns = sentBy(index) > sent_before ? progress_ns : lane.began_ns;
  end_.arrive_and_wait();
}

void Portless::work(uint32_t index) {
  Lane& lane = *lanes_[index];
  if (plan_.worker_cores[index]) pinThread(*plan_.worker_cores[index]);
  const EalThread identity;
  lane.relay.prepareThread();
  meetRouter(lane);
  do {
    end_.arrive_and_wait();  // the next part is planned
    doPart(index, lane);
    end_.arrive_and_wait();  // what came of it is read
  } while (!last_.load());
}

/// As many packets as kPartSeconds take, by what the parts before took.
void Portless::planPart(double seconds_so_far) {
  uint64_t in = 0;
  for (const auto& lane : lanes_) in += lane->in;
  const double guess = kGuessOutPerWorker * plan_.workers() / std::max(plan_.scenario.fanOut(), 1.0);
  const double rate = in > 0 && seconds_so_far > 0 ? static_cast<double>(in) / seconds_so_far : guess;
  const double packets = rate * (in > 0 ? kPartSeconds : kPartSeconds / 10);
  uint32_t givers = 0;
  for (const auto& lane : lanes_) givers += lane->store->hasTracks() ? 1 : 0;
  for (const auto& lane : lanes_) lane->part = static_cast<size_t>(packets / std::max(givers, 1u)) + 1;
}

PortlessRun Portless::run(double seconds) {
  std::vector<std::jthread> threads;
  for (uint32_t i = 0; i < plan_.workers(); ++i) threads.emplace_back([this, i] { work(i); });
  PortlessRun result{.out_of = std::vector<uint64_t>(plan_.workers()), .rows = rows_, .base_bytes = base_bytes_};
  double measured = 0, passed = 0;
  int fruitless = 0;
  // The first part warms up: caches, and the guess of the rate.
  for (bool warm = false; measured < seconds; warm = true) {
    uint64_t in_before = 0, busy_before = 0, idle_before = 0, out_before = 0;
    for (uint32_t i = 0; i < plan_.workers(); ++i) out_before += sentBy(i);
    for (const auto& lane : lanes_) in_before += lane->in, busy_before += lane->busy_ns, idle_before += lane->idle_ns;
    planPart(passed);
    end_.arrive_and_wait();
    begin_.arrive_and_wait();
    end_.arrive_and_wait();
    uint64_t began = UINT64_MAX, ended = 0;
    for (uint32_t i = 0; i < plan_.workers(); ++i) {
      began = std::min(began, lanes_[i]->began_ns);
      ended = std::max(ended, lanes_[i]->ended_ns);
      if (warm) result.missing += waitingAt(i);
      if (!warm) expected_[i].store(sentBy(i));  // lost before the router was known
    }
    const double part = static_cast<double>(ended - began) / 1e9;
    fruitless = part > 0 ? 0 : fruitless + 1;
    passed += part;
    if (warm) {
      for (uint32_t i = 0; i < plan_.workers(); ++i) result.out += sentBy(i), result.in += lanes_[i]->in;
      for (const auto& lane : lanes_) result.busy_ns += lane->busy_ns, result.idle_ns += lane->idle_ns;
      result.out -= out_before, result.in -= in_before, result.busy_ns -= busy_before, result.idle_ns -= idle_before;
      result.seconds += part;
      measured += part;
    }
    if (measured >= seconds || result.missing > 0 || fruitless > kFruitlessMax) last_.store(true);
    end_.arrive_and_wait();
    if (last_.load()) break;
  }
  threads.clear();
  if (fruitless > kFruitlessMax)
    throw std::runtime_error("nothing is sent: no worker has a publisher with subscribers");
  for (uint32_t i = 0; i < plan_.workers(); ++i) {
    result.out_of[i] = sentBy(i);
    for (size_t c = 0; c < result.counters.value.size(); ++c)
      result.counters.value[c] += reports_->worker[i].counters.read(c);
  }
  return result;
}

}  // namespace

PortlessRun runPortless(const RunPlan& plan, double seconds) {
  Portless portless(plan);
  return portless.run(seconds);
}

}  // namespace penstock::bench
