// Where H.264 key frames begin, and how large their pictures are: parameter sets written bit by bit.
#include "dataplane/codec/h264.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace penstock::codec {
namespace {

TEST(H264, numbered_cases) {
  struct Case {
    int number;
    const char* hex;
    bool key;
  };
  const Case cases[] = {
      {1, "65 88", true},                    // IDR
      {2, "67 42", true},                    // sequence parameter set
      {3, "41 9a", false},                   // another slice
      {4, "68 ce", false},                   // picture parameter set alone
      {5, "78 0002 6742 0002 68ce", true},   // STAP-A
      {6, "78 0002 68ce 0002 6588", true},   // ... IDR as second
      {7, "78 0002 09f0 0002 419a", false},  // ... without
      {8, "78 00ff 6742", false},            // ... that lies about its size
      {9, "78 0000 6742", false},            // ... of nothing
      {10, "7c 85 88", true},                // FU-A, the start of an IDR
      {11, "7c 05 88", false},               // ... the middle
      {12, "7c", false},
      {13, "", false},
  };
  for (const Case& c : cases) EXPECT_EQ(parseH264(test::fromHex(c.hex)).begins_key_frame, c.key) << "case " << c.number;
}

TEST(H264, sizes_of_sequence_parameter_sets) {
  struct Case {
    int number;
    const char* hex;
    PictureSize size;
  };
  const Case cases[] = {
      {1, "67 42001fda0280bfe540", {640, 360}},             // 40 by 23 macroblocks, the last 8 rows cropped
      {2, "67 42001fda0507e4", {320, 240}},                 // not cropped
      {3, "67 4d001fe5403c0223ed", {1920, 1080}},           // fields: map units of 32 rows, cropped by 4
      {4, "67 64001fadffffc22065402802dc80", {1280, 720}},  // high profile with scaling lists
      {5, "67 f4001f9194391a681609749b40", {350, 284}},     // 4:4:4 is cropped by single samples; picture order type 1
      {6, "67 6742001fda27c489d0", {}},                     // 0x67 is no profile
      {7, "67 42001fda27c489d0", {}},                       // nothing is left of it
      {8, "67 42001fda0004e21640", {}},                     // 80,000 wide
      {9, "78 0009 67 42001fda0507e4 0002 68ce", {320, 240}},  // STAP-A: 8 bytes and one of filling
      {10, "7c 87 42001fda0507e4", {320, 240}},                // FU-A, the first fragment
      {11, "7c 07 42001fda0507e4", {}},                        // a later one
      {12, "65 42001fda0507e4", {}},                           // an IDR slice
      {13, "67 420000030204 00", {}},                          // ends before the size
  };
  for (const Case& c : cases) EXPECT_EQ(parseH264(test::fromHex(c.hex)).size, c.size) << "case " << c.number;
}

TEST(H264, a_parameter_set_that_is_cut_short_has_no_size) {
  const auto whole = test::fromHex("67 64001fadffffc22065402802dc80");
  for (size_t size = 1; size + 1 < whole.size(); ++size) {
    EXPECT_EQ(parseH264(std::span(whole).first(size)).size, PictureSize{}) << size;
  }
}

TEST(H264, bytes_against_start_codes_are_no_part_of_it) {
  // Level 0 and a long id make two zeros and a byte below 4.
  EXPECT_EQ(parseH264(test::fromHex("67 42000003010168141f90")).size, (PictureSize{320, 240}));
}

}  // namespace
}  // namespace penstock::codec
