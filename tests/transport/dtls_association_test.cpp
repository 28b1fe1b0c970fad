// Two associations against each other, over links that lose, repeat and forge.
#include "control/transport/dtls_association.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "control/transport/certificate.h"

namespace penstock {
namespace {

using State = DtlsAssociation::State;
using std::chrono::milliseconds;

/// Two ends with certificates of their own. Retransmission starts early, so that loss costs little time here.
struct Pair {
  explicit Pair(milliseconds first_retransmission = milliseconds(5))
      : server_certificate(makeCertificate()),
        client_certificate(makeCertificate()),
        server_context(server_certificate, first_retransmission),
        client_context(client_certificate, first_retransmission),
        server(server_context, DtlsRole::server, fingerprintOf(client_certificate)),
        client(client_context, DtlsRole::client, fingerprintOf(server_certificate)) {}

  /// Delivers until nothing is under way; `lose` decides about each datagram.
  template <class Lose>
  size_t exchange(Lose lose) {
    size_t datagrams = 0;
    for (bool any = true; any;) {
      any = false;
      for (auto [from, to] : {std::pair{&client, &server}, std::pair{&server, &client}}) {
        for (const auto& datagram : from->takeOutput()) {
          any = true;
          ++datagrams;
          largest = std::max(largest, datagram.size());
          if (!lose(*from, datagram)) to->receive(datagram);
        }
      }
    }
    return datagrams;
  }
  size_t exchange() {
    return exchange([](auto&&...) { return false; });
  }

  /// Until both are done or the time is up; timers run.
  template <class Lose>
  void run(Lose lose, milliseconds limit = milliseconds(10'000)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < end &&
           (server.state() == State::kHandshaking || client.state() == State::kHandshaking)) {
      if (exchange(lose) == 0) std::this_thread::sleep_for(milliseconds(1));
      client.onTimeout();
      server.onTimeout();
    }
    exchange(lose);
  }

  Certificate server_certificate, client_certificate;
  DtlsContext server_context, client_context;
  DtlsAssociation server, client;
  size_t largest = 0;
};

void expectSameKeys(const SrtpKeys& a, const SrtpKeys& b) {
  EXPECT_EQ(a.profile, b.profile);
  EXPECT_EQ(a.send_key, b.receive_key);
  EXPECT_EQ(a.send_salt, b.receive_salt);
  EXPECT_EQ(a.receive_key, b.send_key);
  EXPECT_EQ(a.receive_salt, b.send_salt);
  EXPECT_NE(a.send_key, a.receive_key);
}

TEST(DtlsAssociation, both_ends_get_the_same_keys_and_prefer_gcm) {
  Pair pair;
  pair.client.start();
  pair.exchange();
  ASSERT_EQ(pair.server.state(), State::kSecured);
  ASSERT_EQ(pair.client.state(), State::kSecured);
  const SrtpKeys& keys = pair.server.keys();
  EXPECT_EQ(keys.profile, static_cast<uint16_t>(contract::SrtpProfile::kAeadAes128Gcm));
  EXPECT_EQ(keys.send_key.size(), 32u);
  EXPECT_EQ(keys.send_salt.size(), 24u);
  expectSameKeys(keys, pair.client.keys());
  EXPECT_LE(pair.largest, 1200u);
}

TEST(DtlsAssociation, survives_every_single_loss_in_a_handshake) {
  for (size_t lost = 0; lost < 12; ++lost) {
    Pair pair;
    size_t number = 0;
    pair.client.start();
    pair.run([&](auto&&...) { return number++ == lost; });
    // The last flight is only asked for again by the side that misses it, after the other one is done.
    ASSERT_EQ(pair.server.state(), State::kSecured) << lost;
    ASSERT_EQ(pair.client.state(), State::kSecured) << lost;
    expectSameKeys(pair.server.keys(), pair.client.keys());
  }
}

TEST(DtlsAssociation, gets_through_a_link_that_loses_a_third_and_repeats_a_tenth) {
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    Pair pair(milliseconds(2));
    std::mt19937 random(seed);
    pair.client.start();
    pair.run([&](DtlsAssociation& from, const std::vector<uint8_t>& datagram) {
      if (random() % 10 == 0) (&from == &pair.client ? pair.server : pair.client).receive(datagram);
      return random() % 3 == 0;
    });
    ASSERT_EQ(pair.server.state(), State::kSecured) << "seed " << seed;
    ASSERT_EQ(pair.client.state(), State::kSecured) << "seed " << seed;
    expectSameKeys(pair.server.keys(), pair.client.keys());
  }
}

/// Until the next retransmission, again and again, of a side that nobody answers.
std::vector<milliseconds> intervals(DtlsAssociation& association, size_t count) {
  std::vector<milliseconds> all;
  while (all.size() < count) {
    association.takeOutput();
    const auto next = association.timeout();
    EXPECT_TRUE(next);
    if (!next) break;
    all.push_back(std::chrono::round<milliseconds>(*next));
    std::this_thread::sleep_for(*next + milliseconds(2));
    association.onTimeout();
    EXPECT_FALSE(association.takeOutput().empty()) << all.size();
  }
  return all;
}

TEST(DtlsAssociation, asks_again_after_50_ms_as_a_client_and_later_each_time) {
  Pair pair(milliseconds(250));
  EXPECT_FALSE(pair.server.timeout()) << "a server waits in silence";
  pair.client.start();
  const auto asked = intervals(pair.client, 4);
  const int expected_ms[] = {50, 100, 200, 400};
  for (size_t i = 0; i < asked.size(); ++i) {
    EXPECT_LE(asked[i], milliseconds(expected_ms[i])) << i;
    EXPECT_GT(asked[i], milliseconds(expected_ms[i] / 2)) << i;
  }
}

TEST(DtlsAssociation, a_server_whose_flight_is_lost_repeats_it_after_250_ms) {
  Pair pair(milliseconds(250));
  pair.client.start();
  for (const auto& datagram : pair.client.takeOutput()) pair.server.receive(datagram);
  const auto first = intervals(pair.server, 1);
  EXPECT_GT(first.at(0), milliseconds(150));
  EXPECT_LE(first.at(0), milliseconds(250));
}

TEST(DtlsAssociation, a_server_that_never_answers_the_first_hello_is_reached_by_the_second) {
  Pair pair(milliseconds(250));
  pair.client.start();
  size_t hellos = 0;
  const auto begin = std::chrono::steady_clock::now();
  pair.run([&](DtlsAssociation& from, const std::vector<uint8_t>&) { return &from == &pair.client && hellos++ == 0; });
  EXPECT_EQ(pair.server.state(), State::kSecured);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(230)) << "well before a quarter of a second";
}

TEST(DtlsAssociation, a_wrong_fingerprint_yields_no_keys_on_either_side) {
  for (const bool server_is_wrong : {true, false}) {
    Pair pair;
    const std::string other = fingerprintOf(makeCertificate());
    DtlsAssociation server(pair.server_context, DtlsRole::server,
                           server_is_wrong ? other : fingerprintOf(pair.client_certificate));
    DtlsAssociation client(pair.client_context, DtlsRole::client,
                           server_is_wrong ? fingerprintOf(pair.server_certificate) : other);
    client.start();
    for (int round = 0; round < 10; ++round) {
      for (const auto& datagram : client.takeOutput()) server.receive(datagram);
      for (const auto& datagram : server.takeOutput()) client.receive(datagram);
    }
    DtlsAssociation& wrong = server_is_wrong ? server : client;
    ASSERT_EQ(wrong.state(), State::kFailed);
    EXPECT_EQ(wrong.failure(), DtlsFailure::kFingerprintMismatch);
    EXPECT_TRUE(wrong.keys().send_key.empty());
    EXPECT_TRUE((server_is_wrong ? client : server).keys().send_key.empty());
  }
}

TEST(DtlsAssociation, compares_fingerprints_as_rfc_8122_writes_them) {
  const struct {
    int number;
    std::string (*change)(std::string);
    bool accepted;
  } cases[] = {
      {1, [](std::string text) { return text; }, true},
      {2,
       [](std::string text) {
         std::transform(text.begin(), text.end(), text.begin(), ::tolower);
         return text;
       },
       true},
      {3,
       [](std::string text) {
         std::transform(text.begin(), text.end(), text.begin(), ::toupper);
         return text;
       },
       true},
      {4, [](std::string text) { return text.substr(0, text.size() - 3); }, false},
      {5, [](std::string text) { return text + ":00"; }, false},
      {6, [](std::string text) { return "sha-1" + text.substr(7); }, false},
      {7, [](std::string) { return std::string(); }, false},
      {8, [](std::string) { return std::string("sha-256 "); }, false},
      {9,
       [](std::string text) {
         text.back() = text.back() == '0' ? '1' : '0';
         return text;
       },
       false},
  };
  for (const auto& c : cases) {
    Pair pair;
    DtlsAssociation server(pair.server_context, DtlsRole::server, c.change(fingerprintOf(pair.client_certificate)));
    pair.client.start();
    for (int round = 0; round < 10; ++round) {
      for (const auto& datagram : pair.client.takeOutput()) server.receive(datagram);
      for (const auto& datagram : server.takeOutput()) pair.client.receive(datagram);
    }
    EXPECT_EQ(server.state() == State::kSecured, c.accepted) << c.number;
  }
}

TEST(DtlsAssociation, garbage_neither_ends_nor_disturbs_a_handshake) {
  Pair pair;
  std::mt19937 random(7);
  pair.client.start();
  pair.exchange([&](DtlsAssociation& from, const std::vector<uint8_t>& datagram) {
    std::vector<uint8_t> noise(1 + random() % 200);
    for (uint8_t& byte : noise) byte = static_cast<uint8_t>(random());
    noise[0] = static_cast<uint8_t>(20 + random() % 44);  // what RFC 7983 calls DTLS
    DtlsAssociation& to = &from == &pair.client ? pair.server : pair.client;
    to.receive(noise);
    to.receive({});
    to.receive(std::span(datagram).first(datagram.size() / 2));
    return false;
  });
  pair.run([](auto&&...) { return false; });
  EXPECT_EQ(pair.server.state(), State::kSecured);
  EXPECT_EQ(pair.client.state(), State::kSecured);
}

TEST(DtlsAssociation, a_secured_one_ignores_replays_and_forgeries) {
  Pair pair(std::chrono::minutes(1));  // so that no answer is a retransmission
  std::vector<std::vector<uint8_t>> from_client;
  pair.client.start();
  pair.exchange([&](DtlsAssociation& from, const std::vector<uint8_t>& datagram) {
    if (&from == &pair.client) from_client.push_back(datagram);
    return false;
  });
  ASSERT_EQ(pair.server.state(), State::kSecured);
  pair.server.receive(from_client.front());  // the first ClientHello again
  const std::vector<uint8_t> plain_alert = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2, 2, 40};
  pair.server.receive(plain_alert);
  const std::vector<uint8_t> forged_alert = {21, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 99, 0, 2, 2, 40};
  pair.server.receive(forged_alert);
  for (uint8_t length = 1; length < 40; ++length) {  // one that is too short to be authentic, too
    std::vector<uint8_t> short_record = {22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 99, 0, length};
    short_record.resize(short_record.size() + length);
    pair.server.receive(short_record);
  }
  EXPECT_EQ(pair.server.state(), State::kSecured);
  pair.server.receive(from_client.back());  // a true retransmission has another record number: this is a replay
  EXPECT_TRUE(pair.server.takeOutput().empty());
  EXPECT_EQ(pair.server.state(), State::kSecured);
}

TEST(DtlsAssociation, hears_an_authenticated_goodbye) {
  Pair pair;
  pair.client.start();
  pair.exchange();
  pair.client.close();
  pair.exchange();
  EXPECT_EQ(pair.server.state(), State::kClosed);
}

}  // namespace
}  // namespace penstock
