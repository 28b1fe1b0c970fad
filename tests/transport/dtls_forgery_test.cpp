// What anybody can send who can write a client's address into a packet: no handshake ends by it, and little is set
// aside for it.
#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "tests/transport/plain_client.h"

namespace penstock {
namespace {

using State = DtlsAssociation::State;
using test::PlainClient;
using Bytes = std::vector<uint8_t>;

/// Bytes that OpenSSL holds. Each block begins with its size.
std::atomic<size_t> held_bytes{0};

constexpr size_t kBlockHeader = alignof(std::max_align_t);

void* take(size_t size, const char*, int) {
  if (size == 0) return nullptr;
  auto* block = static_cast<char*>(std::malloc(size + kBlockHeader));
  if (block == nullptr) return nullptr;
  *reinterpret_cast<size_t*>(block) = size;
  held_bytes += size;
  return block + kBlockHeader;
}
void giveBack(void* pointer, const char*, int) {
  if (pointer == nullptr) return;
  char* block = static_cast<char*>(pointer) - kBlockHeader;
  held_bytes -= *reinterpret_cast<size_t*>(block);
  std::free(block);
}
void* resize(void* pointer, size_t size, const char* file, int line) {
  if (pointer == nullptr) return take(size, file, line);
  void* larger = take(size, file, line);
  const size_t before = *reinterpret_cast<size_t*>(static_cast<char*>(pointer) - kBlockHeader);
  if (larger != nullptr) std::memcpy(larger, pointer, std::min(before, size));
  if (larger != nullptr || size == 0) giveBack(pointer, file, line);
  return larger;
}
const bool counting = CRYPTO_set_mem_functions(take, resize, giveBack) == 1;  // before OpenSSL's first block

void put(Bytes& to, uint64_t value, int bytes) {
  while (bytes-- > 0) to.push_back(static_cast<uint8_t>(value >> 8 * bytes));
}

Bytes record(uint8_t type, uint16_t epoch, const Bytes& body, uint16_t version = 0xfefd) {
  static uint64_t number = 1000;
  Bytes out;
  put(out, type, 1), put(out, version, 2), put(out, epoch, 2), put(out, number++, 6), put(out, body.size(), 2);
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

Bytes fragment(uint8_t type, uint32_t length, uint16_t message_seq, uint32_t offset, uint32_t fragment_length,
               size_t bytes) {
  Bytes out;
  put(out, type, 1), put(out, length, 3), put(out, message_seq, 2), put(out, offset, 3), put(out, fragment_length, 3);
  out.resize(out.size() + bytes, 0x5a);
  return out;
}

/// Alerts in plaintext, and records that no handshake of ours has.
std::vector<std::pair<std::string, Bytes>> forgeries() {
  std::vector<std::pair<std::string, Bytes>> all = {
      {"fatal alert", record(21, 0, {2, 40})},
      {"fatal alert of DTLS 1.0", record(21, 0, {2, 80}, 0xfeff)},
      {"close_notify", record(21, 0, {1, 0})},
      {"warning", record(21, 0, {1, 90})},
      {"half an alert", record(21, 0, {2})},
      {"empty alert", record(21, 0, {})},
      {"application data", record(23, 0, {1, 2, 3})},
      {"application data of the next epoch", record(23, 1, Bytes(40, 7))},
      {"alert of the next epoch", record(21, 1, Bytes(26, 7))},
      {"unknown type", record(25, 0, {1, 2, 3})},
      {"heartbeat", record(24, 0, {1, 0, 5, 1, 2})},
      {"version of TLS", record(22, 0, fragment(1, 40, 0, 0, 40, 40), 0x0303)},
      {"ChangeCipherSpec of two bytes", record(20, 0, {1, 1})},
      {"ChangeCipherSpec of another value", record(20, 0, {2})},
      {"empty handshake record", record(22, 0, {})},
      {"handshake header cut short", record(22, 0, {1, 0, 0, 40, 0, 0, 0})},
      {"fragment longer than its record", record(22, 0, fragment(11, 400, 1, 0, 400, 20))},
      {"fragment beyond its message", record(22, 0, fragment(11, 40, 1, 30, 20, 20))},
      {"offset beyond its message", record(22, 0, fragment(11, 40, 1, 0xffffff, 1, 1))},
      {"message of 16 MB", record(22, 0, fragment(11, 0xffffff, 1, 0, 20, 20))},
      {"empty fragment", record(22, 0, fragment(11, 40, 1, 5, 0, 0))},
      {"message that nobody knows", record(22, 0, fragment(99, 40, 1, 0, 40, 40))},
      {"message that nobody expects", record(22, 0, fragment(20, 12, 1, 0, 12, 12))},
      {"HelloRequest", record(22, 0, fragment(0, 0, 1, 0, 0, 0))},
      {"message far ahead", record(22, 0, fragment(11, 40, 600, 0, 40, 40))},
      {"Finished in the next epoch", record(22, 1, Bytes(48, 9))},
      {"datagram shorter than a header", Bytes{22, 0xfe, 0xfd, 0, 0}},
  };
  Bytes short_record = record(22, 0, fragment(1, 40, 0, 0, 40, 40));
  short_record.resize(short_record.size() - 10);
  all.emplace_back("record cut short", short_record);
  return all;
}

TEST(DtlsForgery, no_alert_in_plaintext_or_malformed_record_ends_a_handshake) {
  const Certificate server_certificate = makeCertificate(), client_certificate = makeCertificate();
  const DtlsContext server_context(server_certificate), client_context(client_certificate);
  for (const auto& [name, forged] : forgeries()) {
    DtlsAssociation server(server_context, DtlsRole::server, fingerprintOf(client_certificate));
    DtlsAssociation client(client_context, DtlsRole::client, fingerprintOf(server_certificate));
    client.start();
    for (int round = 0; round < 6; ++round) {
      for (auto [from, to] : {std::pair{&client, &server}, std::pair{&server, &client}}) {
        to->receive(forged);
        for (const auto& datagram : from->takeOutput()) {
          to->receive(datagram);
          to->receive(forged);
        }
      }
    }
    EXPECT_EQ(server.state(), State::kSecured) << name;
    EXPECT_EQ(client.state(), State::kSecured) << name;
    EXPECT_EQ(server.keys().send_key, client.keys().receive_key) << name;
  }
}

TEST(DtlsForgery, a_finished_that_overtakes_its_change_cipher_spec_is_kept_through_forged_ones) {
  const Certificate own = makeCertificate();
  const DtlsContext context(own);
  PlainClient client("SRTP_AEAD_AES_128_GCM");
  DtlsAssociation server(context, DtlsRole::server, client.fingerprint());
  for (int round = 0; round < 4; ++round) {
    SSL_do_handshake(client.ssl.get());
    Bytes flight(8192);
    flight.resize(static_cast<size_t>(std::max(0, BIO_read(client.out, flight.data(), 8192))));
    for (size_t at = 0; at + 13 <= flight.size();) {  // a record a datagram; the Finished goes first
      const size_t length = 13 + (static_cast<size_t>(flight[at + 11]) << 8 | flight[at + 12]);
      const Bytes each(flight.begin() + static_cast<long>(at), flight.begin() + static_cast<long>(at + length));
      at += length;
      if (each[0] != 20) {
        server.receive(each);
        continue;
      }
      for (int i = 0; i < 100; ++i) server.receive(record(22, 1, Bytes(48, 9)));
      server.receive(Bytes(flight.begin() + static_cast<long>(at), flight.end()));
      for (int i = 0; i < 3; ++i) server.receive(record(22, 1, Bytes(48, 9)));
      server.receive(each);
      break;
    }
    for (const auto& datagram : server.takeOutput()) {
      BIO_write(client.in, datagram.data(), static_cast<int>(datagram.size()));
      SSL_do_handshake(client.ssl.get());
    }
  }
  EXPECT_EQ(server.state(), State::kSecured);
}

TEST(DtlsForgery, a_half_open_handshake_takes_little_memory_whatever_is_promised) {
  if (!counting) GTEST_SKIP() << "OpenSSL has memory of before";
  const Certificate own = makeCertificate();
  const DtlsContext context(own);
  PlainClient client("SRTP_AEAD_AES_128_GCM");
  const size_t before = held_bytes;
  DtlsAssociation server(context, DtlsRole::server, client.fingerprint());
  SSL_do_handshake(client.ssl.get());
  Bytes hello(8192);
  hello.resize(static_cast<size_t>(BIO_read(client.out, hello.data(), 8192)));
  const size_t client_bytes = held_bytes;
  server.receive(hello);
  const size_t waiting = held_bytes - client_bytes + (client_bytes - before);
  size_t sent = hello.size();
  for (uint16_t message_seq = 1; message_seq <= 10; ++message_seq)
    for (const uint8_t type : {11, 16, 15, 1}) {
      const Bytes promise = record(22, 0, fragment(type, type == 11 ? 100'000 : 16'000, message_seq, 0, 100, 100));
      const Bytes fitting = record(22, 0, fragment(type, type == 11 ? 8'192 : 2'048, message_seq, 0, 100, 100));
      for (const Bytes& each : {promise, fitting}) server.receive(each), sent += each.size();
    }
  for (int i = 0; i < 120; ++i) {
    const Bytes early = record(22, 1, Bytes(60, 9));
    server.receive(early), sent += early.size();
  }
  const size_t held = held_bytes - before;
  RecordProperty("waiting_bytes", std::to_string(waiting));
  RecordProperty("held_bytes", std::to_string(held));
  std::printf("half-open: %zu bytes held after a ClientHello, %zu after %zu bytes of promises\n", waiting, held, sent);
  EXPECT_EQ(server.state(), State::kHandshaking);
  EXPECT_LT(held, waiting + 32'768);
}

}  // namespace
}  // namespace penstock
