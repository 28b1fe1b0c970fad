// One association on the pool's threads: datagrams are queued on its strand, results go to a function.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include "control/transport/dtls_association.h"

namespace penstock {

class DtlsSession : public std::enable_shared_from_this<DtlsSession> {
 public:
  /// What came of a step. `state` is told once, when it changed.
  struct Progress {
    DtlsAssociation::Datagrams output;
    std::optional<DtlsAssociation::State> state;
    DtlsFailure failure = DtlsFailure::kProtocol;
    SrtpKeys keys;
    uint64_t ignored = 0;  // records
    bool last = false;     // of a session that was closed by us: nothing follows
  };
  using Report = std::function<void(Progress)>;  // called on a thread of the pool

  DtlsSession(boost::asio::thread_pool& pool, const DtlsContext& context, DtlsRole role, std::string fingerprint,
              std::chrono::seconds timeout, Report report)
      : strand_(boost::asio::make_strand(pool)),
        timer_(strand_),
        context_(context),
        role_(role),
        fingerprint_(std::move(fingerprint)),
        deadline_(std::chrono::steady_clock::now() + timeout),
        report_(std::move(report)) {}

  // From the control thread.
  void start();
  /// False: too many datagrams wait already.
  bool receive(std::span<const uint8_t> datagram);
  void cancel();
  /// Says goodbye, if secured; what that takes is the last that is reported.
  void close();

 private:
  template <class Step>
  void run(Step step);
  void tell();
  void setTimer();

  static constexpr uint32_t kQueuedMax = 32;

  boost::asio::strand<boost::asio::thread_pool::executor_type> strand_;
  boost::asio::steady_timer timer_;
  const DtlsContext& context_;
  const DtlsRole role_;
  const std::string fingerprint_;
  const std::chrono::steady_clock::time_point deadline_;
  const Report report_;
  std::atomic<uint32_t> queued_{0};
  std::atomic<bool> cancelled_{false};
  std::optional<DtlsAssociation> association_;  // on the strand
  DtlsAssociation::State told_ = DtlsAssociation::State::kHandshaking;
};

}  // namespace penstock
