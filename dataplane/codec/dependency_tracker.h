// The template structure in force on one encoding. It comes with key frames, and each descriptor after that needs it;
// a late packet must not bring an old one back. Fed by authenticated packets alone. 1.8 KiB, whatever comes.
#pragma once

#include <optional>

#include "dataplane/codec/dependency_descriptor.h"
#include "dataplane/packet/serial.h"

namespace penstock::codec {

class DependencyTracker {
 public:
  /// Of the RTP packet with this sequence number. Nothing: the structure that it needs is not here.
  std::optional<DependencyDescriptor> read(std::span<const uint8_t> value, uint16_t sequence) {
    const uint64_t at = started_ ? unwrapNear(highest_, sequence) : uint64_t{1} << 32 | sequence;
    started_ = true;
    highest_ = at > highest_ ? at : highest_;
    const auto head = parseDescriptorHead(value);
    if (!head) return std::nullopt;
    if (head->has_structure && at < structure_at_) return std::nullopt;  // of a sequence that is over
    const auto descriptor = parseDependencyDescriptor(value, structure_);
    if (!descriptor) return std::nullopt;
    if (descriptor->has_structure) structure_at_ = at;
    if (descriptor->active_targets && at >= active_at_) {
      active_ = *descriptor->active_targets;
      active_at_ = at;
    }
    return descriptor;
  }

  /// Good for the descriptor read last, until the next is.
  const DependencyStructure& structure() const { return structure_; }
  /// Decode targets that the publisher sends at present.
  uint32_t active() const { return active_; }

 private:
  DependencyStructure structure_;
  uint64_t highest_ = 0, structure_at_ = 0, active_at_ = 0;  // sequence numbers, unwrapped
  uint32_t active_ = 0;
  bool started_ = false;
};

}  // namespace penstock::codec
