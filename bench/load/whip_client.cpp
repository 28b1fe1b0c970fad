#include "bench/load/whip_client.h"

#include <utility>

#include "dataplane/worker/clock.h"

namespace penstock::bench {

namespace {

constexpr size_t kThreads = 2;

}  // namespace

std::string offerOf(const Offer& offer) {
  const bool publishes = offer.ssrc != 0;
  return "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
         "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=mid:0\r\na=setup:actpass\r\n"
         "a=ice-ufrag:" +
         offer.ufrag + "\r\na=ice-pwd:" + offer.password + "\r\na=fingerprint:" + offer.fingerprint + "\r\n" +
         (publishes ? "a=sendonly\r\n" : "a=recvonly\r\n") + "a=rtpmap:111 opus/48000/2\r\n" +
         (publishes ? "a=ssrc:" + std::to_string(offer.ssrc) + " cname:bench\r\n" : "");
}

std::string attributeOf(const std::string& sdp, const std::string& name) {
  const std::string start = "a=" + name + ":";
  const size_t at = sdp.find(start);
  if (at == std::string::npos) return "";
  const size_t begin = at + start.size();
  return sdp.substr(begin, sdp.find_first_of("\r\n", begin) - begin);
}

Signalling::Signalling(uint16_t port) {
  for (size_t i = 0; i < kThreads; ++i) {
    threads_.emplace_back([this, port](const std::stop_token& stop) { work(stop, port); });
  }
}

void Signalling::ask(Request request) {
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
  }
  wake_.notify_one();
}

std::deque<Signalling::Answer> Signalling::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(answers_, {});
}

void Signalling::work(const std::stop_token& stop, uint16_t port) {
  for (;;) {
    std::unique_lock lock(mutex_);
    if (!wake_.wait(lock, stop, [this] { return !requests_.empty(); })) return;
    const Request request = std::move(requests_.front());
    requests_.pop_front();
    lock.unlock();
    HttpReply reply = httpPost(port, request.path, "application/sdp", request.offer);
    const uint64_t now_ns = monotonicNow();
    lock.lock();
    answers_.push_back({request.client, std::move(reply), now_ns});
  }
}

}  // namespace penstock::bench
