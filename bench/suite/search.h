// The highest rate that meets a goal, in the manner of RFC 2544: up in steps until it fails, then bisection. One search
// may have several goals (no loss, 0.5 % loss): every trial counts for all of them.
#pragma once

#include <optional>
#include <vector>

namespace penstock::bench {

struct SearchSettings {
  double first = 1000;      // rate of the first trial
  double max = 1e7;         // no trial above
  double growth = 2;        // factor of the steps up, and down while nothing passes
  double precision = 0.01;  // of the result
};

/// What one trial showed.
struct Outcome {
  double rate;
  double loss_ratio;
  bool sound = true;     // nothing wrong but loss
  bool kept_up = true;   // nothing had queued up when it ended
  bool limited = false;  // the generator could not offer the rate: it says nothing of the relay, and does not pass
};

class RateSearch {
 public:
  explicit RateSearch(const SearchSettings& settings) : settings_(settings) {}

  void add(const Outcome& outcome) { outcomes_.push_back(outcome); }
  /// The rate to try next for this goal; nothing when it is found. A rate that failed once gets two more trials and
  /// passes if both pass: on a shared machine a trial can fail that is not the relay's fault.
  std::optional<double> next(double loss_max) const;
  /// The highest rate that passed below the lowest that failed; 0 if none did.
  double found(double loss_max) const;
  /// The result is a lower bound: what ended the search was the generator, or the highest rate allowed.
  bool limited(double loss_max) const;
  const std::vector<Outcome>& outcomes() const { return outcomes_; }

 private:
  enum class Verdict { kUntried, kPassed, kFailed, kUndecided };
  struct Bounds {
    double passed = 0;
    std::optional<double> failed;
    std::optional<double> undecided;
  };
  Verdict verdict(double rate, double loss_max) const;
  Bounds bounds(double loss_max) const;

  SearchSettings settings_;
  std::vector<Outcome> outcomes_;
};

}  // namespace penstock::bench
