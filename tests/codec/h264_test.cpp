// Where H.264 key frames begin.
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
  for (const Case& c : cases) EXPECT_EQ(beginsH264KeyFrame(test::fromHex(c.hex)), c.key) << "case " << c.number;
}

}  // namespace
}  // namespace penstock::codec
