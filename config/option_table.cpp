// THE table of options: name, unit, what is allowed, and why it is there. Defaults are those of config.h.
#include <algorithm>
#include <charconv>

#include "config/option.h"
#include "config/value.h"
#include "dataplane/contract/limits.h"

namespace penstock {

namespace {

constexpr size_t kListMax = 16;
constexpr size_t kDenyMax = 64;
constexpr size_t kAuthSecretMin = 32;

/// Expands to the accessor of a member of Config.
#define MEMBER(path)     \
  [](auto& c) -> auto& { \
    return c.path;       \
  }

// What a text may be. -----------------------------------------------------------------------------------------------

bool isAnything(const std::string&) {
  return true;
}
bool isNotEmpty(const std::string& s) {
  return !s.empty();
}
bool isAbsolutePath(const std::string& s) {
  return s.size() > 1 && s.front() == '/';
}
bool isEmptyOrAbsolutePath(const std::string& s) {
  return s.empty() || isAbsolutePath(s);
}

bool isUsable(const IpValue& ip) {
  return !ip.isUnspecified() && !ip.isMulticast() && !ip.isLoopback();
}
bool isMediaAddress(const std::string& s) {
  const auto prefix = parsePrefix(s);
  return prefix && isUsable(prefix->address);
}
bool isNetwork(const std::string& s) {
  const auto prefix = parsePrefix(s);
  return prefix && prefix->isNetwork();
}
bool isUnicastIp(const std::string& s) {
  const auto ip = parseIpValue(s);
  return ip && isUsable(*ip);
}
bool isListen(const std::string& s) {
  return parseListen(s).has_value();
}
bool isWorkers(const std::string& s) {
  if (s == "auto") return true;
  const auto cores = parseCores(s);
  return cores && cores->size() <= contract::kWorkerMax;
}
bool isGroup(const std::string& s) {
  return s.size() <= 32 && std::all_of(s.begin(), s.end(), [](unsigned char c) {
           return isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
         });
}
bool isAuthKey(const std::string& s) {
  const size_t colon = s.find(':');
  return colon != std::string::npos && colon > 0 && colon <= 64 && s.size() - colon - 1 >= kAuthSecretMin;
}
bool isOrigin(const std::string& s) {
  if (s.empty() || s == "*") return true;
  const size_t host = s.starts_with("https://") ? 8 : s.starts_with("http://") ? 7 : 0;
  return host != 0 && s.size() > host && s.find('/', host) == std::string::npos;
}
bool isWebhookUrl(const std::string& s) {
  return s.empty() || (s.starts_with("http://") && s.size() > 7);
}

// The sections. -----------------------------------------------------------------------------------------------------

/// Begins an option; the kind fills in the rest.
Option& add(std::vector<Option>& table, const char* section, const char* key, const char* unit, const char* reason) {
  Option& option = table.emplace_back();
  option.section = section;
  option.key = key;
  option.unit = unit;
  option.reason = reason;
  return option;
}

void addMedia(std::vector<Option>& table) {
  const auto option = [&](auto... parts) -> Option& { return add(table, "media", parts...); };
  kind::list(option("address", "",
                    "The addresses the relay answers for on its own port, with the length of the prefix "
                    "that is on-link. The kernel must not have them."),
             MEMBER(media.address), kListMax, "unicast addresses with prefix length: 198.18.0.1/24, 2001:db8:18::1/64",
             isMediaAddress);
  kind::list(option("gateway", "",
                    "Next hop for destinations that are not on-link, one per address family. Without it "
                    "such destinations are not reached."),
             MEMBER(media.gateway), 2, "unicast addresses without prefix length", isUnicastIp);
  kind::list(option("announce", "",
                    "Candidate addresses told to clients where a NAT maps the relay's own to others. "
                    "Empty: those of media.address."),
             MEMBER(media.announce), kListMax, "unicast addresses without prefix length", isUnicastIp);
  kind::list(option("deny", "",
                    "Networks that no client may be in: nothing that comes from there is answered, nothing is sent "
                    "there, and plain transports to there are refused. For what the relay can reach and strangers "
                    "should not by its help: management networks, the neighbours of the host."),
             MEMBER(media.deny), kDenyMax, "networks with prefix length, no bit set behind it: 10.0.0.0/8, fd00::/8",
             isNetwork);
  kind::number(option("port", "", "The one UDP port for the media of all participants. Open it in firewalls."),
               MEMBER(media.port), 1, 65'535);
  kind::optionalNumber(option("vlan", "", "802.1Q tag of the relay's frames, where its port is a trunk."),
                       MEMBER(media.vlan), 1, 4094);
  kind::number(option("video-bitrate-max-kbps", "kbit/s",
                      "What a publisher is told, by REMB, to send at most on its "
                      "transport: it bounds what everybody else in the room receives."),
               MEMBER(media.video_bitrate_max_kbps), 50, 100'000);
}

void addDataplane(std::vector<Option>& table) {
  const auto option = [&](auto... parts) -> Option& { return add(table, "dataplane", parts...); };
  kind::list(option("device", "",
                    "The network ports, as DPDK names them: a PCI address (0000:01:00.0) or a virtual "
                    "device (net_tap0,iface=penstock0)."),
             MEMBER(dataplane.device), kListMax, "PCI addresses or virtual devices", isNotEmpty);
  kind::text(option("workers", "",
                    "Which cores poll, one worker each. auto leaves one core of each four to everything else, "
                    "and with fewer than four runs one worker that is not pinned; name cores to keep the relay "
                    "where its network card's memory is."),
             MEMBER(dataplane.workers), "auto, or different cores like 2 or 2,3 or 2-5; at most 32", isWorkers);
  kind::choice<>(option("hugepages", "",
                        "Hugepages make large tables faster. auto takes them if the machine has some "
                        "free; on refuses to start without; off leaves them alone."),
                 MEMBER(dataplane.hugepages),
                 std::vector<std::pair<std::string, Hugepages>>{
                     {"auto", Hugepages::kAuto}, {"on", Hugepages::kOn}, {"off", Hugepages::kOff}});
  kind::number(option("memory-mib", "MiB", "Memory for packet buffers and tables, taken at start."),
               MEMBER(dataplane.memory_mib), 64, 1'048'576);
  kind::number(option("packet-buffers", "",
                      "Packets in flight and in the caches that answer NACKs. Each takes about "
                      "2.5 KiB of memory-mib."),
               MEMBER(dataplane.packet_buffers), 1024, 16'777'216);
  kind::choice<>(
      option("idle", "",
             "What a worker does that finds nothing to do. sleep: gives its core away for moments, up to "
             "half a millisecond. monitor: keeps its core, in a state that saves power (UMWAIT) and ends with "
             "the first packet; where CPU or port cannot do that, it sleeps. poll: looks on, and "
             "answers some microseconds sooner."),
      MEMBER(dataplane.idle),
      std::vector<std::pair<std::string, Idle>>{
          {"sleep", Idle::kSleep}, {"monitor", Idle::kMonitor}, {"poll", Idle::kPoll}});
  kind::number(option("mtu", "bytes", "Largest IP packet the port's network carries. The relay never fragments."),
               MEMBER(dataplane.mtu), 1280, 1500);
  kind::list(
      option("eal-argument", "", "Passed to DPDK's environment layer as they are, for what no option here does."),
      MEMBER(dataplane.eal_argument), 64, "words", isNotEmpty);
}

void addSrtp(std::vector<Option>& table) {
  kind::choice<>(
      add(table, "srtp", "backend", "",
          "What encrypts and decrypts media. auto takes ipsec-mb, which is many times faster, where the "
          "CPU and the build have it, and libsrtp elsewhere; the others refuse to start without."),
      MEMBER(srtp.backend),
      std::vector<std::pair<std::string, SrtpBackend>>{
          {"auto", SrtpBackend::kAuto}, {"ipsec-mb", SrtpBackend::kIpsecMb}, {"libsrtp", SrtpBackend::kLibsrtp}});
}

void addSeam(std::vector<Option>& table) {
  const auto option = [&](auto... parts) -> Option& { return add(table, "seam", parts...); };
  kind::text(option("directory", "", "Where the shared memory between the two daemons lies. On tmpfs: it holds keys."),
             MEMBER(seam.directory), "an absolute path", isAbsolutePath);
  kind::text(option("group", "",
                    "Group that may read the regions, so that two different users can run the daemons. "
                    "Empty: the group of the process."),
             MEMBER(seam.group), "the name of a group, or empty", isGroup);
}

void addHttp(std::vector<Option>& table) {
  const auto option = [&](auto... parts) -> Option& { return add(table, "http", parts...); };
  kind::list(option("listen", "",
                    "Where the API, the conference page, WHIP, WHEP and the metrics are. Other addresses "
                    "than loopback need auth.key."),
             MEMBER(http.listen), kListMax, "ADDRESS:PORT or [IPv6]:PORT", isListen);
  kind::text(option("tls-certificate", "",
                    "PEM file with the certificate chain. Browsers give camera and microphone "
                    "only to pages from https or localhost."),
             MEMBER(http.tls_certificate), "an absolute path, or empty for plain HTTP", isEmptyOrAbsolutePath);
  kind::text(option("tls-key", "", "PEM file with the key of the certificate."), MEMBER(http.tls_key),
             "an absolute path, or empty for plain HTTP", isEmptyOrAbsolutePath);
  kind::number(option("body-max-kib", "KiB", "Larger request bodies are refused (413)."), MEMBER(http.body_max_kib), 16,
               16'384);
  kind::number(option("request-timeout-s", "s", "A client that takes longer to send its request is let go."),
               MEMBER(http.request_timeout_s), 1, 300);
  kind::number(option("connections-max", "",
                      "More connections than this are not kept. Without a token, one IPv4 address, or one /64 of IPv6, "
                      "has a fortieth of them (16 at least), and all together nine tenths; of more, the connection "
                      "that was served longest ago is closed. Behind a proxy all come from its address."),
               MEMBER(http.connections_max), 1, 1'000'000);
  kind::number(
      option("client-cpu-percent", "%",
             "Of the control thread's time, what one client may use in the long run; a second more at once. A "
             "request over that is refused (429), a WebSocket's next message waits. A client is the subject of "
             "tokens, or else an address. Who may administer all rooms is not limited, nor is anybody without "
             "auth.key."),
      MEMBER(http.client_cpu_percent), 1, 100);
  kind::text(option("allow-origin", "", "Which other site's pages may use the API (CORS). Empty: none."),
             MEMBER(http.allow_origin), "an origin like https://meet.example, *, or empty", isOrigin);
  kind::text(option("web-directory", "", "Where the pages are read from. Empty: where they were installed."),
             MEMBER(http.web_directory), "an absolute path, or empty", isEmptyOrAbsolutePath);
}

void addAuth(std::vector<Option>& table) {
  Option& key = add(table, "auth", "key", "",
                    "Keys that sign access tokens (JWT, HS256), each with an id, so that a key "
                    "can be replaced while the old one is still good. Without keys whoever reaches the API may do "
                    "everything.");
  key.secret = true;
  kind::list(key, MEMBER(auth.key), kListMax, "id:secret, the secret of 32 characters or more", isAuthKey);
}

void addRooms(std::vector<Option>& table) {
  const auto option = [&](auto... parts) -> Option& { return add(table, "rooms", parts...); };
  kind::choice<>(option("create-on-join", "",
                        "Joining a room that does not exist makes it. no: rooms are made by the API "
                        "only."),
                 MEMBER(rooms.create_on_join), std::vector<std::pair<std::string, bool>>{{"yes", true}, {"no", false}});
  kind::number(
      option("rooms-max", "",
             "More rooms at once are refused (503). A room may have as many rows of the subscription table as it "
             "leaves free, alone half of them, and a subject of tokens in all rooms together a third as many, "
             "alone a quarter: more is refused (503, share_full), so that a few rooms cannot keep others out."),
      MEMBER(rooms.rooms_max), 1, 16'384);
  kind::number(option("participants-max", "", "Of one room, unless it was made with another limit."),
               MEMBER(rooms.participants_max), 1, 8192);
  kind::number(option("tracks-max", "", "Published by one participant at once."), MEMBER(rooms.tracks_max), 1, 64);
  kind::optionalNumber(
      option("last-n", "",
             "Each participant is sent the pictures of so many others, those who spoke last, besides "
             "what it pins and shared screens. Empty: of all. Of a room that was not made with another "
             "number, as are the next two."),
      MEMBER(rooms.last_n), 0, 8192);
  kind::number(option("loudest", "",
                      "Audio of so many participants is forwarded, the loudest, and who speaks at any rate. 3 sounds "
                      "like all. 0: of all."),
               MEMBER(rooms.loudest), 0, 255);
  kind::choice<>(option("forward-silence", "",
                        "Audio is forwarded while it is silent, too. no: not after a second of silence, which saves "
                        "packets; some receivers then take a moment to play on."),
                 MEMBER(rooms.forward_silence),
                 std::vector<std::pair<std::string, bool>>{{"yes", true}, {"no", false}});
  kind::number(option("resume-timeout-s", "s",
                      "How long a participant whose WebSocket broke is kept, media flowing, for "
                      "its return."),
               MEMBER(rooms.resume_timeout_s), 0, 3600);
}

void addDtls(std::vector<Option>& table) {
  const auto option = [&](auto... parts) -> Option& { return add(table, "dtls", parts...); };
  kind::number(option("threads", "", "Threads that do DTLS handshakes. Media needs none of them."),
               MEMBER(dtls.threads), 1, 64);
  kind::number(option("handshakes-max", "",
                      "Handshakes at once. More wait for their clients' retransmission, so that a "
                      "join storm queues here and nowhere else. A room gets half of them at most, a subject of "
                      "tokens a quarter."),
               MEMBER(dtls.handshakes_max), 1, 65'536);
  kind::number(option("timeout-s", "s", "A handshake that takes longer is given up."), MEMBER(dtls.timeout_s), 1, 120);
}

void addStore(std::vector<Option>& table) {
  kind::text(add(table, "store", "path", "",
                 "The SQLite file from which penstockd comes back after its own restart. On "
                 "tmpfs: it holds keys, and must not outlive the host."),
             MEMBER(store.path), "an absolute path", isAbsolutePath);
}

void addWebhook(std::vector<Option>& table) {
  kind::text(add(table, "webhook", "url", "",
                 "Room events are posted here as JSON. Plain HTTP: keep it within your own "
                 "network."),
             MEMBER(webhook.url), "an http:// URL, or empty for none", isWebhookUrl);
  Option& secret = add(table, "webhook", "secret", "", "Signs the body: header Penstock-Signature, HMAC-SHA256.");
  secret.secret = true;
  kind::text(secret, MEMBER(webhook.secret), "text, or empty for no signature", isAnything);
}

void addLog(std::vector<Option>& table) {
  kind::choice<>(
      add(table, "log", "level", "",
          "Lines below this level are not written. What packets cause is counted, "
          "and logged a few times a minute at most."),
      MEMBER(log.level),
      std::vector<std::pair<std::string, std::string>>{
          {"trace", "trace"}, {"debug", "debug"}, {"info", "info"}, {"warning", "warning"}, {"error", "error"}});
  kind::choice<>(
      add(table, "log", "format", "",
          "text for people, json (one object per line) for log collectors. Both go "
          "to stderr, where systemd's journal takes them."),
      MEMBER(log.format),
      std::vector<std::pair<std::string, LogFormat>>{{"text", LogFormat::kText}, {"json", LogFormat::kJson}});
}

}  // namespace

std::optional<uint64_t> kind::parseNumber(std::string_view text) {
  uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return n;
}

std::string Option::environment() const {
  std::string result = "PENSTOCK_" + section + "_" + key;
  for (char& c : result) c = c == '-' ? '_' : static_cast<char>(toupper(static_cast<unsigned char>(c)));
  return result;
}

std::vector<Option> optionTable() {
  std::vector<Option> table;
  addMedia(table);
  addDataplane(table);
  addSrtp(table);
  addSeam(table);
  addHttp(table);
  addAuth(table);
  addRooms(table);
  addDtls(table);
  addStore(table);
  addWebhook(table);
  addLog(table);
  return table;
}

std::string_view restartOf(std::string_view section) {
  if (section == "dataplane" || section == "srtp") return "penstock-dataplane";
  if (section == "media" || section == "seam" || section == "log") return "penstock-dataplane and penstockd";
  return "penstockd";
}

}  // namespace penstock
