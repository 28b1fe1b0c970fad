// ClientHellos as today's clients cut them into records and datagrams.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>

#include "tests/transport/plain_client.h"

namespace penstock {
namespace {

using State = DtlsAssociation::State;
using test::PlainClient;
using Bytes = std::vector<uint8_t>;

constexpr size_t kHeaders = 13 + 12;  // of a record, and of a fragment in it

void put(Bytes& to, uint64_t value, int bytes) {
  while (bytes-- > 0) to.push_back(static_cast<uint8_t>(value >> 8 * bytes));
}

/// The body of the message that the records of a flight carry in fragments.
Bytes bodyOf(const Bytes& flight) {
  Bytes body;
  for (size_t at = 0; at + kHeaders <= flight.size();) {
    const size_t length = static_cast<size_t>(flight[at + 11]) << 8 | flight[at + 12];
    body.insert(body.end(), flight.begin() + static_cast<long>(at + kHeaders),
                flight.begin() + static_cast<long>(at + 13 + length));
    at += 13 + length;
  }
  return body;
}

Bytes helloOf(PlainClient& client) {
  SSL_do_handshake(client.ssl.get());
  Bytes flight(8192);
  flight.resize(static_cast<size_t>(std::max(0, BIO_read(client.out, flight.data(), static_cast<int>(flight.size())))));
  return bodyOf(flight);
}

/// A client whose ClientHello has that many bytes without headers.
std::unique_ptr<PlainClient> clientWithHello(size_t body_bytes, Bytes& hello) {
  PlainClient plain("SRTP_AES128_CM_SHA1_80", DTLS1_2_VERSION, false, 0);
  auto client = std::make_unique<PlainClient>("SRTP_AES128_CM_SHA1_80", DTLS1_2_VERSION, false,
                                              body_bytes - helloOf(plain).size());
  hello = helloOf(*client);
  EXPECT_EQ(hello.size(), body_bytes);
  return client;
}

struct Fragment {
  size_t offset, length;
};
using Datagram = std::vector<Fragment>;

Bytes cut(const Bytes& hello, const Datagram& datagram, uint64_t& number) {
  Bytes out;
  for (const Fragment& each : datagram) {
    put(out, 22, 1), put(out, 0xfeff, 2), put(out, 0, 2), put(out, number++, 6), put(out, each.length + 12, 2);
    put(out, 1, 1), put(out, hello.size(), 3), put(out, 0, 2), put(out, each.offset, 3), put(out, each.length, 3);
    const auto begin = hello.begin() + static_cast<long>(each.offset);
    out.insert(out.end(), begin, begin + static_cast<long>(each.length));
  }
  return out;
}

/// The rest of a handshake. Plaintext records get numbers of ours, as the replay window has seen those of our hello.
void finish(PlainClient& client, DtlsAssociation& server, uint64_t number) {
  for (int round = 0; round < 10; ++round) {
    SSL_do_handshake(client.ssl.get());
    Bytes flight(8192);
    flight.resize(
        static_cast<size_t>(std::max(0, BIO_read(client.out, flight.data(), static_cast<int>(flight.size())))));
    for (size_t at = 0; at + 13 <= flight.size();) {
      const size_t length = 13 + (static_cast<size_t>(flight[at + 11]) << 8 | flight[at + 12]);
      if (flight[at + 4] == 0) {
        Bytes renumbered;
        put(renumbered, number++, 6);
        std::ranges::copy(renumbered, flight.begin() + static_cast<long>(at + 5));
      }
      server.receive(std::span(flight).subspan(at, length));
      at += length;
    }
    for (const auto& datagram : server.takeOutput()) {
      BIO_write(client.in, datagram.data(), static_cast<int>(datagram.size()));
      SSL_do_handshake(client.ssl.get());
    }
  }
}

void expectHandshake(const std::string& name, size_t hello_bytes, const std::vector<Datagram>& arriving) {
  static const Certificate own = makeCertificate();
  static const DtlsContext context(own);
  Bytes hello;
  const auto client = clientWithHello(hello_bytes, hello);
  DtlsAssociation server(context, DtlsRole::server, client->fingerprint());
  uint64_t number = 0;
  for (const Datagram& each : arriving) server.receive(cut(hello, each, number));
  EXPECT_EQ(server.takeIgnored(), 0u) << name;
  finish(*client, server, number);
  EXPECT_EQ(server.state(), State::kSecured) << name;
}

TEST(DtlsShapes, hellos_of_todays_clients_however_they_arrive) {
  const struct {
    std::string name;
    size_t hello_bytes;
    std::vector<Datagram> arriving;
  } cases[] = {
      {"Chromium: 1200 and 263", 1413, {{{0, 1175}}, {{1175, 238}}}},
      {"Chromium, the other way round", 1413, {{{1175, 238}}, {{0, 1175}}}},
      {"Chromium, the first lost once", 1413, {{{1175, 238}}, {{0, 1175}}, {{1175, 238}}}},
      {"Firefox: 1408 and 103", 1461, {{{0, 1383}}, {{1383, 78}}}},
      {"Firefox, the second lost, then 1188 and 323", 1461, {{{0, 1383}}, {{0, 1163}}, {{1163, 298}}}},
      {"Firefox, the first of the first and the second of the second", 1461, {{{0, 1383}}, {{1163, 298}}}},
      {"Firefox, the second of the first, then both of the second", 1461, {{{1383, 78}}, {{0, 1163}}, {{1163, 298}}}},
      {"GStreamer: 255 and 72", 277, {{{0, 230}}, {{230, 47}}}},
      {"GStreamer, the other way round, twice", 277, {{{230, 47}}, {{230, 47}}, {{0, 230}}, {{0, 230}}}},
      {"aiortc of Debian 12: two records in one datagram", 221, {{{0, 219}, {219, 2}}}},
      {"one datagram", 200, {{{0, 200}}}},
      {"as long as any that passes", 4096, {{{0, 1175}}, {{1175, 1175}}, {{2350, 1175}}, {{3525, 571}}}},
  };
  for (const auto& c : cases) expectHandshake(c.name, c.hello_bytes, c.arriving);
}

TEST(DtlsShapes, any_cut_in_any_order_with_overlaps_and_repetitions) {
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    std::mt19937 random(seed);
    const size_t length = 250 + random() % 1500;
    std::vector<Datagram> arriving;
    for (size_t at = 0; at < length;) {
      const size_t step = std::min<size_t>(1 + random() % 400, length - at);
      const size_t from = at - std::min<size_t>(at, random() % 30);
      arriving.push_back({{from, at + step - from}});
      if (random() % 4 == 0) arriving.push_back(arriving[random() % arriving.size()]);
      at += step;
    }
    std::ranges::shuffle(arriving, random);
    if (arriving.size() > 2) {  // some in one datagram
      arriving[0].insert(arriving[0].end(), arriving[1].begin(), arriving[1].end());
      arriving.erase(arriving.begin() + 1);
    }
    expectHandshake("seed " + std::to_string(seed), length, arriving);
  }
}

}  // namespace
}  // namespace penstock
