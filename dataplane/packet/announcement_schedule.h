// When a host says of itself, unasked, where it is: a few times after its link came up, in case one gets lost.
#pragma once

#include <algorithm>
#include <cstdint>

namespace penstock {

/// All three of RFC 5227 section 1.1 (ANNOUNCE_NUM 2, ANNOUNCE_INTERVAL 2 s), RFC 4861 section 7.2.6 (at most
/// MAX_NEIGHBOR_ADVERTISEMENT = 3, at least RetransTimer = 1 s apart) and RFC 3810 section 9.1 and 9.11 (Robustness
/// Variable = 2 reports within Unsolicited Report Interval = 1 s) fit into three turns, one second apart.
class AnnouncementSchedule {
 public:
  static constexpr uint64_t kIntervalNs = 1'000'000'000;
  static constexpr uint32_t kTurns = 3;

  struct Due {
    bool arp;
    bool advertisement;
    bool report;  // CHANGE_TO_EXCLUDE_MODE
    bool answer;  // MODE_IS_EXCLUDE
  };

  /// The link came up, again perhaps. A schedule begins by itself when it is first polled.
  void begin(uint64_t now_ns) {
    turn_ = 0;
    next_ns_ = now_ns;
  }
  /// A query wants a report at `answer_ns`. Queries until then get the same one, and none comes too soon after another.
  void answerAt(uint64_t answer_ns) {
    answer_ns = std::max(answer_ns, answered_ns_ + kIntervalNs);
    answer_ns_ = answering_ ? std::min(answer_ns_, answer_ns) : answer_ns;
    answering_ = true;
  }
  Due poll(uint64_t now_ns) {
    Due due{};
    if (turn_ < kTurns && now_ns >= next_ns_) {
      due = {.arp = turn_ % 2 == 0, .advertisement = true, .report = turn_ < 2, .answer = false};
      ++turn_;
      next_ns_ = now_ns + kIntervalNs;
    }
    if (answering_ && now_ns >= answer_ns_) {
      due.answer = true;
      answering_ = false;
      answered_ns_ = now_ns;
    }
    return due;
  }

 private:
  uint64_t next_ns_ = 0;
  uint64_t answer_ns_ = 0;
  uint64_t answered_ns_ = 0;
  uint32_t turn_ = 0;
  bool answering_ = false;
};

}  // namespace penstock
