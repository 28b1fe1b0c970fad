// The HTTP server on a loopback port and a thread of its own, for tests that talk to it over sockets.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "config/config.h"
#include "control/api/http_server.h"
#include "tests/api/fake_service.h"

namespace penstock::test {

inline const std::string kKeyId = "test";
inline const std::string kSecret = "0123456789abcdef0123456789abcdef";

/// Everything short, so that a test of patience is over in a moment.
HttpTuning shortTuning();

class Relay {
 public:
  explicit Relay(Config config = {}, HttpTuning tuning = shortTuning());
  ~Relay();

  uint16_t port() const { return port_; }
  /// On the server's thread; returns when it is done.
  void run(const std::function<void(FakeService&)>& work);
  void runReports(const std::function<void(FakeReports&)>& work);
  std::string metrics();
  /// What stop() does, seen from outside: returns when the server says that it is done.
  void stop();
  void post(std::function<void()> work);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  uint16_t port_ = 0;
};

/// A token of the test key for one room: "join,publish,moderate".
std::string token(const std::string& room, const std::string& rights, int64_t expires_in_s = 60,
                  const std::string& subject = "someone");
Config configWithKeys();
/// Makes a server of the configuration as it is, starts it, and drops it; throws what it throws.
void startAndStop(const Config& config);

}  // namespace penstock::test
