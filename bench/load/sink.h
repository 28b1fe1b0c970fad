// The receivers of a load run. Every packet of every stream is looked at: which one it is, whether its number fits, how
// long it was under way. Some are kept and decrypted after the trial.
//
// Which packet it is stands in its RTP timestamp: the generator writes the track's packet index there, and
// subscriptions are made with an offset of 0. So a loss, a repetition or a wrong number shows at the very packet.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bench/load/histogram.h"
#include "bench/load/scenario.h"
#include "dataplane/srtp/crypto.h"

namespace penstock::bench {

inline constexpr size_t kClasses = 2;  // audio, video
constexpr size_t classOf(contract::MediaKind kind) {
  return kind == contract::MediaKind::kAudio ? 0 : 1;
}

/// When packets were sent, by track and index, for as long as they can be under way.
class SentTimes {
 public:
  explicit SentTimes(size_t tracks);
  void set(uint32_t track, uint32_t index, uint64_t now_ns) { at(track, index) = {index, now_ns}; }
  /// 0 if it was overwritten already.
  uint64_t of(uint32_t track, uint32_t index) const {
    const Entry& entry = entries_[size_t{track} * per_track_ + (index & (per_track_ - 1))];
    return entry.index == index ? entry.sent_ns : 0;
  }

 private:
  struct Entry {
    uint32_t index;
    uint64_t sent_ns;
  };
  Entry& at(uint32_t track, uint32_t index) {
    return entries_[size_t{track} * per_track_ + (index & (per_track_ - 1))];
  }
  size_t per_track_;  // a power of two
  std::vector<Entry> entries_;
};

/// What happened to the packets that were sent in one slice of time.
struct Slice {
  std::array<uint64_t, kClasses> expected{}, received{};
  uint64_t delay_max_ns = 0;
};

struct SinkCounts {
  uint64_t received = 0;
  uint64_t gaps = 0;        // packets missing where a later one came
  uint64_t behind = 0;      // repeated, or in the wrong order
  uint64_t renumbered = 0;  // sequence number does not fit the packet
  uint64_t foreign = 0;     // neither media of ours, RTCP, STUN nor ARP
  std::array<uint64_t, kClasses> received_of{};
};

class Sink {
 public:
  /// `oracle` decrypts the samples.
  Sink(const Scenario& scenario, contract::SrtpProfile profile, srtp::Backend& oracle);

  /// What the relay adds to RTP timestamps, by subscription; without it nothing.
  void setTimestampOffsets(std::vector<uint32_t> offsets) { offsets_ = std::move(offsets); }

  void beginTrial();
  /// Delays are recorded while this is set, and slices filled: those of `slice_ns` from `begin_ns` on.
  struct Timing {
    const SentTimes* sent = nullptr;
    Histogram* delays = nullptr;
    std::vector<Slice>* slices = nullptr;
    uint64_t begin_ns = 0;
    uint64_t slice_ns = 1;
  };
  void time(const Timing& timing) { timing_ = timing; }

  /// True: it was a media packet of ours.
  bool look(std::span<const uint8_t> frame, uint64_t now_ns);

  const SinkCounts& counts() const { return counts_; }
  /// Packets of streams that got fewer than their track sent, summed; `sent` is by track.
  std::array<uint64_t, kClasses> missing(std::span<const uint64_t> sent) const;

  struct Checked {
    uint64_t good = 0, bad = 0;
  };
  /// Decrypts what was kept since the trial began.
  Checked checkSamples();

 private:
  struct Stream {
    uint32_t next = 0;      // packet index expected
    uint32_t received = 0;  // in this trial
    uint32_t first_index = 0;
    uint16_t first_sequence = 0;
    bool started = false;
  };
  struct Sample {
    uint32_t subscription;
    uint32_t index;
    std::vector<uint8_t> packet;
  };
  static constexpr size_t kSamplesMax = 4096;
  static constexpr uint64_t kSampleEvery = 997;

  void recordDelay(uint32_t track, uint32_t index, uint64_t now_ns);
  bool decrypts(Sample& sample);

  const Scenario& scenario_;
  contract::SrtpProfile profile_;
  srtp::Backend& oracle_;
  std::vector<Stream> streams_;
  std::vector<uint32_t> offsets_;  // by subscription
  std::vector<uint8_t> class_of_track_;
  std::vector<std::shared_ptr<const srtp::Keys>> keys_;
  std::vector<Sample> samples_;
  SinkCounts counts_;
  Timing timing_;
  uint64_t looked_at_ = 0;
};

}  // namespace penstock::bench
