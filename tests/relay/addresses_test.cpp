// Where a client is: from which addresses its packets are taken, and how far media follows it to a new one.
#include <gtest/gtest.h>

#include "tests/support/relay_world.h"

namespace penstock::test {
namespace {

/// A client as it is before its DTLS handshake: checks, no keys.
Client& addWithoutKeys(World& world, uint32_t index, std::string_view address) {
  world.clients.push_back(std::make_unique<Client>(world.makeClient(index, address)));
  Client& client = *world.clients.back();
  client.openKeys(*world.backend);
  TransportCommand command{.index = index, .row = client.row};
  command.row.srtp_profile = contract::SrtpProfile::kNone;
  world.applyCommand(std::move(command));
  return client;
}

void checkWithoutNomination(World& world, const Client& client) {
  StunSpec spec = world.checkOf(client);
  spec.use_candidate = false;
  world.receiveUdp(client, stunMessage(spec));
}

/// A record of so many bytes with the header: handshake, DTLS 1.0 as hellos have it.
Bytes record(size_t size_bytes) {
  Bytes bytes = fromHex("16feff0000000000000000");
  bytes.push_back(static_cast<uint8_t>((size_bytes - 13) >> 8));
  bytes.push_back(static_cast<uint8_t>(size_bytes - 13));
  bytes.resize(size_bytes);
  return bytes;
}

/// Whether control's answer reaches the client.
bool answers(World& world, const Client& client) {
  world.take();
  const contract::Datagram answer{.transport = {client.index, 1}, .length_bytes = 3, .bytes = {22, 1, 2}};
  world.relay->inject(answer, world.now_ns);
  const auto sent = world.take();
  return sent.size() == 1 && world.payloadFor(client, sent[0]) == (Bytes{22, 1, 2});
}

TEST(Addresses, dtls_from_a_checked_address_is_punted_and_answered_there_before_any_is_nominated) {
  // Datagrams of the hellos that browsers and libraries send.
  const std::vector<std::vector<size_t>> hellos = {{1200, 263}, {1408, 103, 1188, 323}, {255, 72}, {231 + 14}};
  for (const auto& hello : hellos) {
    World world;
    Client& client = addWithoutKeys(world, 1, "198.18.0.11:4001");
    world.receiveUdp(client, record(100));
    EXPECT_EQ(world.count(Counter::dtls_source_unvalidated), 1u) << "before its first check";
    checkWithoutNomination(world, client);
    world.answerNeighbours();
    for (const size_t size_bytes : hello) world.receiveUdp(client, record(size_bytes));
    EXPECT_EQ(world.count(Counter::punted), hello.size());
    EXPECT_EQ(world.count(Counter::dtls_source_unvalidated), 1u);
    EXPECT_TRUE(answers(world, client));
    EXPECT_EQ(world.count(Counter::nominations), 0u);
    EXPECT_EQ(world.reports->transport[1].nominated, 0u);
    EXPECT_TRUE(world.conserved());
  }
}

TEST(Addresses, media_from_a_checked_address_is_taken_and_goes_on_from_the_old_one) {
  World world;
  Client& publisher = world.addConnected(1, "198.18.0.11:4001");
  Client& subscriber = world.addConnected(2, "198.18.0.12:4002");
  world.addTrack(publisher, {});
  world.addSubscription(subscriber, {});
  const Address before = publisher.address;
  uint16_t sequence = 1;
  for (int turn = 0; turn < 20; ++turn) {  // ICE restarts: checks from a new port, media from either
    publisher.address = endpoint("198.18.0.11:5005");
    if (turn == 0) checkWithoutNomination(world, publisher);
    if (turn % 2 == 0) publisher.address = before;
    world.sendRtp(publisher, {.sequence = sequence++});
  }
  EXPECT_EQ(world.takeRtp(subscriber).size(), 20u);
  EXPECT_EQ(world.count(Counter::rtp_source_unvalidated), 0u);
  EXPECT_EQ(world.reports->transport[1].remote, before) << "what is sent goes where it was nominated";
}

TEST(Addresses, a_client_has_four_and_the_nominated_one_stays) {
  World world;
  Client& client = world.addConnected(1, "198.18.0.11:4001");
  const Address nominated = client.address;
  for (int port = 5000; port < 5020; ++port) {
    client.address = endpoint("198.18.0.11:" + std::to_string(port));
    world.now_ns += 100'000'000;
    checkWithoutNomination(world, client);
  }
  world.receiveUdp(client, record(60));
  EXPECT_EQ(world.count(Counter::punted), 1u);
  client.address = endpoint("198.18.0.11:5000");
  world.receiveUdp(client, record(60));
  EXPECT_EQ(world.count(Counter::dtls_source_unvalidated), 1u) << "long silent";
  client.address = nominated;
  world.receiveUdp(client, record(60));
  EXPECT_EQ(world.count(Counter::punted), 2u);
}

TEST(Addresses, checked_addresses_that_are_never_nominated_are_forgotten) {
  World world;
  Client& client = addWithoutKeys(world, 1, "198.18.0.11:4001");
  checkWithoutNomination(world, client);
  for (int second = 0; second < 310; ++second) world.advance(100'000'000);
  world.receiveUdp(client, record(60));
  EXPECT_EQ(world.count(Counter::dtls_source_unvalidated), 1u);
  EXPECT_EQ(world.count(Counter::consents_lost), 0u) << "none was given";
}

// Taking an address ------------------------------------------------------------------------------------------------

struct TwoClients : World {
  Client& owner = addConnected(1, "198.18.0.11:4001");
  Client& other = addConnected(2, "198.18.0.12:4002");
  Address owners = owner.address;
  /// A check of `other`, with the owner's address in it.
  void claim() {
    const Address own = std::exchange(other.address, owners);
    check(other);
    other.address = own;
  }
};

TEST(Addresses, one_that_is_in_use_stays_with_its_owner) {
  TwoClients world;
  world.addTrack(world.owner, {});
  world.addSubscription(world.other, {});
  uint16_t sequence = 1;
  for (int turn = 0; turn < 300; ++turn) {  // 30 s
    world.advance(100'000'000);
    if (turn % 40 == 0) world.sendRtp(world.owner, {.sequence = sequence++});
    if (turn % 40 == 20) world.check(world.owner);
    if (turn % 20 == 0) world.check(world.other);
    world.take();
    world.claim();
    EXPECT_EQ(world.take().size(), 1u) << "the check is answered";
  }
  EXPECT_EQ(world.count(Counter::stun_source_taken), 300u);
  EXPECT_EQ(world.count(Counter::consents_lost), 0u);
  EXPECT_EQ(world.count(Counter::nominations), 2u);
  EXPECT_EQ(world.reports->transport[1].nominated, 1u);
  EXPECT_EQ(world.reports->transport[2].remote, world.other.address);
}

TEST(Addresses, one_that_is_silent_for_five_seconds_goes_to_who_is_there_now) {
  TwoClients world;
  world.now_ns += 4'000'000'000;
  world.claim();
  EXPECT_EQ(world.reports->transport[1].nominated, 1u);
  world.now_ns += 2'000'000'000;
  world.claim();
  EXPECT_EQ(world.reports->transport[1].nominated, 0u);
  EXPECT_EQ(world.reports->transport[2].remote, world.owners);
  const auto& reports = world.reports->worker[0];
  const uint64_t events = reports.event_head.count.load();
  ASSERT_GE(events, 2u);
  EXPECT_EQ(reports.event[events - 2].kind, contract::EventKind::kTransportAddressTaken);
  EXPECT_EQ(reports.event[events - 2].subject.index, 1u);
  EXPECT_EQ(reports.event[events - 1].kind, contract::EventKind::kTransportNominated);
}

TEST(Addresses, losing_one_that_is_not_nominated_leaves_the_rest) {
  TwoClients world;
  const Address second = world.owners = endpoint("198.18.0.11:5005");
  const Address first = std::exchange(world.owner.address, second);
  checkWithoutNomination(world, world.owner);
  world.owner.address = first;
  world.now_ns += 6'000'000'000;
  world.check(world.owner);
  world.claim();
  EXPECT_EQ(world.reports->transport[1].nominated, 1u);
  EXPECT_EQ(world.reports->transport[2].remote, second);
  EXPECT_EQ(world.count(Counter::consents_lost), 0u);
}

// Media goes to a new address --------------------------------------------------------------------------------------

struct Movement : World {
  Client& publisher = addConnected(1, "198.18.0.11:4001");
  Client& subscriber = addConnected(2, "198.18.0.12:4002");
  Client& victim = addClient(3, "198.18.0.99:9999");
  Address first = subscriber.address;
  uint16_t sequence = 1;
  uint64_t check_bytes = 0;

  Movement() {
    addTrack(publisher, {});
    addSubscription(subscriber, {});
  }
  /// A check of the subscriber's, from wherever it says.
  void checkFrom(const Address& address) {
    subscriber.address = address;
    const Bytes message = stunMessage(checkOf(subscriber));
    check_bytes += message.size();
    receiveUdp(subscriber, message);
    answerNeighbours();
  }
  /// One second of video at 1 Mbit/s, a tick of timers each 10 ms; returns UDP payload bytes that went to `address`.
  uint64_t second(const Address& address) {
    uint64_t bytes = 0;
    for (int tick = 0; tick < 100; ++tick) {
      advance(10'000'000);
      if (tick % 10 == 0) check(publisher);
      take();
      sendRtp(publisher, {.sequence = sequence++, .payload = Bytes(1200)});
      for (const Bytes& frame : take()) {
        const auto view = parseFrame(frame);
        if (view && view->kind == FrameKind::kUdp && view->destination == address) bytes += view->payload.size();
      }
    }
    return bytes;
  }
};

TEST(Addresses, one_that_proves_nothing_gets_three_times_what_came_from_it_and_then_nothing) {
  Movement world;
  EXPECT_GT(world.second(world.first), 100'000u);
  uint64_t bytes = 0;
  for (int second = 0; second < 4; ++second) {
    for (int i = 0; i < 4; ++i) world.checkFrom(world.victim.address);
    bytes += world.second(world.victim.address);
  }
  EXPECT_LE(bytes, 3 * world.check_bytes);
  EXPECT_GT(world.count(Counter::send_address_unproven), 100u);
  EXPECT_EQ(world.count(Counter::addresses_reverted), 0u);
  EXPECT_TRUE(world.conserved());
  for (int second = 0; second < 2; ++second) world.second(world.first);
  EXPECT_EQ(world.count(Counter::addresses_reverted), 1u);
  EXPECT_GT(world.second(world.first), 100'000u) << "media is back where it was";
}

TEST(Addresses, srtcp_proves_a_new_one_at_once) {
  Movement world;
  world.checkFrom(endpoint("198.18.0.12:6006"));
  EXPECT_LT(world.second(world.subscriber.address), 3'000u);
  world.sendRtcp(world.subscriber, rtcpPli(9, 0x2222'2222));
  EXPECT_GT(world.second(world.subscriber.address), 100'000u);
  for (int second = 0; second < 6; ++second) world.second(world.subscriber.address);
  EXPECT_EQ(world.count(Counter::addresses_reverted), 0u);
}

TEST(Addresses, srtp_proves_a_new_one_and_a_forged_packet_does_not) {
  Movement world;
  world.addTrack(world.subscriber, {.index = 7, .ssrc = 0x7777, .mid = "1"});
  world.checkFrom(endpoint("198.18.0.12:6006"));
  Bytes forged = world.protect(world.subscriber, rtpPacket({.sequence = 1, .ssrc = 0x7777}));
  forged.back() ^= 1;
  world.receiveUdp(world.subscriber, forged);
  EXPECT_LT(world.second(world.subscriber.address), 3'000u);
  world.sendRtp(world.subscriber, {.sequence = 2, .ssrc = 0x7777});
  EXPECT_GT(world.second(world.subscriber.address), 100'000u);
}

TEST(Addresses, dtls_proves_nothing_once_there_are_keys) {
  Movement world;
  world.checkFrom(world.victim.address);
  world.receiveUdp(world.subscriber, record(60));
  EXPECT_LT(world.second(world.victim.address), 3'000u);
}

/// The handshake of client 2 ends: it has keys.
void secure(World& world, Client& client) {
  world.resume(client);
  world.addTrack(*world.clients[0], {});
  world.addSubscription(client, {});
}

TEST(Addresses, the_one_where_the_handshake_was_read_is_proven) {
  World world;
  Client& publisher = world.addConnected(1, "198.18.0.11:4001");
  Client& player = addWithoutKeys(world, 2, "198.18.0.12:4002");
  checkWithoutNomination(world, player);
  world.answerNeighbours();
  world.receiveUdp(player, record(200));
  ASSERT_TRUE(answers(world, player));
  world.check(player);
  secure(world, player);
  world.take();
  for (uint16_t n = 1; n <= 50; ++n) world.sendRtp(publisher, {.sequence = n, .payload = Bytes(1200)});
  EXPECT_EQ(world.takeRtp(player).size(), 50u);
}

TEST(Addresses, one_where_no_handshake_was_read_is_limited_from_the_start) {
  World world;
  Client& publisher = world.addConnected(1, "198.18.0.11:4001");
  Client& attacker = addWithoutKeys(world, 2, "198.18.0.12:4002");
  Client& victim = world.addClient(3, "198.18.0.99:9999");
  checkWithoutNomination(world, attacker);
  world.answerNeighbours();
  world.receiveUdp(attacker, record(200));
  ASSERT_TRUE(answers(world, attacker));
  const Address own = std::exchange(attacker.address, victim.address);
  world.check(attacker);
  world.answerNeighbours();
  world.receiveUdp(attacker, record(60));  // a record with the victim's address in it
  secure(world, attacker);
  world.take();
  for (uint16_t n = 1; n <= 50; ++n) world.sendRtp(publisher, {.sequence = n, .payload = Bytes(1200)});
  EXPECT_TRUE(world.takeRtp(attacker).empty());
  EXPECT_EQ(world.count(Counter::send_address_unproven), 50u);
  attacker.address = own;
}

TEST(Addresses, a_restarted_dataplane_believes_no_new_one_either) {
  Movement world;
  world.sendRtcp(world.subscriber, rtcpPli(9, 0x2222'2222));
  world.restart();
  world.resume(world.publisher);
  world.resume(world.subscriber);
  world.resume(world.victim);
  world.addTrack(world.publisher, {});
  world.addSubscription(world.subscriber, {.first_index = 50'000});
  world.check(world.publisher);
  world.answerNeighbours();
  EXPECT_GT(world.second(world.first), 100'000u);
  world.checkFrom(world.victim.address);
  EXPECT_LT(world.second(world.victim.address), 3'000u);
}

}  // namespace
}  // namespace penstock::test
