// Room events for an integrator, one HTTP POST each, in order. Never blocks: a bounded queue, retries with back-off.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "config/config.h"
#include "control/metrics/metrics.h"
#include "control/signalling/service.h"

namespace boost::asio {
class io_context;
}

namespace penstock {

/// `webhook.url` as it is used; http only.
struct WebhookTarget {
  std::string host;       // without brackets
  std::string port;       // "80" by default
  std::string authority;  // for the Host header
  std::string path;       // with query, at least "/"
};
/// nullopt: not an http URL with a host.
std::optional<WebhookTarget> parseWebhookUrl(const std::string& url);

struct WebhookTuning {
  size_t queue_max = 1024;
  unsigned attempts_max = 6;
  unsigned retry_first_ms = 500;  // doubled each time, up to retry_max_ms
  unsigned retry_max_ms = 30'000;
  unsigned timeout_ms = 5'000;
};

class Webhook : public NoticeSink {
 public:
  /// Throws std::runtime_error when webhook.url cannot be used.
  Webhook(boost::asio::io_context& io, const WebhookConfig& config, Metrics& metrics, const WebhookTuning& tuning = {});
  ~Webhook() override;
  void onNotice(const Notice& notice) override;
  /// Forgets what is queued.
  void stop();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace penstock
