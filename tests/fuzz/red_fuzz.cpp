// Any bytes as RED: all that is found lies inside, in order and whole, and other payload types change nothing else.
#include <algorithm>
#include <vector>

#include "dataplane/codec/red.h"
#include "tests/fuzz/fuzz_check.h"

using namespace penstock;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> payload(data, size);
  const auto red = codec::parseRed(payload);
  if (!red) return 0;
  FUZZ_CHECK(red->block_count >= 1 && red->block_count <= codec::kRedBlockMax);
  FUZZ_CHECK(red->header.data() == data && red->header.size() <= codec::kRedHeaderMax);
  FUZZ_CHECK(red->primary.data() + red->primary.size() == data + size);
  size_t inside = red->header.size() + red->primary.size();
  for (size_t block = 0; block + 1 < red->block_count; ++block) {
    const uint8_t* header = data + 4 * block;
    FUZZ_CHECK(header[0] == (0x80 | red->payloadType(block)));
    inside += size_t{header[2] & 3u} << 8 | header[3];
  }
  FUZZ_CHECK(data[4 * (red->block_count - 1)] == red->primaryType());
  FUZZ_CHECK(inside == size);

  std::vector<uint8_t> other(data, data + size);
  for (size_t block = 0; block < red->block_count; ++block) {
    codec::setRedPayloadType(std::span(other).first(red->header.size()), block, static_cast<uint8_t>(block + 3));
  }
  const auto again = codec::parseRed(other);
  FUZZ_CHECK(again && again->block_count == red->block_count && std::ranges::equal(again->primary, red->primary));
  for (size_t block = 0; block < red->block_count; ++block) {
    FUZZ_CHECK(again->payloadType(block) == block + 3);
    codec::setRedPayloadType(std::span(other).first(red->header.size()), block, red->payloadType(block));
  }
  FUZZ_CHECK(std::ranges::equal(other, payload));
  return 0;
}
