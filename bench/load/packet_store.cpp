#include "bench/load/packet_store.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <stdexcept>

#include "bench/load/identity.h"
#include "bench/load/payload.h"
#include "dataplane/packet/rtp.h"

namespace penstock::bench {

namespace {

/// One-byte header extensions (RFC 8285) that a browser sends: MID, send time, transport sequence; or the audio level.
constexpr std::array<uint8_t, 16> kVideoExtensions = {0xbe,
                                                      0xde,
                                                      0,
                                                      3,
                                                      kMidExtension << 4,
                                                      '1',
                                                      0,
                                                      0,
                                                      kAbsSendTimeExtension << 4 | 2,
                                                      0,
                                                      0,
                                                      0,
                                                      kTransportCcExtension << 4 | 1,
                                                      0,
                                                      0,
                                                      0};
constexpr std::array<uint8_t, 16> kAudioExtensions = {0xbe,
                                                      0xde,
                                                      0,
                                                      3,
                                                      kMidExtension << 4,
                                                      '0',
                                                      0,
                                                      0,
                                                      kAbsSendTimeExtension << 4 | 2,
                                                      0,
                                                      0,
                                                      0,
                                                      kAudioLevelExtension << 4,
                                                      0x80 | 30,
                                                      0,
                                                      0};
constexpr size_t kRtpHeader = kRtpHeaderSize + kVideoExtensions.size();

}  // namespace

PacketStore::PacketStore(const Scenario& scenario, contract::SrtpProfile profile, srtp::Backend& backend,
                         size_t memory_bytes, const std::function<bool(uint32_t)>& wanted)
    : scenario_(scenario), backend_(backend), order_(sendOrder(scenario)) {
  if (wanted) std::erase_if(order_, [&](uint32_t track) { return !wanted(track); });
  size_t payload_max = 0;
  std::vector<std::shared_ptr<const srtp::Keys>> keys(scenario.participants);
  for (uint32_t track = 0; track < scenario.tracks.size(); ++track) {
    const TrackPlan& plan = scenario.tracks[track];
    payload_max = std::max<size_t>(payload_max, plan.payload_bytes);
    auto& key = keys[plan.publisher];
    if (!key) key = backend.expand(profile, keyOf(plan.publisher, true));
    Stream stream{.stream = backend.openSend(key, ssrcOfTrack(track), 0)};
    if (!stream.stream) throw std::runtime_error("the crypto backend refused a publisher's key");
    streams_.push_back(std::move(stream));
  }
  setRelayMac(kRelayMacAddress);
  payloads_.assign(kBatch, std::vector<uint8_t>(payload_max, kPayloadPattern));

  const size_t frame_max = kHeaderSizeMax + kRtpHeader + payload_max + srtp::kTagMax;
  stride_ = (frame_max + 63) / 64 * 64;
  memory_size_ = memory_bytes;
  void* memory = mmap(nullptr, memory_size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  madvise(memory, memory_size_, MADV_HUGEPAGE);
  memory_ = static_cast<uint8_t*>(memory);
  slots_.resize(std::max<size_t>(memory_bytes / stride_, 1));
}

PacketStore::~PacketStore() {
  munmap(memory_, memory_size_);
}

void PacketStore::setRelayMac(const MacAddress& mac) {
  for (uint32_t track = 0; track < streams_.size(); ++track) {
    streams_[track].header = HeaderTemplate({.source_mac = kRouterMacAddress,
                                             .destination_mac = mac,
                                             .source = addressOf(scenario_.tracks[track].publisher),
                                             .destination = *parseEndpoint(kRelayAddress)},
                                            UdpChecksum::kSoftware);
  }
}

srtp::ProtectJob PacketStore::write(size_t slot, uint32_t track, std::span<uint8_t> payload) {
  Stream& stream = streams_[track];
  const uint64_t index = stream.next_index++;
  uint8_t* rtp = bytesOf(slot) + stream.header.size();
  writeRtpHeader(rtp,
                 {.payload_type = kPublishedPayloadType,
                  .sequence = static_cast<uint16_t>(index),
                  .timestamp = static_cast<uint32_t>(index),
                  .ssrc = ssrcOfTrack(track)},
                 true);
  const bool audio = scenario_.tracks[track].kind == contract::MediaKind::kAudio;
  std::ranges::copy(audio ? kAudioExtensions : kVideoExtensions, rtp + kRtpHeaderSize);
  stampPayload(payload, track, index);
  slots_[slot] = {.track = track, .index = static_cast<uint32_t>(index), .length = 0};
  return {.stream = stream.stream.get(),
          .destination = std::span(rtp, stride_ - stream.header.size()),
          .payload = payload,
          .index = index,
          .header_length = kRtpHeader,
          .written_length = kRtpHeader};
}

void PacketStore::prepareBatch(size_t count) {
  std::array<srtp::ProtectJob, kBatch> jobs;
  for (size_t i = 0; i < count; ++i) {
    const uint32_t track = order_[order_at_];
    order_at_ = order_at_ + 1 == order_.size() ? 0 : order_at_ + 1;
    const std::span payload(payloads_[i].data(), scenario_.tracks[track].payload_bytes);
    jobs[i] = write((made_ + i) % slots_.size(), track, payload);
  }
  backend_.protect(std::span(jobs).first(count));
  for (size_t i = 0; i < count; ++i) {
    if (jobs[i].status != srtp::CryptoStatus::kOk)
      throw std::runtime_error("a published packet could not be protected");
    const size_t slot = (made_ + i) % slots_.size();
    const HeaderTemplate& header = streams_[slots_[slot].track].header;
    header.stamp(bytesOf(slot), jobs[i].length);
    slots_[slot].length = static_cast<uint16_t>(header.size() + jobs[i].length);
  }
  made_ += count;
}

void PacketStore::prepare(size_t packets) {
  packets = order_.empty() ? 0 : std::min(packets, slots_.size());
  while (ready() < packets) prepareBatch(std::min(kBatch, packets - ready()));
}

PreparedPacket PacketStore::next() {
  const size_t at = taken_++ % slots_.size();
  const Slot& slot = slots_[at];
  return {std::span<const uint8_t>(bytesOf(at), slot.length), slot.track, slot.index};
}

void PacketStore::prefetch() const {
  const uint8_t* bytes = bytesOf((taken_ + 1) % slots_.size());
  for (size_t offset = 0; offset < stride_; offset += 64) __builtin_prefetch(bytes + offset);
}

}  // namespace penstock::bench
