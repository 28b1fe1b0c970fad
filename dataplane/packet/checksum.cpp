// See checksum.h. 2^16 is 1 modulo 2^16 - 1: wherever a word stands in a wider number, that number folds to the same.
#include "dataplane/packet/checksum.h"

#include <cstring>
#include <utility>

#include "dataplane/packet/bytes.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace penstock {
namespace {

/// Shorter than this, choosing costs more than it saves.
constexpr size_t kWideMin = 128;

/// In memory order: the sum has no byte order of its own.
template <class T>
T loadNative(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// Two words side by side: SSE2 and NEON are in every machine of their kind.
typedef uint64_t WordPair __attribute__((vector_size(16)));

/// The halves of each 64-bit word are added apart: no carry is ever lost.
uint64_t sumPlain(const uint8_t* at, size_t left) {
  const WordPair mask = {0xffff'ffff, 0xffff'ffff};
  WordPair low = {}, high = {};
  for (; left >= 32; at += 32, left -= 32) {
    const auto first = loadNative<WordPair>(at), second = loadNative<WordPair>(at + 16);
    low += (first & mask) + (second & mask);
    high += (first >> 32) + (second >> 32);
  }
  if (left & 16) {
    const auto pair = loadNative<WordPair>(at);
    low += pair & mask;
    high += pair >> 32;
    at += 16;
  }
  uint64_t total = low[0] + low[1] + high[0] + high[1];
  if (left & 8) {
    const auto word = loadNative<uint64_t>(at);
    total += (word & 0xffff'ffff) + (word >> 32);
    at += 8;
  }
  if (left & 4) total += loadNative<uint32_t>(std::exchange(at, at + 4));
  if (left & 2) total += loadNative<uint16_t>(std::exchange(at, at + 2));
  if (left & 1) total += toBigEndian(static_cast<uint16_t>(*at << 8));  // RFC 1071: padded with a zero behind it
  return total;
}

#if defined(__x86_64__)

// One instruction adds words by pairs, but takes them for signed. So 2^15 is taken from each word before, by turning
// its top bit over, and given back for all of them at the end. The sum of 2^15 such words, in whichever lanes, fits 32
// bits.
constexpr size_t kPairsMax = 65'536;
constexpr int64_t kBias = 1 << 15;

__attribute__((target("avx2"), always_inline)) inline __m256i addPairs(__m256i sum, const uint8_t* from) {
  const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(from));
  const __m256i less = _mm256_xor_si256(words, _mm256_set1_epi16(INT16_MIN));
  return _mm256_add_epi32(sum, _mm256_madd_epi16(less, _mm256_set1_epi16(1)));
}

__attribute__((target("avx2"), always_inline)) inline int32_t addLanes(__m256i lanes) {
  __m128i four = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
  four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0b0100'1110));
  four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0b1011'0001));
  return _mm_cvtsi128_si32(four);
}

__attribute__((target("avx2"))) uint64_t sumAvx2(const uint8_t* at, size_t left) {
  const auto words = static_cast<int64_t>(left / 32 * 16);
  __m256i sum = _mm256_setzero_si256();
  for (; left >= 128; at += 128, left -= 128) {
    for (size_t i = 0; i < 128; i += 32) sum = addPairs(sum, at + i);
  }
  for (; left >= 32; at += 32, left -= 32) sum = addPairs(sum, at);
  const auto wide = static_cast<uint64_t>(addLanes(sum) + words * kBias);
  // By hand: g++ 12 (-fipa-ra) knows that the callee leaves upper halves alone and does not clean them, so that each
  // SSE instruction of the tail has to merge with them, which takes four times as long as the rest.
  _mm256_zeroupper();
  return wide + sumPlain(at, left);
}

__attribute__((target("avx512f,avx512bw,avx512vnni"), always_inline)) inline __m512i addPairs(__m512i sum,
                                                                                              __m512i words) {
  return _mm512_dpwssd_epi32(sum, _mm512_xor_si512(words, _mm512_set1_epi16(INT16_MIN)), _mm512_set1_epi16(1));
}

/// Multiplies, which adds the pair, and adds that in one instruction; and bytes past the end read as zero, which is
/// what a word of them counts as.
__attribute__((target("avx512f,avx512bw,avx512vnni,bmi2"))) uint64_t sumAvx512(const uint8_t* at, size_t left) {
  const auto words = static_cast<int64_t>((left + 63) / 64 * 32);
  __m512i even = _mm512_setzero_si512(), odd = even;
  for (; left >= 128; at += 128, left -= 128) {
    even = addPairs(even, _mm512_loadu_si512(at));
    odd = addPairs(odd, _mm512_loadu_si512(at + 64));
  }
  if (left >= 64) {
    even = addPairs(even, _mm512_loadu_si512(at));
    at += 64, left -= 64;
  }
  const auto there = _bzhi_u64(~uint64_t{0}, static_cast<unsigned>(left));
  if (left > 0) odd = addPairs(odd, _mm512_maskz_loadu_epi8(there, at));
  even = _mm512_add_epi32(even, odd);
  // By way of memory: GCC 12 warns of what its own header does to take the halves (GCC bug 105593).
  __m256i half[2];
  std::memcpy(half, &even, sizeof half);
  return static_cast<uint64_t>(addLanes(_mm256_add_epi32(half[0], half[1])) + words * kBias);
}

#endif

struct Kernels {
  Kernels() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("bmi2")) {
      list[count++] = {"avx512", sumAvx512, kPairsMax};
    }
    if (__builtin_cpu_supports("avx2")) list[count++] = {"avx2", sumAvx2, kPairsMax};
#endif
    list[count++] = {"plain", sumPlain, SIZE_MAX};
  }
  ChecksumKernel list[3];
  size_t count = 0;
};
const Kernels kKernels;

}  // namespace

std::span<const ChecksumKernel> checksumKernels() {
  return {kKernels.list, kKernels.count};
}

uint64_t checksumAdd(uint64_t sum, std::span<const uint8_t> bytes) {
  const ChecksumKernel& wide = kKernels.list[0];
  const bool fits = bytes.size() >= kWideMin && bytes.size() <= wide.size_max;
  const uint64_t total = fits ? wide.sum(bytes.data(), bytes.size()) : sumPlain(bytes.data(), bytes.size());
  return sum + (total & 0xffff'ffff) + (total >> 32);
}

}  // namespace penstock
