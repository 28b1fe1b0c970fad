// RED payloads, as RFC 2198 draws them.
#include "dataplane/codec/red.h"

#include <random>

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace penstock::codec {
namespace {

using test::append;
using test::appendNumber;
using test::Bytes;
using test::bytesOf;
using test::fromHex;

TEST(Red, numbered_cases) {
  struct Case {
    int number;
    const char* hex;
    size_t blocks, header, primary;  // 0 blocks: none
    uint8_t first_type, primary_type;
  };
  const Case cases[] = {
      {1, "6f aabb", 1, 1, 2, 111, 111},                            // what Chromium begins with: no redundancy yet
      {2, "ef 0f0002 6f 1122 aabbcc", 2, 5, 3, 111, 111},           // one earlier frame
      {3, "ef 1e0001 ef 0f0002 6f 11 2222 aa", 3, 9, 1, 111, 111},  // two
      {4, "87 00000e 05 0102030405060708090a0b0c0d0e ff", 2, 5, 1, 7, 5},  // RFC 2198 section 4: of two codecs
      {5, "ef 0f0000 6f aa", 2, 5, 1, 111, 111},                           // an empty earlier frame
      {6, "ef 0f0002 6f 1122", 2, 5, 0, 111, 111},                         // an empty primary one
      {7, "ef fffc02 6f 1122 aa", 2, 5, 1, 111, 111},  // the largest offset is no part of the length
      {8, "6f", 1, 1, 0, 111, 111},
      {9, "", 0, 0, 0, 0, 0},                                // nothing
      {10, "ef", 0, 0, 0, 0, 0},                             // ends in a header ...
      {11, "ef 0f00", 0, 0, 0, 0, 0},                        //
      {12, "ef 0f0002", 0, 0, 0, 0, 0},                      // ... before the primary one's
      {13, "ef 0f0002 6f 11", 0, 0, 0, 0, 0},                // ends in a frame
      {14, "ef 0f03ff 6f 1122", 0, 0, 0, 0, 0},              //
      {15, "ef 0f0002 ef 0f0002 6f 112233", 0, 0, 0, 0, 0},  // ends in the second frame
  };
  for (const Case& c : cases) {
    const Bytes bytes = fromHex(c.hex);
    const auto red = parseRed(bytes);
    ASSERT_EQ(red.has_value(), c.blocks > 0) << "case " << c.number;
    if (!red) continue;
    EXPECT_EQ(red->block_count, c.blocks) << "case " << c.number;
    EXPECT_EQ(red->header.size(), c.header) << "case " << c.number;
    EXPECT_EQ(red->primary.size(), c.primary) << "case " << c.number;
    EXPECT_EQ(red->payloadType(0), c.first_type) << "case " << c.number;
    EXPECT_EQ(red->primaryType(), c.primary_type) << "case " << c.number;
  }
}

Bytes made(const std::vector<std::pair<uint8_t, Bytes>>& blocks) {
  Bytes payload;
  for (size_t i = 0; i + 1 < blocks.size(); ++i) {
    payload.push_back(static_cast<uint8_t>(0x80 | blocks[i].first));
    appendNumber(payload, (blocks.size() - i) * 960 << 10 | blocks[i].second.size(), 3);
  }
  payload.push_back(blocks.back().first);
  for (const auto& [type, data] : blocks) append(payload, data);
  return payload;
}

TEST(Red, what_was_packed_is_found_again_and_of_no_prefix_too_much) {
  std::mt19937 random(2198);
  for (int run = 0; run < 300; ++run) {
    std::vector<std::pair<uint8_t, Bytes>> blocks(1 + random() % 5);
    for (auto& [type, data] : blocks) {
      type = static_cast<uint8_t>(random() % 128);
      data.resize(random() % 200);
      for (uint8_t& byte : data) byte = static_cast<uint8_t>(random());
    }
    const Bytes payload = made(blocks);
    const auto red = parseRed(payload);
    ASSERT_TRUE(red) << "run " << run;
    ASSERT_EQ(red->block_count, blocks.size()) << "run " << run;
    for (size_t i = 0; i < blocks.size(); ++i) ASSERT_EQ(red->payloadType(i), blocks[i].first) << "run " << run;
    EXPECT_EQ(Bytes(red->primary.begin(), red->primary.end()), blocks.back().second) << "run " << run;
    const size_t needed = payload.size() - blocks.back().second.size();
    for (size_t size = 0; size < payload.size(); ++size)
      ASSERT_EQ(parseRed(std::span(payload).first(size)).has_value(), size >= needed) << "run " << run << ": " << size;
  }
}

TEST(Red, more_blocks_than_anybody_sends_are_too_many) {
  std::vector<std::pair<uint8_t, Bytes>> blocks(kRedBlockMax, {111, bytesOf("x")});
  const Bytes most = made(blocks);
  ASSERT_TRUE(parseRed(most));
  EXPECT_EQ(parseRed(most)->header.size(), kRedHeaderMax);
  blocks.emplace_back(111, bytesOf("x"));
  EXPECT_FALSE(parseRed(made(blocks)));
}

TEST(Red, another_payload_type_changes_seven_bits) {
  Bytes header = fromHex("ef 0f0002 6f");
  setRedPayloadType(header, 0, 96);
  EXPECT_EQ(header, fromHex("e0 0f0002 6f"));
  setRedPayloadType(header, 1, 9);
  EXPECT_EQ(header, fromHex("e0 0f0002 09"));
}

}  // namespace
}  // namespace penstock::codec
