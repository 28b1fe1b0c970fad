// From the room model to rows, by table.
#include "control/seam/desired_rows.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

using contract::kNotRtx;
using contract::RowReference;
using contract::SrtpProfile;

Codec codec(const std::string& name, uint8_t payload_type, std::optional<uint8_t> rtx = {},
            const std::string& fmtp = "") {
  const bool audio = name == "opus" || name == "red";
  return {.name = name,
          .clock_rate_hz = audio ? 48'000u : 90'000u,
          .channels = audio ? 2u : 1u,
          .payload_type = payload_type,
          .rtx_payload_type = rtx,
          .fmtp = fmtp,
          .rtcp_feedback = {}};
}

std::string hexOf(size_t bytes, char digit) {
  return std::string(2 * bytes, digit);
}

Transport transport() {
  Transport t;
  t.id = "t1";
  t.ice_ufrag = "abcdefgh";
  t.ice_pwd = "0123456789abcdefghijklmn";
  t.rtcp_ssrc = 77;
  t.receive_bitrate_max_bps = 2'500'000;
  t.reduced_rtcp = true;
  t.extension_id[0] = 1;
  t.extension_id[6] = 7;
  return t;
}

TEST(DesiredRows, transport_without_keys_has_profile_none) {
  const auto row = transportRow({3, 9}, transport());
  ASSERT_TRUE(row);
  EXPECT_EQ(row->generation, 9u);
  EXPECT_EQ(row->state, contract::RowState::kUsed);
  EXPECT_EQ(row->ufrag_length_bytes, 8);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(row->ice_ufrag), 8), "abcdefgh");
  EXPECT_EQ(row->pwd_length_bytes, 24);
  EXPECT_EQ(row->srtp_profile, SrtpProfile::kNone);
  EXPECT_EQ(row->extension_id[0], 1);
  EXPECT_EQ(row->extension_id[6], 7);
  EXPECT_EQ(row->rtcp_ssrc, 77u);
  EXPECT_EQ(row->receive_bitrate_max_bps, 2'500'000u);
  EXPECT_TRUE(row->flags & contract::kTransportReducedRtcp);
}

TEST(DesiredRows, place_in_the_room_by_table) {
  struct Case {
    int number;
    TransportPlace place;
    uint8_t flags;
    uint16_t last_n;
    uint8_t loudest;
  };
  const Case cases[] = {
      {1, {.room = 7}, 0, 0, 0},
      {2, {.room = 7, .last_n = 4}, contract::kTransportLastN, 4, 0},
      {3, {.room = 7, .last_n = 0}, contract::kTransportLastN, 0, 0},  // no picture at all
      {4, {.room = 7, .loudest = 3}, 0, 0, 3},
      {5, {.room = 7, .forward_silence = false}, contract::kTransportDropSilence, 0, 0},
  };
  for (const Case& c : cases) {
    const auto row = transportRow({3, 9}, transport(), c.place, {5, 2});
    ASSERT_TRUE(row) << "case " << c.number;
    EXPECT_EQ(row->room, 7u) << "case " << c.number;
    EXPECT_EQ(row->partner, (RowReference{5, 2})) << "case " << c.number;
    EXPECT_EQ(row->flags & ~contract::kTransportReducedRtcp, c.flags) << "case " << c.number;
    EXPECT_EQ(row->last_n, c.last_n) << "case " << c.number;
    EXPECT_EQ(row->loudest, c.loudest) << "case " << c.number;
  }
}

TEST(DesiredRows, keys_become_bytes_and_each_direction_keeps_its_own) {
  Transport t = transport();
  t.keys = SrtpKeys{.profile = 7,
                    .receive_key = hexOf(16, 'a'),
                    .receive_salt = hexOf(12, '1'),
                    .send_key = hexOf(16, 'F'),
                    .send_salt = hexOf(12, '2')};
  const auto row = transportRow({0, 1}, t);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->srtp_profile, SrtpProfile::kAeadAes128Gcm);
  EXPECT_EQ(row->receive_key.key[0], 0xaa);
  EXPECT_EQ(row->receive_key.salt[11], 0x11);
  EXPECT_EQ(row->receive_key.salt[12], 0);
  EXPECT_EQ(row->send_key.key[15], 0xff);
  EXPECT_EQ(row->send_key.key[16], 0);
}

TEST(DesiredRows, key_lengths_are_those_of_the_profile) {
  const struct {
    int number;
    uint16_t profile;
    size_t key_bytes, salt_bytes;
    bool fits;
  } cases[] = {
      {1, 1, 16, 14, true},  {2, 2, 16, 14, true},  {3, 7, 16, 12, true},   {4, 8, 32, 12, true},
      {5, 7, 16, 14, false}, {6, 8, 16, 12, false}, {7, 1, 15, 14, false},  {8, 0, 16, 14, false},
      {9, 9, 16, 14, false}, {10, 1, 0, 0, false},  {11, 8, 33, 12, false},
  };
  for (const auto& c : cases)
    EXPECT_EQ(srtpKey(c.profile, hexOf(c.key_bytes, '0'), hexOf(c.salt_bytes, '0')).has_value(), c.fits) << c.number;
  EXPECT_FALSE(srtpKey(7, "0g" + hexOf(15, '0'), hexOf(12, '0'))) << "not hexadecimal";
}

TEST(DesiredRows, transports_that_do_not_fit_have_no_row) {
  const auto broken = [](auto change) {
    Transport t = transport();
    change(t);
    return transportRow({0, 1}, t);
  };
  EXPECT_FALSE(broken([](Transport& t) { t.ice_ufrag = ""; }));
  EXPECT_FALSE(broken([](Transport& t) { t.ice_pwd = ""; }));
  EXPECT_FALSE(broken([](Transport& t) { t.ice_ufrag = std::string(17, 'x'); }));
  EXPECT_FALSE(broken([](Transport& t) { t.ice_pwd = std::string(33, 'x'); }));
  EXPECT_FALSE(broken([](Transport& t) { t.keys = SrtpKeys{.profile = 7}; }));
}

TEST(DesiredRows, plain_transports_by_table) {
  const SrtpKeys clear{.profile = 0xff00};
  const struct {
    int number;
    bool plain;
    const char* pwd;
    const char* ip;
    std::optional<SrtpKeys> keys;
    bool fits;
  } cases[] = {
      {1, true, "", "198.18.0.9", clear, true}, {2, true, "", "2001:db8::9", clear, true},
      {3, true, "", "", clear, true},  // the dataplane would refuse to latch without keys
      {4, true, "", "198.18.0.9", {}, false},   {5, true, "0123456789abcdefghijklmn", "198.18.0.9", clear, false},
      {6, true, "", "somewhere", clear, false}, {7, false, "0123456789abcdefghijklmn", "198.18.0.9", clear, false},
      {8, false, "", "", clear, false},
  };
  for (const auto& c : cases) {
    Transport t = transport();
    t.plain = c.plain;
    t.ice_pwd = c.pwd;
    t.remote_ip = c.ip;
    t.remote_port = 0x0102;
    t.rtcp_port = 0x0103;
    t.keys = c.keys;
    const auto row = transportRow({0, 1}, t);
    ASSERT_EQ(row.has_value(), c.fits) << c.number;
    if (!row) continue;
    EXPECT_EQ(row->kind, contract::TransportKind::kPlain);
    EXPECT_EQ(row->srtp_profile, SrtpProfile::kUnprotected);
    EXPECT_EQ(row->pwd_length_bytes, 0);
    EXPECT_EQ(contract::isLatching(*row), std::string(c.ip).empty()) << c.number;
    EXPECT_EQ(row->rtcp_port_be, contract::isLatching(*row) ? 0 : 0x0301) << c.number;
    if (c.number == 1) {
      EXPECT_EQ(row->remote,
                (contract::Address{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 18, 0, 9}, 0x0201, {}}));
    }
  }
  EXPECT_EQ(transportRow({0, 1}, transport())->kind, contract::TransportKind::kIce);
}

Track videoTrack() {
  Track track;
  track.id = "video";
  track.kind = Kind::video;
  track.mid = "1";
  track.codecs = {codec("VP8", 96, 97), codec("H264", 102, 103, "packetization-mode=1;profile-level-id=42e01f")};
  track.encodings = {{.ssrc = 10, .rtx_ssrc = 11, .rid = ""}};
  return track;
}

TEST(DesiredRows, track_lists_payload_types_with_their_rtx) {
  const auto row = trackRow({4, 2}, {5, 6}, videoTrack());
  ASSERT_TRUE(row);
  EXPECT_EQ(row->transport, (RowReference{5, 6}));
  EXPECT_EQ(row->kind, contract::MediaKind::kVideo);
  EXPECT_EQ(row->flags, contract::kTrackNoNack);
  ASSERT_EQ(row->payload_type_count, 4);
  EXPECT_EQ(row->payload_type[0].payload_type, 96);
  EXPECT_EQ(row->payload_type[0].codec, contract::Codec::kVp8);
  EXPECT_EQ(row->payload_type[1].codec, contract::Codec::kOther);
  EXPECT_EQ(row->payload_type[0].associated, kNotRtx);
  EXPECT_EQ(row->payload_type[1].payload_type, 97);
  EXPECT_EQ(row->payload_type[1].associated, 96);
  EXPECT_EQ(row->payload_type[3].associated, 102);
  EXPECT_EQ(row->payload_type[3].clock_rate_hz, 90'000u);
  ASSERT_EQ(row->encoding_count, 1);
  EXPECT_EQ(row->encoding[0].rtx_ssrc, 11u);
}

TEST(DesiredRows, codecs_that_are_looked_into_are_named_whatever_their_case) {
  Track track = videoTrack();
  const std::pair<const char*, contract::Codec> cases[] = {
      {"vp8", contract::Codec::kVp8}, {"VP9", contract::Codec::kVp9}, {"h264", contract::Codec::kH264},
      {"AV1", contract::Codec::kAv1}, {"red", contract::Codec::kRed}, {"opus", contract::Codec::kOther}};
  for (const auto& [name, looked_into] : cases) {
    track.codecs = {codec(name, 100)};
    EXPECT_EQ(trackRow({0, 1}, {0, 1}, track)->payload_type[0].codec, looked_into) << name;
  }
}

TEST(DesiredRows, packets_are_asked_for_where_nack_was_negotiated) {
  Track track = videoTrack();
  track.codecs[0].rtcp_feedback = {"nack pli", "transport-cc"};
  EXPECT_EQ(trackRow({0, 1}, {0, 1}, track)->flags, contract::kTrackNoNack);
  track.codecs[0].rtcp_feedback.push_back("nack");
  EXPECT_EQ(trackRow({0, 1}, {0, 1}, track)->flags, 0);
}

TEST(DesiredRows, either_mute_sets_the_flag) {
  Track track = videoTrack();
  track.codecs[0].rtcp_feedback = {"nack"};
  track.muted_by_moderator = true;
  EXPECT_EQ(trackRow({0, 1}, {0, 1}, track)->flags, contract::kTrackMuted);
  track.muted_by_moderator = false;
  track.muted_by_self = true;
  EXPECT_EQ(trackRow({0, 1}, {0, 1}, track)->flags, contract::kTrackMuted);
}

TEST(DesiredRows, screens_are_always_sent) {
  Track track = videoTrack();
  track.source = Source::screen;
  EXPECT_TRUE(trackRow({0, 1}, {0, 1}, track)->flags & contract::kTrackAlwaysSent);
}

TEST(DesiredRows, codecs_beyond_the_row_are_left_out_whole) {
  Track track = videoTrack();
  track.codecs = {codec("opus", 0)};  // one entry, so that the last pair would be cut in two
  for (uint8_t i = 0; i < 10; ++i) track.codecs.push_back(codec("VP8", static_cast<uint8_t>(20 + 2 * i), 21 + 2 * i));
  const auto row = trackRow({0, 1}, {0, 1}, track);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->payload_type_count, 15);
}

TEST(DesiredRows, tracks_that_do_not_fit_have_no_row) {
  const auto broken = [](auto change) {
    Track track = videoTrack();
    change(track);
    return trackRow({0, 1}, {0, 1}, track);
  };
  EXPECT_FALSE(broken([](Track& t) { t.mid = std::string(17, 'm'); }));
  EXPECT_FALSE(broken([](Track& t) { t.encodings.clear(); }));
  EXPECT_FALSE(broken([](Track& t) { t.encodings.resize(5); }));
  EXPECT_FALSE(broken([](Track& t) { t.encodings[0].rid = std::string(17, 'r'); }));
  EXPECT_FALSE(broken([](Track& t) { t.codecs.clear(); }));
}

TEST(DesiredRows, payload_types_are_mapped_where_codecs_are_the_same) {
  const std::string cb1 = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";
  const std::string cb1_other_level = "packetization-mode=1;profile-level-id=42c028";
  const std::string cb0 = "packetization-mode=0;profile-level-id=42e01f";
  const struct {
    int number;
    std::vector<Codec> published, accepted;
    std::vector<std::array<int, 3>> mapping;  // from, to, rtx_to
  } cases[] = {
      {1, {codec("VP8", 96, 97)}, {codec("vp8", 120, 121)}, {{96, 120, 121}}},
      {2, {codec("VP8", 96, 97)}, {codec("VP8", 120)}, {{96, 120, kNotRtx}}},
      {3, {codec("opus", 111)}, {codec("opus", 109)}, {{111, 109, kNotRtx}}},
      {4, {codec("VP8", 96)}, {codec("VP9", 98, 99, "profile-id=0")}, {}},
      {5,
       {codec("VP9", 98, 99, "profile-id=2")},
       {codec("VP9", 98, 99, "profile-id=0"), codec("VP9", 100, 101, "profile-id=2")},
       {{98, 100, 101}}},
      {6, {codec("VP9", 98)}, {codec("VP9", 35, {}, "profile-id=0")}, {{98, 35, kNotRtx}}},
      {7,
       {codec("H264", 102, 103, cb1)},
       {codec("H264", 125, 126, cb0), codec("H264", 127, 1, cb1_other_level)},
       {{102, 127, 1}}},
      {8,
       {codec("H264", 102, 103, "packetization-mode=1;profile-level-id=64001f")},
       {codec("H264", 125, 126, cb1)},
       {}},
      {15,
       {codec("H264", 102, 103, cb1)},
       {codec("H264", 125, 126, "packetization-mode=1;profile-level-id=64001f")},
       {{102, 125, 126}}},
      {16,
       {codec("H264", 102, 103, cb1), codec("H264", 112, 113, "packetization-mode=1;profile-level-id=64001f")},
       {codec("H264", 127, 1, cb1)},
       {{102, 127, 1}}},
      {17, {codec("H264", 102, 103, cb1)}, {codec("H264", 103, 104, "")}, {{102, 103, 104}}},
      {9, {codec("AV1", 45, 46, "profile=0")}, {codec("AV1", 41, 42)}, {{45, 41, 42}}},
      {10, {codec("AV1", 45, 46, "profile=1")}, {codec("AV1", 41, 42)}, {}},
      {11,
       {codec("VP8", 96), codec("VP9", 98)},
       {codec("VP9", 1), codec("VP8", 2)},
       {{96, 2, kNotRtx}, {98, 1, kNotRtx}}},
      {12, {}, {codec("VP8", 96)}, {}},
      {13,
       {codec("red", 63, {}, "111/111"), codec("opus", 111)},
       {codec("opus", 109), codec("red", 121, {}, "109/109")},
       {{63, 121, kNotRtx}, {111, 109, kNotRtx}}},
      {14, {codec("red", 63, {}, "111/111"), codec("opus", 111)}, {codec("opus", 109)}, {{111, 109, kNotRtx}}},
  };
  for (const auto& c : cases) {
    const auto mapping = payloadTypeMapping(c.published, c.accepted);
    ASSERT_EQ(mapping.size(), c.mapping.size()) << c.number;
    for (size_t i = 0; i < mapping.size(); ++i) {
      EXPECT_EQ(mapping[i].from, c.mapping[i][0]) << c.number;
      EXPECT_EQ(mapping[i].to, c.mapping[i][1]) << c.number;
      EXPECT_EQ(mapping[i].rtx_to, c.mapping[i][2]) << c.number;
    }
  }
}

TEST(DesiredRows, subscription_refers_to_both_rows) {
  Subscription subscription{.track = "video", .mid = "3", .ssrc = 500, .rtx_ssrc = 501};
  subscription.codecs = {codec("VP8", 120, 121)};
  subscription.wish = {.paused = true, .width_max = 640, .height_max = 360, .frame_rate_max = 15};
  const auto row = subscriptionRow({1, 2}, {3, 4}, {5, 6}, videoTrack(), subscription);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->track, (RowReference{3, 4}));
  EXPECT_EQ(row->transport, (RowReference{5, 6}));
  EXPECT_EQ(row->flags, contract::kSubscriptionPaused);
  EXPECT_EQ(row->width_max, 640);
  EXPECT_EQ(row->height_max, 360);
  EXPECT_EQ(row->frame_rate_max, 15);
  EXPECT_EQ(row->mapping_count, 1);
  EXPECT_EQ(row->mapping[0].to, 120);
  EXPECT_EQ(row->priority, 128);
  subscription.wish = {.pinned = true, .priority = 200};
  const auto pinned = subscriptionRow({1, 2}, {3, 4}, {5, 6}, videoTrack(), subscription);
  ASSERT_TRUE(pinned);
  EXPECT_EQ(pinned->flags, contract::kSubscriptionPinned);
  EXPECT_EQ(pinned->priority, 200);
  subscription.ssrc = 0;
  EXPECT_FALSE(subscriptionRow({1, 2}, {3, 4}, {5, 6}, videoTrack(), subscription));
}

}  // namespace
}  // namespace penstock
