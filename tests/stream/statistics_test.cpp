// Loss, jitter, levels and clocks: what RFC 3550 says of the same packets.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "dataplane/stream/audio_level.h"
#include "dataplane/stream/clock_mapping.h"
#include "dataplane/stream/minute_count.h"
#include "dataplane/stream/ntp_time.h"
#include "dataplane/stream/receive_statistics.h"

namespace penstock::stream {
namespace {

constexpr uint64_t kMs = 1'000'000;

TEST(ReceiveStatistics, counts_loss_over_wrap_around_as_appendix_a_3) {
  ReceiveStatistics statistics(90'000);
  EXPECT_FALSE(statistics.started());
  EXPECT_EQ(statistics.expected(), 0u);
  // 65530 .. 65535, 0 .. 9 without 65533, 0 and 5
  for (uint32_t i = 0; i < 16; ++i) {
    if (i == 3 || i == 6 || i == 11) continue;
    statistics.onPacket(static_cast<uint16_t>(65'530 + i), i * 3000, i * 33 * kMs);
  }
  EXPECT_EQ(statistics.expected(), 16u);
  EXPECT_EQ(statistics.lost(), 3);
  EXPECT_EQ(statistics.extendedHighestSequence(), 0x1'0009u);
  const ReportBlock first = statistics.reportBlock(7, 0);
  EXPECT_EQ(first.ssrc, 7u);
  EXPECT_EQ(first.fraction_lost_q8, 3 * 256 / 16);
  EXPECT_EQ(first.packets_lost, 3);
  EXPECT_EQ(first.last_sr, 0u);
  EXPECT_EQ(first.delay_since_last_sr, 0u);
  // The next interval has its own fraction, and late packets make up for the loss.
  statistics.onPacket(10, 0, 0);
  statistics.onPacket(5, 0, 0);
  const ReportBlock second = statistics.reportBlock(7, 0);
  EXPECT_EQ(second.fraction_lost_q8, 0);
  EXPECT_EQ(second.packets_lost, 2);
}

TEST(ReceiveStatistics, duplicates_make_loss_negative_and_fraction_zero) {
  ReceiveStatistics statistics(48'000);
  for (int i = 0; i < 3; ++i) statistics.onPacket(100, 0, 0);
  const ReportBlock block = statistics.reportBlock(1, 0);
  EXPECT_EQ(block.packets_lost, -2);
  EXPECT_EQ(block.fraction_lost_q8, 0);
}

TEST(ReceiveStatistics, everything_lost_but_the_last_saturates) {
  ReceiveStatistics statistics(48'000);
  statistics.onPacket(0, 0, 0);
  statistics.reportBlock(1, 0);
  statistics.onPacket(2000, 0, 0);
  EXPECT_EQ(statistics.reportBlock(1, 0).fraction_lost_q8, 255);
}

TEST(ReceiveStatistics, a_large_jump_is_believed_at_the_second_packet_in_a_row) {
  ReceiveStatistics statistics(48'000);
  statistics.onPacket(100, 0, 0);
  statistics.onPacket(102, 0, 0);
  statistics.onPacket(20'000, 0, 0);  // alone: not counted
  statistics.onPacket(103, 0, 0);
  EXPECT_EQ(statistics.expected(), 4u);
  EXPECT_EQ(statistics.received(), 3u);
  statistics.onPacket(30'000, 0, 0);
  statistics.onPacket(30'001, 0, 0);
  EXPECT_EQ(statistics.extendedHighestSequence(), 30'001u);
  EXPECT_EQ(statistics.lost(), 1) << "what was lost before is not forgotten, the jump is no loss";
}

TEST(ReceiveStatistics, jitter_is_that_of_appendix_a_8) {
  ReceiveStatistics statistics(8000);
  std::mt19937_64 random(3);
  double transit = 0;
  double jitter = 0;
  for (uint32_t i = 0; i < 500; ++i) {
    const uint64_t arrival = (i * 20 + random() % 15) * kMs;
    statistics.onPacket(static_cast<uint16_t>(i), i * 160, arrival);
    const double now = static_cast<double>(arrival) * 8e-6 - i * 160.0;
    if (i > 0) jitter += (std::abs(now - transit) - jitter) / 16;
    transit = now;
  }
  EXPECT_NEAR(statistics.jitter(), jitter, 1.5);
  EXPECT_NEAR(statistics.jitterUs(), jitter * 125, 200);
}

TEST(ReceiveStatistics, steady_stream_has_no_jitter_even_when_timestamps_wrap) {
  ReceiveStatistics statistics(90'000);
  for (uint32_t i = 0; i < 1000; ++i) {
    statistics.onPacket(static_cast<uint16_t>(i), 0xffff'0000 + i * 900, (1'000'000'000ull + i * 10) * kMs);
  }
  EXPECT_EQ(statistics.jitter(), 0u);
}

TEST(ReceiveStatistics, report_block_refers_to_the_last_sender_report) {
  ReceiveStatistics statistics(90'000);
  statistics.onPacket(1, 0, 0);
  // RFC 3550 section 6.4.1 figure 2: SR with NTP b44d:b705 2000:0000, DLSR 5.250 s
  statistics.onSenderReport(0xb44d'b705'2000'0000, 1000 * kMs);
  const ReportBlock block = statistics.reportBlock(1, 6250 * kMs);
  EXPECT_EQ(block.last_sr, 0xb705'2000u);
  EXPECT_EQ(block.delay_since_last_sr, 0x0005'4000u);
}

TEST(NtpTime, converts_there_and_back) {
  for (const uint64_t ns : {uint64_t{0}, uint64_t{1}, uint64_t{999'999'999}, uint64_t{1'000'000'000},
                            uint64_t{3'900'000'000'123'456'789}}) {
    EXPECT_LE(ns - nsFromNtp(ntpFromNs(ns)), 1u) << ns;
  }
  EXPECT_EQ(ntpFromNs(1'500'000'000), 0x1'8000'0000u);
  EXPECT_EQ(shortNtpFromNs(1'500'000'000), 0x1'8000u);
  EXPECT_EQ(shortNtpFromNs(70'000 * kNsPerSecond), 0xffff'ffffu);
  EXPECT_EQ(nsFromShortNtp(0x1'8000), 1'500'000'000u);
}

TEST(ClockMapping, finds_the_offset_through_jitter_and_keeps_streams_in_step) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  // The publisher's clock is 3.9e9 s + 12.345 s ahead of ours; reports take 20 ms to 120 ms.
  constexpr uint64_t kAhead = 3'900'000'012'345'000'000;
  constexpr uint64_t kDelayMin = 20 * kMs;
  ClockMapping mapping;
  RtpClock audio(48'000), video(90'000);
  EXPECT_FALSE(audio.timestampAt(0, mapping));
  for (uint64_t i = 1; i <= 60; ++i) {
    const uint64_t sent_ns = i * 1000 * kMs;
    const uint64_t delay = kDelayMin + (i % 5 == 0 ? 0 : random() % (100 * kMs));
    const uint64_t ntp = ntpFromNs(sent_ns + kAhead);
    mapping.onSenderReport(ntp, sent_ns + delay);
    audio.onSenderReport(ntp, static_cast<uint32_t>(1000 + i * 48'000));
    video.onSenderReport(ntp, static_cast<uint32_t>(0xffff'0000 + i * 90'000));
    if (i < 6) continue;
    const uint64_t now_ns = sent_ns + 700 * kMs;
    // Our idea of "now" lags the publisher's by the smallest delay, for both alike.
    const uint64_t lag = kDelayMin;
    const auto a = audio.timestampAt(now_ns, mapping);
    const auto v = video.timestampAt(now_ns, mapping);
    ASSERT_TRUE(a && v);
    EXPECT_NEAR(static_cast<double>(*a), static_cast<double>(1000 + (now_ns - lag) / kMs * 48), 3) << i;
    EXPECT_NEAR(static_cast<double>(*v - 0xffff'0000), static_cast<double>((now_ns - lag) / kMs * 90), 3) << i;
  }
}

TEST(ClockMapping, follows_a_drifting_and_a_stepping_clock) {
  ClockMapping mapping;
  uint64_t now_ns = 0;
  // 100 ppm slow: the offset grows, and minima older than a minute are forgotten.
  for (; now_ns < 600 * kNsPerSecond; now_ns += 2 * kNsPerSecond) {
    mapping.onSenderReport(ntpFromNs(kNsPerSecond * 1000 + now_ns - now_ns / 10'000), now_ns);
  }
  const uint64_t publisher_ns = kNsPerSecond * 1000 + now_ns - now_ns / 10'000;
  EXPECT_NEAR(static_cast<double>(mapping.publisherNs(now_ns)), static_cast<double>(publisher_ns), 7.0 * kMs);
  // The clock is set an hour ahead.
  mapping.onSenderReport(ntpFromNs(publisher_ns + 3600 * kNsPerSecond), now_ns);
  EXPECT_NEAR(static_cast<double>(mapping.publisherNs(now_ns)), static_cast<double>(publisher_ns + 3600 * kNsPerSecond),
              10.0);
  // And back.
  mapping.onSenderReport(ntpFromNs(publisher_ns), now_ns);
  EXPECT_NEAR(static_cast<double>(mapping.publisherNs(now_ns)), static_cast<double>(publisher_ns), 10.0);
}

TEST(RtpClock, moment_before_the_last_report_is_before_its_timestamp) {
  ClockMapping mapping;
  RtpClock clock(90'000);
  mapping.onSenderReport(ntpFromNs(100 * kNsPerSecond), 5 * kNsPerSecond);
  clock.onSenderReport(ntpFromNs(100 * kNsPerSecond), 50);
  EXPECT_EQ(clock.timestampAt(4 * kNsPerSecond, mapping), 50u - 90'000u);
  EXPECT_EQ(mapping.ourNs(ntpFromNs(101 * kNsPerSecond)), 6 * kNsPerSecond);
}

TEST(AudioLevelMeter, is_the_loudest_of_about_the_last_hundred_milliseconds) {
  AudioLevelMeter meter;
  EXPECT_EQ(meter.level(0), AudioLevelMeter::kSilence);
  meter.onPacket(0x80 | 30, 1000 * kMs);
  meter.onPacket(60, 1020 * kMs);
  EXPECT_EQ(meter.level(1020 * kMs), 30);
  EXPECT_TRUE(meter.voice(1020 * kMs));
  EXPECT_EQ(meter.level(1079 * kMs), 30);
  meter.onPacket(90, 1080 * kMs);
  EXPECT_EQ(meter.level(1130 * kMs), 90);
  EXPECT_FALSE(meter.voice(1130 * kMs));
  EXPECT_EQ(meter.level(1300 * kMs), AudioLevelMeter::kSilence) << "a stream that stops falls silent";
}

TEST(AudioLevelMeter, window_is_never_shorter_than_80_nor_longer_than_120_ms) {
  for (uint64_t begin_ms = 1000; begin_ms < 1100; ++begin_ms) {
    AudioLevelMeter meter;
    meter.onPacket(5, begin_ms * kMs);
    uint64_t ms = begin_ms;
    while (meter.level(ms * kMs) == 5) ++ms;
    EXPECT_GE(ms - begin_ms, 80u);
    EXPECT_LE(ms - begin_ms, 120u);
  }
}

TEST(MinuteCount, forgets_what_is_a_minute_old) {
  constexpr uint64_t kSecond = 1000 * kMs;
  MinuteCount count;
  EXPECT_EQ(count.get(1000 * kSecond), 0u);
  for (uint64_t second = 1000; second < 1120; second += 2) count.add(second * kSecond);
  EXPECT_EQ(count.get(1120 * kSecond - 1), 30u);  // one in 2 s
  EXPECT_EQ(count.get(1150 * kSecond), 12u);      // 1096 to 1118
  EXPECT_EQ(count.get(1174 * kSecond), 2u);       // 1116, 1118, and none since
  EXPECT_EQ(count.get(1175 * kSecond), 0u);
  count.add(1175 * kSecond);
  EXPECT_EQ(count.get(9000 * kSecond), 0u);  // long silence
}

}  // namespace
}  // namespace penstock::stream
