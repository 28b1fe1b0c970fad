#include "bench/suite/join_storm.h"

#include <deque>
#include <unordered_map>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "bench/load/cpu_clock.h"
#include "control/transport/dtls_pool.h"
#include "dataplane/worker/clock.h"

namespace penstock::bench {

namespace {

using Datagrams = std::deque<std::vector<uint8_t>>;

// Clients that got no answer for so long at the end of a run count as failed.
constexpr uint64_t kPatienceNs = 5'000'000'000;

}  // namespace

struct JoinStorm::Impl {
  struct Client {
    Client(const DtlsContext& context, const std::string& fingerprint)
        : association(context, DtlsRole::client, fingerprint), began_ns(monotonicNow()) {}
    DtlsAssociation association;
    uint64_t began_ns;
    Datagrams inbox;
    bool relay_has_keys = false;
  };

  explicit Impl(const JoinSettings& s)
      : settings(s),
        pool(io.get_executor(), {.threads = s.threads, .handshakes_max = s.handshakes_max, .timeout_s = 10},
             makeCertificate(), callbacks()),
        client_certificate(makeCertificate()),
        client_context(client_certificate),
        client_fingerprint(fingerprintOf(client_certificate)),
        pool_fingerprint(pool.fingerprint()) {}

  DtlsPool::Callbacks callbacks() {
    return {.on_secured =
                [this](const std::string& id, const SrtpKeys&) {
                  if (auto found = clients.find(id); found != clients.end()) found->second->relay_has_keys = true;
                },
            .on_failed = [this](const std::string& id, DtlsFailure) { forget(id, &JoinCounts::failed); },
            .on_closed = [](const std::string&) {},
            .send =
                [this](const std::string& id, std::span<const uint8_t> bytes) {
                  if (auto found = clients.find(id); found != clients.end()) {
                    found->second->inbox.emplace_back(bytes.begin(), bytes.end());
                  }
                },
            .on_busy = [](bool) {}};
  }

  void begin() {
    const std::string id = std::to_string(next_id++);
    auto client = std::make_unique<Client>(client_context, pool_fingerprint);
    pool.start(id, DtlsRole::server, client_fingerprint, {id, ""});
    client->association.start();
    clients.emplace(id, std::move(client));
    ++counts->begun;
  }

  void forget(const std::string& id, uint64_t JoinCounts::*counter) {
    if (clients.erase(id) == 0) return;
    ++(counts->*counter);
    pool.stop(id);
  }

  /// One turn of every client. Those that are done are counted and gone.
  void exchange() {
    std::vector<std::string> done;
    const uint64_t now_ns = monotonicNow();
    for (auto& [id, client] : clients) {
      for (; !client->inbox.empty(); client->inbox.pop_front()) client->association.receive(client->inbox.front());
      if (const auto timeout = client->association.timeout(); timeout && timeout->count() <= 0) {
        client->association.onTimeout();
      }
      for (const auto& datagram : client->association.takeOutput()) pool.receive(id, datagram);
      if (client->relay_has_keys && client->association.state() == DtlsAssociation::State::kSecured) {
        counts->time_to_keys.record(now_ns - client->began_ns);
        done.push_back(id);
      }
    }
    for (const std::string& id : done) forget(id, &JoinCounts::done);
    io.restart();
    io.poll();
    if (clients.empty()) io.run_one_for(std::chrono::milliseconds(1));
  }

  JoinSettings settings;
  boost::asio::io_context io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  DtlsPool pool;
  Certificate client_certificate;
  DtlsContext client_context;
  std::string client_fingerprint, pool_fingerprint;
  std::unordered_map<std::string, std::unique_ptr<Client>> clients;
  uint64_t next_id = 0;
  JoinCounts* counts = nullptr;
};

JoinStorm::JoinStorm(const JoinSettings& settings) : impl_(std::make_unique<Impl>(settings)) {}
JoinStorm::~JoinStorm() = default;

JoinCounts JoinStorm::run(double joins_per_second) {
  Impl& s = *impl_;
  JoinCounts counts;
  s.counts = &counts;
  const uint64_t refused_before = s.pool.count(DtlsCounter::overloaded);
  const uint64_t own_before = threadCpuNs(), all_before = clockNs(CLOCK_PROCESS_CPUTIME_ID);
  const uint64_t begin_ns = monotonicNow();
  const auto duration_ns = static_cast<uint64_t>(s.settings.seconds * 1e9);
  for (uint64_t now_ns = begin_ns; now_ns - begin_ns < duration_ns; now_ns = monotonicNow()) {
    if (joins_per_second <= 0) {
      while (s.clients.size() < s.settings.concurrent) s.begin();
    } else {
      const auto due = static_cast<uint64_t>(static_cast<double>(now_ns - begin_ns) * joins_per_second / 1e9);
      for (int burst = 0; counts.begun < due && burst < 8; ++burst) s.begin();
    }
    s.exchange();
  }
  counts.seconds = static_cast<double>(monotonicNow() - begin_ns) / 1e9;
  counts.pool_cpu_ns = clockNs(CLOCK_PROCESS_CPUTIME_ID) - all_before - (threadCpuNs() - own_before);
  counts.refused = s.pool.count(DtlsCounter::overloaded) - refused_before;
  // The rate is that of the time measured; who is still under way afterwards gets its chance, to be told apart from the
  // failed.
  const uint64_t done_in_time = counts.done;
  while (!s.clients.empty() && monotonicNow() - begin_ns < duration_ns + kPatienceNs) s.exchange();
  counts.failed += s.clients.size();
  for (const auto& [id, client] : s.clients) s.pool.stop(id);
  s.clients.clear();
  counts.done = done_in_time;
  s.counts = nullptr;
  return counts;
}

}  // namespace penstock::bench
