// The header every region of shared memory starts with, and the check made before anything in it is believed.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

namespace penstock::contract {

/// Raised whenever the meaning or place of any field of any region changes.
inline constexpr uint32_t kLayoutVersion = 1;

inline constexpr uint64_t kTablesMagic = 0x5045'4e53'5441'424c;   // "PENSTABL"
inline constexpr uint64_t kReportsMagic = 0x5045'4e53'5245'504f;  // "PENSREPO"
inline constexpr uint64_t kFlowsMagic = 0x5045'4e53'464c'4f57;    // "PENSFLOW"

/// File names inside the directory that the option `seam.directory` names.
inline constexpr std::string_view kTablesFile = "tables";
inline constexpr std::string_view kReportsFile = "reports";
inline constexpr std::string_view kFlowsFile = "flows";

/// First bytes of each region. Written by the region's one writer.
struct RegionHeader {
  std::atomic<uint64_t> magic;  // stored last when a region is made, so a half-made region is never believed
  uint32_t layout_version;
  uint32_t header_size_bytes;
  uint64_t region_size_bytes;
  uint64_t epoch;                      // random, new whenever the region is made afresh
  std::atomic<uint64_t> heartbeat_ns;  // CLOCK_MONOTONIC of the writer, stored every 100 ms
  std::atomic<uint32_t> writer_pid;
  uint32_t reserved[5];
};
static_assert(sizeof(RegionHeader) == 64);
static_assert(std::atomic<uint64_t>::is_always_lock_free && std::atomic<uint32_t>::is_always_lock_free);

/// Why a region must not be used; the words go to the log as they are.
inline std::optional<std::string_view> refuse(const RegionHeader& header, uint64_t magic, uint64_t size_bytes) {
  if (header.magic.load(std::memory_order_acquire) != magic) return "it is not such a region, or is not finished";
  if (header.layout_version != kLayoutVersion)
    return "its layout version is another: run the same release on both sides";
  if (header.header_size_bytes != sizeof(RegionHeader)) return "its header has another size";
  if (header.region_size_bytes != size_bytes) return "its size is another: run the same release on both sides";
  return std::nullopt;
}

}  // namespace penstock::contract
