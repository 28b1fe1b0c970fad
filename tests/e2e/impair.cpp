// A bad network in user space, for kernels without netem: Ethernet frames between two interfaces, of which UDP of one
// port is lost, delayed and reordered as told.
//
//     impair A B PORT SEED
//
// reads lines from standard input, `DIRECTION loss=5 burst=1 delay=25 jitter=2 reorder=1`, with DIRECTION `up` (A to B)
// or `down`; what a line does not name is 0 (burst: 1). loss, reorder: percent; burst: mean packets lost in a row;
// delay, jitter: milliseconds. Answers `ok` to each line; ends with its standard input.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Frame = std::vector<uint8_t>;   // with the virtio header that says what the kernel left undone (checksums)
constexpr size_t kVirtioHeader = 10;  // struct virtio_net_hdr, whose header C++ cannot read
constexpr uint64_t kReorderNs = 20'000'000;

uint64_t now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

struct Impairment {
  double loss = 0, burst = 1, delay = 0, jitter = 0, reorder = 0;
};

Impairment parse(std::istringstream& words) {
  Impairment impairment;
  const std::map<std::string, double*> fields = {{"loss", &impairment.loss},
                                                 {"burst", &impairment.burst},
                                                 {"delay", &impairment.delay},
                                                 {"jitter", &impairment.jitter},
                                                 {"reorder", &impairment.reorder}};
  for (std::string word; words >> word;) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) throw std::invalid_argument("no `=` in " + word);
    *fields.at(word.substr(0, equals)) = std::stod(word.substr(equals + 1));
  }
  if (impairment.loss < 0 || impairment.loss >= 100 || impairment.burst < 1)
    throw std::invalid_argument("loss or burst");
  return impairment;
}

int openInterface(const char* name) {
  const int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  const int on = 1;
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(if_nametoindex(name));
  packet_mreq promiscuous{};
  promiscuous.mr_ifindex = address.sll_ifindex;
  promiscuous.mr_type = PACKET_MR_PROMISC;
  const int buffer = 8 << 20;
  if (fd < 0 || address.sll_ifindex == 0 || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) != 0 ||
      setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) != 0 ||
      setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) != 0 ||
      bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    throw std::runtime_error(std::string("cannot open interface ") + name);
  }
  return fd;
}

/// UDP, IPv4 or IPv6 without extension headers, from or to the port.
bool concerns(std::span<const uint8_t> frame, uint16_t port) {
  if (frame.size() < 14 + 20 + 8) return false;
  const auto word = [&](size_t at) { return static_cast<uint16_t>(frame[at] << 8 | frame[at + 1]); };
  size_t udp = 0;
  if (word(12) == ETHERTYPE_IP && frame[23] == IPPROTO_UDP) udp = 14 + 4u * (frame[14] & 15u);
  if (word(12) == ETHERTYPE_IPV6 && frame[20] == IPPROTO_UDP) udp = 14 + 40;
  return udp != 0 && frame.size() >= udp + 8 && (word(udp) == port || word(udp + 2) == port);
}

class Direction {
 public:
  Direction(int from, int to, uint32_t seed) : from_(from), to_(to), random_(seed) {}

  void set(const Impairment& impairment) { impairment_ = impairment; }
  int from() const { return from_; }

  void receive(uint16_t port) {
    std::array<uint8_t, 70'000> buffer;
    for (;;) {
      const ssize_t size = recv(from_, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (size < static_cast<ssize_t>(kVirtioHeader)) return;
      const auto frame = std::span(buffer).first(static_cast<size_t>(size));
      if (!concerns(frame.subspan(kVirtioHeader), port)) {
        send(frame);
      } else if (!isLost()) {
        waiting_.emplace(release(now()), Frame(frame.begin(), frame.end()));
      }
    }
  }
  void sendDue() {
    for (; !waiting_.empty() && waiting_.begin()->first <= now(); waiting_.erase(waiting_.begin())) {
      send(waiting_.begin()->second);
    }
  }
  /// Milliseconds until something is due; -1: nothing waits.
  int timeout() const {
    if (waiting_.empty()) return -1;
    const uint64_t at = now();
    return waiting_.begin()->first <= at ? 0 : static_cast<int>((waiting_.begin()->first - at) / 1'000'000);
  }

 private:
  bool chance(double probability) { return std::uniform_real_distribution<>(0, 1)(random_) < probability; }

  /// Gilbert's model: within a run of loss each next packet is lost with 1 - 1/burst.
  bool isLost() {
    const double share = impairment_.loss / 100, end = 1 / impairment_.burst;
    losing_ = losing_ ? !chance(end) : chance(std::min(1.0, end * share / (1 - share)));
    return losing_;
  }
  uint64_t release(uint64_t now_ns) {
    const double jitter = std::uniform_real_distribution<>(0, 1)(random_) * impairment_.jitter;
    uint64_t at = now_ns + static_cast<uint64_t>((impairment_.delay + jitter) * 1e6);
    if (chance(impairment_.reorder / 100)) return at + kReorderNs;
    return last_ = std::max(last_, at);  // jitter alone keeps the order
  }
  void send(std::span<const uint8_t> frame) {
    // What an interface does not take is lost, as on any network.
    [[maybe_unused]] const ssize_t sent = ::send(to_, frame.data(), frame.size(), 0);
  }

  int from_, to_;
  std::mt19937 random_;
  Impairment impairment_;
  bool losing_ = false;
  uint64_t last_ = 0;
  std::multimap<uint64_t, Frame> waiting_;  // by the time of release
};

/// False: the end of the input.
bool obey(Direction& up, Direction& down) {
  std::string line;
  if (!std::getline(std::cin, line)) return false;
  std::istringstream words(line);
  std::string direction;
  words >> direction;
  const Impairment impairment = parse(words);
  (direction == "up" ? up : down).set(impairment);
  std::cout << "ok" << std::endl;
  return true;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 5) throw std::invalid_argument("impair A B PORT SEED");
  std::ios::sync_with_stdio(false);
  const int a = openInterface(argv[1]), b = openInterface(argv[2]);
  const auto port = static_cast<uint16_t>(std::stoul(argv[3]));
  const auto seed = static_cast<uint32_t>(std::stoul(argv[4]));
  Direction up(a, b, seed), down(b, a, seed + 1);
  for (;;) {
    std::array<pollfd, 3> ready{{{a, POLLIN, 0}, {b, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
    const int first = up.timeout(), second = down.timeout();
    const int wait = first < 0 ? second : second < 0 ? first : std::min(first, second);
    poll(ready.data(), ready.size(), wait);
    if (ready[0].revents) up.receive(port);
    if (ready[1].revents) down.receive(port);
    up.sendDue();
    down.sendDue();
    if (ready[2].revents && !obey(up, down)) return 0;
  }
} catch (const std::exception& wrong) {
  std::cerr << "impair: " << wrong.what() << "\n";
  return 2;
}
