// Nobody else gets in: each kind of packet that must have no effect moves its counter, and nothing else.
#include <gtest/gtest.h>

#include "tests/support/relay_world.h"

namespace penstock::test {
namespace {

struct Conference : World {
  Client& publisher = addConnected(1, "198.18.0.11:4001");
  Client& subscriber = addConnected(2, "198.18.0.12:4002");
  Address attacker = endpoint("198.18.0.99:6666");
  Conference() {
    addTrack(publisher, {});
    addSubscription(subscriber, {});
    take();
  }
  FrameSpec fromAttacker() const {
    FrameSpec spec;
    spec.source = attacker;
    return spec;
  }
};

/// Sends `frame`; expects one more of `counter` and nothing sent, forwarded, punted or answered.
void expectOnly(World& world, Counter counter, const Bytes& frame) {
  const uint64_t before = world.count(counter), drops = world.receiveDrops();
  const uint64_t made = world.count(Counter::made), punted = world.count(Counter::punted);
  const uint64_t answered = world.count(Counter::answered), forwarded = world.count(Counter::forwarded);
  world.receive(frame);
  EXPECT_EQ(world.count(counter), before + 1) << world.counters();
  EXPECT_EQ(world.receiveDrops(), drops + 1);
  EXPECT_EQ(world.count(Counter::made), made);
  EXPECT_EQ(world.count(Counter::punted), punted);
  EXPECT_EQ(world.count(Counter::answered), answered);
  EXPECT_EQ(world.count(Counter::forwarded), forwarded);
  EXPECT_TRUE(world.conserved());
}

TEST(Intruder, media_from_an_address_without_a_check_is_dropped_by_kind) {
  Conference c;
  const Bytes rtp = c.protect(c.publisher, rtpPacket({}));
  expectOnly(c, Counter::rtp_source_unvalidated, udpFrame(c.fromAttacker(), rtp));
  expectOnly(c, Counter::rtcp_source_unvalidated, udpFrame(c.fromAttacker(), rtcpPli(1, 2)));
  expectOnly(c, Counter::dtls_source_unvalidated, udpFrame(c.fromAttacker(), fromHex("16fefd0000")));
  expectOnly(c, Counter::datagram_kind_unknown, udpFrame(c.fromAttacker(), fromHex("40000000")));
  // The very packet is good from where it belongs: nothing was learned or spent.
  c.receiveUdp(c.publisher, rtp);
  EXPECT_EQ(c.takeRtp(c.subscriber).size(), 1u);
}

TEST(Intruder, checks_that_prove_nothing_get_no_answer) {
  Conference c;
  StunSpec good = c.checkOf(c.publisher);
  StunSpec wrong = good;
  wrong.password = "guessed";
  expectOnly(c, Counter::stun_integrity_bad, udpFrame(c.fromAttacker(), stunMessage(wrong)));
  wrong = good;
  wrong.integrity = false;
  expectOnly(c, Counter::stun_integrity_bad, udpFrame(c.fromAttacker(), stunMessage(wrong)));
  wrong = good;
  wrong.fingerprint = false;
  expectOnly(c, Counter::stun_fingerprint_bad, udpFrame(c.fromAttacker(), stunMessage(wrong)));
  wrong = good;
  wrong.username = "nobody:remote";
  expectOnly(c, Counter::stun_ufrag_unknown, udpFrame(c.fromAttacker(), stunMessage(wrong)));
  wrong = good;
  wrong.type = 0x0101;
  expectOnly(c, Counter::stun_not_binding_request, udpFrame(c.fromAttacker(), stunMessage(wrong)));
  FrameSpec loopback = c.fromAttacker();
  loopback.source = endpoint("127.0.0.1:4001");
  expectOnly(c, Counter::udp_source_forbidden, udpFrame(loopback, stunMessage(good)));
  Bytes cut = stunMessage(good);
  cut.resize(cut.size() - 3);
  expectOnly(c, Counter::stun_malformed, udpFrame(c.fromAttacker(), cut));
  c.sendRtp(c.publisher, {});
  EXPECT_EQ(c.takeRtp(c.subscriber).size(), 1u) << "the publisher is where it was";
}

TEST(Intruder, a_denied_network_is_neither_answered_nor_sent_to) {
  World world({.denied = {*parseCidr("198.18.9.0/24"), *parseCidr("2001:db8::f000/116")}});
  Client& inside = world.addClient(1, "198.18.9.9:4001");
  Client& inside_v6 = world.addClient(2, "[2001:db8::fabc]:4002");
  Client& outside = world.addClient(3, "198.18.10.9:4003");
  for (const Client* client : {&inside, &inside_v6}) {
    world.receiveUdp(*client, stunMessage(client->check()));
    FrameSpec ping = world.frameOf(*client);
    ping.source.port_be = ping.destination.port_be = 0;
    world.receive(icmpFrame(ping, fromHex(isV4(client->address) ? "08000000 12340001" : "80000000 12340001")));
    EXPECT_EQ(world.reports->transport[client->index].nominated, 0u);
  }
  EXPECT_EQ(world.count(Counter::udp_source_denied), 4u) << world.counters();
  EXPECT_TRUE(world.io.sent.empty());
  world.check(outside);
  EXPECT_EQ(world.reports->transport[3].nominated, 1u);
  EXPECT_TRUE(world.conserved());
}

TEST(Intruder, replays_forgeries_and_unsignalled_streams_have_no_effect) {
  Conference c;
  const Bytes packet = c.protect(c.publisher, rtpPacket({.sequence = 50}));
  c.receiveUdp(c.publisher, packet);
  ASSERT_EQ(c.takeRtp(c.subscriber).size(), 1u);
  expectOnly(c, Counter::srtp_replayed, udpFrame(c.frameOf(c.publisher), packet));
  Bytes forged = c.protect(c.publisher, rtpPacket({.sequence = 51}));
  for (size_t bit = 0; bit < forged.size() * 8; bit += 29) {
    if (bit / 8 >= 8 && bit / 8 < 12) continue;  // the SSRC: another stream
    if (bit / 8 < 2) continue;                   // version, CSRC count, extension: malformed rather than forged
    Bytes flipped = forged;
    flipped[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    expectOnly(c, Counter::srtp_authentication_failed, udpFrame(c.frameOf(c.publisher), flipped));
  }
  expectOnly(c, Counter::rtp_ssrc_unsignalled,
             udpFrame(c.frameOf(c.publisher), c.protect(c.publisher, rtpPacket({.ssrc = 0x9999}))));
  expectOnly(c, Counter::rtp_payload_type_unknown,
             udpFrame(c.frameOf(c.publisher), c.protect(c.publisher, rtpPacket({.payload_type = 50, .sequence = 52}))));
  c.receiveUdp(c.publisher, forged);
  EXPECT_EQ(c.takeRtp(c.subscriber).size(), 1u) << "the good one still counts once";
}

TEST(Intruder, a_subscriber_cannot_send_into_the_room) {
  Conference c;
  expectOnly(c, Counter::rtp_ssrc_unsignalled,
             udpFrame(c.frameOf(c.subscriber), c.protect(c.subscriber, rtpPacket({.ssrc = 0x1111'1111}))));
}

TEST(Intruder, rtcp_that_is_forged_or_replayed_is_ignored) {
  Conference c;
  Bytes pli = rtcpPli(9, 0x2222'2222);
  const size_t length = pli.size();
  pli.resize(length + srtp::kSrtcpTrailerMax);
  pli.resize(c.subscriber.rtcp_sending->protect(pli, length).length);
  Bytes forged = pli;
  forged.back() ^= 1;
  expectOnly(c, Counter::srtcp_authentication_failed, udpFrame(c.frameOf(c.subscriber), forged));
  c.receiveUdp(c.subscriber, pli);
  EXPECT_EQ(c.count(Counter::key_frame_requests_received), 1u);
  expectOnly(c, Counter::srtcp_replayed, udpFrame(c.frameOf(c.subscriber), pli));
}

TEST(Intruder, nothing_flows_before_the_handshake) {
  World world;
  Client client = world.makeClient(1, "198.18.0.11:4001");
  const auto profile = std::exchange(client.row.srtp_profile, contract::SrtpProfile::kNone);
  world.applyCommand(TransportCommand{.index = 1, .row = client.row});
  world.check(client);
  world.take();
  client.to_relay = world.backend->expand(profile, client.row.receive_key);
  expectOnly(world, Counter::rtp_keys_missing, udpFrame(world.frameOf(client), world.protect(client, rtpPacket({}))));
  expectOnly(world, Counter::rtcp_keys_missing, udpFrame(world.frameOf(client), rtcpPli(1, 2)));
}

TEST(Intruder, frames_that_are_not_for_us_are_dropped_by_name) {
  Conference c;
  FrameSpec spec = c.frameOf(c.publisher);
  spec.destination_mac.bytes[5] = 0x77;
  expectOnly(c, Counter::frame_not_ours, udpFrame(spec, fromHex("80")));
  spec = c.frameOf(c.publisher);
  spec.vlan = 7;
  expectOnly(c, Counter::frame_vlan_other, udpFrame(spec, fromHex("80")));
  spec = c.frameOf(c.publisher);
  spec.destination = endpoint("198.18.0.3:10000");
  expectOnly(c, Counter::ip_not_ours, udpFrame(spec, fromHex("80")));
  spec.destination = endpoint("198.18.0.1:10001");
  expectOnly(c, Counter::udp_port_other, udpFrame(spec, fromHex("80")));
  spec = c.frameOf(c.publisher);
  spec.destination = endpoint("198.18.0.77:0");
  expectOnly(c, Counter::arp_not_ours, arpFrame(spec, 1));
}

TEST(Intruder, a_flood_of_checks_and_of_dtls_is_answered_within_a_budget) {
  Conference c;
  for (int i = 0; i < 1000; ++i) c.check(c.publisher);
  EXPECT_LE(c.take().size(), 60u);
  EXPECT_GE(c.count(Counter::stun_budget_spent), 900u);
  for (int i = 0; i < 1000; ++i) c.receiveUdp(c.publisher, fromHex("16fefd0000"));
  EXPECT_LE(c.count(Counter::punted), 70u);
  EXPECT_TRUE(c.conserved());
}

TEST(Intruder, an_answer_is_not_longer_than_the_question) {
  World world;
  Client& client = world.addClient(1, "198.18.0.11:4001");
  StunSpec spec = world.checkOf(client);
  const size_t asked = udpFrame(world.frameOf(client), stunMessage(spec)).size();
  world.check(client);
  const auto sent = world.take();
  ASSERT_FALSE(sent.empty());
  EXPECT_LE(sent.back().size(), asked);
}

}  // namespace
}  // namespace penstock::test
