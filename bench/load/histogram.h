// How often each duration occurred, to better than one per cent over the whole range of 64 bits: each power of two is
// split into 128 equal buckets (the idea of HdrHistogram). Recording is a shift, a count of zeros and an increment.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace penstock::bench {

class Histogram {
 public:
  static constexpr unsigned kSubBits = 7;

  void record(uint64_t value, uint64_t times = 1) {
    counts_[bucketOf(value)] += times;
    count_ += times;
    sum_ += static_cast<double>(value) * static_cast<double>(times);
    max_ = std::max(max_, value);
    min_ = std::min(min_, value);
  }

  void merge(const Histogram& other) {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    max_ = std::max(max_, other.max_);
    min_ = std::min(min_, other.min_);
  }

  uint64_t count() const { return count_; }
  uint64_t max() const { return max_; }
  uint64_t min() const { return count_ == 0 ? 0 : min_; }
  double mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

  /// The value that `percent` of all values do not exceed: the upper end of its bucket, never beyond max(). 0 if empty.
  uint64_t percentile(double percent) const {
    if (count_ == 0) return 0;
    const double wanted = std::max(1.0, percent / 100 * static_cast<double>(count_));
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (static_cast<double>(seen) >= wanted) return std::min(upperEnd(i), max_);
    }
    return max_;
  }

  /// Values below 2 * 128 have a bucket each; above, 128 buckets a power of two.
  static constexpr size_t bucketOf(uint64_t value) {
    const unsigned width = static_cast<unsigned>(std::bit_width(value));
    if (width <= kSubBits + 1) return static_cast<size_t>(value);
    const unsigned shift = width - kSubBits - 1;
    return (size_t{shift} << kSubBits) + static_cast<size_t>(value >> shift);
  }
  /// The largest value of a bucket.
  static constexpr uint64_t upperEnd(size_t bucket) {
    if (bucket < (size_t{2} << kSubBits)) return bucket;
    const unsigned shift = static_cast<unsigned>(bucket >> kSubBits) - 1;
    const uint64_t top = (bucket & ((size_t{1} << kSubBits) - 1)) | (size_t{1} << kSubBits);
    return ((top + 1) << shift) - 1;
  }

 private:
  std::vector<uint64_t> counts_ = std::vector<uint64_t>(bucketOf(~uint64_t{0}) + 1);
  uint64_t count_ = 0;
  uint64_t max_ = 0;
  uint64_t min_ = ~uint64_t{0};
  double sum_ = 0;
};

}  // namespace penstock::bench
