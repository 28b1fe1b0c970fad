// Every setting of both daemons, as they use it. `option_table.cpp` holds names, defaults, ranges and reasons.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penstock {

enum class Hugepages { kAuto, kOn, kOff };
enum class Idle { kSleep, kMonitor, kPoll };
enum class SrtpBackend { kAuto, kIpsecMb, kLibsrtp };
enum class LogFormat { kText, kJson };

struct MediaConfig {
  std::vector<std::string> address;        // "198.18.0.1/15", "2001:db8::1/64": addresses the dataplane answers for
  std::vector<std::string> gateway;        // next hop per family, for destinations that are not on-link
  std::vector<std::string> announce;       // candidate addresses told to clients where NAT maps them; empty = `address`
  std::vector<std::string> deny;           // networks that no packet is answered to or sent to: "10.0.0.0/8"
  uint16_t port = 10000;                   // one UDP port for all media
  std::optional<uint16_t> vlan;            // 802.1Q tag, 1..4094
  uint32_t video_bitrate_max_kbps = 2500;  // per publisher transport, told by REMB
};

struct DataplaneConfig {
  std::vector<std::string> device;  // PCI address or vdev, as DPDK names it: "net_tap0,iface=penstock0"
  std::string workers = "auto";     // "auto" or a list of cores: "2", "2,3", "2-5"
  Hugepages hugepages = Hugepages::kAuto;
  uint32_t memory_mib = 256;
  uint32_t packet_buffers = 32'768;
  Idle idle = Idle::kSleep;
  uint16_t mtu = 1500;
  std::vector<std::string> eal_argument;  // passed to DPDK as they are
};

struct SrtpConfig {
  SrtpBackend backend = SrtpBackend::kAuto;
};

struct SeamConfig {
  std::string directory = "/run/penstock";
  std::string group;  // group that may read the regions; empty = that of the process
};

struct HttpConfig {
  std::vector<std::string> listen = {"127.0.0.1:8080"};
  std::string tls_certificate, tls_key;  // PEM files; both or neither
  uint32_t body_max_kib = 256;
  uint32_t request_timeout_s = 10;
  uint32_t connections_max = 10'000;
  uint32_t client_cpu_percent = 25;  // of the control thread, for one client
  std::string allow_origin;          // CORS; empty = same origin only
  std::string web_directory;         // where the pages are read from; empty = the installed ones
};

struct AuthConfig {
  std::vector<std::string> key;  // "id:secret", secret of 32 characters or more; HS256
};

struct RoomsConfig {
  bool create_on_join = true;
  uint32_t rooms_max = 4096;
  uint32_t participants_max = 200;  // default of a room
  uint32_t tracks_max = 8;          // published by one participant
  std::optional<uint16_t> last_n;   // default of a room: pictures of so many, who spoke last; none = of all
  uint8_t loudest = 0;              // default of a room: audio of so many; 0 = of all
  bool forward_silence = true;      // default of a room
  uint32_t resume_timeout_s = 30;   // how long a participant whose signalling is gone is kept
};

struct DtlsConfig {
  uint32_t threads = 1;
  uint32_t handshakes_max = 1024;  // at once; more wait for their clients' retransmission
  uint32_t timeout_s = 30;
};

struct StoreConfig {
  std::string path = "/run/penstock/control.sqlite";  // on tmpfs: it holds keys
};

struct WebhookConfig {
  std::string url;     // http:// only within the host's own network; empty = none
  std::string secret;  // HMAC-SHA256 of the body, in the header Penstock-Signature
};

struct LogConfig {
  std::string level = "info";
  LogFormat format = LogFormat::kText;
};

struct Config {
  MediaConfig media;
  DataplaneConfig dataplane;
  SrtpConfig srtp;
  SeamConfig seam;
  HttpConfig http;
  AuthConfig auth;
  RoomsConfig rooms;
  DtlsConfig dtls;
  StoreConfig store;
  WebhookConfig webhook;
  LogConfig log;
};

}  // namespace penstock
