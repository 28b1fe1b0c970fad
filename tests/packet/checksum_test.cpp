// Every way to make the Internet checksum against the plainest one, at every size and alignment that a packet has.
#include "dataplane/packet/checksum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>

#include "dataplane/packet/bytes.h"
#include "tests/support/packet_builder.h"

namespace penstock {
namespace {

using namespace test;

uint16_t checksumOf(uint64_t sum) {
  return toBigEndian(static_cast<uint16_t>(~checksumFold(sum)));
}

TEST(Checksum, agrees_with_rfc_1071_at_every_size_and_alignment) {
  std::mt19937 random(2);
  Bytes bytes(1700);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  for (size_t size = 0; size + 64 <= bytes.size(); ++size) {
    // Every alignment for what is short; one that changes with the size for the rest.
    const size_t from_first = size <= 300 ? 0 : size % 64, from_last = size <= 300 ? 63 : from_first;
    for (size_t from = from_first; from <= from_last; ++from) {
      const auto part = std::span(bytes).subspan(from, size);
      const uint16_t expected = internetChecksum(part);
      ASSERT_EQ(checksumOf(checksumAdd(0, part)), expected) << from << " " << size;
      for (const ChecksumKernel& kernel : checksumKernels()) {
        ASSERT_EQ(checksumOf(kernel.sum(part.data(), part.size())), expected)
            << kernel.name << " " << from << " " << size;
      }
    }
  }
  // RFC 1071 section 3: the example's sum is ddf2.
  EXPECT_EQ(toBigEndian(checksumFold(checksumAdd(0, fromHex("0001f203f4f5f6f7")))), 0xddf2);
}

TEST(Checksum, no_way_reads_past_the_end) {
  for (const ChecksumKernel& kernel : checksumKernels()) {
    for (size_t size = 0; size <= 300; ++size) {
      // Of exactly that size, so that a sanitizer sees one byte more.
      const auto bytes = std::make_unique<uint8_t[]>(size);
      std::fill_n(bytes.get(), size, uint8_t{0x80});
      const auto whole = std::span<const uint8_t>(bytes.get(), size);
      EXPECT_EQ(checksumOf(kernel.sum(bytes.get(), size)), internetChecksum(whole)) << kernel.name << " " << size;
    }
  }
}

TEST(Checksum, carries_are_not_lost) {
  // The words that a lane has least room for; up to the most that the wide ways take, and beyond.
  for (const uint16_t word : {0x0000, 0x0001, 0x7fff, 0x8000, 0x8001, 0xff00, 0x00ff, 0xffff}) {
    for (const size_t size : {62u, 64u, 1216u, 65'534u, 65'535u, 65'536u, 65'538u, 130'001u}) {
      Bytes bytes(size);
      for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i % 2 == 0 ? word >> 8 : word);
      const uint16_t expected = internetChecksum(bytes);
      EXPECT_EQ(checksumOf(checksumAdd(0, bytes)), expected) << word << " " << size;
      for (const ChecksumKernel& kernel : checksumKernels()) {
        if (size > kernel.size_max) continue;
        EXPECT_EQ(checksumOf(kernel.sum(bytes.data(), size)), expected) << kernel.name << " " << word << " " << size;
      }
    }
  }
  EXPECT_EQ(checksumFold(checksumAdd(0, Bytes(65'534, 0xff))), 0xffff);
  EXPECT_EQ(checksumFold(0xffff'ffff'ffff'ffff), 0xffff);
  EXPECT_EQ(checksumFold(0x1'0000'0000), 1);
  EXPECT_EQ(checksumFold(0), 0);
}

TEST(Checksum, pieces_add_up_to_the_whole) {
  std::mt19937 random(3);
  for (int turn = 0; turn < 2000; ++turn) {
    Bytes bytes(random() % 3000);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random() % 4 == 0 ? 0xff : random());
    uint64_t sum = 0;
    auto rest = std::span<const uint8_t>(bytes);
    while (rest.size() > 1) {
      const size_t piece = std::min<size_t>(rest.size() & ~size_t{1}, 2 + random() % 800 * 2);
      sum = checksumAdd(sum, rest.first(piece));
      rest = rest.subspan(piece);
    }
    ASSERT_EQ(checksumOf(checksumAdd(sum, rest)), internetChecksum(bytes)) << turn;
  }
}

TEST(Checksum, the_plain_way_is_always_there_and_takes_any_size) {
  const auto kernels = checksumKernels();
  ASSERT_FALSE(kernels.empty());
  EXPECT_EQ(std::string(kernels.back().name), "plain");
  EXPECT_EQ(kernels.back().size_max, SIZE_MAX);
}

}  // namespace
}  // namespace penstock
