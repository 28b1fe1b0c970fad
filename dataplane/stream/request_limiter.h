// Answers that somebody else triggers have budgets: key-frame requests are merged and spaced, retransmissions are a
// share of what the requester receives anyway.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace penstock::stream {

/// One per encoding: many subscribers ask, the publisher hears one request per interval.
class KeyFrameLimiter {
 public:
  static constexpr uint64_t kIntervalNs = 500'000'000;

  explicit KeyFrameLimiter(uint64_t interval_ns = kIntervalNs) : interval_ns_(interval_ns) {}

  /// Somebody wants a key frame. True: ask the publisher now. False: `poll` will say when.
  bool request(uint64_t now_ns) {
    pending_ = true;
    return poll(now_ns);
  }
  /// True: a request that waited is due; ask the publisher now.
  bool poll(uint64_t now_ns) {
    if (!pending_ || (asked_ && now_ns - asked_ns_ < interval_ns_)) return false;
    pending_ = false;
    asked_ = true;
    asked_ns_ = now_ns;
    return true;
  }
  /// A key frame began: whoever waited has it.
  void onKeyFrame() { pending_ = false; }
  bool pending() const { return pending_; }
  /// The publisher was asked so little ago that it is not asked again.
  bool isAsked(uint64_t now_ns) const { return asked_ && now_ns - asked_ns_ < interval_ns_; }

 private:
  uint64_t interval_ns_;
  uint64_t asked_ns_ = 0;
  bool asked_ = false;
  bool pending_ = false;
};

/// At most `burst` of something at once, and one more each `interval_ns`. One per requester.
class RequesterLimiter {
 public:
  explicit RequesterLimiter(uint32_t burst = 3, uint64_t interval_ns = 1'000'000'000)
      : interval_ns_(interval_ns), tolerance_ns_(interval_ns * (burst > 0 ? burst - 1 : 0)) {}

  bool allow(uint64_t now_ns) { return take(1, now_ns) == 1; }
  /// The same, and nothing is taken.
  bool allows(uint64_t now_ns) const { return due_ns_ <= now_ns + tolerance_ns_; }
  /// As many of `wanted` as it may have.
  uint32_t take(uint32_t wanted, uint64_t now_ns) {
    // Generic cell rate algorithm: `due_ns_` is when a requester without burst could ask next.
    const uint64_t due_ns = std::max(due_ns_, now_ns);
    if (due_ns - now_ns > tolerance_ns_) return 0;
    const uint64_t most = (tolerance_ns_ - (due_ns - now_ns)) / interval_ns_ + 1;
    const auto granted = static_cast<uint32_t>(std::min<uint64_t>(wanted, most));
    due_ns_ = due_ns + granted * interval_ns_;
    return granted;
  }

 private:
  uint64_t interval_ns_;
  uint64_t tolerance_ns_;
  uint64_t due_ns_ = 0;
};

/// Key frames that one receiver may have made, which all receivers pay for. Three at once; then each waits twice as
/// long as the one before: up to two seconds for a receiver that asks as receivers do whose packets are lost and not
/// repaired, up to a minute for one that asks and asks meanwhile. Who was content for five seconds, as after the key
/// frame that it needed, is a newcomer again.
class KeyFrameBudget {
 public:
  static constexpr uint32_t kAtOnce = 3;
  static constexpr uint64_t kFirstNs = 1'000'000'000, kContentNs = 5'000'000'000;
  static constexpr uint64_t kPatientNs = 2'000'000'000, kLongestNs = 60'000'000'000;
  /// Requests in vain between two key frames: browsers ask every 0.2 s at most, and every 3 s when they are stuck.
  static constexpr uint32_t kPatientAsks = 16;

  bool allow(uint64_t now_ns) {
    if (!asked_ || now_ns - asked_ns_ >= kContentNs) {
      granted_ = 0;
      wait_ns_ = kFirstNs;
    }
    asked_ = true;
    asked_ns_ = now_ns;
    if (granted_ >= kAtOnce) {
      if (now_ns - granted_ns_ < wait_ns_) {
        ++refused_;
        return false;
      }
      wait_ns_ = std::min(2 * wait_ns_, refused_ > kPatientAsks ? kLongestNs : kPatientNs);
    }
    refused_ = 0;
    ++granted_;
    granted_ns_ = now_ns;
    return true;
  }

 private:
  uint64_t asked_ns_ = 0, granted_ns_ = 0, wait_ns_ = kFirstNs;
  uint32_t granted_ = 0, refused_ = 0;  // refused since the last that was granted
  bool asked_ = false;
};

/// Bytes a subscriber may have retransmitted: a quarter of what it is sent, and a little to begin with.
class RetransmissionBudget {
 public:
  static constexpr uint64_t kShareDivisor = 4;
  static constexpr int64_t kBurstBytes = 64 * 1024;
  static constexpr int64_t kFirstBytes = 16 * 1024;

  void onSent(size_t bytes) { quarters_ = std::min(quarters_ + static_cast<int64_t>(bytes), kBurst); }
  /// True: `bytes` were taken from the budget.
  bool spend(size_t bytes) {
    const int64_t cost = static_cast<int64_t>(bytes * kShareDivisor);
    if (quarters_ < cost) return false;
    quarters_ -= cost;
    return true;
  }

 private:
  static constexpr int64_t kBurst = kBurstBytes * static_cast<int64_t>(kShareDivisor);
  int64_t quarters_ = kFirstBytes * static_cast<int64_t>(kShareDivisor);
};

/// One per subscription: one packet is answered so many times at most, and not again before an answer could have
/// arrived. Remembers the last kPlaces packets asked for; what it forgets is still under the budget.
class AnswerLimiter {
 public:
  static constexpr uint8_t kAnswersMax = 3;
  /// For a receiver that asks again as soon as an answer could have come. Where one packet of ten is lost, one of a
  /// thousand is lost three times in a row: each a frozen picture.
  static constexpr uint8_t kPromptAnswersMax = 8;
  static constexpr uint64_t kSpacingNs = 100'000'000;  // until the round trip is known

  /// How soon the receiver may mean that the last answer was lost: after a round trip, of which it knows better than
  /// the relay how long it is at present.
  static uint64_t spacingNs(uint64_t round_trip_ns) {
    constexpr uint64_t kLeastNs = 20'000'000, kMostNs = 200'000'000;
    return round_trip_ns == 0 ? kSpacingNs : std::clamp(round_trip_ns * 3 / 4, kLeastNs, kMostNs);
  }

  /// True: answer (and it is counted). `round_trip_ns` 0: not known.
  bool allow(uint16_t sequence, uint64_t now_ns, uint64_t round_trip_ns) {
    Place& place = places_[sequence % kPlaces];
    const uint32_t now_ms = static_cast<uint32_t>(now_ns / 1'000'000);
    const uint32_t since_ms = now_ms - place.answered_ms;
    if (place.answers == 0 || place.sequence != sequence || since_ms > kForgetMs) {
      place = {now_ms, sequence, 1};
      return true;
    }
    if (since_ms < spacingNs(round_trip_ns) / 1'000'000) return false;
    const bool prompt = round_trip_ns != 0 && since_ms <= latestNs(round_trip_ns) / 1'000'000;
    if (place.answers >= (prompt ? kPromptAnswersMax : kAnswersMax)) return false;
    place.answered_ms = now_ms;
    ++place.answers;
    return true;
  }

 private:
  /// Who means that an answer was lost asks again after a round trip, or a timer later. Who goes on at a pace of its
  /// own may have had it long ago: Pion asks each 100 ms, and never learns what RTX brought.
  static uint64_t latestNs(uint64_t round_trip_ns) { return round_trip_ns * 3 / 2 + 30'000'000; }

  static constexpr size_t kPlaces = 128;
  static constexpr uint32_t kForgetMs = 10'000;  // longer than any cache holds a packet: the number wrapped
  struct Place {
    uint32_t answered_ms = 0;
    uint16_t sequence = 0;
    uint8_t answers = 0;
  };
  std::array<Place, kPlaces> places_{};
};

}  // namespace penstock::stream
