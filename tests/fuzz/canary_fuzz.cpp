// A target that is wrong: the fuzz tests must find it so, or they find nothing.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FUZZ_CHECK(size < 3 || data[0] != 'c' || data[1] == 'a');
  return 0;
}
