// STUN by the vectors of RFC 5769, then everything a check can have wrong.
#include "dataplane/packet/stun.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace penstock {
namespace {

using namespace test;

// RFC 5769 section 2.1 (SOFTWARE, PRIORITY, ICE-CONTROLLED, USERNAME padded with spaces, integrity, fingerprint).
const Bytes kSampleRequest = fromHex(
    "00010058 2112a442 b7e7a701 bc34d686 fa87dfae"
    "80220010 5354554e 20746573 7420636c 69656e74"
    "00240004 6e0001ff"
    "80290008 932ff9b1 51263b36"
    "00060009 6576746a 3a683676 59202020"
    "00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2"
    "80280004 e57a3bcf");
// Section 2.2 and 2.3: responses to it.
const Bytes kSampleResponse4 = fromHex(
    "0101003c 2112a442 b7e7a701 bc34d686 fa87dfae"
    "8022000b 74657374 20766563 746f7220"
    "00200008 0001a147 e112a643"
    "00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7"
    "80280004 c07d4c96");
const Bytes kSampleResponse6 = fromHex(
    "01010048 2112a442 b7e7a701 bc34d686 fa87dfae"
    "8022000b 74657374 20766563 746f7220"
    "00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9"
    "00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41"
    "80280004 c8fb0b4c");
constexpr std::string_view kSamplePassword = "VOkJxbRl1RmTxUk/WvJxBt";

std::string verdict(const Bytes& datagram) {
  const auto request = parseStunRequest(datagram);
  return request ? "good" : std::string(contract::kCounterTexts[static_cast<size_t>(request.error())].name);
}

TEST(Stun, rfc_5769_request_is_read_and_verified) {
  const auto request = parseStunRequest(kSampleRequest);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->username, "evtj:h6vY");
  EXPECT_EQ(request->ownUfrag(), "evtj");
  EXPECT_EQ(request->peerUfrag(), "h6vY");
  EXPECT_EQ(request->priority, 0x6e00'01ffu);
  EXPECT_EQ(request->role, IceRole::kControlled);
  EXPECT_EQ(request->tie_breaker, 0x932f'f9b1'5126'3b36u);
  EXPECT_FALSE(request->use_candidate);
  EXPECT_EQ(request->unknown_count, 0);
  EXPECT_TRUE(integrityGood(*request, HmacSha1Key(kSamplePassword)));
  EXPECT_FALSE(integrityGood(*request, HmacSha1Key("VOkJxbRl1RmTxUk/WvJxBu")));
  EXPECT_FALSE(integrityGood(*request, HmacSha1Key("")));
}

/// Of a message of ours: the attribute's value.
Bytes attributeOf(const Bytes& message, uint16_t type) {
  for (size_t at = 20; at + 4 <= message.size();) {
    const size_t size = load16(message.data() + at + 2);
    if (load16(message.data() + at) == type) {
      return Bytes(message.begin() + static_cast<ptrdiff_t>(at) + 4,
                   message.begin() + static_cast<ptrdiff_t>(at + 4 + size));
    }
    at += 4 + (size + 3) / 4 * 4;
  }
  return {};
}

/// The response as the test's own HMAC and CRC would make it.
Bytes signedMessage(uint16_t type, const Bytes& transaction_id, std::vector<std::pair<uint16_t, Bytes>> attributes,
                    std::string_view password) {
  StunSpec spec{.username = "", .password = std::string(password), .type = type, .transaction_id = transaction_id};
  spec.priority.reset();
  spec.controlling.reset();
  spec.extra = std::move(attributes);
  return stunMessage(spec);
}

TEST(Stun, rfc_5769_responses_hold_the_address_we_write) {
  const auto request = parseStunRequest(kSampleRequest).value();
  const Bytes id = fromHex("b7e7a701 bc34d686 fa87dfae");
  const HmacSha1Key key(kSamplePassword);
  const std::pair<Address, Bytes> cases[] = {
      {endpoint("192.0.2.1:32853"), kSampleResponse4},
      {endpoint("[2001:db8:1234:5678:11:2233:4455:6677]:32853"), kSampleResponse6},
  };
  for (const auto& [mapped, sample] : cases) {
    Bytes out(kStunAnswerMax);
    out.resize(writeStunSuccess(request, mapped, key, out));
    EXPECT_EQ(attributeOf(out, 0x0020), attributeOf(sample, 0x0020));
    EXPECT_EQ(out, signedMessage(0x0101, id, {{0x0020, attributeOf(sample, 0x0020)}}, kSamplePassword));
    EXPECT_LE(out.size(), kSampleRequest.size());  // never an amplifier
    // The sample carries SOFTWARE too; its own fingerprint proves the CRC.
    EXPECT_EQ(load32(attributeOf(sample, 0x8028).data()), stunFingerprint(std::span(sample).first(sample.size() - 8)));
  }
}

TEST(Stun, what_browsers_send_is_read) {
  StunSpec spec{.use_candidate = true};
  spec.extra = {{0xc057, fromHex("00010032")}, {0x8022, bytesOf("client")}};  // network cost, software: optional
  const auto datagram = stunMessage(spec);
  const auto request = parseStunRequest(datagram);
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->use_candidate);
  EXPECT_EQ(request->role, IceRole::kControlling);
  EXPECT_EQ(request->tie_breaker, 0x0102'0304'0506'0708u);
  EXPECT_EQ(request->ownUfrag(), "ours");
  EXPECT_EQ(request->unknown_count, 0);
  EXPECT_TRUE(integrityGood(*request, HmacSha1Key(spec.password)));
}

TEST(Stun, each_refusal_has_its_name) {
  const Bytes good = stunMessage({});
  const auto changed = [&](size_t at, uint8_t value) {
    Bytes datagram = good;
    datagram[at] = value;
    return datagram;
  };
  const auto with = [](uint16_t type, const Bytes& value) {
    StunSpec spec;
    spec.extra = {{type, value}};
    return stunMessage(spec);
  };
  Bytes longer = good, overrun = stunMessage({.integrity = false, .fingerprint = false});
  longer.push_back(0);
  appendStunAttribute(overrun, 0x8022, Bytes(4));
  overrun[overrun.size() - 5] = 5;  // says five bytes, four are there
  Bytes behind = good;
  appendStunAttribute(behind, 0x8022, Bytes(4));
  StunSpec many, bad_integrity;
  for (uint16_t i = 0; i < 30; ++i) many.extra.emplace_back(0x9000 + i, Bytes());
  bad_integrity.integrity = false;
  bad_integrity.extra = {{0x0008, Bytes(32)}};
  const struct {
    int number;
    Bytes datagram;
    std::string verdict;
  } cases[] = {
      {1, good, "good"},
      {2, {}, "stun_malformed"},
      {3, Bytes(19), "stun_malformed"},
      {4, changed(0, 0x40), "stun_malformed"},  // the two leading bits
      {5, changed(4, 0x22), "stun_malformed"},  // no cookie: RFC 3489
      {6, changed(3, static_cast<uint8_t>(good[3] + 4)), "stun_malformed"},
      {7, changed(3, static_cast<uint8_t>(good[3] - 4)), "stun_malformed"},
      {8, changed(3, static_cast<uint8_t>(good[3] + 1)), "stun_malformed"},
      {9, longer, "stun_malformed"},
      {10, overrun, "stun_malformed"},
      {11, stunMessage({.type = 0x0011}), "stun_not_binding_request"},  // indication
      {12, stunMessage({.type = 0x0101}), "stun_not_binding_request"},
      {13, stunMessage({.type = 0x0003}), "stun_not_binding_request"},  // TURN Allocate
      {14, stunMessage({.fingerprint = false}), "stun_fingerprint_bad"},
      {15, changed(good.size() - 1, static_cast<uint8_t>(good.back() ^ 1)), "stun_fingerprint_bad"},
      {16, changed(10, static_cast<uint8_t>(good[10] ^ 1)), "stun_fingerprint_bad"},
      {17, behind, "stun_malformed"},  // something behind FINGERPRINT
      {18, with(0x0024, Bytes(3)), "stun_malformed"},
      {19, with(0x0025, Bytes(1)), "stun_malformed"},
      {20, with(0x802a, Bytes(7)), "stun_malformed"},
      {21, with(0x8029, Bytes(9)), "stun_malformed"},
      {22, with(0x0006, Bytes(509)), "stun_malformed"},
      {23, stunMessage(many), "stun_malformed"},
      {24, stunMessage(bad_integrity), "stun_malformed"},
      {25, with(0x8022, Bytes(1500)), "stun_malformed"},  // longer than an MTU
      {26, stunMessage({.username = ""}), "good"},        // names nobody: the caller's question
      {27, stunMessage({.integrity = false}), "good"},    // likewise
      {28, with(0x8022, Bytes(763)), "good"},             // RFC 8489 section 14.14: the longest SOFTWARE
  };
  for (const auto& test_case : cases) EXPECT_EQ(verdict(test_case.datagram), test_case.verdict) << test_case.number;
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(verdict(Bytes(good.begin(), good.begin() + static_cast<ptrdiff_t>(size))), "stun_malformed") << size;
  }
}

TEST(Stun, integrity_covers_every_byte_before_it) {
  const Bytes good = stunMessage({});
  const HmacSha1Key key(StunSpec().password);
  ASSERT_TRUE(integrityGood(parseStunRequest(good).value(), key));
  const size_t integrity = good.size() - 8 - 24;
  for (size_t at = 8; at < good.size() - 8; ++at) {
    if (at >= integrity && at < integrity + 4) continue;
    Bytes datagram = good;
    datagram[at] ^= 1;
    const uint32_t fingerprint = stunFingerprint(std::span(datagram).first(datagram.size() - 8));
    store32(datagram.data() + datagram.size() - 4, fingerprint);
    const auto request = parseStunRequest(datagram);
    if (request) {
      EXPECT_FALSE(integrityGood(*request, key)) << at;
    }
  }
  EXPECT_FALSE(integrityGood(parseStunRequest(stunMessage({.integrity = false})).value(), key));
}

TEST(Stun, attributes_behind_the_integrity_are_ignored) {
  StunSpec spec{.fingerprint = false};
  Bytes datagram = stunMessage(spec);
  appendStunAttribute(datagram, 0x0025, {});        // USE-CANDIDATE that nobody signed
  appendStunAttribute(datagram, 0x7777, Bytes(4));  // unknown
  appendStunAttribute(datagram, 0x8028, Bytes(4));
  store32(datagram.data() + datagram.size() - 4, stunFingerprint(std::span(datagram).first(datagram.size() - 8)));
  const auto request = parseStunRequest(datagram);
  ASSERT_TRUE(request);
  EXPECT_FALSE(request->use_candidate);
  EXPECT_EQ(request->unknown_count, 0);
  EXPECT_TRUE(integrityGood(*request, HmacSha1Key(spec.password)));
}

TEST(Stun, errors_say_no_more_than_needed) {
  StunSpec spec;
  spec.extra = {{0x7001, Bytes(4)}, {0x7002, {}}, {0x7003, Bytes(1)}};
  const Bytes datagram = stunMessage(spec);
  const auto request = parseStunRequest(datagram).value();
  ASSERT_EQ(request.unknown_count, 3);
  const HmacSha1Key key(spec.password);
  const struct {
    StunError error;
    std::vector<std::pair<uint16_t, Bytes>> attributes;
  } cases[] = {
      {StunError::kBadRequest, {{0x0009, fromHex("00000400")}}},
      {StunError::kForbidden, {{0x0009, fromHex("00000403")}}},
      {StunError::kRoleConflict, {{0x0009, fromHex("00000457")}}},
      {StunError::kUnknownAttribute, {{0x0009, fromHex("00000414")}, {0x000a, fromHex("7001 7002 7003")}}},
  };
  for (const auto& test_case : cases) {
    Bytes out(kStunAnswerMax);
    out.resize(writeStunError(request, test_case.error, key, out));
    EXPECT_EQ(out, signedMessage(0x0111, spec.transaction_id, test_case.attributes, spec.password));
    EXPECT_LE(out.size(), datagram.size());
  }
}

TEST(Stun, unknown_attributes_are_listed_up_to_a_limit) {
  StunSpec spec;
  for (uint16_t i = 0; i < 12; ++i) spec.extra.emplace_back(0x7000 + i, Bytes());
  const Bytes datagram = stunMessage(spec);
  const auto request = parseStunRequest(datagram).value();
  EXPECT_EQ(request.unknown_count, kStunUnknownMax);
  Bytes out(kStunAnswerMax);
  const HmacSha1Key key(spec.password);
  EXPECT_GT(writeStunError(request, StunError::kUnknownAttribute, key, out), 0u);
}

TEST(Stun, answers_never_pass_the_end_of_their_buffer) {
  const Bytes datagram = stunMessage({});
  const auto request = parseStunRequest(datagram).value();
  const HmacSha1Key key("password");
  for (size_t size = 0; size < 80; ++size) {
    Bytes out(size + 8, 0xee);
    const size_t written = writeStunSuccess(request, endpoint("[2001:db8::2]:5000"), key, std::span(out).first(size));
    EXPECT_EQ(written, size >= 76 ? 76u : 0u);
    EXPECT_EQ(Bytes(out.end() - 8, out.end()), Bytes(8, 0xee));
    EXPECT_EQ(writeStunError(request, StunError::kBadRequest, key, std::span(out).first(size)), size >= 60 ? 60u : 0u);
  }
}

TEST(HmacSha1, agrees_with_rfc_2202) {
  const struct {
    int number;
    Bytes key;
    Bytes data;
    std::string_view digest;
  } cases[] = {
      {1, Bytes(20, 0x0b), bytesOf("Hi There"), "b617318655057264e28bc0b6fb378c8ef146be00"},
      {2, bytesOf("Jefe"), bytesOf("what do ya want for nothing?"), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
      {3, Bytes(20, 0xaa), Bytes(50, 0xdd), "125d7342b9ac11cd91a39af48aa17b4f63f175d3"},
      {6, Bytes(80, 0xaa), bytesOf("Test Using Larger Than Block-Size Key - Hash Key First"),
       "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
  };
  for (const auto& test_case : cases) {
    const HmacSha1Key key{std::span(test_case.key)};
    const Sha1Digest digest = key.sign({test_case.data});
    EXPECT_EQ(Bytes(digest.begin(), digest.end()), fromHex(test_case.digest)) << test_case.number;
    const auto data = std::span(test_case.data);
    EXPECT_EQ(key.sign({data.first(3), data.subspan(3)}), digest);
  }
}

TEST(Stun, ufrags_are_split_at_the_first_colon) {
  const std::array<std::string_view, 3> cases[] = {
      {"a:b", "a", "b"}, {"a:b:c", "a", "b:c"}, {":b", "", "b"}, {"a:", "a", ""}, {"ab", "", ""}, {"", "", ""},
  };
  for (const auto& [username, own, peer] : cases) {
    StunRequest request;
    request.username = username;
    EXPECT_EQ(request.ownUfrag(), own);
    EXPECT_EQ(request.peerUfrag(), peer);
  }
}

}  // namespace
}  // namespace penstock
