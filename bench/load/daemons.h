// The relay as it is installed: penstock-dataplane and penstockd, started in a folder of their own, with net_memif as
// the only port, and asked by HTTP.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::bench {

struct HttpReply {
  int status = 0;  // 0: no answer
  std::string body;
};
/// To this machine, a connection for each.
HttpReply httpPost(uint16_t port, const std::string& path, const std::string& type, const std::string& body);
HttpReply httpGet(uint16_t port, const std::string& path);

struct DaemonSettings {
  std::string programs;  // folder of both
  std::string folder;    // for all they write
  std::string worker_cores;
  std::string device;                // empty: net_memif, as memifSocket() says
  std::vector<std::string> options;  // more of them
  bool control = true;               // penstockd too
  uint32_t participants_max = 200;   // of a room
};

class Daemons {
 public:
  /// Returns when both run; they are ready only once somebody is at the other end of the port. Throws
  /// std::runtime_error with what they logged.
  explicit Daemons(const DaemonSettings& settings);
  ~Daemons();
  Daemons(const Daemons&) = delete;
  Daemons& operator=(const Daemons&) = delete;

  std::string memifSocket() const { return settings_.folder + "/memif.sock"; }
  uint16_t httpPort() const { return http_port_; }
  bool ready() const { return httpGet(http_port_, "/readyz").status == 200; }
  /// Throws std::runtime_error if one has ended.
  void check();

  /// Of both together.
  uint64_t cpuNs() const;
  uint64_t dataplaneMemory() const;
  uint64_t controlMemory() const;
  std::string logOf(const std::string& name) const;

 private:
  struct Daemon {
    std::string name;
    pid_t process = -1;
  };
  void start(const std::string& name, std::vector<std::string> options);

  DaemonSettings settings_;
  uint16_t http_port_;
  std::vector<Daemon> daemons_;
};

}  // namespace penstock::bench
