// The signalling of clients that join by WHIP and WHEP: offers of one audio section, and threads that do the HTTP.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bench/load/daemons.h"

namespace penstock::bench {

inline constexpr uint8_t kOfferedOpus = 111;

struct Offer {
  std::string ufrag, password, fingerprint;
  uint32_t ssrc = 0;  // of a publisher; 0: a player
};
std::string offerOf(const Offer& offer);

/// The first "a=NAME:" of an SDP; empty if there is none.
std::string attributeOf(const std::string& sdp, const std::string& name);

/// Requests go in, answers come out; both by any thread.
class Signalling {
 public:
  struct Request {
    uint32_t client;
    std::string path, offer;
  };
  struct Answer {
    uint32_t client;
    HttpReply reply;
    uint64_t came_ns;
  };
  explicit Signalling(uint16_t port);

  void ask(Request request);
  std::deque<Answer> take();

 private:
  void work(const std::stop_token& stop, uint16_t port);

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Request> requests_;
  std::deque<Answer> answers_;
  std::vector<std::jthread> threads_;  // last: they end first
};

}  // namespace penstock::bench
