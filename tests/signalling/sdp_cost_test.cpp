// What the worst offers cost the one control thread, against harmless ones of the same size measured in the same run.
#include <ctime>
#include <functional>

#include <gtest/gtest.h>

#include "control/signalling/negotiate.h"
#include "tests/signalling/fakes.h"

namespace penstock {
namespace {

constexpr size_t kBytes = 250 * 1024;

const std::string kHead = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
const std::string kTransport =
    "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 "
    "AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA\r\n"
    "a=setup:actpass\r\na=rtcp-mux\r\na=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\n";

std::string section(size_t mid, const std::string& formats = "96") {
  return "m=video 9 UDP/TLS/RTP/SAVPF " + formats + "\r\na=mid:" + std::to_string(mid) +
         "\r\na=rtpmap:96 VP8/90000\r\n";
}

/// All that fits of what `more` makes, by number; `most` of it at most.
std::string filled(std::string text, size_t bytes, size_t most, const std::function<std::string(size_t)>& more) {
  for (size_t i = 0; i < most; ++i) {
    const std::string next = more(i);
    if (text.size() + next.size() > bytes) break;
    text += next;
  }
  return text;
}

std::string group(size_t count) {
  std::string line = "a=group:BUNDLE";
  for (size_t i = 0; i < count; ++i) line += " " + std::to_string(i);
  return line + "\r\n";
}

std::string formats(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += (i ? " " : "") + std::to_string(64 + i);
  return text;
}

/// CPU time of this thread, the least of some runs.
double millisecondsOf(const std::string& offer) {
  const LocalSide local = test::testLocalSide();
  double least = 1e9;
  for (int run = 0; run < 3; ++run) {
    test::FakeChance chance;
    Fresh fresh(chance);
    Participant who;
    timespec from{}, to{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    (void)negotiatePublish(who, offer, {}, local, fresh);
    (void)negotiatePlay(who, {}, offer, "", local, fresh);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    const double spent =
        static_cast<double>(to.tv_sec - from.tv_sec) * 1e3 + static_cast<double>(to.tv_nsec - from.tv_nsec) / 1e6;
    least = std::min(least, spent);
  }
  return least;
}

TEST(SdpCost, of_the_worst_offers_is_like_that_of_harmless_ones) {
  const std::string one = kHead + group(1) + section(0) + kTransport;
  // Sections that say little, as a conference has them: the same work once for each line.
  const std::string harmless = filled(kHead + group(500) + section(0) + kTransport, kBytes, 499, [](size_t i) {
    return section(i + 1) + "a=sendonly\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=msid:one two\r\n" +
           "a=ssrc:" + std::to_string(2 * i + 9) + " cname:" + std::string(300, 'x') + "\r\n";
  });
  const std::string fmtp(480, 'x');
  const std::pair<const char*, std::string> worst[] = {
      {"groups", filled(kHead, kBytes - 60'000, 256, [](size_t) { return group(180); }) + group(500) +
                     filled(section(0) + kTransport, 50'000, 499, [](size_t i) { return section(i + 1); })},
      {"parameters", filled(one, kBytes, 9999,
                            [&](size_t i) {
                              return i % 66 ? "a=fmtp:" + std::to_string(64 + i % 64) + " a=b;" + fmtp + "\r\n"
                                            : "a=rtpmap:" + std::to_string(64 + i / 66) + " H264/90000\r\n";
                            })},
      {"repairs", filled(kHead + group(200) + section(0) + kTransport, kBytes, 199,
                         [](size_t i) {
                           std::string text = section(i + 1, formats(64));
                           for (size_t f = 0; f < 62; ++f)
                             text += "a=rtpmap:" + std::to_string(65 + f) + (f % 2 ? " rtx/90000" : " VP8/90000") +
                                     "\r\na=fmtp:" + std::to_string(65 + f) + " apt=" + std::to_string(64 + f) + "\r\n";
                           return text;
                         })},
      {"feedback", filled(one, kBytes, 31, [](size_t) { return "a=rtcp-fb:* " + std::string(8000, 'x') + "\r\n"; })},
      {"streams", filled(one, kBytes, 9999,
                         [](size_t i) { return "a=ssrc:" + std::to_string(1 + i * 7 % 256) + " cname:x\r\n"; })},
      {"extensions", filled(one, kBytes, 255,
                            [](size_t i) {
                              return "a=extmap:" + std::to_string(i + 16) + " urn:ietf:params:rtp-hdrext:toffset" +
                                     std::string(900, 'x') + "\r\n";
                            })},
  };
  const double usual = millisecondsOf(harmless);
  RecordProperty("harmless_us", static_cast<int>(usual * 1000));
  for (const auto& [name, offer] : worst) {
    const double spent = millisecondsOf(offer);
    RecordProperty(std::string(name) + "_us", static_cast<int>(spent * 1000));
    std::printf("%-12s %6.2f ms of %zu KiB; harmless: %.2f ms of %zu KiB\n", name, spent, offer.size() / 1024, usual,
                harmless.size() / 1024);
    EXPECT_LT(spent, 3 * usual) << name;
  }
}

}  // namespace
}  // namespace penstock
