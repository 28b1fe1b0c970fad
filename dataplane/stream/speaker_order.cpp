#include "dataplane/stream/speaker_order.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace penstock::stream {

namespace {

/// A speech activity score is a likelihood ratio: of so many active parts out of n under speech, where their number
/// grows exponentially at a rate, and without, where it is binomial with an even chance (section 3.3). Only quotients
/// of scores are compared: this is its logarithm.
template <size_t values>
std::array<double, values> logScores(double n, double rate) {
  constexpr double kScoreMin = 1e-10;
  std::array<double, values> scores{};
  for (size_t v = 0; v < values; ++v) {
    const auto active = static_cast<double>(v);
    const double choices = std::lgamma(n + 1) - std::lgamma(active + 1) - std::lgamma(n - active + 1);
    scores[v] = std::log(std::max(choices + n * std::log(0.5) - std::log(rate) + rate * active, kScoreMin));
  }
  return scores;
}

struct Scores {
  std::array<double, 10> immediate = logScores<10>(13, 0.78);
  std::array<double, 6> medium = logScores<6>(5, 24);
  std::array<double, 11> lasting = logScores<11>(10, 47);
};

/// By so much a challenger must lead, at each time scale.
constexpr double kImmediateLead = 3, kMediumLead = 2, kLastingLead = 0;

/// Who is as loud as this plus those already heard takes their place.
constexpr int kStayBonus = 6;

template <size_t values>
double at(const std::array<double, values>& scores, uint8_t value) {
  return scores[std::min<size_t>(value, values - 1)];  // it comes from shared memory
}

}  // namespace

void SpeakerOrder::remove(uint32_t id) {
  const auto found = std::ranges::find(order_, id);
  if (found == order_.end()) return;
  if (found == order_.begin()) dominant_ = false;
  order_.erase(found);
}

bool SpeakerOrder::decide(std::span<const contract::Speech> speech) {
  static const Scores scores;
  const contract::Speech now = dominant_ && !speech.empty() ? speech.front() : contract::Speech{};
  size_t best = order_.size();
  double best_lead = kMediumLead;
  for (size_t i = dominant_ ? 1 : 0; i < std::min(order_.size(), speech.size()); ++i) {
    const double immediate = at(scores.immediate, speech[i].immediate) - at(scores.immediate, now.immediate);
    const double medium = at(scores.medium, speech[i].medium) - at(scores.medium, now.medium);
    const double lasting = at(scores.lasting, speech[i].lasting) - at(scores.lasting, now.lasting);
    if (immediate <= kImmediateLead || lasting <= kLastingLead || medium <= best_lead) continue;
    best = i;
    best_lead = medium;
  }
  if (best == order_.size()) return false;
  std::rotate(order_.begin(), order_.begin() + static_cast<ptrdiff_t>(best),
              order_.begin() + static_cast<ptrdiff_t>(best) + 1);
  dominant_ = true;
  return true;
}

bool chooseLoudest(std::span<Loudness> all, size_t count) {
  const auto weight = [](const Loudness& each) {
    return each.dominant ? 1000 : each.loudness + (each.chosen ? kStayBonus : 0);
  };
  std::vector<size_t> places(all.size());
  for (size_t i = 0; i < places.size(); ++i) places[i] = i;
  std::ranges::stable_sort(places, [&](size_t a, size_t b) { return weight(all[a]) > weight(all[b]); });
  bool changed = false;
  for (size_t rank = 0; rank < places.size(); ++rank) {
    Loudness& each = all[places[rank]];
    changed |= each.chosen != (rank < count);
    each.chosen = rank < count;
  }
  return changed;
}

}  // namespace penstock::stream
