// Key frames by codec, and by dependency descriptor where there is one.
#include "dataplane/codec/key_frame.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace penstock::codec {
namespace {

using contract::Codec;

TEST(KeyFrame, numbered_cases) {
  struct Case {
    int number;
    Codec codec;
    const char *payload, *descriptor;
    bool key;
  };
  const Case cases[] = {
      {1, Codec::kVp8, "10 00", "", true},
      {2, Codec::kVp8, "10 01", "", false},
      {3, Codec::kVp9, "08 00", "", true},
      {4, Codec::kVp9, "48 00", "", false},
      {5, Codec::kH264, "65 88", "", true},
      {6, Codec::kH264, "41 88", "", false},
      {7, Codec::kAv1, "18 0a", "", true},
      {8, Codec::kAv1, "10 32", "", false},
      {9, Codec::kOther, "10 00", "", false},
      {10, Codec::kVp8, "10 00", "800001", false},     // the descriptor decides: the payload may be encrypted
      {11, Codec::kVp8, "10 01", "800001 80", true},   // starts a frame, has a structure
      {12, Codec::kVp8, "10 01", "000001 80", false},  // not the start
      {13, Codec::kOther, "ff ff", "c00001 80ff", true},
      {14, Codec::kVp8, "", "", false},
      {15, Codec::kVp9, "", "", false},
  };
  for (const Case& c : cases) {
    const auto payload = test::fromHex(c.payload), descriptor = test::fromHex(c.descriptor);
    EXPECT_EQ(beginsKeyFrame(c.codec, payload, descriptor), c.key) << "case " << c.number;
  }
}

}  // namespace
}  // namespace penstock::codec
