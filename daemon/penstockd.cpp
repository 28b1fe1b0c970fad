// The control daemon: START HERE for the control path. Rooms, SDP, DTLS handshakes and the HTTP API; no media.
// Everything but handshakes (DTLS, and TLS of HTTPS) happens on this one thread.
#include <systemd/sd-daemon.h>

#include <array>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>

#include <openssl/rand.h>
#include <spdlog/spdlog.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "config/log.h"
#include "config/options.h"
#include "config/value.h"
#include "control/api/http_server.h"
#include "control/api/webhook.h"
#include "control/metrics/metrics.h"
#include "control/metrics/turns.h"
#include "control/seam/monotonic.h"
#include "control/seam/report_reader.h"
#include "control/seam/seam_reports.h"
#include "control/seam/table_writer.h"
#include "control/signalling/room_service.h"
#include "control/store/store.h"
#include "control/transport/certificate.h"
#include "control/transport/dtls_pool.h"
#include "daemon/exit_codes.h"
#include "daemon/lifecycle.h"

namespace penstock {
namespace {

namespace asio = boost::asio;

class SystemClock final : public Clock {
 public:
  uint64_t unixMs() const override {
    using namespace std::chrono;
    return static_cast<uint64_t>(duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
  }
  uint64_t monotonicMs() const override { return monotonicNs() / 1'000'000; }
};

class SystemChance final : public Chance {
 public:
  void fill(std::span<uint8_t> bytes) override {
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) throw std::runtime_error("no random numbers");
  }
};

/// What can only fail at start says how the process ends.
template <class Make>
auto orExit(int exit_code, Make make) {
  try {
    return make();
  } catch (const StartError&) {
    throw;
  } catch (const std::exception& error) {
    throw StartError(exit_code, error.what());
  }
}

LocalSide localSide(const MediaConfig& media, const std::string& fingerprint) {
  LocalSide local;
  for (const std::string& address : media.announce.empty() ? media.address : media.announce)
    local.places.push_back({address.substr(0, address.find('/')), media.port});
  for (const std::string& network : media.deny) local.denied.push_back(parsePrefix(network).value());
  local.fingerprint = fingerprint;
  local.receive_bitrate_max_bps = media.video_bitrate_max_kbps * 1000;
  return local;
}

/// One certificate for the life of the store: clients that met an earlier penstockd know it by its fingerprint.
Certificate certificateOf(Store& store) {
  const auto certificate = store.meta("certificate"), key = store.meta("private_key");
  if (certificate && key) return {*certificate, *key};
  const Certificate made = makeCertificate();
  store.setMeta("private_key", made.private_key_pem);
  store.setMeta("certificate", made.certificate_pem);
  return made;
}

/// Of a count that only grows: what came since the last look. Metrics are told growth.
class Growth {
 public:
  uint64_t since(uint64_t count) { return count - std::exchange(told_, count); }

 private:
  uint64_t told_ = 0;
};

/// Calls `act` again and again, on the control thread.
class Every {
 public:
  Every(asio::io_context& io, std::chrono::milliseconds interval, std::function<void()> act)
      : timer_(io), interval_(interval), act_(std::move(act)) {
    wait();
  }

 private:
  void wait() {
    timer_.expires_after(interval_);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      act_();
      wait();
    });
  }

  asio::steady_timer timer_;
  std::chrono::milliseconds interval_;
  std::function<void()> act_;
};

/// All parts of the control path, made in the order in which they need each other.
class Control {
 public:
  Control(asio::io_context& io, const Config& config)
      : io_(io),
        tables_(orExit(kExitRegion,
                       [&] { return std::make_unique<TablesFile>(config.seam.directory, config.seam.group); })),
        reports_file_(config.seam.directory),
        writer_(io.get_executor(), *tables_, reports_file_),
        reader_(io.get_executor(), *tables_, reports_file_, reportCallbacks()),
        reports_(reader_, writer_),
        metrics_(reports_),
        store_(orExit(kExitUnavailable, [&] { return std::make_unique<Store>(io.get_executor(), config.store.path); })),
        dtls_(io.get_executor(), config.dtls, certificateOf(*store_), dtlsCallbacks()),
        service_(config.rooms, localSide(config.media, dtls_.fingerprint()),
                 {writer_, dtls_, *store_, reports_, clock_, chance_}),
        http_(orExit(kExitConfig, [&] { return std::make_unique<HttpServer>(io, config, service_, metrics_); })) {
    if (!config.webhook.url.empty()) {
      webhook_ = orExit(kExitConfig, [&] { return std::make_unique<Webhook>(io, config.webhook, metrics_); });
      service_.addSink(webhook_.get());
    }
  }

  void start() {
    std::vector<Room> rooms;
    for (auto& [name, room] : store_->load()) {
      if (tables_->isNew()) forget(room);
      rooms.push_back(std::move(room));
    }
    service_.restore(std::move(rooms));
    reader_.start();
    orExit(kExitUnavailable, [&] { http_->start(); });
    speakers_ = std::make_unique<Every>(io_, std::chrono::milliseconds(200), [this] { service_.tick(); });
    seconds_ = std::make_unique<Every>(io_, std::chrono::seconds(1), [this] { everySecond(); });
  }

  void run() { runTurns(io_, metrics_); }

  /// Rooms, rows and keys stay: media goes on, and the next penstockd finds them.
  void stop() {
    if (webhook_) webhook_->stop();
    http_->stop([this] {
      reader_.stop();
      store_->flush();
      io_.stop();
    });
  }

 private:
  /// With the rows went how far keystreams were used, and none may be used twice (RFC 3711 section 9.1): keys go, too.
  void forget(Room& room) {
    for (const auto& [id, who] : room.participants) store_->removeParticipant(room.name, id);
    room.participants.clear();
  }

  ReportReader::Callbacks reportCallbacks() {
    return {.on_event = [this](const contract::Event& event) { onEvent(event); },
            .on_punt =
                [this](const contract::Datagram& datagram) {
                  if (const std::string* transport = writer_.transportId(datagram.transport))
                    dtls_.receive(std::string(*transport), {datagram.bytes, datagram.length_bytes});
                },
            .on_attached = [] { spdlog::info("the dataplane is there"); },
            .on_missed = [this] { service_.review(); }};
  }

  void onEvent(const contract::Event& event) {
    if (event.kind == contract::EventKind::kSubscriptionHeld) {
      if (const auto ids = writer_.subscriptionIds(event.subject)) service_.onHeld(ids->first);
      return;
    }
    const std::string* found = writer_.transportId(event.subject);
    if (!found) return;  // a former use of the row, or an event about a track
    const std::string transport = *found;
    if (event.kind == contract::EventKind::kTransportNominated) service_.onNominated(transport);
    if (event.kind == contract::EventKind::kTransportConsentLost) service_.onConsentLost(transport);
    if (event.kind == contract::EventKind::kTransportAddressTaken) service_.onAddressTaken(transport);
  }

  DtlsPool::Callbacks dtlsCallbacks() {
    return {
        .on_secured = [this](const std::string& transport,
                             const SrtpKeys& keys) { service_.onSecured(transport, keys); },
        .on_failed = [this](const std::string& transport,
                            DtlsFailure reason) { service_.onHandshakeFailed(transport, std::string(nameOf(reason))); },
        .on_closed = [this](const std::string& transport) { service_.onClosed(transport); },
        .send =
            [this](const std::string& transport, std::span<const uint8_t> datagram) {
              if (const auto row = writer_.transport(transport)) (void)reader_.inject(*row, datagram);
            },
        .on_busy = [this](bool handshaking) { reader_.hurry(handshaking); }};
  }

  void everySecond() {
    metrics_.dtlsQueued(dtls_.handshaking());
    for (size_t i = 0; i < dtls_growth_.size(); ++i) {
      const auto counter = static_cast<DtlsCounter>(i);
      metrics_.dtls(nameOf(counter), dtls_growth_[i].since(dtls_.count(counter)));
    }
    const TableWriter::Figures rows = writer_.figures();
    metrics_.rowsWritten("transport", rows_growth_[0].since(rows.transport.written));
    metrics_.rowsWritten("track", rows_growth_[1].since(rows.track.written));
    metrics_.rowsWritten("subscription", rows_growth_[2].since(rows.subscription.written));
    metrics_.storeWrites(store_growth_.since(store_->writes()));
    (void)sd_notify(0, "WATCHDOG=1");
  }

  asio::io_context& io_;
  SystemClock clock_;
  SystemChance chance_;
  std::unique_ptr<TablesFile> tables_;
  ReportsFile reports_file_;
  TableWriter writer_;
  ReportReader reader_;
  SeamReports reports_;
  Metrics metrics_;
  std::unique_ptr<Store> store_;
  DtlsPool dtls_;
  RoomService service_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<Webhook> webhook_;
  std::unique_ptr<Every> speakers_, seconds_;
  std::array<Growth, static_cast<size_t>(DtlsCounter::count_)> dtls_growth_;
  std::array<Growth, 3> rows_growth_;  // transports, tracks, subscriptions
  Growth store_growth_;
};

int run(const Settings& settings) {
  hardenProcess();  // SRTP keys are in memory
  setUpLog(settings.config.log, "penstockd");
  for (const std::string& warning : settings.warnings) spdlog::warn("{}", warning);

  asio::io_context io(1);
  Control control(io, settings.config);
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code& error, int) {
    if (error) return;
    spdlog::info("stopping; media goes on");
    notifyStopping();
    control.stop();
  });
  control.start();
  notifyReady("serving");
  control.run();
  return kExitOk;
}

}  // namespace
}  // namespace penstock

int main(int argc, char** argv) {
  using namespace penstock;
  const auto settings =
      readSettings(argc, argv, {.name = "penstockd", .purpose = "the control daemon of the Penstock media relay"});
  if (!settings) return finish(settings.error());
  try {
    return run(*settings);
  } catch (const StartError& error) {
    spdlog::critical("{}", error.what());
    return error.exitCode();
  } catch (const std::exception& error) {
    spdlog::critical("{}", error.what());
    return kExitFailure;
  }
}
