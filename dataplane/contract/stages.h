// The stages of the packet path, and how many cycles each took of the bursts that were measured.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace penstock::contract {

#define PENSTOCK_STAGES(X)                                                                 \
  X(classify, "parse the frame, say what it is, find its stream; answer what is no media") \
  X(unprotect, "authenticate and decrypt what was received")                               \
  X(account, "receive state, packet cache, hand-over to other workers")                    \
  X(rewrite, "for each subscription: choose, take a buffer, write headers")                \
  X(protect, "encrypt and authenticate what is sent")                                      \
  X(stamp, "Ethernet, IP and UDP headers, statistics")                                     \
  X(send, "hand the burst to the port, give buffers back")

enum class Stage : uint8_t {
#define X(name, help) name,
  PENSTOCK_STAGES(X)
#undef X
      count_
};
inline constexpr size_t kStageCount = static_cast<size_t>(Stage::count_);

struct StageText {
  std::string_view name;
  std::string_view help;
};
inline constexpr std::array<StageText, kStageCount> kStageTexts = {{
#define X(name, help) {#name, help},
    PENSTOCK_STAGES(X)
#undef X
}};

/// Written by one worker. Both sums are of measured bursts only.
struct alignas(64) StageBlock {
  struct Sum {
    uint64_t cycles;
    uint64_t packets;  // that the stage worked on: received ones before `rewrite`, sent ones from there on
  };
  Sum sum[kStageCount];

  /// Writer only.
  void add(Stage stage, uint64_t cycles, uint64_t packets) {
    Sum& s = sum[static_cast<size_t>(stage)];
    __atomic_store_n(&s.cycles, s.cycles + cycles, __ATOMIC_RELAXED);
    __atomic_store_n(&s.packets, s.packets + packets, __ATOMIC_RELAXED);
  }
  Sum read(size_t stage) const {
    return {__atomic_load_n(&sum[stage].cycles, __ATOMIC_RELAXED),
            __atomic_load_n(&sum[stage].packets, __ATOMIC_RELAXED)};
  }
};

}  // namespace penstock::contract
