#include "bench/load/daemons.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "bench/load/identity.h"
#include "bench/load/process_use.h"
#include "dataplane/contract/regions.h"

namespace penstock::bench {

namespace {

constexpr int kStopTenths = 50;

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// Nobody listens there now.
uint16_t freePort() {
  const int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof(address);
  if (bind(file, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(file, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no free TCP port");
  }
  close(file);
  return ntohs(address.sin_port);
}

bool sendAll(int file, const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const ssize_t sent = send(file, text.data() + at, text.size() - at, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    at += static_cast<size_t>(sent);
  }
  return true;
}

HttpReply ask(uint16_t port, const std::string& request) {
  const int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  std::string answer;
  if (connect(file, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 && sendAll(file, request)) {
    char buffer[16'384];
    for (ssize_t got; (got = recv(file, buffer, sizeof(buffer), 0)) > 0;)
      answer.append(buffer, static_cast<size_t>(got));
  }
  close(file);
  HttpReply reply;
  if (answer.starts_with("HTTP/1.1 ") && answer.size() > 12) reply.status = std::atoi(answer.c_str() + 9);
  if (const size_t head = answer.find("\r\n\r\n"); head != std::string::npos) reply.body = answer.substr(head + 4);
  return reply;
}

}  // namespace

HttpReply httpPost(uint16_t port, const std::string& path, const std::string& type, const std::string& body) {
  return ask(port, "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: " + type +
                       "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

HttpReply httpGet(uint16_t port, const std::string& path) {
  return ask(port, "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
}

Daemons::Daemons(const DaemonSettings& settings) : settings_(settings), http_port_(freePort()) {
  const std::string by_memif = "net_memif0,role=server,socket-abstract=no,rsize=12,socket=" + memifSocket();
  // Both read the same settings, as from one file.
  std::vector<std::string> options = {"--media.address",
                                      kRelayNetwork,
                                      "--media.gateway",
                                      kRouterAddress,
                                      "--seam.directory",
                                      settings.folder,
                                      "--dataplane.device",
                                      settings.device.empty() ? by_memif : settings.device,
                                      "--http.listen",
                                      "127.0.0.1:" + std::to_string(http_port_),
                                      "--store.path",
                                      settings.folder + "/control.sqlite",
                                      "--rooms.participants-max",
                                      std::to_string(settings.participants_max)};
  if (!settings.worker_cores.empty()) options.insert(options.end(), {"--dataplane.workers", settings.worker_cores});
  options.insert(options.end(), settings.options.begin(), settings.options.end());
  start("penstock-dataplane", options);
  if (settings.control) start("penstockd", options);
  for (int tenths = 0; tenths < 100; ++tenths) {
    check();
    const bool memif = settings.device.empty() || settings.device.find(memifSocket()) != std::string::npos;
    const bool up = std::filesystem::exists(settings.folder + "/" + std::string(contract::kReportsFile)) &&
                    (!memif || std::filesystem::exists(memifSocket()));
    if (up && (!settings.control || httpGet(http_port_, "/healthz").status != 0)) return;
    usleep(100'000);
  }
  throw std::runtime_error("the daemons did not start: " + logOf("penstock-dataplane"));
}

Daemons::~Daemons() {
  for (Daemon& daemon : daemons_) {
    if (daemon.process > 0) kill(daemon.process, SIGTERM);
  }
  for (Daemon& daemon : daemons_) {
    for (int tenths = 0; daemon.process > 0 && waitpid(daemon.process, nullptr, WNOHANG) == 0; ++tenths) {
      if (tenths == kStopTenths) kill(daemon.process, SIGKILL);
      usleep(100'000);
    }
  }
}

void Daemons::start(const std::string& name, std::vector<std::string> options) {
  options.insert(options.begin(), settings_.programs + "/" + name);
  std::vector<char*> arguments;
  for (std::string& option : options) arguments.push_back(option.data());
  arguments.push_back(nullptr);
  const std::string log = settings_.folder + "/" + name + ".log";
  const pid_t process = fork();
  if (process < 0) throw std::runtime_error("no process");
  if (process == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);  // not left behind
    const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  daemons_.push_back({name, process});
}

std::string Daemons::logOf(const std::string& name) const {
  std::stringstream text;
  text << std::ifstream(settings_.folder + "/" + name + ".log").rdbuf();
  const std::string all = text.str();
  return all.substr(all.size() > 400 ? all.size() - 400 : 0);
}

void Daemons::check() {
  for (Daemon& daemon : daemons_) {
    if (daemon.process > 0 && waitpid(daemon.process, nullptr, WNOHANG) == daemon.process) {
      daemon.process = -1;
      throw std::runtime_error(daemon.name + " ended: " + logOf(daemon.name));
    }
  }
}

uint64_t Daemons::cpuNs() const {
  uint64_t sum = 0;
  for (const Daemon& daemon : daemons_) sum += processCpuNs(daemon.process);
  return sum;
}
uint64_t Daemons::dataplaneMemory() const {
  return residentMemoryBytes(daemons_[0].process);
}
uint64_t Daemons::controlMemory() const {
  return residentMemoryBytes(daemons_[1].process);
}

}  // namespace penstock::bench
