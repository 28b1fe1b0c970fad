// HTTPS: handshakes are done on a thread of their own, are bounded, and lose nothing on the way to the control thread.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <boost/asio/io_context.hpp>

#include "control/transport/certificate.h"
#include "tests/api/client.h"
#include "tests/api/relay.h"
#include "tests/support/eventually.h"

namespace {

std::mutex signing_mutex;
std::multiset<std::thread::id> signing_threads;

}  // namespace

/// libssl signs by this: CertificateVerify of TLS 1.3, ServerKeyExchange of TLS 1.2.
extern "C" int EVP_DigestSign(EVP_MD_CTX* context, unsigned char* signature, size_t* length, const unsigned char* text,
                              size_t text_length) {
  static const auto real = reinterpret_cast<decltype(&EVP_DigestSign)>(dlsym(RTLD_NEXT, "EVP_DigestSign"));
  if (signature != nullptr) {  // else the question how long it would be
    const std::lock_guard lock(signing_mutex);
    signing_threads.insert(std::this_thread::get_id());
  }
  return real(context, signature, length, text, text_length);
}

namespace penstock::test {
namespace {

using namespace std::chrono_literals;

/// Certificate and key in files, for as long as it lives.
struct Files {
  std::filesystem::path directory = std::filesystem::temp_directory_path() / ("tls_test." + std::to_string(getpid()));
  Files() {
    std::filesystem::create_directories(directory);
    const Certificate made = makeCertificate();
    std::ofstream(directory / "certificate.pem") << made.certificate_pem;
    std::ofstream(directory / "key.pem") << made.private_key_pem;
  }
  ~Files() { std::filesystem::remove_all(directory); }
};

Config configWithTls() {
  static const Files files;
  Config config;
  config.http.tls_certificate = files.directory / "certificate.pem";
  config.http.tls_key = files.directory / "key.pem";
  return config;
}

/// A patient relay: nothing in these tests waits for a deadline, unless it says so.
HttpTuning patientTuning() {
  HttpTuning tuning = shortTuning();
  tuning.request_timeout = tuning.idle_timeout = 60s;
  return tuning;
}

/// A blocking client whose records are sent when the test wants it.
class TlsClient : public Client {
 public:
  explicit TlsClient(uint16_t port, int version = TLS1_3_VERSION)
      : Client(port), context_(SSL_CTX_new(TLS_client_method())), ssl_(SSL_new(context_)) {
    SSL_set_min_proto_version(ssl_, version);
    SSL_set_max_proto_version(ssl_, version);
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_);
  }
  ~TlsClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }

  /// What the client has to say up to now, encrypted, not yet sent.
  std::string output() {
    std::string bytes(BIO_ctrl_pending(SSL_get_wbio(ssl_)), 0);
    if (!bytes.empty()) BIO_read(SSL_get_wbio(ssl_), bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
  }
  std::string hello() {
    SSL_do_handshake(ssl_);
    return output();
  }
  /// The last flight is not sent yet: it goes with what is said next.
  bool shakeHands() {
    while (SSL_do_handshake(ssl_) != 1) {
      sendRaw(output());
      if (!receive()) return false;
    }
    return true;
  }
  void say(const std::string& text) {
    SSL_write(ssl_, text.data(), static_cast<int>(text.size()));
    sendRaw(output());
  }
  /// The text up to and including `end`; shorter when the connection ends first.
  std::string hear(const std::string& end) {
    std::string text;
    char bytes[16384];
    while (text.find(end) == std::string::npos) {
      const int n = SSL_read(ssl_, bytes, sizeof(bytes));
      if (n > 0) text.append(bytes, static_cast<size_t>(n));
      if (n <= 0 && !receive()) break;
    }
    ERR_clear_error();
    return text;
  }

 private:
  bool receive() {
    if (!fill()) return false;
    BIO_write(SSL_get_rbio(ssl_), buffer_.data(), static_cast<int>(buffer_.size()));
    buffer_.clear();
    return true;
  }

  SSL_CTX* context_;
  SSL* ssl_;
};

const std::string kHealth = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

std::thread::id controlThread(Relay& relay) {
  std::thread::id id;
  relay.run([&id](FakeService&) { id = std::this_thread::get_id(); });
  return id;
}

std::multiset<std::thread::id> takeSigningThreads() {
  const std::lock_guard lock(signing_mutex);
  return std::exchange(signing_threads, {});
}

bool counts(Relay& relay, const std::string& line) {
  return relay.metrics().find(line + "\n") != std::string::npos;
}

TEST(Tls, requests_are_answered_from_the_first_that_comes_with_the_handshakes_end) {
  Relay relay(configWithTls(), patientTuning());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(relay.port(), version);
    ASSERT_TRUE(client.shakeHands());
    client.say(kHealth + kHealth);
    EXPECT_TRUE(client.hear("\r\n\r\n").starts_with("HTTP/1.1 200 ")) << version;
    client.say("GET /v1/openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    EXPECT_NE(client.hear("\"openapi\"").find("\"openapi\""), std::string::npos) << "many records";
  }
}

TEST(Tls, a_flood_of_handshakes_signs_nothing_on_the_control_thread) {
  Relay relay(configWithTls(), patientTuning());
  takeSigningThreads();
  constexpr int kThreads = 4, kEach = 40;
  std::atomic<int> served = 0;
  std::vector<std::thread> flood;
  for (int i = 0; i < kThreads; ++i) {
    flood.emplace_back([&relay, &served, i] {
      for (int n = 0; n < kEach; ++n) {
        TlsClient client(relay.port(), i % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION);
        if (!client.shakeHands() || n % 2 == 0) continue;  // every other one leaves without a word
        client.say(kHealth);
        served += client.hear("\r\n\r\n").starts_with("HTTP/1.1 200 ");
      }
    });
  }
  for (std::thread& thread : flood) thread.join();
  EXPECT_EQ(served, kThreads * kEach / 2);
  const auto threads = takeSigningThreads();
  EXPECT_EQ(threads.size(), kThreads * kEach);
  EXPECT_EQ(std::set(threads.begin(), threads.end()).size(), 1u) << "one thread does them all";
  EXPECT_EQ(threads.count(controlThread(relay)), 0u);
}

TEST(Tls, an_address_has_so_many_handshakes_and_who_began_first_goes_first) {
  Relay relay(configWithTls(), patientTuning());
  std::deque<TlsClient> half;
  const auto begin = [&] {
    TlsClient& client = half.emplace_back(relay.port());
    client.sendRaw(client.hello().substr(0, 20));
  };
  for (int i = 0; i < 16; ++i) begin();
  ASSERT_TRUE(eventually([&] { return counts(relay, "penstock_http_connections 16"); }));
  EXPECT_FALSE(counts(relay, "penstock_http_connections_refused_total{reason=\"tls_handshake\"} 1"));
  begin();
  EXPECT_TRUE(half[0].closesWithin(20'000));
  TlsClient whole(relay.port());
  ASSERT_TRUE(whole.shakeHands()) << "takes the place of another one";
  EXPECT_TRUE(half[1].closesWithin(20'000));
  whole.say(kHealth);
  EXPECT_TRUE(whole.hear("\r\n\r\n").starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(eventually([&] { return counts(relay, "penstock_http_connections 16"); })) << "15 and the whole one";
  for (int i = 0; i < 3; ++i) begin();
  EXPECT_TRUE(eventually([&] { return counts(relay, "penstock_http_connections 17"); })) << "16 and the whole one";
  whole.say(kHealth);
  EXPECT_TRUE(whole.hear("\r\n\r\n").starts_with("HTTP/1.1 200 ")) << "is no handshake any more";
}

TEST(Tls, a_handshake_has_a_deadline) {
  HttpTuning tuning = shortTuning();
  tuning.request_timeout = 300ms;
  Relay relay(configWithTls(), tuning);
  TlsClient silent(relay.port()), half(relay.port());
  half.sendRaw(half.hello().substr(0, 20));
  EXPECT_TRUE(silent.closesWithin(20'000));
  EXPECT_TRUE(half.closesWithin(20'000));
  EXPECT_TRUE(
      eventually([&] { return counts(relay, "penstock_http_connections_refused_total{reason=\"tls_handshake\"} 2"); }));
}

TEST(Tls, what_is_no_handshake_is_closed) {
  Relay relay(configWithTls(), patientTuning());
  Client plain(relay.port());
  plain.sendRaw(kHealth);
  EXPECT_TRUE(plain.closesWithin(20'000));
  EXPECT_TRUE(eventually([&] { return counts(relay, "penstock_http_connections 0"); }));
}

TEST(Tls, stopping_ends_handshakes) {
  Relay relay(configWithTls(), patientTuning());
  TlsClient half(relay.port());
  half.sendRaw(half.hello().substr(0, 20));
  ASSERT_TRUE(eventually([&] { return counts(relay, "penstock_http_connections 1"); }));
  relay.stop();
  EXPECT_TRUE(half.closesWithin(20'000));
}

/// The server goes without a stop(), in the midst of handshakes.
TEST(Tls, a_server_that_is_dropped_drops_its_handshakes) {
  std::deque<TlsClient> half;
  {
    boost::asio::io_context io;
    Config config = configWithTls();
    config.http.listen = {"127.0.0.1:0"};
    FakeService service;
    FakeReports reports;
    Metrics metrics(reports);
    HttpServer server(io, config, service, metrics, patientTuning());
    server.start();
    for (int i = 0; i < 8; ++i) {
      TlsClient& client = half.emplace_back(server.ports().at(0));
      client.sendRaw(client.hello().substr(0, i % 2 == 0 ? 20 : std::string::npos));
    }
    io.run_for(20ms);
  }
  for (TlsClient& client : half) EXPECT_TRUE(client.closesWithin(20'000));
}

}  // namespace
}  // namespace penstock::test
