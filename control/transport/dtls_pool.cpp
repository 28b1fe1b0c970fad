#include "control/transport/dtls_pool.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <map>
#include <unordered_map>

#include <spdlog/spdlog.h>
#include <boost/asio/post.hpp>

#include "control/transport/dtls_session.h"

namespace penstock {
namespace {

/// Handshakes begun for one transport before it is given up: more than a client needs, less than a flood wants.
constexpr uint32_t kAttemptsMax = 8;

/// RFC 6347 sections 4.1 and 4.2.2: a handshake record of DTLS whose message is a ClientHello.
bool isClientHello(std::span<const uint8_t> datagram) {
  return datagram.size() > 13 && datagram[0] == 22 && datagram[1] == 0xfe && datagram[13] == 1;
}

DtlsCounter counterOf(DtlsFailure failure) {
  switch (failure) {
    case DtlsFailure::kFingerprintMismatch:
      return DtlsCounter::fingerprint_mismatch;
    case DtlsFailure::kNoSrtpProfile:
      return DtlsCounter::no_srtp_profile;
    case DtlsFailure::kProtocol:
      return DtlsCounter::protocol;
    case DtlsFailure::kTimeout:
      break;
  }
  return DtlsCounter::timeout;
}

}  // namespace

std::string_view nameOf(DtlsCounter counter) {
  static constexpr std::string_view kNames[] = {"done",    "fingerprint_mismatch", "no_srtp_profile", "protocol",
                                                "timeout", "overloaded",           "queue_full",      "no_association",
                                                "closed",  "never_started",        "record_ignored"};
  static_assert(std::size(kNames) == static_cast<size_t>(DtlsCounter::count_));
  return kNames[static_cast<size_t>(counter)];
}

struct DtlsPool::Impl : std::enable_shared_from_this<Impl> {
  /// A transport that waits for a handshake, is in one, or has had one.
  struct Expected {
    DtlsRole role;
    std::string fingerprint;
    HandshakeOwner owner;
    std::shared_ptr<DtlsSession> session;  // nullptr: none begun, or over
    uint64_t session_number = 0;           // results of an earlier session are not of this one
    bool handshaking = false;
    bool answered = false;  // something came from the client
    bool over = false;      // secured and closed, or given up
    bool queued = false;    // in its lane
    uint32_t attempts = 0;
    DtlsFailure last_failure = DtlsFailure::kProtocol;
    std::unique_ptr<boost::asio::steady_timer> give_up;
  };

  Impl(boost::asio::any_io_executor executor, const DtlsConfig& dtls_config, const Certificate& certificate,
       Callbacks functions)
      : control(std::move(executor)),
        config(dtls_config),
        callbacks(std::move(functions)),
        context(certificate),
        fingerprint(fingerprintOf(certificate)),
        threads(std::max<uint32_t>(1, config.threads)) {}

  void add(DtlsCounter counter) { ++counters[static_cast<size_t>(counter)]; }

  void begin(const std::string& transport, Expected& expected);
  bool hasShare(const HandshakeOwner& owner) const;
  void leavePlace(Expected& expected);
  void end(Expected& expected);
  void enqueue(const std::string& transport, Expected& expected);
  void beginWaiting();
  void receive(const std::string& transport, std::span<const uint8_t> datagram);
  void onProgress(const std::string& transport, uint64_t number, DtlsSession::Progress progress);
  void onFailure(const std::string& transport, Expected& expected, DtlsFailure failure);
  void giveUp(const std::string& transport, Expected& expected);

  boost::asio::any_io_executor control;
  const DtlsConfig config;
  const Callbacks callbacks;
  const DtlsContext context;
  const std::string fingerprint;
  boost::asio::thread_pool threads;  // before the sessions, which have timers there
  std::unordered_map<std::string, Expected> expected_by_transport;
  // Client role, waiting for a place: transports by room and subject. Lanes come by turns.
  using Lane = std::pair<std::string, std::string>;
  std::map<Lane, std::deque<std::string>> lanes;
  Lane last_lane;
  size_t handshaking = 0;
  std::unordered_map<std::string, size_t> handshaking_of_room, handshaking_of_subject;
  uint64_t last_number = 0;
  std::array<uint64_t, static_cast<size_t>(DtlsCounter::count_)> counters{};
};

void DtlsPool::Impl::begin(const std::string& transport, Expected& expected) {
  const uint64_t number = ++last_number;
  // The pool may be gone when a thread reports: then there is nobody to tell.
  auto report = [self = weak_from_this(), executor = control, transport, number](DtlsSession::Progress progress) {
    boost::asio::post(executor, [self, transport, number, progress = std::move(progress)]() mutable {
      if (const auto impl = self.lock()) impl->onProgress(transport, number, std::move(progress));
    });
  };
  expected.session = std::make_shared<DtlsSession>(threads, context, expected.role, expected.fingerprint,
                                                   std::chrono::seconds(config.timeout_s), std::move(report));
  expected.session_number = number;
  expected.handshaking = true;
  expected.answered = false;
  ++expected.attempts;
  ++handshaking_of_room[expected.owner.room];
  ++handshaking_of_subject[expected.owner.subject];
  if (++handshaking == 1 && callbacks.on_busy) callbacks.on_busy(true);
  if (expected.role == DtlsRole::client) expected.session->start();
}

bool DtlsPool::Impl::hasShare(const HandshakeOwner& owner) const {
  const auto of = [](const auto& counts, const std::string& key) {
    const auto found = counts.find(key);
    return found == counts.end() ? 0 : found->second;
  };
  if (handshaking >= config.handshakes_max) return false;
  if (of(handshaking_of_room, owner.room) >= std::max<size_t>(1, config.handshakes_max / 2)) return false;
  return owner.subject.empty() ||
         of(handshaking_of_subject, owner.subject) < std::max<size_t>(1, config.handshakes_max / 4);
}

void DtlsPool::Impl::leavePlace(Expected& expected) {
  if (!std::exchange(expected.handshaking, false)) return;
  if (--handshaking_of_room[expected.owner.room] == 0) handshaking_of_room.erase(expected.owner.room);
  if (--handshaking_of_subject[expected.owner.subject] == 0) handshaking_of_subject.erase(expected.owner.subject);
  if (--handshaking == 0 && callbacks.on_busy) callbacks.on_busy(false);
}

/// The session, if any, is no more; its threads may finish what they are at.
void DtlsPool::Impl::end(Expected& expected) {
  if (expected.session) expected.session->cancel();
  expected.session = nullptr;
  expected.session_number = 0;
  leavePlace(expected);
}

void DtlsPool::Impl::enqueue(const std::string& transport, Expected& expected) {
  if (std::exchange(expected.queued, true)) return;
  lanes[{expected.owner.room, expected.owner.subject}].push_back(transport);
}

/// One of each lane after the other, beginning after the one that had its turn last.
void DtlsPool::Impl::beginWaiting() {
  auto lane = lanes.upper_bound(last_lane);
  for (size_t passed_over = 0; passed_over < lanes.size() && handshaking < config.handshakes_max;) {
    if (lane == lanes.end()) lane = lanes.begin();
    if (!hasShare({lane->first.first, lane->first.second})) {
      ++passed_over;
      ++lane;
      continue;
    }
    const std::string transport = std::move(lane->second.front());
    lane->second.pop_front();
    last_lane = lane->first;
    lane = lane->second.empty() ? lanes.erase(lane) : std::next(lane);
    const auto found = expected_by_transport.find(transport);
    if (found == expected_by_transport.end() || !std::exchange(found->second.queued, false)) continue;
    if (found->second.session || found->second.over) continue;
    passed_over = 0;
    begin(found->first, found->second);
  }
}

void DtlsPool::Impl::receive(const std::string& transport, std::span<const uint8_t> datagram) {
  const auto found = expected_by_transport.find(transport);
  if (found == expected_by_transport.end()) return add(DtlsCounter::no_association);
  Expected& expected = found->second;
  if (!expected.session) {
    if (expected.over || expected.role == DtlsRole::client || !isClientHello(datagram))
      return add(DtlsCounter::no_association);
    // The client sends its ClientHello again: that is the queue.
    if (!hasShare(expected.owner)) return add(DtlsCounter::overloaded);
    begin(transport, expected);
  }
  expected.answered = true;
  if (!expected.session->receive(datagram)) add(DtlsCounter::queue_full);
}

void DtlsPool::Impl::onProgress(const std::string& transport, uint64_t number, DtlsSession::Progress progress) {
  const auto found = expected_by_transport.find(transport);
  if (progress.last && found == expected_by_transport.end()) {
    for (const auto& datagram : progress.output) callbacks.send(transport, datagram);
    return;
  }
  if (found == expected_by_transport.end() || found->second.session_number != number) return;
  Expected& expected = found->second;
  counters[static_cast<size_t>(DtlsCounter::record_ignored)] += progress.ignored;
  for (const auto& datagram : progress.output) callbacks.send(transport, datagram);
  if (!progress.state) return;

  // A callback may stop() this transport: nothing of `expected` is used after it.
  switch (*progress.state) {
    case DtlsAssociation::State::kHandshaking:
      break;
    case DtlsAssociation::State::kSecured:
      add(DtlsCounter::done);
      expected.give_up = nullptr;
      leavePlace(expected);
      beginWaiting();
      callbacks.on_secured(transport, progress.keys);
      break;
    case DtlsAssociation::State::kClosed:
      add(DtlsCounter::closed);
      end(expected);
      expected.over = true;
      if (callbacks.on_closed) callbacks.on_closed(transport);
      break;
    case DtlsAssociation::State::kFailed:
      onFailure(transport, expected, progress.failure);
      break;
  }
}

void DtlsPool::Impl::onFailure(const std::string& transport, Expected& expected, DtlsFailure failure) {
  add(counterOf(failure));
  spdlog::debug("DTLS handshake of transport {} failed: {}", transport, nameOf(failure));
  end(expected);
  beginWaiting();
  expected.last_failure = failure;
  if (failure == DtlsFailure::kTimeout || expected.role == DtlsRole::client || expected.attempts >= kAttemptsMax)
    return giveUp(transport, expected);
  if (expected.give_up) return;
  expected.give_up = std::make_unique<boost::asio::steady_timer>(control, std::chrono::seconds(config.timeout_s));
  expected.give_up->async_wait([self = weak_from_this(), transport](const boost::system::error_code& error) {
    const auto impl = error ? nullptr : self.lock();
    if (!impl) return;
    const auto found = impl->expected_by_transport.find(transport);
    if (found != impl->expected_by_transport.end() && !found->second.session) impl->giveUp(transport, found->second);
  });
}

void DtlsPool::Impl::giveUp(const std::string& transport, Expected& expected) {
  if (std::exchange(expected.over, true)) return;
  if (callbacks.on_failed) callbacks.on_failed(transport, expected.last_failure);
}

DtlsPool::DtlsPool(boost::asio::any_io_executor control, const DtlsConfig& config, const Certificate& certificate,
                   Callbacks callbacks)
    : impl_(std::make_shared<Impl>(std::move(control), config, certificate, std::move(callbacks))) {}

DtlsPool::~DtlsPool() {
  impl_->threads.stop();
  impl_->threads.join();
}

std::string DtlsPool::fingerprint() const {
  return impl_->fingerprint;
}

void DtlsPool::start(const std::string& transport, DtlsRole role, const std::string& remote_fingerprint,
                     const HandshakeOwner& owner) {
  const auto found = impl_->expected_by_transport.find(transport);
  if (found != impl_->expected_by_transport.end()) {
    const Impl::Expected& now = found->second;
    if (!now.over && now.role == role && now.fingerprint == remote_fingerprint) return;
    impl_->end(found->second);
    impl_->expected_by_transport.erase(found);
  }
  Impl::Expected& expected = impl_->expected_by_transport[transport];
  expected.role = role;
  expected.fingerprint = remote_fingerprint;
  expected.owner = owner;
}

void DtlsPool::stop(const std::string& transport) {
  const auto found = impl_->expected_by_transport.find(transport);
  if (found == impl_->expected_by_transport.end()) return;
  if (found->second.attempts == 0 && !found->second.over) impl_->add(DtlsCounter::never_started);
  if (found->second.session && !found->second.handshaking) std::exchange(found->second.session, nullptr)->close();
  impl_->end(found->second);
  impl_->expected_by_transport.erase(found);
  impl_->beginWaiting();
}

void DtlsPool::nominated(const std::string& transport) {
  const auto found = impl_->expected_by_transport.find(transport);
  if (found == impl_->expected_by_transport.end() || found->second.role != DtlsRole::client) return;
  Impl::Expected& expected = found->second;
  const bool timed_out = expected.over && !expected.session && expected.last_failure == DtlsFailure::kTimeout;
  if (expected.over && !timed_out) return;
  if (expected.session && (!expected.handshaking || expected.answered)) return;
  impl_->end(expected);
  expected.over = false;
  impl_->enqueue(transport, expected);
  impl_->beginWaiting();
}

void DtlsPool::receive(const std::string& transport, std::span<const uint8_t> datagram) {
  impl_->receive(transport, datagram);
}

size_t DtlsPool::handshaking() const {
  return impl_->handshaking;
}

uint64_t DtlsPool::count(DtlsCounter counter) const {
  return impl_->counters[static_cast<size_t>(counter)];
}

}  // namespace penstock
