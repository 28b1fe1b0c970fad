// A packet buffer as the relay sees it, and where such buffers come from and go to. No driver is visible here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace penstock {

/// Largest number of packets that travel together through the stages.
inline constexpr size_t kBurstMax = 64;

/// Room in front of nothing: a buffer for sending has at least this many bytes (Ethernet, VLAN, 1500 bytes of IP).
inline constexpr size_t kFrameMax = 14 + 4 + 1500;

inline constexpr uint8_t kUdpChecksumBad = 1 << 0;      // received: the port found the UDP checksum wrong
inline constexpr uint8_t kUdpChecksumOffload = 1 << 1;  // to send: the port completes the UDP checksum

/// A buffer holding one Ethernet frame. A value: copying it copies no bytes and changes no reference count.
struct Packet {
  uint8_t* data = nullptr;  // first byte of the destination MAC
  uint16_t length_bytes = 0;
  uint16_t capacity_bytes = 0;  // writable from `data`
  uint8_t flags = 0;
  uint8_t layer3_offset = 0;  // to send: start of the IP header, for checksum offload
  uint16_t layer4_offset = 0;
  void* handle = nullptr;  // the pool's own
};
static_assert(sizeof(Packet) == 24);

/// A worker's way to buffers and to its port. One virtual call per burst, never per packet.
class PacketIo {
 public:
  virtual ~PacketIo() = default;
  /// Fills `out` from its front, each with one reference; returns how many could be had.
  virtual size_t allocate(std::span<Packet> out) = 0;
  /// Adds one reference to each.
  virtual void retain(std::span<const Packet> packets) = 0;
  /// Drops one reference from each.
  virtual void release(std::span<const Packet> packets) = 0;
  /// Sends, in order, and takes the reference of every one; returns how many the port took (the others are gone).
  virtual size_t send(std::span<const Packet> packets) = 0;
};

}  // namespace penstock
