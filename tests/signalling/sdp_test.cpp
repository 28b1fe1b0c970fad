// Reading and writing SDP: what real peers send, and what nobody should.
#include "control/signalling/sdp.h"

#include <gtest/gtest.h>

#include "tests/signalling/read_sdp.h"

namespace penstock::sdp {
namespace {

using test::readSdp;

constexpr const char* kOffers[] = {"chromium_publish_offer", "chromium_play_offer", "chromium_simulcast_offer",
                                   "firefox_publish_offer",  "firefox_play_offer",  "firefox_simulcast_offer",
                                   "aiortc_publish_offer",   "aiortc_play_offer"};

TEST(Sdp, offers_of_real_peers_are_read) {
  for (const char* name : kOffers) {
    const auto read = parse(readSdp(name));
    ASSERT_TRUE(read) << name << ": " << read.error().text();
    ASSERT_FALSE(read->media.empty()) << name;
    ASSERT_EQ(read->bundle.size(), 1u) << name;
    for (const Media& media : read->media) {
      EXPECT_FALSE(media.mid.empty()) << name;
      EXPECT_FALSE(media.security.ice_ufrag.empty()) << name;
      ASSERT_EQ(media.security.fingerprints.size(), 1u) << name;
      EXPECT_EQ(media.security.fingerprints[0].value.size(), 95u) << name;
      EXPECT_EQ(media.security.setup, Setup::kActpass) << name;
    }
  }
}

TEST(Sdp, chromium_sections_say_what_they_say) {
  const auto read = parse(readSdp("chromium_publish_offer"));
  ASSERT_TRUE(read);
  ASSERT_EQ(read->media.size(), 3u);
  EXPECT_TRUE(read->extmap_allow_mixed);
  const Media& audio = read->media[0];
  EXPECT_EQ(audio.formats[0].name, "opus");
  EXPECT_EQ(audio.formats[0].payload_type, 111);
  EXPECT_EQ(audio.formats[0].clock_rate_hz, 48000u);
  EXPECT_EQ(audio.formats[0].channels, 2u);
  EXPECT_EQ(audio.formats[0].fmtp, "minptime=10;useinbandfec=1");
  EXPECT_EQ(audio.formats[0].feedback, std::vector<std::string>{"transport-cc"});
  EXPECT_EQ(audio.direction, Direction::kSendOnly);
  const Media& video = read->media[1];
  ASSERT_EQ(video.ssrcs.size(), 2u);
  ASSERT_EQ(video.ssrc_groups.size(), 1u);
  EXPECT_EQ(video.ssrc_groups[0].semantics, "FID");
  EXPECT_EQ(video.ssrc_groups[0].ssrcs[1], video.ssrcs[1].ssrc);
  EXPECT_TRUE(video.rtcp_mux && video.rtcp_rsize);
}

TEST(Sdp, fingerprint_of_the_session_level_is_that_of_every_section) {
  const auto read = parse(readSdp("firefox_publish_offer"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->security.fingerprints.size(), 1u);
  EXPECT_TRUE(read->media[1].bundle_only);
  EXPECT_EQ(read->media[1].port, 0);
}

TEST(Sdp, what_is_written_reads_the_same) {
  for (const char* name : kOffers) {
    const auto once = parse(readSdp(name));
    ASSERT_TRUE(once);
    const std::string text = write(*once);
    const auto twice = parse(text);
    ASSERT_TRUE(twice) << name << ": " << twice.error().text();
    EXPECT_EQ(write(*twice), text) << name;
    EXPECT_EQ(twice->media.size(), once->media.size());
  }
}

const std::string kHead = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
const std::string kAudio = kHead + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n";

TEST(Sdp, wrong_lines_are_named) {
  const std::pair<std::string, size_t> cases[] = {
      {"", 0},                                                       // 0
      {"hello", 1},                                                  // 1
      {"v=1\r\n", 1},                                                // 2
      {"o=- 1 1 IN IP4 0.0.0.0\r\n", 1},                             // 3
      {kHead + "x\r\n", 5},                                          // 4
      {kHead + "m=audio\r\n", 5},                                    // 5
      {kAudio + "a=fmtp:111 " + std::string(513, 'x') + "\r\n", 6},  // 6
      {kHead + "m=audio 99999 UDP/TLS/RTP/SAVPF 111\r\n", 5},        // 7
      {kHead + "m=audio 9 UDP/TLS/RTP/SAVPF 128\r\n", 5},            // 8
      {kHead + "m=audio 9 UDP/TLS/RTP/SAVPF x\r\n", 5},              // 9
      {kHead + "m=au<>dio 9 UDP/TLS/RTP/SAVPF 111\r\n", 5},          // 10
      {kAudio + "a=rtpmap:111 opus\r\n", 6},                         // 11
      {kAudio + "a=rtpmap:111 opus/0/2\r\n", 6},                     // 12
      {kAudio + "a=rtpmap:111 opus/48000/0\r\n", 6},                 // 13
      {kAudio + "a=mid:\r\n", 6},                                    // 14
      {kAudio + "a=mid:a b\r\n", 6},                                 // 15
      {kAudio + "a=ice-ufrag:abc\r\n", 6},                           // 16
      {kAudio + "a=ice-ufrag:ab cd\r\n", 6},                         // 17
      {kAudio + "a=ice-pwd:short\r\n", 6},                           // 18
      {kAudio + "a=fingerprint:sha-256 XYZ\r\n", 6},                 // 19
      {kAudio + "a=setup:sometimes\r\n", 6},                         // 20
      {kAudio + "a=extmap:0 urn:x\r\n", 6},                          // 21
      {kAudio + "a=extmap:1\r\n", 6},                                // 22
      {kAudio + "a=ssrc:0 cname:x\r\n", 6},                          // 23
      {kAudio + "a=ssrc:4294967296 cname:x\r\n", 6},                 // 24
      {kAudio + "a=ssrc-group:FID 1 x\r\n", 6},                      // 25
      {kAudio + "a=rtcp-fb:111\r\n", 6},                             // 26
      {kAudio + "a=rid:hi sideways\r\n", 6},                         // 27
      {kHead + std::string("a=x\0y\r\n", 7), 5},                     // 28
      {kHead + "a=" + std::string(kLineBytesMax, 'x') + "\r\n", 5},  // 29
      {kHead + std::string(kBytesMax, '\n'), 0},                     // 30
      {kHead + std::string(kLinesMax + 1, '\n'), kLinesMax + 1},     // 31
  };
  for (size_t i = 0; i < std::size(cases); ++i) {
    const auto read = parse(cases[i].first);
    ASSERT_FALSE(read) << "case " << i;
    EXPECT_EQ(read.error().line, cases[i].second) << "case " << i << ": " << read.error().text();
    EXPECT_FALSE(read.error().message.empty());
  }
}

TEST(Sdp, numbers_of_things_are_limited) {
  std::string sections = kHead, ssrcs = kAudio, extmaps = kAudio, formats = kHead + "m=audio 9 UDP/TLS/RTP/SAVPF";
  for (size_t i = 0; i < kFormatsMax; ++i) formats += " " + std::to_string(i);
  EXPECT_TRUE(parse(formats + "\r\n"));
  EXPECT_FALSE(parse(formats + " 100\r\n"));
  EXPECT_TRUE(parse(kAudio + "a=fmtp:111 " + std::string(kFmtpBytesMax, 'x') + "\r\n"));
  for (size_t i = 0; i <= kMediaMax; ++i) sections += "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n";
  for (size_t i = 1; i <= kItemsMax + 1; ++i) ssrcs += "a=ssrc:" + std::to_string(i) + " cname:x\r\n";
  for (size_t i = 1; i <= kItemsMax + 1; ++i) extmaps += "a=extmap:" + std::to_string(i) + " urn:x\r\n";
  EXPECT_FALSE(parse(sections));
  EXPECT_FALSE(parse(ssrcs));
  EXPECT_FALSE(parse(extmaps));
}

TEST(Sdp, lines_that_nobody_knows_are_passed_over) {
  const auto read = parse(kHead + "b=AS:1\nz=what\na=unknown:thing\n" +
                          "m=audio 9 UDP/TLS/RTP/SAVPF 111 8\na=rtpmap:96 none/1\na=novelty\n\n");
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->media.at(0).formats.size(), 2u);
}

TEST(Sdp, no_byte_changed_or_cut_makes_it_crash) {
  const std::string whole = readSdp("chromium_publish_offer");
  uint32_t seed = 7;
  for (int round = 0; round < 3000; ++round) {
    std::string text = whole;
    for (int i = 0; i < 4; ++i) {
      seed = seed * 1664525 + 1013904223;
      text[(seed >> 8) % text.size()] = static_cast<char>(seed >> 24);
    }
    seed = seed * 1664525 + 1013904223;
    text.resize((seed >> 8) % (text.size() + 1));
    if (const auto read = parse(text)) (void)write(*read);
  }
}

TEST(Sdp, fragments_of_trickle_are_read) {
  const auto read =
      parseFragment("a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->ice_ufrag, "EsAw");
  EXPECT_FALSE(parseFragment("ice-ufrag"));
}

}  // namespace
}  // namespace penstock::sdp
