#!/bin/bash
# g++ 12.2 (Debian 12): -O2 and -O3 leave out vzeroupper before a call within one file, because -fipa-ra knows that the
# callee takes no upper half of an AVX register. The callee's SSE code then runs with upper halves in use, and each of its
# instructions has to merge with them: on an EPYC a sum over 1,216 bytes took 330 cycles instead of 40. With -fno-ipa-ra, or
# with _mm256_zeroupper() before the call, it is there.
# Seen with g++ (Debian 12.2.0-14+deb12u1) 12.2.0: "default: 0, -fno-ipa-ra: 1, by hand: 2".
# Needs g++-12 on x86-64; ends with 1 if that has changed.
set -euo pipefail
[ "$(uname -m)" = x86_64 ] || { echo "x86-64 only"; exit 77; }
command -v g++-12 > /dev/null || { echo "g++-12 is not here"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/sum.cpp" << 'SOURCE'
#include <immintrin.h>
#include <cstddef>
typedef unsigned long long Pair __attribute__((vector_size(16)));
static __attribute__((noinline)) unsigned long long tail(const unsigned char* at, size_t left) {
  Pair sum = {};
  for (; left >= 16; at += 16, left -= 16) {
    Pair part;
    __builtin_memcpy(&part, at, 16);
    sum += part;
  }
  return sum[0] + sum[1];
}
__attribute__((target("avx2"))) unsigned long long total(const unsigned char* at, size_t left) {
  __m256i sum = _mm256_setzero_si256();
  for (; left >= 32; at += 32, left -= 32)
    sum = _mm256_add_epi64(sum, _mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(at)));
  const __m128i both = _mm_add_epi64(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  const unsigned long long wide = _mm_cvtsi128_si64(both) + _mm_extract_epi64(both, 1);
#ifdef BY_HAND
  _mm256_zeroupper();
#endif
  return wide + tail(at, left);
}
SOURCE
g++-12 --version | head -1
count() { g++-12 -std=c++20 -O2 "$@" -S -o - "$folder/sum.cpp" | grep -c vzeroupper || true; }
default=$(count) without=$(count -fno-ipa-ra) by_hand=$(count -DBY_HAND)
echo "vzeroupper in the code: default: $default, -fno-ipa-ra: $without, by hand: $by_hand"
[ "$default" = 0 ] && [ "$without" -ge 1 ] && [ "$by_hand" -ge 1 ]
