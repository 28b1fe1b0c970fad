// Rows coming, changing and going: nothing dangles, nothing is used twice, a restart goes on beyond what was reserved.
#include <gtest/gtest.h>

#include <random>

#include "dataplane/relay/fixed_map.h"
#include "dataplane/relay/state.h"
#include "tests/support/relay_world.h"

namespace penstock::test {
namespace {

TEST(Apply, references_to_another_use_of_a_slot_are_refused) {
  World world;
  Client& publisher = world.addConnected(1, "198.18.0.11:4001");
  Client& subscriber = world.addConnected(2, "198.18.0.12:4002");
  world.addSubscription(subscriber, {});
  EXPECT_EQ(world.count(Counter::row_generation_wrong), 1u) << "no such track yet";
  world.addTrack(publisher, {.generation = 3});
  world.addSubscription(subscriber, {.track_generation = 2});
  EXPECT_EQ(world.count(Counter::row_generation_wrong), 2u);
  world.addSubscription(subscriber, {.track_generation = 3});
  world.sendRtp(publisher, {});
  EXPECT_EQ(world.takeRtp(subscriber).size(), 1u);
}

TEST(Apply, an_ssrc_or_ufrag_in_use_is_refused) {
  World world;
  Client& publisher = world.addConnected(1, "198.18.0.11:4001");
  world.addTrack(publisher, {});
  world.addTrack(publisher, {.index = 1, .mid = "1"});
  EXPECT_EQ(world.count(Counter::row_ssrc_taken), 1u);
  world.addSubscription(publisher, {});
  world.addSubscription(publisher, {.index = 1, .ssrc = 0x2222'2223, .rtx_ssrc = 0x2222'2224});
  EXPECT_EQ(world.count(Counter::row_ssrc_taken), 2u) << "it is the RTX of the first";
  world.applyCommand(SubscriptionCommand{.index = 0, .row = {.state = contract::RowState::kFree}});
  Client twin = world.makeClient(5, "198.18.0.15:4005");
  std::memcpy(twin.row.ice_ufrag, publisher.row.ice_ufrag, sizeof(twin.row.ice_ufrag));
  twin.row.ufrag_length_bytes = publisher.row.ufrag_length_bytes;
  world.applyCommand(TransportCommand{.index = 5, .row = twin.row});
  EXPECT_EQ(world.count(Counter::row_ufrag_taken), 1u);
  EXPECT_EQ(world.count(Counter::row_address_taken), 0u);
  world.sendRtp(publisher, {});
  EXPECT_EQ(world.count(Counter::rtp_no_subscriber), 1u) << "the first is untouched";
}

TEST(Apply, only_rows_of_the_workers_own_are_counted) {
  World world;
  Client& publisher = world.addConnected(1, "198.18.0.11:4001");
  const uint64_t before = world.count(Counter::rows_applied);
  world.addTrack(publisher, {});
  EXPECT_EQ(world.count(Counter::rows_applied), before + 1);
  world.applyCommand(LatchCommand{.track = 7, .transport = 9, .keys = {.ssrcs = {5}}});
  world.applyCommand(FanOutCommand{.track = {0, 1}, .workers = 0});
  world.applyCommand(FanOutCommand{.track = {12, 1}, .workers = 0});
  world.applyCommand(RanksCommand{});
  world.applyCommand(ElsewhereCommand{.index = 9, .row = world.makeClient(9, "198.18.0.19:4009").row, .worker = 0});
  EXPECT_EQ(world.count(Counter::rows_applied), before + 1) << world.counters();
  EXPECT_EQ(world.count(Counter::row_generation_wrong), 0u);
}

TEST(Apply, a_track_published_again_under_its_ssrc_goes_on_from_its_index) {
  World world;
  Client& publisher = world.addConnected(1, "198.18.0.11:4001");
  Client& subscriber = world.addConnected(2, "198.18.0.12:4002");
  world.addTrack(publisher, {});
  world.sendRtp(publisher, {.sequence = 65'530});
  world.sendRtp(publisher, {.sequence = 5}, 1);
  const Bytes old = world.protect(publisher, rtpPacket({.sequence = 6}), 1);
  world.receiveUdp(publisher, old);
  world.applyCommand(TrackCommand{.index = 0, .row = {.state = contract::RowState::kFree}});
  world.addTrack(publisher, {.index = 3, .generation = 2});
  world.addSubscription(subscriber, {.track = 3, .track_generation = 2});
  world.take();
  world.sendRtp(publisher, {.sequence = 7}, 1);  // the roll-over counter is 1 and is not in the packet
  EXPECT_EQ(world.takeRtp(subscriber).size(), 1u) << world.counters();
  world.receiveUdp(publisher, old);
  EXPECT_EQ(world.count(Counter::srtp_replayed), 1u);
}

TEST(Apply, closing_a_transport_takes_its_tracks_and_subscriptions_along) {
  World world;
  Client& publisher = world.addConnected(1, "198.18.0.11:4001");
  Client& subscriber = world.addConnected(2, "198.18.0.12:4002");
  world.addTrack(publisher, {});
  world.addSubscription(subscriber, {});
  for (uint16_t i = 0; i < 20; ++i) world.sendRtp(publisher, {.sequence = i});
  world.take();
  contract::TransportRow free{.generation = 2, .state = contract::RowState::kFree};
  world.applyCommand(TransportCommand{.index = 1, .row = free});
  world.receiveUdp(publisher, world.protect(publisher, rtpPacket({.sequence = 30})));
  EXPECT_EQ(world.count(Counter::rtp_source_unvalidated), 1u);
  world.applyCommand(TransportCommand{.index = 2, .row = free});
  world.relay.reset();
  EXPECT_TRUE(world.io.live.empty()) << "cached packets were given back";
}

TEST(Apply, a_restarted_dataplane_goes_on_beyond_what_was_reserved) {
  World world;
  Client& publisher = world.addConnected(1, "198.18.0.11:4001");
  Client& subscriber = world.addConnected(2, "198.18.0.12:4002");
  world.addTrack(publisher, {});
  world.addSubscription(subscriber, {});
  std::set<uint16_t> used;
  for (uint16_t i = 0; i < 100; ++i) {
    world.sendRtp(publisher, {.sequence = i});
    for (const Bytes& packet : world.takeRtp(subscriber)) used.insert(parseRtp(packet)->sequence);
  }
  const uint64_t reserved = world.flows->subscription[0].index_reserved;
  EXPECT_GE(reserved, 5100u);
  world.restart();
  for (Client* client : {&publisher, &subscriber}) {
    EXPECT_EQ(world.flows->transport[client->index].remote, client->address);
    world.resume(*client);
  }
  world.answerNeighbours();
  world.addTrack(publisher, {});
  world.addSubscription(subscriber, {.first_index = reserved});
  for (uint16_t i = 100; i < 200; ++i) {
    world.sendRtp(publisher, {.sequence = i});
    for (const Bytes& packet : world.takeRtp(subscriber)) {
      EXPECT_TRUE(used.insert(parseRtp(packet)->sequence).second);
    }
  }
  EXPECT_EQ(used.size(), 200u) << world.counters();
}

TEST(Apply, what_was_received_before_a_restart_is_a_replay_after_it) {
  World world;
  Client& publisher = world.addConnected(1, "198.18.0.11:4001");
  Client& subscriber = world.addConnected(2, "198.18.0.12:4002");
  world.addTrack(publisher, {.rtx_ssrc = 0x1111'1112});
  world.addSubscription(subscriber, {});
  const Bytes media = world.protect(publisher, rtpPacket({.sequence = 50}));
  const Bytes rtx = world.protect(publisher, rtpPacket({.payload_type = 97, .sequence = 60, .ssrc = 0x1111'1112}));
  // RFC 3711 counts the index of each sender: the second one's is far behind the first one's.
  for (int i = 0; i < 100; ++i) world.sendRtcp(subscriber, rtcpReceiverReport(8));
  const Bytes pli = subscriber.protectRtcp(rtcpPli(8, 0x2222'2222));
  subscriber.rtcp_sending = srtp::SrtcpSender::open(subscriber.row.srtp_profile, subscriber.row.receive_key, 0);
  const Bytes other = subscriber.protectRtcp(rtcpPli(9, 0x2222'2222));
  const auto sendAll = [&] {
    world.receiveUdp(publisher, media);
    world.receiveUdp(publisher, rtx);
    world.receiveUdp(subscriber, pli);
    world.receiveUdp(subscriber, other);
  };
  sendAll();
  ASSERT_EQ(world.count(Counter::forwarded), 1u);
  ASSERT_EQ(world.count(Counter::rtp_rtx_unrequested), 1u);
  ASSERT_EQ(world.count(Counter::key_frame_requests_received), 2u);

  world.restart();
  for (const Client* client : {&publisher, &subscriber}) world.resume(*client);
  world.addTrack(publisher, {.rtx_ssrc = 0x1111'1112});
  world.addSubscription(subscriber, {.first_index = world.flows->subscription[0].index_reserved});
  world.answerNeighbours();
  sendAll();
  EXPECT_EQ(world.count(Counter::srtp_replayed), 2u) << world.counters();
  EXPECT_EQ(world.count(Counter::srtcp_replayed), 2u);
  EXPECT_EQ(world.count(Counter::forwarded), 1u);
  EXPECT_EQ(world.count(Counter::key_frame_requests_received), 2u);
  // What is new goes on at once, also of the sender whose index is low.
  world.sendRtp(publisher, {.sequence = 51});
  EXPECT_EQ(world.takeRtp(subscriber).size(), 1u);
  world.sendRtcp(subscriber, rtcpPli(9, 0x2222'2222));
  EXPECT_EQ(world.count(Counter::key_frame_requests_received), 3u);
  EXPECT_TRUE(world.conserved());
}

TEST(Apply, a_withdrawn_track_is_remembered_over_a_restart) {
  World world;
  Client& publisher = world.addConnected(1, "198.18.0.11:4001");
  Client& subscriber = world.addConnected(2, "198.18.0.12:4002");
  world.addTrack(publisher, {});
  world.sendRtp(publisher, {.sequence = 65'530});
  const Bytes old = world.protect(publisher, rtpPacket({.sequence = 6}), 1);
  world.receiveUdp(publisher, old);
  world.applyCommand(TrackCommand{.index = 0, .row = {.state = contract::RowState::kFree}});
  for (int restarts = 0; restarts < 2; ++restarts) {
    world.restart();
    for (const Client* client : {&publisher, &subscriber}) world.resume(*client);
  }
  world.answerNeighbours();
  world.addTrack(publisher, {.index = 3, .generation = 2});
  world.addSubscription(subscriber, {.track = 3, .track_generation = 2});
  world.take();
  world.sendRtp(publisher, {.sequence = 7}, 1);  // the roll-over counter is 1 and is not in the packet
  EXPECT_EQ(world.takeRtp(subscriber).size(), 1u) << world.counters();
  world.receiveUdp(publisher, old);
  EXPECT_EQ(world.count(Counter::srtp_replayed), 1u);
  EXPECT_EQ(world.flows->transport[1].retired[0].highest_index, 0u) << "it is in use again";
}

TEST(Apply, an_encoding_that_gets_another_ssrc_begins_a_new_index) {
  World world;
  Client& publisher = world.addConnected(1, "198.18.0.11:4001");
  world.addTrack(publisher, {});
  world.sendRtp(publisher, {.sequence = 40'000});
  TrackCommand command = world.trackCommand(publisher, {.ssrc = 0x777});
  command.encoding[0].media = world.backend->openReceive(publisher.to_relay, 0x777, 0, srtp::kReplayWindowVideo);
  world.applyCommand(std::move(command));
  world.sendRtp(publisher, {.sequence = 5, .ssrc = 0x777});
  EXPECT_EQ(world.flows->track[0].encoding[0].ssrc, 0x777u);
  EXPECT_EQ(world.flows->track[0].encoding[0].highest_index, 5u);
}

TEST(Apply, an_address_that_the_settings_no_longer_reach_is_not_resumed) {
  World world({.gateways = {ip("198.18.0.254")}});
  Client& client = world.addClient(1, "203.0.113.9:4001");
  world.check(client);
  ASSERT_EQ(world.reports->transport[1].nominated, 1u);
  world.config.gateways.clear();
  world.restart();
  world.resume(client);
  EXPECT_EQ(world.reports->transport[1].nominated, 0u);
}

TEST(Apply, random_rows_leave_nothing_dangling) {
  const uint64_t seed = std::random_device{}();
  std::mt19937_64 random(seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  World world;
  for (uint32_t i = 0; i < 6; ++i) world.addConnected(i, "198.18.0.1" + std::to_string(i) + ":400" + std::to_string(i));
  const auto pick = [&](uint64_t n) { return static_cast<uint32_t>(random() % n); };
  for (int step = 0; step < 3000; ++step) {
    Client& client = *world.clients[pick(6)];
    const uint32_t generation = 1 + pick(2);
    switch (pick(6)) {
      case 0:
        world.addTrack(client, {.index = pick(8), .ssrc = 100 + pick(8), .generation = generation});
        break;
      case 1:
        world.addSubscription(client, {.index = pick(32),
                                       .track = pick(8),
                                       .ssrc = 500 + pick(40),
                                       .rtx_ssrc = 900 + pick(40),
                                       .first_index = 5000 + static_cast<uint64_t>(step) * 100,
                                       .generation = generation,
                                       .track_generation = 1 + pick(2)});
        break;
      case 2:
        world.applyCommand(TrackCommand{.index = pick(8), .row = {.state = contract::RowState::kFree}});
        break;
      case 3:
        world.applyCommand(SubscriptionCommand{.index = pick(32), .row = {.state = contract::RowState::kFree}});
        break;
      case 4:
        if (pick(10) == 0) world.applyCommand(TransportCommand{.index = client.index, .row = {}});
        world.applyCommand(TransportCommand{.index = client.index, .row = client.row});
        world.check(client);
        break;
      default: {
        const Bytes rtp = rtpPacket({.sequence = static_cast<uint16_t>(step), .ssrc = 100 + pick(8)});
        Bytes frame = udpFrame(world.frameOf(client), rtp);
        world.receive(frame);
        world.advance(20'000'000);
      }
    }
    world.take();
  }
  EXPECT_TRUE(world.conserved()) << world.counters();
  for (uint32_t i = 0; i < 6; ++i) world.applyCommand(TransportCommand{.index = i, .row = {}});
  world.relay.reset();
  EXPECT_TRUE(world.io.live.empty());
}

TEST(Apply, every_stream_that_rows_admit_has_its_place) {
  World world;
  Client& publisher = world.addConnected(1, "198.18.0.11:4001");
  // More than an eighth of all rows, with every SSRC that they have room for: audio, whose state is small.
  constexpr uint32_t kTracks = 4'200;
  TrackCommand command = world.trackCommand(publisher, {.kind = contract::MediaKind::kAudio});
  contract::TrackRow row = command.row;
  row.encoding_count = contract::kEncodingMax;
  const auto ssrcOf = [](uint32_t track, uint32_t encoding, uint32_t rtx) {
    return 1 + (track * contract::kEncodingMax + encoding) * 2 + rtx;
  };
  for (uint32_t track = 0; track < kTracks; ++track) {
    for (uint32_t e = 0; e < contract::kEncodingMax; ++e) {
      row.encoding[e].ssrc = ssrcOf(track, e, 0);
      row.encoding[e].rtx_ssrc = ssrcOf(track, e, 1);
    }
    world.applyCommand(TrackCommand{.index = track, .row = row});
  }
  EXPECT_EQ(world.count(Counter::row_ssrc_taken) + world.count(Counter::row_table_full), 0u) << world.counters();
  Bytes packet = rtpPacket({.ssrc = ssrcOf(kTracks - 1, contract::kEncodingMax - 1, 1)});
  packet.resize(packet.size() + 16);
  world.receiveUdp(publisher, packet);
  EXPECT_EQ(world.count(Counter::rtp_ssrc_unsignalled), 0u) << "the last one is found";
  EXPECT_EQ(world.count(Counter::rtp_keys_missing), 1u) << world.counters();
}

TEST(FixedMap, keys_chosen_to_collide_under_one_seed_do_not_under_another) {
  constexpr uint64_t kMask = 1023, kKnownSeed = 0x1234'5678'9abc'def0, kOtherSeed = 0x0fed'cba9'8765'4321;
  const auto spread = [](const auto& chosen, const auto& hash) {
    std::set<uint64_t> places;
    for (const auto& key : chosen) places.insert(hash(key) & kMask);
    return places.size();
  };
  std::vector<StreamKey> streams;
  std::vector<uint32_t> ssrcs;
  std::vector<UfragKey> ufrags;
  for (uint32_t i = 1; streams.size() < 200 || ssrcs.size() < 200 || ufrags.size() < 200; ++i) {
    if ((StreamKeyHash{kKnownSeed}({1, i}) & kMask) == 5) streams.push_back({1, i});
    if ((SsrcHash{kKnownSeed}(i)&kMask) == 5) ssrcs.push_back(i);
    UfragKey key{};
    std::memcpy(key.data(), &i, sizeof i);
    if ((UfragHash{kKnownSeed}(key)&kMask) == 5) ufrags.push_back(key);
  }
  EXPECT_EQ(spread(streams, StreamKeyHash{kKnownSeed}), 1u);
  EXPECT_GT(spread(streams, StreamKeyHash{kOtherSeed}), 120u) << "200 balls in 1024 urns hit 182 of them";
  EXPECT_GT(spread(ssrcs, SsrcHash{kOtherSeed}), 120u);
  EXPECT_GT(spread(ufrags, UfragHash{kOtherSeed}), 120u);
}

TEST(FixedMap, behaves_as_a_map_under_random_changes) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  struct Bad {
    uint64_t operator()(uint64_t key) const { return key % 7; }  // long probes on purpose
  };
  FixedMap<uint64_t, int, Bad> map(64, {});
  std::map<uint64_t, int> model;
  for (int i = 0; i < 20'000; ++i) {
    const uint64_t key = random() % 100;
    if (random() % 2) {
      const bool fits = model.size() < 64 || model.contains(key);
      EXPECT_EQ(map.set(key, i), fits);
      if (fits) model[key] = i;
    } else {
      map.erase(key);
      model.erase(key);
    }
    ASSERT_EQ(map.size(), model.size());
    const uint64_t probe = random() % 100;
    const int* found = map.find(probe);
    ASSERT_EQ(found != nullptr, model.contains(probe));
    if (found) {
      ASSERT_EQ(*found, model[probe]);
    }
  }
}

}  // namespace
}  // namespace penstock::test
