// Commands for the worker: which crypto objects they bring, and where those begin after a restart.
#include "dataplane/worker/command_maker.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <vector>

#include "dataplane/srtp/libsrtp_backend.h"
#include "tests/port/sound_rows.h"

namespace penstock {
namespace {

using namespace contract;
using test::keyed;
using test::soundSubscription;
using test::soundTrack;
using test::soundTransport;

struct Unmap {
  void operator()(FlowsRegion* region) const { munmap(region, sizeof(FlowsRegion)); }
};

class CommandMakerTest : public testing::Test {
 protected:
  template <class C>
  C last() {
    return std::get<C>(std::move(commands.back()));
  }
  void keyBoth() {
    maker.putTransport(0, keyed(soundTransport()), nullptr);
    maker.putTransport(1, keyed(soundTransport(), 5), nullptr);
  }

  std::unique_ptr<srtp::Backend> backend = srtp::makeLibsrtpBackend();
  std::unique_ptr<FlowsRegion, Unmap> flows{static_cast<FlowsRegion*>(
      mmap(nullptr, sizeof(FlowsRegion), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))};
  std::vector<Command> commands;
  CommandMaker maker{*backend, *flows, [this](Command command) { commands.push_back(std::move(command)); }};
};

TEST_F(CommandMakerTest, before_the_handshake_there_are_no_crypto_objects) {
  maker.putTransport(0, soundTransport(), nullptr);
  EXPECT_EQ(last<TransportCommand>().srtcp_sender, nullptr);
  maker.putTrack(0, soundTrack({0, 1}), nullptr, false);
  EXPECT_EQ(last<TrackCommand>().encoding[0].media, nullptr);
  maker.putSubscription(0, soundSubscription({0, 1}, {0, 1}), nullptr, false);
  EXPECT_EQ(last<SubscriptionCommand>().media, nullptr);
  EXPECT_EQ(maker.refusals(), 0u);
}

TEST_F(CommandMakerTest, keys_make_all_of_them_and_other_changes_keep_what_there_is) {
  keyBoth();
  const TransportCommand transport = last<TransportCommand>();
  EXPECT_NE(transport.srtcp_sender, nullptr);
  EXPECT_NE(transport.srtcp_receiver, nullptr);
  TransportRow changed = keyed(soundTransport(), 5);
  changed.receive_bitrate_max_bps = 9;
  const TransportRow before = keyed(soundTransport(), 5);
  maker.putTransport(1, changed, &before);
  EXPECT_EQ(last<TransportCommand>().srtcp_sender, nullptr);

  const TrackRow track = soundTrack({0, 1});
  maker.putTrack(0, track, nullptr, false);
  TrackCommand opened = last<TrackCommand>();
  ASSERT_NE(opened.encoding[0].media, nullptr);
  EXPECT_EQ(opened.encoding[0].media->ssrc(), 1000u);
  EXPECT_EQ(opened.encoding[0].rtx->ssrc(), 1001u);
  EXPECT_EQ(opened.encoding[1].media, nullptr);
  maker.putTrack(0, track, &track, false);
  EXPECT_EQ(last<TrackCommand>().encoding[0].media, nullptr);
  maker.putTrack(0, track, &track, true);
  EXPECT_NE(last<TrackCommand>().encoding[0].media, nullptr);
  TrackRow other_rtx = track;
  other_rtx.encoding[0].rtx_ssrc = 4444;
  maker.putTrack(0, other_rtx, &track, false);
  TrackCommand rtx_only = last<TrackCommand>();
  EXPECT_EQ(rtx_only.encoding[0].media, nullptr);
  EXPECT_EQ(rtx_only.encoding[0].rtx->ssrc(), 4444u);
}

TEST_F(CommandMakerTest, a_new_subscription_begins_at_a_random_index_of_roll_over_counter_0) {
  keyBoth();
  uint64_t first_seen = 0;
  bool differ = false;
  for (uint32_t i = 0; i < 20; ++i) {
    maker.putSubscription(i, soundSubscription({0, 1}, {1, 1}, 1, 5000 + 2 * i), nullptr, false);
    const SubscriptionCommand command = last<SubscriptionCommand>();
    ASSERT_NE(command.media, nullptr);
    EXPECT_GT(command.media->nextIndex(), 0u);
    EXPECT_LT(command.media->nextIndex(), 0x8000u);
    differ = differ || (i > 0 && command.media->nextIndex() != first_seen);
    first_seen = command.media->nextIndex();
  }
  EXPECT_TRUE(differ);
}

TEST_F(CommandMakerTest, a_restart_goes_on_where_the_flows_region_says) {
  flows->transport[0] = {.generation = 1, .remote = {.ip = {1}, .port_be = 7}, .srtcp_index_reserved = 128};
  flows->track[0] = {.generation = 1, .encoding = {{.ssrc = 1000, .rtx_ssrc = 1001, .highest_index = 0x3'1234}}};
  flows->subscription[0] = {.generation = 1,
                            .ssrc = 5000,
                            .index_reserved = 0x2'0000,
                            .rtx_index_reserved = 0x1'0005,
                            .timestamp_offset = 99};
  keyBoth();
  TransportCommand transport = std::get<TransportCommand>(std::move(commands[0]));
  EXPECT_EQ(transport.srtcp_sender->nextIndex(), 128u);
  EXPECT_EQ(transport.resume_remote.port_be, 7);
  maker.putTrack(0, soundTrack({0, 1}), nullptr, false);
  const TrackCommand track = last<TrackCommand>();
  EXPECT_TRUE(track.encoding[0].media->started());
  EXPECT_EQ(track.encoding[0].media->highestIndex(), 0x3'1234u);
  EXPECT_FALSE(track.encoding[0].rtx->started());
  maker.putSubscription(0, soundSubscription({0, 1}, {1, 1}), nullptr, false);
  const SubscriptionCommand subscription = last<SubscriptionCommand>();
  EXPECT_EQ(subscription.media->nextIndex(), 0x2'0000u);
  EXPECT_EQ(subscription.rtx->nextIndex(), 0x1'0005u);
  EXPECT_EQ(subscription.timestamp_offset, 99u);
}

TEST_F(CommandMakerTest, a_restart_takes_nothing_that_was_received_before) {
  flows->transport[0] = {.generation = 1,
                         .srtcp_sender = {{.ssrc = 7, .index_end = 100}, {.ssrc = 8, .index_end = 1}},
                         .retired = {{}, {.ssrc = 31337, .highest_index = 0x2'0001}}};
  const TransportRow row = keyed(soundTransport());
  maker.putTransport(0, row, nullptr);
  TransportCommand command = last<TransportCommand>();
  ASSERT_EQ(command.srtcp_receiver->senderCount(), 2u);
  EXPECT_EQ(command.srtcp_receiver->seen(0).ssrc, 7u);
  EXPECT_EQ(command.srtcp_receiver->seen(0).index_end, 100u);
  ASSERT_EQ(command.retired.size(), 1u);
  EXPECT_EQ(command.retired[0].ssrc, 31337u);
  EXPECT_EQ(command.retired[0].stream->highestIndex(), 0x2'0001u);
  // Other keys in the life of this process: another sequence of indices.
  maker.putTransport(0, keyed(soundTransport(), 9), &row);
  command = last<TransportCommand>();
  EXPECT_EQ(command.srtcp_receiver->senderCount(), 0u);
  EXPECT_TRUE(command.retired.empty());
}

TEST_F(CommandMakerTest, flows_of_another_use_of_the_slot_mean_nothing) {
  flows->transport[0] = {.generation = 2, .remote = {.ip = {1}, .port_be = 7}, .srtcp_index_reserved = 128};
  flows->track[0] = {.generation = 2, .encoding = {{.ssrc = 1000, .highest_index = 0x3'1234}}};
  flows->subscription[0] = {.generation = 2, .ssrc = 5000, .index_reserved = 0x2'0000};
  flows->subscription[1] = {.generation = 1, .ssrc = 5555, .index_reserved = 0x2'0000};
  keyBoth();
  EXPECT_EQ(std::get<TransportCommand>(commands[0]).resume_remote.port_be, 0);
  maker.putTrack(0, soundTrack({0, 1}), nullptr, false);
  EXPECT_FALSE(last<TrackCommand>().encoding[0].media->started());
  for (uint32_t i : {0u, 1u}) {
    maker.putSubscription(i, soundSubscription({0, 1}, {1, 1}, 1, 5000 + 10 * i), nullptr, false);
    EXPECT_LT(last<SubscriptionCommand>().media->nextIndex(), 0x8000u);
  }
}

TEST_F(CommandMakerTest, an_ssrc_bound_by_mid_is_resumed_too) {
  flows->track[0] = {.generation = 1, .encoding = {{.ssrc = 31337, .highest_index = 0x1'0001}}};
  keyBoth();
  TrackRow row = soundTrack({0, 1});
  row.encoding[0] = {};
  maker.putTrack(0, row, nullptr, false);
  const TrackCommand command = last<TrackCommand>();
  EXPECT_EQ(command.encoding[0].media->ssrc(), 31337u);
  EXPECT_EQ(command.encoding[0].media->highestIndex(), 0x1'0001u);
}

}  // namespace
}  // namespace penstock
