// Who speaks in a room, and in which order they last did; and whose audio is worth hearing. Pure: what each track's
// levels say is an argument.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/contract/counters.h"

namespace penstock::stream {

/// Publishers by ids of their room's choice, which stay while they are here.
class SpeakerOrder {
 public:
  /// Between two decisions (Volfin and Cohen section 3.4).
  static constexpr uint64_t kDecisionNs = 300'000'000;

  /// Comes last: has not spoken yet.
  void add(uint32_t id) { order_.push_back(id); }
  void remove(uint32_t id);

  /// How each of order() speaks now. True: somebody else is dominant.
  bool decide(std::span<const contract::Speech> speech);

  /// Most recently dominant first.
  std::span<const uint32_t> order() const { return order_; }
  /// Who speaks, or was the last to speak. Nobody until somebody does, nor when that one has left.
  std::optional<uint32_t> dominant() const { return dominant_ ? std::optional(order_.front()) : std::nullopt; }

 private:
  std::vector<uint32_t> order_;
  bool dominant_ = false;  // order_.front() is
};

/// One whose audio may be forwarded.
struct Loudness {
  uint32_t id;
  uint8_t loudness;  // contract::Speech::loudness
  bool dominant;     // is chosen, however loud
  bool chosen;       // before, and after
};

/// Chooses so many of them, the loudest; who was chosen before stays until another is clearly louder. True: it is not
/// as before.
bool chooseLoudest(std::span<Loudness> all, size_t count);

}  // namespace penstock::stream
