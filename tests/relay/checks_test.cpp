// ICE checks, addresses and consent.
#include <gtest/gtest.h>

#include "tests/support/relay_world.h"

namespace penstock::test {
namespace {

std::vector<contract::Event> events(const World& world) {
  const auto& reports = world.reports->worker[0];
  return {reports.event, reports.event + reports.event_head.count.load()};
}

TEST(Checks, success_says_where_the_request_came_from) {
  World world;
  Client& client = world.addClient(1, "198.18.0.11:4001");
  world.check(client);
  std::optional<Bytes> answer;
  for (const Bytes& frame : world.take()) {
    if (auto payload = world.payloadFor(client, frame)) answer = payload;
  }
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->at(0), 0x01);
  EXPECT_EQ(answer->at(1), 0x01);
  EXPECT_EQ(world.count(Counter::checks_answered), 1u);
}

TEST(Checks, only_a_nominated_check_gives_an_address) {
  World world;
  Client& client = world.addClient(1, "198.18.0.11:4001");
  StunSpec spec = world.checkOf(client);
  spec.use_candidate = false;
  world.receiveUdp(client, stunMessage(spec));
  EXPECT_EQ(world.count(Counter::checks_answered), 1u);
  EXPECT_EQ(world.count(Counter::nominations), 0u);
  EXPECT_EQ(world.reports->transport[1].nominated, 0u);
  world.check(client);
  ASSERT_EQ(events(world).size(), 1u);
  EXPECT_EQ(events(world)[0].kind, contract::EventKind::kTransportNominated);
  EXPECT_EQ(events(world)[0].address, client.address);
}

TEST(Checks, an_address_that_no_route_leads_to_gets_no_answer_and_is_not_nominated) {
  const struct {
    int number;
    const char* address;
    std::vector<Address> gateways;
    bool answered;
  } cases[] = {
      {1, "203.0.113.9:4001", {}, false},
      {2, "203.0.113.9:4001", {ip("2001:db8::fe")}, false},
      {3, "203.0.113.9:4001", {ip("198.18.0.254")}, true},
      {4, "[2001:db8:9::9]:4001", {ip("198.18.0.254")}, false},
      {5, "[2001:db8:9::9]:4001", {ip("2001:db8::fe")}, true},
      {6, "[2001:db8::9]:4001", {}, true},
  };
  for (const auto& c : cases) {
    World world({.gateways = c.gateways});
    Client& client = world.addClient(1, c.address);
    world.check(client);
    EXPECT_EQ(world.count(Counter::checks_answered), c.answered) << c.number;
    EXPECT_EQ(world.count(Counter::nominations), c.answered) << c.number;
    EXPECT_EQ(world.count(Counter::stun_source_unroutable), !c.answered) << c.number;
    EXPECT_EQ(world.count(Counter::made), c.answered) << c.number;
    EXPECT_TRUE(world.conserved()) << c.number;
  }
}

TEST(Checks, a_client_that_moves_takes_its_media_along) {
  World world;
  Client& publisher = world.addConnected(1, "198.18.0.11:4001");
  Client& subscriber = world.addConnected(2, "198.18.0.12:4002");
  world.addTrack(publisher, {});
  world.addSubscription(subscriber, {});
  subscriber.address = endpoint("198.18.0.13:5005");
  world.check(subscriber);
  world.answerNeighbours();
  world.sendRtp(publisher, {});
  EXPECT_EQ(world.takeRtp(subscriber).size(), 1u);
  EXPECT_EQ(world.count(Counter::nominations), 3u);
}

TEST(Checks, role_conflict_and_unknown_attributes_are_refused_and_teach_nothing) {
  World world;
  Client& client = world.addClient(1, "198.18.0.11:4001");
  StunSpec spec = world.checkOf(client);
  spec.controlling.reset();
  spec.controlled = 1;
  world.receiveUdp(client, stunMessage(spec));
  spec = world.checkOf(client);
  spec.extra = {{0x7777, {1, 2, 3, 4}}};
  world.receiveUdp(client, stunMessage(spec));
  std::vector<uint16_t> codes;
  for (const Bytes& frame : world.take()) {
    const auto payload = world.payloadFor(client, frame);
    if (payload && payload->at(0) == 0x01 && payload->at(1) == 0x11) {
      codes.push_back(static_cast<uint16_t>(payload->at(20 + 6) * 100 + payload->at(20 + 7)));
    }
  }
  EXPECT_EQ(codes, (std::vector<uint16_t>{487, 420}));
  EXPECT_EQ(world.count(Counter::nominations), 0u);
}

TEST(Checks, silence_of_thirty_seconds_ends_sending_and_a_check_begins_it_again) {
  World world;
  Client& publisher = world.addConnected(1, "198.18.0.11:4001");
  Client& subscriber = world.addConnected(2, "198.18.0.12:4002");
  world.addTrack(publisher, {});
  world.addSubscription(subscriber, {});
  uint16_t sequence = 1;
  for (int second = 0; second < 29; ++second) {
    for (int tenth = 0; tenth < 10; ++tenth) world.advance(100'000'000);
    world.check(publisher);
  }
  world.take();
  world.sendRtp(publisher, {.sequence = sequence++});
  EXPECT_EQ(world.takeRtp(subscriber).size(), 1u) << "29 s";
  for (int tenth = 0; tenth < 30; ++tenth) world.advance(100'000'000);
  EXPECT_EQ(world.count(Counter::consents_lost), 1u);
  EXPECT_EQ(events(world).back().kind, contract::EventKind::kTransportConsentLost);
  world.take();
  world.sendRtp(publisher, {.sequence = sequence++});
  EXPECT_TRUE(world.takeRtp(subscriber).empty());
  EXPECT_GE(world.count(Counter::send_no_address), 1u);
  world.check(subscriber);
  world.answerNeighbours();
  world.sendRtp(publisher, {.sequence = sequence++});
  EXPECT_EQ(world.takeRtp(subscriber).size(), 1u);
}

TEST(Checks, consent_goes_on_through_checks_without_nomination) {
  World world;
  Client& client = world.addConnected(1, "198.18.0.11:4001");
  StunSpec spec = world.checkOf(client);
  spec.use_candidate = false;
  for (int i = 0; i < 100; ++i) {
    world.advance(1'000'000'000);
    world.receiveUdp(client, stunMessage(spec));
  }
  EXPECT_EQ(world.count(Counter::consents_lost), 0u);
}

TEST(Checks, a_transport_that_comes_from_anothers_silent_address_takes_it_over) {
  World world;
  Client& first = world.addConnected(1, "198.18.0.11:4001");
  world.now_ns += 6'000'000'000;
  Client& second = world.addConnected(2, "198.18.0.11:4001");
  EXPECT_EQ(world.reports->transport[1].nominated, 0u);
  EXPECT_EQ(world.reports->transport[2].nominated, 1u);
  world.addTrack(second, {});
  world.sendRtp(second, {});
  EXPECT_EQ(world.count(Counter::rtp_no_subscriber), 1u);
  (void)first;
}

TEST(Checks, dtls_from_the_nominated_address_is_punted_and_answers_go_there) {
  World world;
  Client& client = world.addConnected(1, "198.18.0.11:4001");
  world.receiveUdp(client, fromHex("16fefd00aabb"));
  EXPECT_EQ(world.count(Counter::punted), 1u);
  const contract::Datagram& punt = world.reports->worker[0].punt[0];
  EXPECT_EQ(punt.transport, (contract::RowReference{1, 1}));
  EXPECT_EQ(punt.length_bytes, 6u);
  contract::Datagram answer{.transport = {1, 1}, .length_bytes = 3, .bytes = {22, 1, 2}};
  world.take();
  world.relay->inject(answer, world.now_ns);
  const auto sent = world.take();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(world.payloadFor(client, sent[0]), (Bytes{22, 1, 2}));
  answer.transport.generation = 9;
  world.relay->inject(answer, world.now_ns);
  answer = {.transport = {1, 1}, .length_bytes = 5000};
  world.relay->inject(answer, world.now_ns);
  EXPECT_EQ(world.count(Counter::injects_refused), 2u);
}

TEST(Checks, a_client_whose_session_ended_comes_back_from_the_same_port_at_once) {
  World world;
  Client& client = world.addConnected(1, "198.18.0.11:4001");
  TransportCommand ended{.index = 1, .row = client.row};
  ended.row.flags |= contract::kTransportEnded;
  ended.row.srtp_profile = contract::SrtpProfile::kNone;
  world.applyCommand(std::move(ended));
  world.addConnected(2, "198.18.0.11:4001");
  EXPECT_EQ(world.count(Counter::stun_source_taken), 0u);
  EXPECT_EQ(world.reports->transport[2].nominated, 1u);
}

TEST(Checks, a_session_that_ended_is_told_so_and_nothing_passes) {
  World world;
  Client& client = world.addConnected(1, "198.18.0.11:4001");
  Client& subscriber = world.addConnected(2, "198.18.0.12:4002");
  world.addTrack(client, {});
  world.addSubscription(subscriber, {});
  TransportCommand ended{.index = 1, .row = client.row};
  ended.row.flags |= contract::kTransportEnded;
  ended.row.srtp_profile = contract::SrtpProfile::kNone;
  world.applyCommand(std::move(ended));
  world.take();

  // The goodbye still reaches it.
  contract::Datagram goodbye{.transport = {1, 1}, .length_bytes = 3, .bytes = {21, 1, 2}};
  world.relay->inject(goodbye, world.now_ns);
  auto sent = world.take();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(world.payloadFor(client, sent[0]), (Bytes{21, 1, 2}));

  const uint64_t nominations = world.count(Counter::nominations), answered = world.count(Counter::checks_answered);
  client.address = endpoint("198.18.0.13:4003");
  StunSpec liar = world.checkOf(client);
  liar.password = "not the one of this session";
  world.receiveUdp(client, stunMessage(liar));
  EXPECT_TRUE(world.take().empty()) << "only its client is answered";
  for (const bool nominating : {true, false}) {
    StunSpec spec = world.checkOf(client);
    spec.use_candidate = nominating;
    world.receiveUdp(client, stunMessage(spec));
    sent = world.take();
    ASSERT_EQ(sent.size(), 1u);
    const auto answer = world.payloadFor(client, sent[0]);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->at(1), 0x11);
    EXPECT_EQ(answer->at(26) * 100 + answer->at(27), 403);
  }
  EXPECT_EQ(world.count(Counter::checks_refused), 2u);
  EXPECT_EQ(world.count(Counter::nominations), nominations);
  EXPECT_EQ(world.count(Counter::checks_answered), answered);

  client.address = endpoint("198.18.0.11:4001");
  world.sendRtp(client, {});
  EXPECT_TRUE(world.takeRtp(subscriber).empty());
  EXPECT_EQ(world.count(Counter::rtp_keys_missing), 1u);
  for (int i = 0; i < 30; ++i) world.advance(100'000'000);
  EXPECT_TRUE(world.conserved());
}

TEST(Checks, control_that_takes_nothing_up_is_counted_not_waited_for) {
  World world;
  Client& client = world.addConnected(1, "198.18.0.11:4001");
  for (uint32_t i = 0; i < contract::kPuntMax + 100; ++i) {
    world.now_ns += 20'000'000;
    world.receiveUdp(client, fromHex("16fefd00aabb"));
  }
  EXPECT_EQ(world.count(Counter::punted), contract::kPuntMax);
  EXPECT_EQ(world.count(Counter::punt_ring_full), 100u);
}

}  // namespace
}  // namespace penstock::test
