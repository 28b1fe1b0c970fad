// All DTLS associations, on a small pool of threads off the control thread. A join storm queues here and nowhere else.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>

#include "config/config.h"
#include "control/signalling/edges.h"
#include "control/transport/dtls_association.h"

namespace penstock {

/// What the pool counts; the name is a metric label.
enum class DtlsCounter : uint8_t {
  done,                  // handshakes that yielded keys
  fingerprint_mismatch,  // the client's certificate is not the one its SDP named
  no_srtp_profile,
  protocol,  // anything else that TLS calls fatal
  timeout,
  overloaded,      // datagrams dropped because as many handshakes as allowed were in progress
  queue_full,      // datagrams dropped because the association had too many waiting
  no_association,  // datagrams of transports that wait for no handshake (left over from before a restart)
  closed,          // associations the client closed
  never_started,   // transports that ended before a handshake began
  record_ignored,  // records of a handshake that anybody could have sent, and that are none of its own
  count_,
};
std::string_view nameOf(DtlsCounter counter);

/// Called on the control thread; calls back there. An association is made by the first datagram (server role) or by
/// nominated() (client role): nobody holds a place without an address that was checked. A room gets half of the places
/// at most, a subject a quarter, and those who wait for one get it by turns. A failed handshake is forgotten, so that
/// the client may try again: a forged ClientHello costs it nothing. It is reported as failed once it ran out of
/// attempts or of time.
class DtlsPool final : public DtlsOut {
 public:
  struct Callbacks {
    std::function<void(const std::string& transport, const SrtpKeys& keys)> on_secured;
    std::function<void(const std::string& transport, DtlsFailure reason)> on_failed;
    /// The client said goodbye (authenticated close_notify).
    std::function<void(const std::string& transport)> on_closed;
    std::function<void(const std::string& transport, std::span<const uint8_t> datagram)> send;
    /// A handshake began or the last one ended: whether the reports want to be polled fast.
    std::function<void(bool handshaking)> on_busy;
  };

  DtlsPool(boost::asio::any_io_executor control, const DtlsConfig& config, const Certificate& certificate,
           Callbacks callbacks);
  /// Waits for the threads; nothing is called back afterwards.
  ~DtlsPool() override;

  std::string fingerprint() const override;
  /// Expects a handshake. The same fingerprint and role again changes nothing; others begin anew.
  void start(const std::string& transport, DtlsRole role, const std::string& remote_fingerprint,
             const HandshakeOwner& owner) override;
  /// A secured association says goodbye (close_notify), which is sent soon after.
  void stop(const std::string& transport) override;

  /// The dataplane learned the transport's address: a client-role handshake begins when its turn comes, and one that
  /// nobody answered yet begins again.
  void nominated(const std::string& transport) override;
  /// A punted datagram.
  void receive(const std::string& transport, std::span<const uint8_t> datagram);

  size_t handshaking() const;
  uint64_t count(DtlsCounter counter) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace penstock
