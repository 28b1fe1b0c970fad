// Settings that are each allowed, but not together.
#include <fmt/format.h>

#include <set>

#include "config/options.h"
#include "config/value.h"

namespace penstock {

namespace {

/// What one packet buffer takes of DPDK's memory: 2048 bytes of data room, headroom and its header.
constexpr uint64_t kPacketBufferBytes = 2560;

void checkMedia(const MediaConfig& media, std::vector<std::string>& errors) {
  std::vector<PrefixValue> prefixes;
  for (const std::string& text : media.address) {
    const auto prefix = parsePrefix(text);
    if (!prefix) continue;
    for (const PrefixValue& other : prefixes)
      if (other.address == prefix->address) errors.push_back(fmt::format("media.address: {} is there twice", text));
    prefixes.push_back(*prefix);
  }
  for (const std::string& text : media.deny) {
    const auto denied = parsePrefix(text);
    for (const PrefixValue& prefix : prefixes)
      if (denied && denied->length <= prefix.length && denied->contains(prefix.address))
        errors.push_back(
            fmt::format("media.deny: {} covers the whole network of a media.address: nobody could be reached "
                        "there",
                        text));
  }
  std::set<bool> gateway_families;
  for (const std::string& text : media.gateway) {
    const auto gateway = parseIpValue(text);
    if (!gateway) continue;
    bool on_link = false;
    for (const PrefixValue& prefix : prefixes) {
      on_link = on_link || prefix.contains(*gateway);
      if (prefix.address == *gateway)
        errors.push_back(fmt::format("media.gateway: {} is the relay's own address", text));
    }
    if (!on_link)
      errors.push_back(
          fmt::format("media.gateway: {} is not within the prefix of any media.address: it cannot be "
                      "reached",
                      text));
    if (!gateway_families.insert(gateway->v6).second)
      errors.push_back(
          fmt::format("media.gateway: {} is a second gateway for IPv{}; one per family", text, gateway->v6 ? 6 : 4));
  }
}

void checkDataplane(const DataplaneConfig& dataplane, std::vector<std::string>& errors) {
  const uint64_t needed_mib = (dataplane.packet_buffers * kPacketBufferBytes >> 20) + 1;
  if (needed_mib > dataplane.memory_mib)
    errors.push_back(
        fmt::format("dataplane.packet-buffers: {} buffers take {} MiB, more than dataplane.memory-mib = {}",
                    dataplane.packet_buffers, needed_mib, dataplane.memory_mib));
  std::set<std::string> devices;
  for (const std::string& device : dataplane.device)
    if (!devices.insert(device.substr(0, device.find(','))).second)
      errors.push_back(fmt::format("dataplane.device: {} is there twice", device.substr(0, device.find(','))));
}

void checkHttp(const HttpConfig& http, const AuthConfig& auth, std::vector<std::string>& errors) {
  if (http.tls_certificate.empty() != http.tls_key.empty())
    errors.push_back(fmt::format("http.{}: needs http.{} too: TLS takes both",
                                 http.tls_key.empty() ? "tls-certificate" : "tls-key",
                                 http.tls_key.empty() ? "tls-key" : "tls-certificate"));
  std::set<std::string> places;
  for (const std::string& text : http.listen) {
    const auto listen = parseListen(text);
    if (!listen) continue;
    if (!places.insert(text).second && listen->port != 0)
      errors.push_back(fmt::format("http.listen: {} is there twice", text));
    if (auth.key.empty() && !listen->address.isLoopback())
      errors.push_back(
          fmt::format("http.listen: {} is not a loopback address, and without auth.key whoever reaches it "
                      "may do everything; set auth.key, or listen on 127.0.0.1 or [::1]",
                      text));
  }
  if (http.allow_origin == "*" && auth.key.empty())
    errors.push_back(
        "http.allow-origin: * lets every page that somebody here opens do everything, as without auth.key nothing "
        "else protects the relay; set auth.key, or name one origin");
  std::set<std::string> ids;
  for (const std::string& key : auth.key)
    if (const std::string id = key.substr(0, key.find(':')); !ids.insert(id).second)
      errors.push_back(fmt::format("auth.key: the id {} is there twice", id));
}

}  // namespace

std::vector<std::string> checkConfig(const Config& config) {
  std::vector<std::string> errors;
  checkMedia(config.media, errors);
  checkDataplane(config.dataplane, errors);
  checkHttp(config.http, config.auth, errors);
  if (config.webhook.url.empty() && !config.webhook.secret.empty())
    errors.push_back("webhook.secret: needs webhook.url too");
  return errors;
}

std::vector<std::string> warnConfig(const Config& config) {
  std::vector<std::string> warnings;
  for (const std::string& text : config.http.listen) {
    const auto listen = parseListen(text);
    if (listen && !listen->address.isLoopback() && config.http.tls_certificate.empty())
      warnings.push_back(
          fmt::format("http.listen: {} is reached without TLS: tokens cross the network in the clear "
                      "unless a proxy in front adds TLS",
                      text));
  }
  return warnings;
}

}  // namespace penstock
