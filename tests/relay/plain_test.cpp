// Plain transports: an address that is given, or latched by the first packet that passes SRTP authentication; RTP and
// RTCP in the clear.
#include <gtest/gtest.h>

#include "tests/support/crew.h"
#include "tests/support/relay_world.h"

namespace penstock::test {
namespace {

using contract::SrtpProfile;

constexpr uint32_t kSsrc = 0x1111'1111;

/// Makes its row that of a plain transport; `remote` empty: latching.
void makePlain(Client& client, std::string_view remote) {
  client.row.kind = contract::TransportKind::kPlain;
  client.row.pwd_length_bytes = 0;
  std::memset(client.row.ice_pwd, 0, sizeof(client.row.ice_pwd));
  client.row.remote = remote.empty() ? Address{} : endpoint(remote);
  std::memset(client.row.extension_id, 0, sizeof(client.row.extension_id));
}

Client& addPlain(World& world, uint32_t index, std::string_view address, bool fixed,
                 SrtpProfile profile = SrtpProfile::kAeadAes128Gcm) {
  world.clients.push_back(std::make_unique<Client>(world.makeClient(index, address, profile)));
  Client& client = *world.clients.back();
  makePlain(client, fixed ? address : "");
  world.apply(client);
  world.answerNeighbours();
  return client;
}

TEST(Plain, media_and_feedback_cross_between_given_addresses_with_every_profile) {
  for (const auto profile :
       {SrtpProfile::kUnprotected, SrtpProfile::kAes128CmHmacSha1_80, SrtpProfile::kAes128CmHmacSha1_32,
        SrtpProfile::kAeadAes128Gcm, SrtpProfile::kAeadAes256Gcm}) {
    World world;
    Client& publisher = addPlain(world, 1, "198.18.0.11:4001", true, profile);
    Client& subscriber = addPlain(world, 2, "198.18.0.12:4002", true, profile);
    world.addTrack(publisher, {.ssrc = kSsrc, .mid = ""});
    world.addSubscription(subscriber, {.mid = ""});
    world.answerNeighbours();
    world.sendRtp(publisher, {.sequence = 100, .ssrc = kSsrc, .payload = {1, 2, 3}});
    const auto got = world.takeRtp(subscriber);
    ASSERT_EQ(got.size(), 1u) << static_cast<int>(profile) << " " << world.counters();
    const auto view = parseRtpHeader(got[0]).value();
    EXPECT_EQ(view.ssrc, 0x2222'2222u);
    EXPECT_EQ(view.payload_type, 100);
    EXPECT_EQ(Bytes(view.payload().begin(), view.payload().end()), (Bytes{1, 2, 3}));

    world.advance(1'000'000'000);
    EXPECT_FALSE(world.takeRtcp(publisher).empty()) << "receiver reports";
    const uint64_t asked = world.count(Counter::key_frame_requests_received);
    // RFC 4585 section 6.3.1
    world.sendRtcp(subscriber, {0x81, 206, 0, 2, 0, 0, 0, 9, 0x22, 0x22, 0x22, 0x22});
    EXPECT_EQ(world.count(Counter::key_frame_requests_received), asked + 1);
    EXPECT_TRUE(world.conserved()) << world.counters();
  }
}

TEST(Plain, in_the_clear_the_bytes_are_those_of_the_payload) {
  World world;
  Client& publisher = addPlain(world, 1, "198.18.0.11:4001", true, SrtpProfile::kUnprotected);
  world.addTrack(publisher, {.ssrc = kSsrc, .mid = ""});
  const Bytes rtp = rtpPacket({.sequence = 7, .ssrc = kSsrc, .payload = {9, 8, 7}});
  EXPECT_EQ(world.protect(publisher, rtp), rtp);
}

TEST(Plain, a_given_address_needs_a_route_and_belongs_to_one_plain_transport) {
  World world({.denied = {*parseCidr("198.18.9.0/24")}});
  addPlain(world, 1, "203.0.113.9:4001", true);
  EXPECT_EQ(world.count(Counter::row_address_unroutable), 1u);
  EXPECT_EQ(world.count(Counter::rows_applied), 1u) << "it is there, without an address";
  addPlain(world, 4, "198.18.9.9:4001", true);
  EXPECT_EQ(world.count(Counter::row_address_unroutable), 2u) << "in a denied network";
  EXPECT_EQ(world.reports->transport[4].nominated, 0u);
  EXPECT_EQ(world.reports->transport[1].nominated, 0u);
  addPlain(world, 2, "198.18.0.12:4002", true);
  EXPECT_EQ(world.reports->transport[2].nominated, 1u);
  addPlain(world, 3, "198.18.0.12:4002", true);
  EXPECT_EQ(world.count(Counter::row_address_taken), 1u);
  EXPECT_EQ(world.reports->transport[2].nominated, 1u);
  EXPECT_EQ(world.reports->transport[3].nominated, 0u);
}

TEST(Plain, consent_does_not_expire_and_no_check_takes_the_address) {
  World world;
  Client& plain = addPlain(world, 1, "198.18.0.11:4001", true);
  Client& browser = world.addClient(2, "198.18.0.11:4001");
  world.check(browser);
  EXPECT_EQ(world.count(Counter::stun_source_plain), 1u);
  StunSpec check = world.checkOf(plain);
  check.password = "";
  world.receiveUdp(plain, stunMessage(check));
  EXPECT_EQ(world.count(Counter::stun_ufrag_unknown), 1u);
  for (int i = 0; i < 120; ++i) world.advance(1'000'000'000);
  EXPECT_EQ(world.reports->transport[1].nominated, 1u);
  EXPECT_EQ(world.count(Counter::consents_lost), 0u);
}

TEST(Plain, latching_by_table) {
  enum class Packet { kGood, kWrongKey, kOtherSsrc };
  const struct {
    int number;
    Packet first;
    Counter counted;
    bool latched;
  } cases[] = {
      {1, Packet::kGood, Counter::forwarded, true},
      {2, Packet::kWrongKey, Counter::srtp_authentication_failed, false},
      {3, Packet::kOtherSsrc, Counter::rtp_source_unvalidated, false},
  };
  for (const auto& c : cases) {
    World world;
    Client& publisher = addPlain(world, 1, "198.18.0.11:4001", false);
    Client& subscriber = addPlain(world, 2, "198.18.0.12:4002", true);
    world.addTrack(publisher, {.ssrc = kSsrc, .mid = ""});
    world.addSubscription(subscriber, {.mid = ""});
    world.answerNeighbours();
    const RtpSpec spec{.sequence = 100, .ssrc = c.first == Packet::kOtherSsrc ? kSsrc + 1 : kSsrc};
    Bytes packet = world.protect(publisher, rtpPacket(spec));
    if (c.first == Packet::kWrongKey) packet.back() ^= 1;
    const uint64_t before = world.count(c.counted);
    world.receiveUdp(publisher, packet);
    EXPECT_EQ(world.count(c.counted), before + 1) << c.number << " " << world.counters();
    EXPECT_EQ(world.reports->transport[1].nominated, c.latched ? 1u : 0u) << c.number;
    EXPECT_EQ(world.takeRtp(subscriber).size(), c.latched ? 1u : 0u) << c.number;
    EXPECT_TRUE(world.conserved()) << world.counters();
  }
}

TEST(Plain, the_first_authentic_packet_decides_until_the_keys_change) {
  World world;
  Client& publisher = addPlain(world, 1, "198.18.0.11:4001", false);
  world.addTrack(publisher, {.ssrc = kSsrc, .mid = ""});
  const Bytes first = world.protect(publisher, rtpPacket({.sequence = 1, .ssrc = kSsrc}));
  world.receiveUdp(publisher, first);
  EXPECT_EQ(world.reports->transport[1].remote, endpoint("198.18.0.11:4001"));
  publisher.address = endpoint("198.18.0.13:5000");
  world.sendRtp(publisher, {.sequence = 2, .ssrc = kSsrc});
  EXPECT_EQ(world.count(Counter::latch_done), 1u);
  EXPECT_EQ(world.reports->transport[1].remote, endpoint("198.18.0.11:4001"));
  // As housekeeping makes it after a change of keys: nothing of it is to be resumed. The stream stays here, so that
  // what was received is a replay, from wherever it comes.
  TransportCommand command = transportCommand(*world.backend, *world.flows, publisher);
  command.resume_remote = {};
  world.applyCommand(std::move(command));
  EXPECT_EQ(world.reports->transport[1].nominated, 0u);
  world.receiveUdp(publisher, first);
  EXPECT_EQ(world.count(Counter::srtp_replayed), 1u);
  EXPECT_EQ(world.reports->transport[1].nominated, 0u);
  world.sendRtp(publisher, {.sequence = 3, .ssrc = kSsrc});
  EXPECT_EQ(world.reports->transport[1].remote, endpoint("198.18.0.13:5000")) << world.counters();
}

TEST(Plain, unknown_addresses_have_a_budget) {
  World world;
  Client& publisher = addPlain(world, 1, "198.18.0.11:4001", false);
  world.addTrack(publisher, {.ssrc = kSsrc, .mid = ""});
  for (uint16_t i = 0; i < 60; ++i) {
    Bytes packet = world.protect(publisher, rtpPacket({.sequence = i, .ssrc = kSsrc}));
    packet.back() ^= 1;
    world.receiveUdp(publisher, packet);
  }
  EXPECT_EQ(world.count(Counter::srtp_authentication_failed), 50u);
  EXPECT_EQ(world.count(Counter::latch_budget_spent), 10u);
  world.advance(1'000'000'000);
  world.sendRtp(publisher, {.sequence = 100, .ssrc = kSsrc});
  EXPECT_EQ(world.reports->transport[1].nominated, 1u);
}

TEST(Plain, nothing_latches_to_an_address_in_a_denied_network) {
  World world({.denied = {*parseCidr("198.18.9.0/24")}});
  Client& publisher = addPlain(world, 1, "198.18.9.9:4001", false);
  world.addTrack(publisher, {.ssrc = kSsrc, .mid = ""});
  world.receiveUdp(publisher, world.protect(publisher, rtpPacket({.ssrc = kSsrc})));
  EXPECT_EQ(world.count(Counter::udp_source_denied), 1u) << world.counters();
  EXPECT_EQ(world.reports->transport[1].nominated, 0u);
  EXPECT_TRUE(world.conserved());
}

TEST(Plain, nothing_latches_to_an_address_that_no_route_leads_to) {
  World world;
  Client& publisher = addPlain(world, 1, "203.0.113.9:4001", false);
  world.addTrack(publisher, {.ssrc = kSsrc, .mid = ""});
  world.sendRtp(publisher, {.sequence = 1, .ssrc = kSsrc});
  EXPECT_EQ(world.count(Counter::latch_source_unroutable), 1u);
}

TEST(Plain, an_SSRC_that_nobody_told_is_bound_by_payload_type) {
  for (const auto profile : {SrtpProfile::kUnprotected, SrtpProfile::kAeadAes128Gcm}) {
    World world;
    Client& publisher = addPlain(world, 1, "198.18.0.11:4001", true, profile);
    Client& subscriber = addPlain(world, 2, "198.18.0.12:4002", true, profile);
    world.addTrack(publisher, {.ssrc = 0, .mid = "", .flags = contract::kTrackAnySsrc});
    world.addSubscription(subscriber, {.mid = ""});
    world.answerNeighbours();
    world.sendRtp(publisher, {.payload_type = 9, .sequence = 99, .ssrc = kSsrc});
    EXPECT_EQ(world.count(Counter::rtp_ssrc_unsignalled), 1u) << "of no track";
    world.sendRtp(publisher, {.sequence = 100, .ssrc = kSsrc});
    world.sendRtp(publisher, {.sequence = 101, .ssrc = kSsrc});
    world.sendRtp(publisher, {.sequence = 7, .ssrc = kSsrc + 1});  // a telephone that was transferred
    world.sendRtp(publisher, {.sequence = 8, .ssrc = kSsrc + 1});
    const auto got = world.takeRtp(subscriber);
    ASSERT_EQ(got.size(), 4u) << world.counters();
    for (size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(parseRtpHeader(got[i])->ssrc, 0x2222'2222u);
      EXPECT_EQ(parseRtpHeader(got[i])->sequence, static_cast<uint16_t>(parseRtpHeader(got[0])->sequence + i));
    }
    EXPECT_TRUE(world.conserved()) << world.counters();
  }
}

TEST(Plain, without_address_and_SSRC_authentication_tells_whose_it_is) {
  World world;
  std::vector<Client*> telephones;
  for (uint32_t i = 0; i < 8; ++i) {
    telephones.push_back(&addPlain(world, 1 + i, "198.18.0.11:" + std::to_string(5000 + i), false));
    world.addTrack(*telephones[i], {.index = i, .ssrc = 0, .mid = "", .flags = contract::kTrackAnySsrc});
  }
  // Each packet is tried with one of those that wait: 8 at first, then fewer.
  for (uint16_t n = 0; n < 100; ++n) {
    for (uint32_t i = 0; i < 8; ++i) world.sendRtp(*telephones[i], {.sequence = n, .ssrc = kSsrc});
    world.advance(20'000'000);
  }
  for (uint32_t i = 0; i < 8; ++i) {
    EXPECT_EQ(world.reports->transport[1 + i].remote, telephones[i]->address) << i << " " << world.counters();
  }
  EXPECT_LT(world.count(Counter::srtp_authentication_failed), 200u);
  // Nobody waits any more.
  Client stranger = world.makeClient(20, "198.18.0.13:6000");
  const uint64_t before = world.count(Counter::rtp_source_unvalidated);
  world.receiveUdp(stranger, rtpPacket({.ssrc = kSsrc}));
  EXPECT_EQ(world.count(Counter::rtp_source_unvalidated), before + 1);
  EXPECT_TRUE(world.conserved()) << world.counters();
}

TEST(Plain, RTCP_has_a_port_of_its_own_where_told) {
  World world;
  const auto with_rtcp = [&](uint32_t index, std::string_view address, std::string_view rtcp) -> Client& {
    world.clients.push_back(std::make_unique<Client>(world.makeClient(index, address)));
    Client& client = *world.clients.back();
    makePlain(client, address);
    client.row.rtcp_port_be = endpoint(rtcp).port_be;
    world.apply(client);
    world.answerNeighbours();
    return client;
  };
  Client& publisher = with_rtcp(1, "198.18.0.11:4000", "198.18.0.11:4001");
  Client& subscriber = with_rtcp(2, "198.18.0.12:4000", "198.18.0.12:4001");
  world.addTrack(publisher, {.ssrc = kSsrc, .mid = ""});
  world.addSubscription(subscriber, {.mid = ""});
  world.answerNeighbours();
  world.sendRtp(publisher, {.sequence = 1, .ssrc = kSsrc});
  EXPECT_EQ(world.takeRtp(subscriber).size(), 1u) << world.counters();
  world.advance(2'000'000'000);
  EXPECT_TRUE(world.takeRtcp(publisher).empty()) << "nothing where RTP comes from";
  publisher.address = endpoint("198.18.0.11:4001");
  EXPECT_FALSE(world.takeRtcp(publisher).empty());
  subscriber.address = endpoint("198.18.0.12:4001");
  const uint64_t asked = world.count(Counter::key_frame_requests_received);
  world.sendRtcp(subscriber, {0x81, 206, 0, 2, 0, 0, 0, 9, 0x22, 0x22, 0x22, 0x22});
  EXPECT_EQ(world.count(Counter::key_frame_requests_received), asked + 1);
  subscriber.address = endpoint("198.18.0.12:4002");
  world.sendRtcp(subscriber, {0x81, 206, 0, 2, 0, 0, 0, 9, 0x22, 0x22, 0x22, 0x22});
  EXPECT_EQ(world.count(Counter::rtcp_source_unvalidated), 1u);
  addPlain(world, 3, "198.18.0.12:4001", true);
  EXPECT_EQ(world.count(Counter::row_address_taken), 1u) << "where another's RTCP comes from";
  EXPECT_TRUE(world.conserved()) << world.counters();
}

TEST(Plain, a_withdrawn_track_latches_nothing) {
  World world;
  Client& publisher = addPlain(world, 1, "198.18.0.11:4001", false);
  world.addTrack(publisher, {.ssrc = kSsrc, .mid = ""});
  world.applyCommand(TrackCommand{.index = 0, .row = {}});
  world.sendRtp(publisher, {.sequence = 1, .ssrc = kSsrc});
  EXPECT_EQ(world.count(Counter::rtp_source_unvalidated), 1u);
}

TEST(Plain, workers_steer_to_the_owner_by_ssrc_then_by_address) {
  for (int arrival = 0; arrival < 3; ++arrival) {
    Crew crew(3);
    Client& subscriber = crew.connect(2, "198.18.0.12:4002");
    crew.clients.push_back(
        std::make_unique<Client>(makeClient(1, "198.18.0.11:4001", SrtpProfile::kAes128CmHmacSha1_80)));
    Client& publisher = *crew.clients.back();
    makePlain(publisher, "");
    publisher.openKeys(*crew.backend);
    crew.apply(transportCommand(*crew.backend, *crew.flows, publisher));
    crew.track(publisher, {.ssrc = kSsrc, .mid = ""});
    crew.subscribe(subscriber, {});
    crew.arrival = arrival;
    crew.sendRtp(publisher, {.sequence = 1, .ssrc = kSsrc});
    EXPECT_EQ(crew.reports->transport[1].nominated, 1u) << arrival << " " << crew.counters();
    EXPECT_EQ(crew.takeRtp(subscriber).size(), 1u) << crew.counters();
    for (crew.arrival = 0; crew.arrival < 3; ++crew.arrival) {
      crew.sendRtp(publisher, {.sequence = static_cast<uint16_t>(2 + crew.arrival), .ssrc = kSsrc});
    }
    EXPECT_EQ(crew.takeRtp(subscriber).size(), 3u) << crew.counters();
    crew.arrival = arrival;
    crew.apply(TrackCommand{.index = 0, .row = {}});
    crew.apply(TransportCommand{.index = 1, .row = {}});
    const uint64_t before = crew.count(Counter::rtp_source_unvalidated);
    crew.sendRtp(publisher, {.sequence = 10, .ssrc = kSsrc});
    EXPECT_EQ(crew.count(Counter::rtp_source_unvalidated), before + 1);
    EXPECT_TRUE(crew.conserved()) << crew.counters();
  }
}

TEST(Plain, workers_agree_on_whose_an_unknown_SSRC_may_be) {
  Crew crew(3);
  std::vector<Client*> telephones;
  for (uint32_t i = 0; i < 6; ++i) {
    crew.clients.push_back(std::make_unique<Client>(
        makeClient(1 + i, "198.18.0.11:" + std::to_string(5000 + i), SrtpProfile::kAes128CmHmacSha1_80)));
    telephones.push_back(crew.clients.back().get());
    makePlain(*telephones[i], "");
    telephones[i]->openKeys(*crew.backend);
    crew.apply(transportCommand(*crew.backend, *crew.flows, *telephones[i]));
    crew.track(*telephones[i], {.index = i, .ssrc = 0, .mid = "", .flags = contract::kTrackAnySsrc});
  }
  for (uint16_t n = 0; n < 60; ++n) {
    crew.arrival = n % 3;
    for (Client* telephone : telephones) crew.sendRtp(*telephone, {.sequence = n, .ssrc = kSsrc});
  }
  for (uint32_t i = 0; i < 6; ++i) {
    EXPECT_EQ(crew.reports->transport[1 + i].remote, telephones[i]->address) << i << " " << crew.counters();
  }
  EXPECT_TRUE(crew.conserved()) << crew.counters();
}

TEST(Plain, a_restarted_dataplane_knows_where_a_latched_one_is) {
  World world;
  Client& publisher = addPlain(world, 1, "198.18.0.11:4001", false);
  world.addTrack(publisher, {.ssrc = kSsrc, .mid = ""});
  world.sendRtp(publisher, {.sequence = 1, .ssrc = kSsrc});
  world.restart();
  world.resume(publisher);
  EXPECT_EQ(world.reports->transport[1].nominated, 1u) << world.counters();
}

}  // namespace
}  // namespace penstock::test
