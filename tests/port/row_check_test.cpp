// Rows that must not be believed, one spoiled field at a time.
#include "dataplane/worker/row_check.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/port/sound_rows.h"

namespace penstock {
namespace {

using namespace contract;
using test::copyText;

template <class Row>
struct Case {
  std::string what;
  std::function<void(Row&)> spoil;
  RowFault fault = RowFault::kInvalid;
};

template <class Row>
void expectFaults(const Row& sound, const std::vector<Case<Row>>& cases) {
  ASSERT_EQ(check(sound), RowFault::kNone);
  for (size_t i = 0; i < cases.size(); ++i) {
    Row row = sound;
    cases[i].spoil(row);
    EXPECT_EQ(check(row), cases[i].fault) << i << ": " << cases[i].what;
  }
}

TEST(RowCheck, transport_rows_by_table) {
  using Row = TransportRow;
  expectFaults<Row>(
      test::keyed(test::soundTransport()),
      {
          {"state beyond the enum", [](Row& r) { r.state = static_cast<RowState>(2); }},
          {"ufrag too short", [](Row& r) { r.ufrag_length_bytes = 3; }},
          {"ufrag empty", [](Row& r) { r.ufrag_length_bytes = 0; }},
          {"ufrag longer than its field", [](Row& r) { r.ufrag_length_bytes = kIceUfragMax + 1; }},
          {"ufrag length 255", [](Row& r) { r.ufrag_length_bytes = 255; }},
          {"ufrag with a colon", [](Row& r) { r.ice_ufrag[2] = ':'; }},
          {"ufrag with a zero byte", [](Row& r) { r.ice_ufrag[7] = 0; }},
          {"ufrag beyond ASCII", [](Row& r) { r.ice_ufrag[0] = 0xc3; }},
          {"pwd too short", [](Row& r) { r.pwd_length_bytes = 21; }},
          {"pwd longer than its field", [](Row& r) { r.pwd_length_bytes = kIcePwdMax + 1; }},
          {"pwd with a space", [](Row& r) { r.ice_pwd[5] = ' '; }},
          {"unknown profile", [](Row& r) { r.srtp_profile = static_cast<SrtpProfile>(3); }},
          {"two extensions under one id", [](Row& r) { r.extension_id[5] = r.extension_id[0]; }},
          {"no keys yet", [](Row& r) { r.srtp_profile = SrtpProfile::kNone; }, RowFault::kNone},
          {"all of ice-char", [](Row& r) { copyText(r.ice_ufrag, r.ufrag_length_bytes, "az09AZ+/"); }, RowFault::kNone},
          {"unknown flag", [](Row& r) { r.flags = 128; }},
          {"partner beyond the table", [](Row& r) { r.partner.index = kTransportMax; }, RowFault::kIndexOutOfRange},
          {"ended", [](Row& r) { r.flags = kTransportEnded; }, RowFault::kNone},
          {"feedback that goes alone", [](Row& r) { r.flags = kTransportReducedRtcp; }, RowFault::kNone},
          {"last N, and no silence",
           [](Row& r) { r.flags = kTransportLastN | kTransportDropSilence, r.last_n = 0, r.loudest = 255; },
           RowFault::kNone},
          {"free, whatever else it holds",
           [](Row& r) {
             r.state = RowState::kFree;
             r.ufrag_length_bytes = 255;
           },
           RowFault::kNone},
      });
}

TEST(RowCheck, plain_transport_rows_by_table) {
  using Row = TransportRow;
  Row plain = test::keyed(test::soundTransport());
  plain.kind = TransportKind::kPlain;
  plain.pwd_length_bytes = 0;
  plain.remote.ip[10] = plain.remote.ip[11] = 0xff;
  plain.remote.ip[12] = 198;
  plain.remote.port_be = 0x1027;
  expectFaults<Row>(plain,
                    {
                        {"another kind", [](Row& r) { r.kind = static_cast<TransportKind>(2); }},
                        {"an ICE transport with an address", [](Row& r) { r.kind = TransportKind::kIce; }},
                        {"with a pwd", [](Row& r) { r.pwd_length_bytes = 24; }},
                        {"without a name", [](Row& r) { r.ufrag_length_bytes = 0; }},
                        {"without keys", [](Row& r) { r.srtp_profile = SrtpProfile::kNone; }},
                        {"address without port", [](Row& r) { r.remote.port_be = 0; }},
                        {"address with something behind", [](Row& r) { r.remote.reserved[1] = 1; }},
                        {"latching in the clear",
                         [](Row& r) {
                           r.srtp_profile = SrtpProfile::kUnprotected;
                           r.remote = {};
                         }},
                        {"in the clear", [](Row& r) { r.srtp_profile = SrtpProfile::kUnprotected; }, RowFault::kNone},
                        {"latching", [](Row& r) { r.remote = {}; }, RowFault::kNone},
                    });
  Row ice = test::keyed(test::soundTransport());
  ice.srtp_profile = SrtpProfile::kUnprotected;
  EXPECT_EQ(check(ice), RowFault::kInvalid);
}

TEST(RowCheck, track_rows_by_table) {
  using Row = TrackRow;
  expectFaults<Row>(
      test::soundTrack(),
      {
          {"state beyond the enum", [](Row& r) { r.state = static_cast<RowState>(255); }},
          {"kind 0", [](Row& r) { r.kind = static_cast<MediaKind>(0); }},
          {"kind 3", [](Row& r) { r.kind = static_cast<MediaKind>(3); }},
          {"unknown flag", [](Row& r) { r.flags = 0x80; }},
          {"transport beyond the table", [](Row& r) { r.transport.index = kTransportMax; }, RowFault::kIndexOutOfRange},
          {"transport 2^32 - 1", [](Row& r) { r.transport.index = UINT32_MAX; }, RowFault::kIndexOutOfRange},
          {"mid longer than its field", [](Row& r) { r.mid_length_bytes = kMidMax + 1; }},
          {"mid with a space", [](Row& r) { r.mid[0] = ' '; }},
          {"no encoding", [](Row& r) { r.encoding_count = 0; }},
          {"more encodings than fit", [](Row& r) { r.encoding_count = kEncodingMax + 1; }},
          {"255 encodings", [](Row& r) { r.encoding_count = 255; }},
          {"RTX under its own SSRC", [](Row& r) { r.encoding[0].rtx_ssrc = r.encoding[0].ssrc; }},
          {"two encodings under one SSRC",
           [](Row& r) {
             r.encoding_count = 2;
             r.encoding[1].ssrc = r.encoding[0].ssrc;
           }},
          {"rid longer than its field", [](Row& r) { r.encoding[0].rid_length_bytes = kRidMax + 1; }},
          {"rid with a dot", [](Row& r) { copyText(r.encoding[0].rid, r.encoding[0].rid_length_bytes, "a.b"); }},
          {"neither SSRC nor mid",
           [](Row& r) {
             r.encoding[0].ssrc = 0;
             r.mid_length_bytes = 0;
           }},
          {"no payload type", [](Row& r) { r.payload_type_count = 0; }},
          {"more payload types than fit", [](Row& r) { r.payload_type_count = kPayloadTypeMax + 1; }},
          {"payload type of 8 bits", [](Row& r) { r.payload_type[0].payload_type = 128; }},
          {"payload type that reads as RTCP", [](Row& r) { r.payload_type[0].payload_type = 72; }},
          {"payload type twice", [](Row& r) { r.payload_type[1].payload_type = 96; }},
          {"codec that does not exist", [](Row& r) { r.payload_type[0].codec = static_cast<contract::Codec>(6); }},
          {"clock rate 0", [](Row& r) { r.payload_type[0].clock_rate_hz = 0; }},
          {"clock rate beyond reason", [](Row& r) { r.payload_type[0].clock_rate_hz = 2'000'000; }},
          {"RTX of nothing", [](Row& r) { r.payload_type[1].associated = 98; }},
          {"RTX of itself", [](Row& r) { r.payload_type[1].associated = 97; }},
          {"bound by mid", [](Row& r) { r.encoding[0] = {}; }, RowFault::kNone},
          {"simulcast by rid",
           [](Row& r) {
             r.encoding_count = 3;
             for (int i = 0; i < 3; ++i) {
               r.encoding[i] = {};
               copyText(r.encoding[i].rid, r.encoding[i].rid_length_bytes, "hi-1_");
             }
           },
           RowFault::kNone},
          {"muted", [](Row& r) { r.flags = kTrackMuted; }, RowFault::kNone},
          {"a screen", [](Row& r) { r.flags = kTrackAlwaysSent; }, RowFault::kNone},
          {"no NACK", [](Row& r) { r.flags = kTrackNoNack; }, RowFault::kNone},
      });
}

TEST(RowCheck, subscription_rows_by_table) {
  using Row = SubscriptionRow;
  expectFaults<Row>(
      test::soundSubscription(),
      {
          {"state beyond the enum", [](Row& r) { r.state = static_cast<RowState>(7); }},
          {"unknown flag", [](Row& r) { r.flags = 4; }},
          {"track beyond the table", [](Row& r) { r.track.index = kTrackMax; }, RowFault::kIndexOutOfRange},
          {"transport beyond the table", [](Row& r) { r.transport.index = kTransportMax; }, RowFault::kIndexOutOfRange},
          {"mid longer than its field", [](Row& r) { r.mid_length_bytes = 17; }},
          {"more mappings than fit", [](Row& r) { r.mapping_count = 9; }},
          {"255 mappings", [](Row& r) { r.mapping_count = 255; }},
          {"no SSRC", [](Row& r) { r.ssrc = 0; }},
          {"RTX under the SSRC of the media", [](Row& r) { r.rtx_ssrc = r.ssrc; }},
          {"mapping from 8 bits", [](Row& r) { r.mapping[0].from = 200; }},
          {"mapping to what reads as RTCP", [](Row& r) { r.mapping[0].to = 64; }},
          {"RTX under the payload type of the media", [](Row& r) { r.mapping[0].rtx_to = 100; }},
          {"one payload type mapped twice",
           [](Row& r) {
             r.mapping_count = 2;
             r.mapping[1] = r.mapping[0];
           }},
          {"no RTX", [](Row& r) { r.rtx_ssrc = 0, r.mapping[0].rtx_to = kNotRtx; }, RowFault::kNone},
          {"nothing mapped", [](Row& r) { r.mapping_count = 0; }, RowFault::kNone},
          {"paused", [](Row& r) { r.flags = kSubscriptionPaused; }, RowFault::kNone},
          {"pinned", [](Row& r) { r.flags = kSubscriptionPinned; }, RowFault::kNone},
      });
}

}  // namespace
}  // namespace penstock
