// One room over several workers: what arrives anywhere ends where it would with one worker, and every worker encrypts.
#include <gtest/gtest.h>

#include <random>

#include "dataplane/packet/rtcp.h"
#include "dataplane/packet/rtcp_writer.h"
#include "dataplane/packet/rtp_extension.h"
#include "tests/support/crew.h"

namespace penstock::test {
namespace {

constexpr uint32_t kSubscribers = 8;
constexpr uint32_t kMediaSsrc = 0x1111'1111;
constexpr uint32_t kRtxSsrc = 0x1111'1112;

std::string addressOf(uint32_t index) {
  return "198.18.0." + std::to_string(10 + index) + ":" + std::to_string(4000 + index);
}

/// A publisher with a camera, and subscribers of it.
struct Room {
  Crew crew;
  Client& publisher = crew.connect(0, addressOf(0));
  std::vector<Client*> subscribers;

  explicit Room(uint32_t workers) : crew(workers) {
    crew.track(publisher, {.rtx_ssrc = kRtxSsrc});
    for (uint32_t i = 0; i < kSubscribers; ++i) {
      const auto profile = i % 2 ? contract::SrtpProfile::kAes128CmHmacSha1_80 : contract::SrtpProfile::kAeadAes128Gcm;
      subscribers.push_back(&crew.connect(1 + i, addressOf(1 + i), profile));
      crew.subscribe(*subscribers.back(), subscription(i));
    }
    crew.finishTurn();
    crew.io.sent.clear();
  }
  static SubscriptionSpec subscription(uint32_t i) {
    return {.index = i, .ssrc = 0x2222'0000 + 2 * i, .rtx_ssrc = 0x2222'0001 + 2 * i};
  }
  uint32_t ownerOf(const Client& client) const { return crew.dispatcher.ownerOf(client.index); }
  /// A subscriber on another worker than the publisher's.
  uint32_t stranger() const {
    for (uint32_t i = 0; i < kSubscribers; ++i) {
      if (ownerOf(*subscribers[i]) != ownerOf(publisher)) return i;
    }
    throw std::logic_error("all on one worker");
  }
};

class WorkersTest : public testing::TestWithParam<uint32_t> {
 protected:
  Room room{GetParam()};
  Crew& crew = room.crew;
};

TEST_P(WorkersTest, each_subscriber_gets_each_packet_once_and_in_order) {
  for (uint16_t i = 0; i < 60; ++i) crew.sendRtp(room.publisher, {.sequence = i, .payload = bytesOf("picture")});
  EXPECT_EQ(crew.count(Counter::forwarded), 60u) << crew.counters();
  for (Client* subscriber : room.subscribers) {
    const auto packets = crew.takeRtp(*subscriber);
    ASSERT_EQ(packets.size(), 60u);
    for (uint16_t i = 0; i < 60; ++i) {
      const auto view = parseRtp(packets[i]).value();
      EXPECT_EQ(view.sequence, 5000 + i);
      EXPECT_EQ(Bytes(view.payload().begin(), view.payload().end()), bytesOf("picture"));
      EXPECT_EQ(readSdesText(*RtpExtensions::parse(view).find(kMidId), 16), "7");
    }
  }
  EXPECT_TRUE(crew.conserved()) << crew.counters();
}

TEST_P(WorkersTest, every_worker_has_its_part_of_the_room) {
  crew.sendRtp(room.publisher, {});
  for (uint32_t worker = 0; worker < GetParam(); ++worker) {
    EXPECT_GE(crew.countOf(worker, Counter::media_sent), kSubscribers / GetParam() - 1) << "worker " << worker;
    EXPECT_LE(crew.dispatcher.loadOf(worker), 3 + 2 * kSubscribers / GetParam()) << "worker " << worker;
  }
}

TEST_P(WorkersTest, a_nack_is_answered_by_the_subscribers_own_worker) {
  const Bytes payload = bytesOf("lost on the way");
  crew.sendRtp(room.publisher, {.sequence = 100, .payload = payload});
  for (uint32_t i = 0; i < kSubscribers; ++i) {
    crew.io.sent.clear();
    crew.sendRtcp(*room.subscribers[i], rtcpNack(9, 0x2222'0000 + 2 * i, 5000, 0));
    const auto packets = crew.takeRtp(*room.subscribers[i]);
    ASSERT_EQ(packets.size(), 1u) << "subscriber " << i << ": " << crew.counters();
    const auto view = parseRtp(packets[0]).value();
    EXPECT_EQ(view.ssrc, 0x2222'0001 + 2 * i);
    const auto body = view.payload();
    EXPECT_EQ(Bytes(body.begin() + 2, body.end()), payload);
  }
}

TEST_P(WorkersTest, a_key_frame_request_reaches_the_publisher_once) {
  crew.sendRtp(room.publisher, {});
  crew.advance(1'000'000'000);
  crew.io.sent.clear();
  for (uint32_t i = 0; i < kSubscribers; ++i) crew.sendRtcp(*room.subscribers[i], rtcpPli(9, 0x2222'0000 + 2 * i));
  for (int i = 0; i < 10; ++i) crew.advance(100'000'000);  // one was sent a moment ago
  size_t requests = 0;
  for (const Bytes& compound : crew.takeRtcp(room.publisher)) {
    RtcpReader reader(compound);
    while (const auto member = reader.next()) requests += member->kind() == RtcpKind::kPli;
  }
  EXPECT_EQ(requests, 1u) << crew.counters();
}

TEST_P(WorkersTest, sender_reports_are_made_from_the_publishers_on_every_worker) {
  crew.sendRtp(room.publisher, {.timestamp = 90'000});
  crew.sendRtcp(room.publisher, rtcpSenderReport(kMediaSsrc, ntpFromUnix(1'700'000'000'000'000'000), 90'000, 10, 1000));
  crew.io.sent.clear();
  for (int i = 0; i < 15; ++i) crew.advance(100'000'000);
  for (Client* subscriber : room.subscribers) {
    bool reported = false;
    for (const Bytes& compound : crew.takeRtcp(*subscriber)) reported |= compound[1] == 200;
    EXPECT_TRUE(reported) << "subscriber " << subscriber->index;
  }
}

TEST_P(WorkersTest, padding_and_mutes_leave_no_gap) {
  crew.sendRtp(room.publisher, {.sequence = 1});
  crew.sendRtp(room.publisher, {.sequence = 2, .padding = 100, .payload = {}});
  crew.sendRtp(room.publisher, {.sequence = 3});
  TrackCommand mute =
      trackCommand(*crew.backend, *crew.flows, room.publisher, {.rtx_ssrc = kRtxSsrc, .flags = contract::kTrackMuted});
  mute.encoding = {};
  crew.apply(std::move(mute));
  for (uint16_t i = 4; i < 9; ++i) crew.sendRtp(room.publisher, {.sequence = i});
  TrackCommand unmute = trackCommand(*crew.backend, *crew.flows, room.publisher, {.rtx_ssrc = kRtxSsrc});
  unmute.encoding = {};
  crew.apply(std::move(unmute));
  crew.finishTurn();
  crew.sendRtp(room.publisher, {.sequence = 9});
  for (Client* subscriber : room.subscribers) {
    std::vector<uint16_t> sequences;
    for (const Bytes& packet : crew.takeRtp(*subscriber)) sequences.push_back(parseRtp(packet)->sequence);
    EXPECT_EQ(sequences, (std::vector<uint16_t>{5000, 5001, 5002})) << "subscriber " << subscriber->index;
  }
}

TEST_P(WorkersTest, a_client_that_moves_to_another_address_and_queue_loses_nothing) {
  for (uint16_t i = 0; i < 20; ++i) {
    if (i == 10) {
      room.publisher.address = endpoint("198.18.0.99:9999");
      crew.receive(room.publisher, stunMessage(room.publisher.check()));
    }
    crew.sendRtp(room.publisher, {.sequence = i});
  }
  EXPECT_EQ(crew.count(Counter::forwarded), 20u) << crew.counters();
  for (Client* subscriber : room.subscribers) EXPECT_EQ(crew.takeRtp(*subscriber).size(), 20u);
}

TEST_P(WorkersTest, a_new_client_from_a_silent_clients_port_takes_the_address_over) {
  crew.now_ns += 6'000'000'000;
  Client& heir = crew.connect(100, addressOf(0));
  EXPECT_EQ(heir.address, room.publisher.address);
  EXPECT_EQ(crew.count(Counter::consents_lost), 1u) << "control is told whose it was";
  crew.track(heir, {.index = 1, .ssrc = 0x9999});
  crew.subscribe(*room.subscribers[0], {.index = 50, .track = 1, .ssrc = 0x7777, .rtx_ssrc = 0, .mid = "8"});
  for (uint32_t i = 0; i < 4; ++i) crew.sendRtp(heir, {.sequence = static_cast<uint16_t>(i), .ssrc = 0x9999});
  EXPECT_EQ(crew.takeRtp(*room.subscribers[0]).size(), 4u) << crew.counters();
  crew.sendRtp(room.publisher, {});
  EXPECT_EQ(crew.count(Counter::forwarded), 4u) << "the old one's keys are no good from there";
}

TEST_P(WorkersTest, strangers_are_dropped_where_they_arrive) {
  Client stranger = makeClient(200, "198.18.0.200:1", contract::SrtpProfile::kAeadAes128Gcm);
  stranger.openKeys(*crew.backend);
  const uint64_t handed = crew.count(Counter::handed_over);
  for (int i = 0; i < 8; ++i) crew.sendRtp(stranger, {.sequence = static_cast<uint16_t>(i)});
  for (int i = 0; i < 8; ++i) crew.receive(stranger, stunMessage(stranger.check()));
  EXPECT_EQ(crew.count(Counter::rtp_source_unvalidated), 8u);
  EXPECT_EQ(crew.count(Counter::stun_ufrag_unknown), 8u);
  EXPECT_EQ(crew.count(Counter::handed_over), handed);
  EXPECT_TRUE(crew.io.sent.empty());
}

TEST_P(WorkersTest, what_is_closed_is_forgotten_everywhere_and_gives_every_buffer_back) {
  for (uint16_t i = 0; i < 30; ++i) crew.sendRtp(room.publisher, {.sequence = i});
  for (uint32_t i = 0; i < kSubscribers; i += 2) crew.apply(SubscriptionCommand{.index = i, .row = {}});
  crew.io.sent.clear();
  crew.sendRtp(room.publisher, {.sequence = 30});
  for (uint32_t i = 0; i < kSubscribers; ++i) EXPECT_EQ(crew.takeRtp(*room.subscribers[i]).size(), i % 2);
  for (uint32_t i = 1; i < kSubscribers; i += 2) crew.apply(SubscriptionCommand{.index = i, .row = {}});
  crew.sendRtp(room.publisher, {.sequence = 31});
  EXPECT_EQ(crew.count(Counter::rtp_no_subscriber), 1u) << crew.counters();
  crew.apply(TrackCommand{.index = 0, .row = {}});
  crew.apply(TransportCommand{.index = 0, .row = {}});
  crew.sendRtp(room.publisher, {.sequence = 32});
  EXPECT_EQ(crew.count(Counter::rtp_source_unvalidated), 1u) << crew.counters();
  crew.relays.clear();  // each held some empty buffers in stock
  EXPECT_TRUE(crew.io.live.empty()) << crew.io.live.size() << " buffers are still referenced";
}

TEST_P(WorkersTest, control_reaches_a_transport_of_any_worker) {
  for (uint32_t i = 0; i < kSubscribers; ++i) {
    contract::Datagram datagram{};
    datagram.transport = {room.subscribers[i]->index, 1};
    datagram.length_bytes = 5;
    std::memcpy(datagram.bytes, "hello", 5);
    crew.relays[0]->inject(datagram, crew.now_ns);
    crew.finishTurn();
    ASSERT_FALSE(crew.io.sent.empty()) << crew.counters();
    EXPECT_EQ(room.subscribers[i]->payload(crew.io.sent.back()), bytesOf("hello"));
  }
}

INSTANTIATE_TEST_SUITE_P(Counts, WorkersTest, testing::Values(1, 2, 3, 4), testing::PrintToStringParamName());

/// The whole of a VP8 key frame of this size, in one packet.
Bytes keyFrame(uint16_t width, uint16_t height) {
  const auto low = [](uint16_t value) { return static_cast<uint8_t>(value & 255); };
  const auto high = [](uint16_t value) { return static_cast<uint8_t>(value >> 8); };
  return {0x10, 0, 0, 0, 0x9d, 0x01, 0x2a, low(width), high(width), low(height), high(height)};
}

TEST(Workers, each_chooses_the_layers_of_its_own_subscribers) {
  constexpr uint32_t kSmallSsrc = 0x1111'0000, kLargeSsrc = 0x1111'0001;
  Crew crew(3);
  Client& publisher = crew.connect(0, addressOf(0));
  crew.track(publisher, {.ssrc = kSmallSsrc, .codec = contract::Codec::kVp8, .more_ssrcs = {kLargeSsrc}});
  std::vector<Client*> subscribers;
  for (uint32_t i = 0; i < 9; ++i) {
    subscribers.push_back(&crew.connect(1 + i, addressOf(1 + i)));
    auto command = subscriptionCommand(*crew.backend, *subscribers.back(), Room::subscription(i));
    command.row.width_max = i % 2 ? 320 : 0;
    crew.apply(std::move(command));
  }
  const Bytes small = keyFrame(320, 180), large = keyFrame(640, 360);
  for (uint16_t i = 0; i < 20; ++i) {
    crew.advance(40'000'000);
    for (const auto& [ssrc, payload] : {std::pair(kSmallSsrc, small), {kLargeSsrc, large}}) {
      crew.sendRtp(publisher, {.sequence = i, .timestamp = 3600u * i, .ssrc = ssrc, .payload = payload});
    }
  }
  for (uint32_t i = 0; i < subscribers.size(); ++i) {
    std::vector<Bytes> packets = crew.takeRtp(*subscribers[i]);
    ASSERT_GE(packets.size(), 20u) << "subscriber " << i;
    for (size_t n = packets.size() - 18; n < packets.size(); ++n) {
      const auto view = parseRtp(packets[n]).value();
      EXPECT_EQ(Bytes(view.payload().begin(), view.payload().end()), i % 2 ? small : large) << "subscriber " << i;
      EXPECT_EQ(view.sequence, 5000 + n);
    }
  }
  EXPECT_TRUE(crew.conserved()) << crew.counters();
}

TEST(Workers, one_that_is_behind_costs_packets_by_name_and_no_buffers) {
  Room room(2);
  Crew& crew = room.crew;
  crew.postponed = true;
  crew.arrival = static_cast<int>(room.ownerOf(room.publisher));
  const int messages = 2 * HandOverRings::kMessagesMax;
  for (int i = 0; i < messages; ++i) crew.sendRtp(room.publisher, {.sequence = static_cast<uint16_t>(i)});
  EXPECT_GE(crew.count(Counter::send_handover_full), uint64_t{HandOverRings::kMessagesMax});
  EXPECT_EQ(crew.count(Counter::forwarded), static_cast<uint64_t>(messages)) << "its own subscribers got all";
  crew.arrival = 1 - crew.arrival;
  for (int i = 0; i < messages; ++i) crew.sendRtp(room.publisher, {.sequence = static_cast<uint16_t>(messages + i)});
  EXPECT_GE(crew.count(Counter::handover_queue_full), 900u) << crew.counters();
  crew.postponed = false;
  crew.finishTurn();
  EXPECT_TRUE(crew.conserved()) << crew.counters();
  crew.relays.clear();
  EXPECT_TRUE(crew.io.live.empty());
}

TEST(Workers, a_row_of_another_worker_is_not_wiped_out_by_the_one_that_had_its_index) {
  Room room(2);
  Crew& crew = room.crew;
  const uint32_t stranger = room.stranger();
  Client& here = *room.subscribers[stranger];
  Client& there = room.publisher;  // of the other worker, and receives too
  crew.subscribe(here, {.index = 60, .ssrc = 0x6000, .rtx_ssrc = 0x6001, .mid = "8"});
  crew.busy = static_cast<int>(room.ownerOf(here));
  crew.apply(SubscriptionCommand{.index = 60, .row = {}});
  crew.subscribe(there, {.index = 60, .ssrc = 0x6100, .rtx_ssrc = 0x6101, .mid = "8", .generation = 2});
  crew.busy = -1;
  crew.settle(room.ownerOf(here));
  crew.sendRtp(room.publisher, {});
  EXPECT_EQ(crew.flows->subscription[60].generation, 2u);
  EXPECT_GT(crew.flows->subscription[60].index_reserved, 0u) << "or a restart would use a keystream twice";
  EXPECT_EQ(crew.reports->subscription[60].generation, 2u);
  EXPECT_EQ(crew.takeRtp(there).size(), 1u) << crew.counters();
}

/// What each subscriber gets of a random conference does not depend on the number of workers.
TEST(Workers, give_the_same_as_one_would) {
  const auto seed = std::random_device{}();
  const auto play = [&](uint32_t workers) {
    std::mt19937 random(seed);
    Room room(workers);
    Crew& crew = room.crew;
    std::vector<std::vector<Bytes>> got(kSubscribers);
    std::vector<bool> subscribed(kSubscribers, true);
    uint16_t sequence = 65'300;
    uint32_t roc = 0;
    for (int step = 0; step < 600; ++step) {
      const uint32_t who = random() % kSubscribers;
      switch (random() % 12) {
        case 0:
          if (subscribed[who]) crew.apply(SubscriptionCommand{.index = who, .row = {}});
          subscribed[who] = false;
          break;
        case 1: {
          SubscriptionSpec spec = Room::subscription(who);
          spec.generation = static_cast<uint32_t>(2 + step);
          spec.ssrc += 0x100 * static_cast<uint32_t>(1 + step);
          spec.rtx_ssrc = spec.ssrc + 1;
          if (!subscribed[who]) crew.subscribe(*room.subscribers[who], spec);
          subscribed[who] = true;
          break;
        }
        case 2:
          crew.advance(random() % 50'000'000);
          break;
        default:
          if (++sequence == 0) ++roc;
          crew.sendRtp(room.publisher, {.sequence = sequence, .payload = Bytes(random() % 1000, 7)}, roc);
      }
      crew.finishTurn();
      for (uint32_t i = 0; i < kSubscribers; ++i) {
        for (Bytes& packet : crew.takeRtp(*room.subscribers[i])) got[i].push_back(std::move(packet));
      }
    }
    EXPECT_TRUE(crew.conserved()) << crew.counters();
    return got;
  };
  const auto expected = play(1);
  size_t packets = 0;  // of one subscriber there may be few: it comes and goes
  for (const auto& got : expected) packets += got.size();
  EXPECT_GT(packets, 400u) << "seed " << seed;
  for (uint32_t workers = 2; workers <= 4; ++workers) {
    const auto got = play(workers);
    for (uint32_t i = 0; i < kSubscribers; ++i) {
      ASSERT_EQ(got[i].size(), expected[i].size()) << workers << " workers, subscriber " << i << ", seed " << seed;
      for (size_t n = 0; n < got[i].size(); ++n) {
        // abs-send-time is the time of sending, the same in virtual time: every byte is.
        ASSERT_EQ(got[i][n], expected[i][n]) << workers << " workers, packet " << n << ", seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace penstock::test
