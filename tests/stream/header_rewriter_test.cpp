// The header a subscriber gets, read back with the parser; and no byte beyond the buffer, whatever comes in.
#include "dataplane/stream/header_rewriter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "dataplane/packet/rtp.h"
#include "dataplane/packet/rtp_extension.h"

namespace penstock::stream {
namespace {

using contract::Extension;
using Bytes = std::vector<uint8_t>;
using Ids = std::array<uint8_t, contract::kExtensionMax>;

constexpr size_t at(Extension extension) {
  return static_cast<size_t>(extension);
}
Bytes text(std::string_view from) {
  return Bytes(from.begin(), from.end());
}

const OutgoingHeader kOutgoing = {.ssrc = 0x1122'3344,
                                  .timestamp = 0x5566'7788,
                                  .sequence = 0x99aa,
                                  .payload_type = 101,
                                  .transport_sequence = 0xbbcc,
                                  .abs_send_time = 0x12'3456};

struct Parsed {
  Bytes packet;
  RtpView view;
  RtpExtensions extensions;
  std::optional<Bytes> find(uint8_t id) const {
    const auto found = extensions.find(id);
    if (!found) return std::nullopt;
    return Bytes(found->begin(), found->end());
  }
};

/// Writes into a buffer of exactly the right size and parses the outcome.
Parsed rewrite(const HeaderRewriter& rewriter, const SourceHeader& source) {
  Parsed parsed;
  parsed.packet.resize(1500);
  const auto written = rewriter.write(source, kOutgoing, parsed.packet);
  EXPECT_TRUE(written);
  EXPECT_EQ(written->written_length, written->header_length);
  parsed.packet.resize(written->header_length);
  parsed.view = parseRtp(parsed.packet).value();
  parsed.extensions = RtpExtensions::parse(parsed.view);
  return parsed;
}

TEST(HeaderRewriter, fixed_fields_are_the_subscribers_own) {
  const HeaderRewriter rewriter(Ids{}, {});
  const Bytes csrcs = {1, 2, 3, 4, 5, 6, 7, 8};
  const Parsed parsed = rewrite(rewriter, {.marker = true, .csrcs = csrcs});
  EXPECT_EQ(parsed.view.ssrc, 0x1122'3344u);
  EXPECT_EQ(parsed.view.timestamp, 0x5566'7788u);
  EXPECT_EQ(parsed.view.sequence, 0x99aau);
  EXPECT_EQ(parsed.view.payload_type, 101);
  EXPECT_TRUE(parsed.view.marker);
  EXPECT_FALSE(parsed.view.padded);
  EXPECT_EQ(parsed.view.csrc_count, 2);
  EXPECT_EQ(Bytes(parsed.packet.begin() + 12, parsed.packet.end()), csrcs);
  EXPECT_EQ(parsed.view.extension_profile, 0);
  EXPECT_FALSE(rewriter.stampsTransportSequence());
}

TEST(HeaderRewriter, each_extension_is_copied_stamped_replaced_or_ends_here) {
  enum Fate { kCopied, kStamped, kEnds };
  struct Case {
    int number;
    Extension extension;
    Fate fate;
    Bytes stamp;
  };
  const Case cases[] = {
      {1, Extension::kMid, kStamped, text("v7")},
      {2, Extension::kRid, kEnds, {}},
      {3, Extension::kRepairedRid, kEnds, {}},
      {4, Extension::kAudioLevel, kCopied, {}},
      {5, Extension::kAbsSendTime, kStamped, {0x12, 0x34, 0x56}},
      {6, Extension::kAbsCaptureTime, kCopied, {}},
      {7, Extension::kTransportCc, kStamped, {0xbb, 0xcc}},
      {8, Extension::kDependencyDescriptor, kCopied, {}},
      {9, Extension::kVideoOrientation, kCopied, {}},
      {10, Extension::kPlayoutDelay, kCopied, {}},
      {11, Extension::kVideoContentType, kCopied, {}},
      {12, Extension::kVideoTiming, kCopied, {}},
      {13, Extension::kColorSpace, kCopied, {}},
      {14, Extension::kVideoLayersAllocation, kEnds, {}},
      {15, Extension::kTransmissionOffset, kEnds, {}},
  };
  ASSERT_EQ(std::size(cases), at(Extension::kCount));
  const Bytes mid = text("v7");
  const Bytes value = {9, 8, 7};
  for (const Case& c : cases) {
    Ids ids{};
    ids[at(c.extension)] = 5;
    SourceHeader present;
    present.set(at(c.extension), value);
    const HeaderRewriter rewriter(ids, mid);
    const auto with = rewrite(rewriter, present).find(5);
    const auto without = rewrite(rewriter, {}).find(5);
    if (c.fate == kCopied) {
      EXPECT_EQ(with, value) << "case " << c.number;
      EXPECT_EQ(without, std::nullopt) << "case " << c.number;
    } else if (c.fate == kStamped) {
      EXPECT_EQ(with, c.stamp) << "case " << c.number;
      EXPECT_EQ(without, c.stamp) << "case " << c.number;
    } else {
      EXPECT_EQ(with, std::nullopt) << "case " << c.number;
    }
    EXPECT_EQ(rewriter.stampsTransportSequence(), c.extension == Extension::kTransportCc);
    // Not negotiated by the subscriber: never there.
    EXPECT_EQ(rewrite(HeaderRewriter(Ids{}, mid), present).view.extension_profile, 0) << "case " << c.number;
  }
}

TEST(HeaderRewriter, form_is_one_byte_where_that_can_say_it) {
  struct Case {
    int number;
    uint8_t id;
    size_t size;
    uint16_t profile;
  };
  const Case cases[] = {
      {1, 1, 1, kOneByteProfile},   {2, 14, 16, kOneByteProfile}, {3, 14, 17, kTwoByteProfile},
      {4, 15, 1, kTwoByteProfile},  {5, 16, 1, kTwoByteProfile},  {6, 255, 255, kTwoByteProfile},
      {7, 3, 255, kTwoByteProfile},
  };
  for (const Case& c : cases) {
    Ids ids{};
    ids[at(Extension::kDependencyDescriptor)] = c.id;
    ids[at(Extension::kAudioLevel)] = 2;
    const Bytes value(c.size, 0x5a);
    const Bytes level = {0x85};
    SourceHeader source;
    source.set(at(Extension::kDependencyDescriptor), value);
    source.set(at(Extension::kAudioLevel), level);
    const Parsed parsed = rewrite(HeaderRewriter(ids, {}), source);
    EXPECT_EQ(parsed.view.extension_profile, c.profile) << "case " << c.number;
    EXPECT_EQ(parsed.find(c.id), value) << "case " << c.number;
    EXPECT_EQ(parsed.find(2), level) << "case " << c.number;
  }
}

TEST(HeaderRewriter, empty_and_overlong_elements_are_left_out) {
  Ids ids{};
  ids[at(Extension::kDependencyDescriptor)] = 3;
  const Bytes overlong(256, 1);
  SourceHeader source;
  source.set(at(Extension::kDependencyDescriptor), overlong);
  EXPECT_EQ(rewrite(HeaderRewriter(ids, {}), source).view.extension_profile, 0);
  ids[at(Extension::kMid)] = 1;
  EXPECT_EQ(rewrite(HeaderRewriter(ids, {}), {}).view.extension_profile, 0) << "no MID, no element";
}

TEST(HeaderRewriter, rtx_carries_the_original_sequence_number_behind_the_header) {
  Ids ids{};
  ids[at(Extension::kMid)] = 1;
  const HeaderRewriter rewriter(ids, text("0"));
  Bytes out(64, 0xee);
  const auto written = rewriter.writeRtx({}, kOutgoing, 0x1234, out);
  ASSERT_TRUE(written);
  EXPECT_EQ(written->written_length, written->header_length + 2);
  EXPECT_EQ(out[written->header_length], 0x12);
  EXPECT_EQ(out[written->header_length + 1u], 0x34);
  for (size_t size = 0; size < written->written_length; ++size) {
    EXPECT_FALSE(rewriter.writeRtx({}, kOutgoing, 1, std::span(out).first(size))) << size;
  }
}

TEST(HeaderRewriter, whatever_comes_in_the_outcome_parses_and_stays_in_its_buffer) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20'000; ++round) {
    Ids ids{};
    for (uint8_t& id : ids) {
      if (random() % 2 == 0) id = static_cast<uint8_t>(random() % 4 == 0 ? random() : 1 + random() % 14);
    }
    const Bytes mid(random() % 20, 'm');
    const HeaderRewriter rewriter(ids, mid);
    std::vector<Bytes> values(contract::kExtensionMax);
    SourceHeader source;
    for (size_t i = 0; i < values.size(); ++i) {
      if (random() % 2 == 0) continue;
      values[i].assign(random() % 8 == 0 ? random() % 300 : random() % 18, static_cast<uint8_t>(i));
      source.set(i, values[i]);
    }
    const Bytes csrcs(random() % 16 * 4, 7);
    source.csrcs = csrcs;
    Bytes out(4096, 0xee);
    const size_t space = random() % 2 == 0 ? out.size() : random() % 200;
    const auto written = rewriter.write(source, kOutgoing, std::span(out).first(space));
    ASSERT_TRUE(std::all_of(out.begin() + static_cast<ptrdiff_t>(written ? written->header_length : 0), out.end(),
                            [](uint8_t byte) { return byte == 0xee; }));
    if (!written) {
      ASSERT_LT(space, out.size());
      continue;
    }
    ASSERT_LE(written->header_length, space);
    out.resize(written->header_length);
    const auto view = parseRtp(out);
    ASSERT_TRUE(view);
    ASSERT_EQ(view->header_size, written->header_length);
    ASSERT_TRUE(RtpExtensions::parse(*view).whole());
  }
}

TEST(HeaderRewriter, csrcs_that_are_no_list_of_words_are_refused) {
  Bytes out(200);
  const Bytes csrcs(68, 1);
  const HeaderRewriter rewriter(Ids{}, {});
  EXPECT_FALSE(rewriter.write({.csrcs = std::span(csrcs).first(3)}, kOutgoing, out));
  EXPECT_FALSE(rewriter.write({.csrcs = std::span(csrcs).first(64)}, kOutgoing, out));
  EXPECT_TRUE(rewriter.write({.csrcs = std::span(csrcs).first(60)}, kOutgoing, out));
}

}  // namespace
}  // namespace penstock::stream
